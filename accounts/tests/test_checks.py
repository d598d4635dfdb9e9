"""The system checks on how this installation finds out who is asking."""

import pytest

from accounts import dev_key
from accounts.checks import check_clerk
from accounts.tests.tokens import pem


def ids():
    return [message.id for message in check_clerk(None)]


def test_a_complete_configuration_has_no_complaints(clerk):
    assert ids() == []
    clerk.CLERK_JWT_KEY, clerk.CLERK_JWKS_URL = (), f"{clerk.CLERK_ISSUER}/.well-known/jwks.json"
    assert ids() == []


def test_no_issuer_is_a_warning_in_production_and_usual_in_development(clerk):
    clerk.CLERK_ISSUER = ""
    assert ids() == ["accounts.W001"]
    clerk.DEBUG = True
    assert ids() == []


@pytest.mark.parametrize(
    ("name", "value", "id"),
    [
        ("CLERK_ISSUER", "http://clerk.example.com", "accounts.E001"),
        ("CLERK_ISSUER", "https://clerk.example.com/", "accounts.E001"),
        ("CLERK_ISSUER", "https:///", "accounts.E001"),
        ("CLERK_ISSUER", "clerk.example.com", "accounts.E001"),
        ("CLERK_ISSUER", dev_key.ISSUER, "accounts.E002"),
        ("CLERK_JWT_KEY", (), "accounts.E003"),
        ("CLERK_JWT_KEY", ("nonsense",), "accounts.E004"),
        ("CLERK_JWT_KEY", (pem("small", 1024),), "accounts.E004"),
        ("CLERK_JWKS_URL", "http://clerk.example.com/jwks", "accounts.E005"),
        ("CLERK_AUTHORIZED_PARTIES", (), "accounts.E006"),
        ("CLERK_AUTHORIZED_PARTIES", ("https://app.example.com/",), "accounts.E007"),
        ("CLERK_AUTHORIZED_PARTIES", ("app.example.com",), "accounts.E007"),
        ("CLERK_AUTHORIZED_PARTIES", ("*",), "accounts.E007"),
        ("CLERK_REQUIRE_AUDIENCE", True, "accounts.E008"),
    ],
)
def test_each_fault_has_its_error(clerk, name, value, id):
    setattr(clerk, name, value)

    assert ids() == [id]


def test_no_parties_are_a_warning_in_development(clerk):
    clerk.CLERK_AUTHORIZED_PARTIES = ()
    clerk.DEBUG = True

    assert ids() == ["accounts.W002"]


def test_apps_and_extensions_are_origins_too(clerk):
    clerk.CLERK_AUTHORIZED_PARTIES = (
        "chrome-extension://abcdefghijklmnop",
        "http://localhost:3000",
        "https://[::1]:80",
    )

    assert ids() == ["accounts.E007"]  # the last: Clerk sends no such origin
