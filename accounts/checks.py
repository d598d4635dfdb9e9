"""What is wrong with how this installation finds out who is asking: Django system checks.

Each of these either keeps everybody out without saying why, or lets in somebody who should stay outside. The verifier
refuses in all these cases; the checks say it before the first user does.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error

from accounts import dev_key
from accounts.jwks import read_pem
from accounts.webhooks import read_secret

# As browsers send it; extensions and native apps have schemes of their own.
ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[a-z0-9_.-]+(:[0-9]{1,5})?")


@checks.register(checks.Tags.security)
def check_clerk(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    if not settings.CLERK_ISSUER:
        return [] if settings.DEBUG else [_no_issuer()]
    return [*_check_issuer(), *_check_keys(), *_check_parties(), *_check_audience()]


@checks.register(checks.Tags.security)
def check_webhooks(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    return list(_check_webhooks())


def _check_webhooks() -> Iterator[CheckMessage]:
    if settings.CLERK_ISSUER and not settings.CLERK_WEBHOOK_SECRETS:
        yield checks.Warning(
            "CLERK_WEBHOOK_SECRETS is empty: people who are deleted in Clerk keep their account and their data here.",
            hint="Add an endpoint /api/v1/webhooks/clerk/ in Clerk's dashboard, and write its signing secret here.",
            id="accounts.W003",
        )
    for number, secret in enumerate(settings.CLERK_WEBHOOK_SECRETS, start=1):
        try:
            read_secret(secret)
        except ValueError as problem:
            yield Error(f"CLERK_WEBHOOK_SECRETS, secret {number}: {problem}.", id="accounts.E009")


def _no_issuer() -> CheckMessage:
    return checks.Warning(
        "CLERK_ISSUER is not set, so nobody can sign in through Clerk; only personal tokens work.",
        hint="Write the Frontend API URL of your Clerk instance, such as https://clerk.example.com.",
        id="accounts.W001",
    )


def _check_issuer() -> Iterator[CheckMessage]:
    address = urlsplit(settings.CLERK_ISSUER)
    if address.scheme != "https" or not address.hostname or settings.CLERK_ISSUER.endswith("/"):
        yield Error(
            f"CLERK_ISSUER is {settings.CLERK_ISSUER!r}; no token of Clerk's says that.",
            hint="Write the Frontend API URL: https, and no slash at the end.",
            id="accounts.E001",
        )
    if settings.CLERK_ISSUER == dev_key.ISSUER:
        yield Error(
            "CLERK_ISSUER is the issuer of dev_session, whose key is a file of a development machine.",
            hint="Write the Frontend API URL of your Clerk instance.",
            id="accounts.E002",
        )


def _check_keys() -> Iterator[CheckMessage]:
    if not settings.CLERK_JWT_KEY and not settings.CLERK_JWKS_URL:
        yield Error(
            "CLERK_ISSUER is set, but neither CLERK_JWT_KEY nor CLERK_JWKS_URL: no token can be checked.",
            hint=f"Set CLERK_JWKS_URL={settings.CLERK_ISSUER}/.well-known/jwks.json, or the key as CLERK_JWT_KEY.",
            id="accounts.E003",
        )
    for number, pem in enumerate(settings.CLERK_JWT_KEY, start=1):
        try:
            read_pem(pem)
        except ValueError as problem:
            yield Error(f"CLERK_JWT_KEY, key {number}: {problem}", id="accounts.E004")
    if settings.CLERK_JWKS_URL and urlsplit(settings.CLERK_JWKS_URL).scheme != "https":
        yield Error(
            f"CLERK_JWKS_URL is {settings.CLERK_JWKS_URL!r}; keys are only fetched over https.", id="accounts.E005"
        )


def _check_parties() -> Iterator[CheckMessage]:
    parties = settings.CLERK_AUTHORIZED_PARTIES
    hint = "Write the origins of your front ends, such as https://app.example.com, separated by commas."
    if not parties and settings.DEBUG:
        yield checks.Warning(
            "CLERK_AUTHORIZED_PARTIES is empty: under DEBUG a token is taken from any site of your Clerk instance.",
            hint=hint,
            id="accounts.W002",
        )
    elif not parties:
        yield Error("CLERK_AUTHORIZED_PARTIES is empty: every token is refused.", hint=hint, id="accounts.E006")
    for party in parties:
        if not ORIGIN.fullmatch(party):
            yield Error(
                f"CLERK_AUTHORIZED_PARTIES has {party!r}; that is not an origin, and it is compared whole.",
                hint=hint,
                id="accounts.E007",
            )


def _check_audience() -> Iterator[CheckMessage]:
    if settings.CLERK_REQUIRE_AUDIENCE and not settings.CLERK_AUDIENCE:
        yield Error(
            "CLERK_REQUIRE_AUDIENCE is on, but CLERK_AUDIENCE names none: every token is refused.",
            id="accounts.E008",
        )
