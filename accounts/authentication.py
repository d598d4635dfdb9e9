"""From the Authorization header to a user: DRF's authentication classes.

Only the header counts: no cookie, no query parameter, no body.
"""

import logging
import time

from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException, AuthenticationFailed
from rest_framework.request import Request

from accounts.clerk import BadToken, Session, verify
from accounts.jwks import KeysUnavailable
from accounts.models import AccessToken, User
from accounts.provisioning import NoAccount, account_of
from accounts.token_format import PREFIX
from accounts.tokens import TokenRefused, note_use, recognise
from accounts.trust import trusted

logger = logging.getLogger("watchtracker.auth")
audit = logging.getLogger("watchtracker.audit")


class SignInUnavailable(APIException):
    """The keys that prove a token cannot be had. 503, not 401: the token may be good, and a new sign-in is no help."""

    status_code = 503
    default_code = "sign_in_unavailable"
    default_detail = "Sign-in cannot be checked at the moment; try again shortly."

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.wait = retry_after  # DRF makes Retry-After of it


class ClerkAuthentication(BaseAuthentication):
    """`Authorization: Bearer <Clerk session token>`. `request.auth` is the Session."""

    # Everything below this frame is kept out of error reports, the token in clerk.py included.
    @sensitive_variables()
    def authenticate(self, request: Request) -> tuple[User, Session] | None:
        token = credentials(request, "bearer")
        if token is None or token.startswith(PREFIX):
            return None
        session = _session(token)
        user = _user(session)
        if session.actor is not None:
            _report_impersonation(request, user, session)
        return user, session

    def authenticate_header(self, request: Request) -> str:
        return challenge(request)


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer wt_...`, a personal token. `request.auth` is the AccessToken.

    ListenBrainz's clients write `Token` for `Bearer`; that is taken too, for these tokens only.
    """

    @sensitive_variables()
    def authenticate(self, request: Request) -> tuple[User, AccessToken] | None:
        text = credentials(request, "bearer", "token")
        if text is None or not text.startswith(PREFIX):
            return None
        now = timezone.now()
        try:
            token = recognise(text, now)
        except TokenRefused as refused:
            logger.info("Refused a personal token: %s", refused.reason)
            raise AuthenticationFailed("This token was refused; it may be mistyped, expired or revoked.") from None
        note_use(token, now)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return challenge(request)


def credentials(request: Request, *schemes: str) -> str | None:
    """What follows one of `schemes` (lower case) in the Authorization header; None if it has another or is absent."""
    # Servers join two Authorization headers with a comma. Then what follows has a blank or a comma in it: no token has.
    header: str = request._request.META.get("HTTP_AUTHORIZATION", "")
    scheme, _, value = header.partition(" ")
    if scheme.lower() not in schemes:
        return None
    value = value.strip(" ")
    if not value or " " in value:
        raise AuthenticationFailed("The Authorization header is malformed; write Bearer, a blank and the token.")
    return value


def challenge(request: Request) -> str:
    """The WWW-Authenticate header. RFC 6750: no error code for a request that brought no credentials."""
    brought_credentials = "HTTP_AUTHORIZATION" in request.META
    return 'Bearer realm="api", error="invalid_token"' if brought_credentials else 'Bearer realm="api"'


def _session(token: str) -> Session:
    try:
        trust = trusted()
        return verify(token, trust.config, trust.keys, time.time())
    except BadToken as bad:
        logger.info("Refused a session token: %s", bad.reason)
        raise AuthenticationFailed("This session token was refused; sign in again.") from None
    except KeysUnavailable as outage:
        logger.warning("Session tokens cannot be checked: %s", outage)
        raise SignInUnavailable(outage.retry_after) from None


def _user(session: Session) -> User:
    try:
        return account_of(session.clerk_id)
    except NoAccount as closed:
        logger.info("Refused a session of %s: %s", session.clerk_id, closed)
        raise AuthenticationFailed("This account is closed.") from None


def _report_impersonation(request: Request, user: User, session: Session) -> None:
    match = request.resolver_match
    # The route and not the path: a path may hold anything, line breaks included.
    route = match.route if match else ""
    audit.info("%s acts as user %s: %s %s", session.actor, user.pk, request.method, route)
