"""Every token of accounts/tests/hostile.py, against the verifier and through the API."""

import socket
from types import SimpleNamespace

import pytest
from django.urls import path
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from accounts import authentication
from accounts.authentication import ClerkAuthentication
from accounts.clerk import BadToken, verify
from accounts.models import User
from accounts.tests.hostile import NOW, hostile_tokens
from accounts.tests.tokens import CONFIG, keys, session_token

HOSTILE = hostile_tokens()
each_hostile_token = pytest.mark.parametrize("hostile", HOSTILE, ids=[hostile.name for hostile in HOSTILE])


class Whoami(APIView):
    authentication_classes = [ClerkAuthentication]
    throttle_classes = []

    def get(self, request):
        return Response({"username": request.user.username})


urlpatterns = [path("whoami/", Whoami.as_view())]


def test_there_are_more_than_a_hundred_of_them_and_no_two_alike():
    assert (
        len({hostile.name for hostile in HOSTILE}) == len({hostile.token for hostile in HOSTILE}) == len(HOSTILE) > 100
    )


@each_hostile_token
def test_the_verifier_refuses_it_for_what_is_wrong_with_it(hostile):
    with pytest.raises(BadToken) as refused:
        verify(hostile.token, CONFIG, keys(), NOW)

    assert hostile.reason in refused.value.reason


@each_hostile_token
@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_the_api_answers_401_and_makes_nobody(hostile, clerk, monkeypatch, django_assert_num_queries):
    clerk.MIDDLEWARE = []  # the limit on failed sign-ins would answer 429 to most of the list
    # The tokens are of that moment: later on they would be refused for their age, and one would not any more.
    monkeypatch.setattr(authentication, "time", SimpleNamespace(time=lambda: NOW))

    with django_assert_num_queries(0):
        response = APIClient().get("/whoami/", headers={"Authorization": f"Bearer {hostile.token}"})

    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith('Bearer realm="api"')
    assert hostile.token[:40] not in response.content.decode()
    assert not User.objects.exists()


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_the_same_api_lets_a_good_token_in(clerk):
    response = APIClient().get("/whoami/", headers={"Authorization": f"Bearer {session_token('user_2good')}"})

    assert response.status_code == 200
    assert response.json() == {"username": "user_2good"}


def test_no_token_makes_us_open_a_connection(monkeypatch):
    """jku and x5u are addresses that a token names."""
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: asked.append(arguments))
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: asked.append(address))

    for hostile in HOSTILE:
        with pytest.raises(BadToken):
            verify(hostile.token, CONFIG, keys(), NOW)

    assert asked == []
