"""A program that asks the API as somebody."""

from __future__ import annotations

from rest_framework.test import APIClient

from accounts.models import AccessToken, User
from accounts.scopes import Scope


def client_of(user: User, *scopes: Scope) -> APIClient:
    """Signed in with a personal token, of all scopes unless told otherwise; that costs no query."""
    client = APIClient()
    client.force_authenticate(user, AccessToken(user=user, scopes=list(scopes or Scope)))
    return client
