"""Fixtures of accounts' tests."""

import pytest

from accounts.tests import tokens


@pytest.fixture
def clerk(settings):
    """The settings of an installation that believes the Clerk instance of accounts/tests/tokens.py."""
    settings.CLERK_ISSUER = tokens.ISSUER
    settings.CLERK_JWT_KEY = (tokens.pem(),)
    settings.CLERK_JWKS_URL = ""
    settings.CLERK_AUTHORIZED_PARTIES = (tokens.PARTY,)
    settings.CLERK_ALLOW_MISSING_AZP = False
    settings.CLERK_AUDIENCE = ()
    settings.CLERK_REQUIRE_AUDIENCE = False
    return settings
