"""The API is closed: the suite is generated from the routes, so a new one is in it from its first day."""

import re

import pytest
from django.urls import URLPattern, get_resolver

from watchtracker.problems import MEDIA_TYPE

# Routes that answer without a token, each with the reason.
OPEN = {
    "/api/v1/webhooks/clerk/": "signed by Clerk instead",
    "/api/v1/erasures/1/": "asked by people whose account is gone",
    "/api/v1/limits/": "to be known before anybody signs in",
}
METHODS = ["get", "post", "put", "patch", "delete"]


def paths(patterns, before="/"):
    for pattern in patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield re.sub(r"<[^>]+>", "1", route)
        else:
            yield from paths(pattern.url_patterns, route)


API = sorted({path for path in paths(get_resolver().url_patterns) if path.startswith("/api/v1/")} - OPEN.keys())


def test_there_are_routes():
    assert len(API) > 3


@pytest.mark.parametrize("path", API)
@pytest.mark.parametrize("method", METHODS)
def test_nobody_gets_in_without_a_token(client, path, method):
    answer = getattr(client, method)(path)

    assert answer.status_code == 401
    assert answer["Content-Type"] == MEDIA_TYPE
    assert answer["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", API)
@pytest.mark.parametrize("token", ["x", "eyJ.eyJ.x", "wt_x", "wt_abcdefghij_" + "x" * 49])
@pytest.mark.django_db
def test_a_bad_token_is_told_so(client, path, token):
    answer = client.get(path, headers={"authorization": f"Bearer {token}"})

    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer["WWW-Authenticate"]
    assert token not in answer.text


@pytest.mark.django_db
@pytest.mark.parametrize("path", API)
def test_an_operator_s_cookie_opens_nothing(admin_client, path):
    assert admin_client.get(path).status_code == 401


@pytest.mark.parametrize("path", API)
def test_every_route_ends_with_a_slash(path):
    assert path.endswith("/")
