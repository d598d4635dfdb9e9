"""Whose session tokens are believed here, by the settings: one Clerk instance, or this machine's development key."""

from dataclasses import dataclass

from django.conf import settings

from accounts import dev_key
from accounts.clerk import ClerkConfig
from accounts.jwks import KeySource, KeysUnavailable, PemKeys, key_source


@dataclass(frozen=True, slots=True)
class Trust:
    config: ClerkConfig
    keys: KeySource


NOBODY = Trust(ClerkConfig(issuer="", authorized_parties=frozenset()), PemKeys(()))


def trusted() -> Trust:
    """What to check session tokens against; KeysUnavailable if the configured source of keys cannot be used.

    One issuer at a time, chosen by the settings and never by the token: as soon as CLERK_ISSUER is set, or DEBUG is
    off, the development key opens nothing.
    """
    if settings.CLERK_ISSUER:
        return Trust(clerk_config(), _clerk_keys())
    if settings.DEBUG:
        return Trust(dev_key.CONFIG, dev_key.dev_keys(settings.VAR_DIR / dev_key.FILE_NAME))
    return NOBODY


def clerk_config() -> ClerkConfig:
    return ClerkConfig(
        issuer=settings.CLERK_ISSUER,
        authorized_parties=frozenset(settings.CLERK_AUTHORIZED_PARTIES),
        # In production an empty list opens to nobody: it is a forgotten setting, not a wish.
        allow_any_party=settings.DEBUG and not settings.CLERK_AUTHORIZED_PARTIES,
        allow_missing_azp=settings.CLERK_ALLOW_MISSING_AZP,
        audience=frozenset(settings.CLERK_AUDIENCE),
        require_audience=settings.CLERK_REQUIRE_AUDIENCE,
    )


def _clerk_keys() -> KeySource:
    try:
        return key_source(tuple(settings.CLERK_JWT_KEY), settings.CLERK_JWKS_URL)
    except ValueError as problem:
        raise KeysUnavailable(f"CLERK_JWT_KEY or CLERK_JWKS_URL cannot be used: {problem}") from problem
