"""What the way somebody signed in allows: DRF's permission classes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.clerk import Session
from accounts.models import AccessToken
from accounts.scopes import required_scope

if TYPE_CHECKING:
    # At run time it is rest_framework.views that imports us, as the default.
    from rest_framework.views import APIView

# What cannot be undone, or outlives the session, asks for a sign-in of the last minutes: a stolen laptop is not enough.
FRESH_MINUTES = 10


class NotImpersonated(BasePermission):
    """Not while somebody acts as the person."""

    message = "This is not possible while acting as somebody else."

    def has_permission(self, request: Request, view: APIView) -> bool:
        return not (isinstance(request.auth, Session) and request.auth.actor is not None)


class FreshSession(BasePermission):
    """The person themselves, through Clerk, within FRESH_MINUTES of showing a password or another first factor."""

    message = f"This needs a sign-in of the last {FRESH_MINUTES} minutes, by yourself; sign in again."

    def has_permission(self, request: Request, view: APIView) -> bool:
        session = request.auth
        if not isinstance(session, Session) or session.actor is not None:
            return False
        minutes = session.minutes_since_sign_in(time.time())
        return minutes is not None and minutes < FRESH_MINUTES


class HasScope(BasePermission):
    """A session of Clerk may do everything; a personal token what the view opens to one of its scopes.

    A view that declares no scope is closed to tokens (accounts/scopes.py says how to declare one).
    """

    message = "Personal tokens cannot do this; sign in."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.auth, AccessToken):
            return isinstance(request.auth, Session)
        scope = required_scope(view, request.method)
        if scope is None:
            return False
        self.message = f"This token lacks the scope {scope}."
        return scope in request.auth.scopes
