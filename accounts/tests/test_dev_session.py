"""manage.py dev_session, and when its tokens are believed."""

import stat
import time

import pytest
from django.core.management import CommandError, call_command
from django.urls import path
from rest_framework.response import Response
from rest_framework.test import APIClient
from rest_framework.views import APIView

from accounts import dev_key
from accounts.authentication import ClerkAuthentication
from accounts.clerk import BadToken, verify
from accounts.models import User
from accounts.tests import tokens
from accounts.tests.factories import make_user
from accounts.trust import trusted

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


class Whoami(APIView):
    authentication_classes = [ClerkAuthentication]
    throttle_classes = []

    def get(self, request):
        return Response({"username": request.user.username})


urlpatterns = [path("whoami/", Whoami.as_view())]


@pytest.fixture(autouse=True)
def development(settings, tmp_path):
    settings.DEBUG = True
    settings.CLERK_ISSUER = ""
    settings.VAR_DIR = tmp_path
    return settings


def dev_session(capsys, *arguments):
    call_command("dev_session", *arguments)
    output = capsys.readouterr()
    assert output.err == ""
    assert output.out.count("\n") == 1
    return output.out.strip()


def whoami(token):
    return APIClient().get("/whoami/", headers={"Authorization": f"Bearer {token}"})


def test_it_prints_a_token_that_signs_in(capsys):
    token = dev_session(capsys, "--user", "ana")

    assert whoami(token).json() == {"username": "ana"}
    assert User.objects.get().clerk_id == "user_devana"
    assert not User.objects.get().has_usable_password()


def test_a_second_token_is_for_the_same_person(capsys):
    dev_session(capsys, "--user", "ana")
    dev_session(capsys, "--user", "ana")
    dev_session(capsys, "--user", "user_devana")

    assert User.objects.count() == 1


def test_somebody_made_by_another_command_is_found(capsys):
    make_user("demo", clerk_id=None)

    assert whoami(dev_session(capsys, "--user", "demo")).json() == {"username": "demo"}
    assert User.objects.get().clerk_id == "user_devdemo"


def test_it_lives_as_long_as_asked(capsys):
    trust = trusted()
    token = dev_session(capsys, "--user", "ana", "--minutes", "90")

    assert verify(token, trust.config, trust.keys, time.time() + 89 * 60)
    with pytest.raises(BadToken, match="expired"):
        verify(token, trust.config, trust.keys, time.time() + 91 * 60)


def test_it_is_a_fresh_sign_in(capsys):
    trust = trusted()
    session = verify(dev_session(capsys, "--user", "ana"), trust.config, trust.keys, time.time())

    assert session.first_factor_age == 0
    assert session.actor is None


@pytest.mark.parametrize("minutes", ["0", "-5", "1441", "100000000000"])
def test_no_other_lifetimes(minutes):
    with pytest.raises(CommandError, match=f"--minutes is {minutes}; write 1 to 1440"):
        call_command("dev_session", "--user", "ana", f"--minutes={minutes}")


@pytest.mark.parametrize("name", ["ana maria", "ana@example.com", "", "a" * 41, "añа", "user_", "ana\n"])
def test_no_names_that_a_clerk_id_cannot_hold(name):
    with pytest.raises(CommandError, match="letters and digits"):
        call_command("dev_session", f"--user={name}")
    assert not User.objects.exists()


def test_not_for_somebody_deactivated():
    make_user("ana", is_active=False)

    with pytest.raises(CommandError, match="deactivated"):
        call_command("dev_session", "--user", "ana")


def test_it_refuses_outside_debug(settings, tmp_path):
    settings.DEBUG = False

    with pytest.raises(CommandError, match="DEBUG"):
        call_command("dev_session", "--user", "ana")
    assert not User.objects.exists()
    assert list(tmp_path.iterdir()) == []


def test_it_refuses_beside_a_real_issuer(settings):
    settings.CLERK_ISSUER = tokens.ISSUER

    with pytest.raises(CommandError, match="CLERK_ISSUER is set"):
        call_command("dev_session", "--user", "ana")


class TestTrust:
    """The key opens a development server that has no Clerk, and nothing else."""

    def test_not_outside_debug(self, capsys, settings):
        token = dev_session(capsys, "--user", "ana")
        settings.DEBUG = False

        assert whoami(token).status_code == 401

    def test_not_beside_a_real_issuer(self, capsys, clerk):
        clerk.CLERK_ISSUER = ""
        token = dev_session(capsys, "--user", "ana")
        clerk.CLERK_ISSUER = tokens.ISSUER

        assert whoami(token).status_code == 401

    def test_not_a_token_of_another_machine(self, capsys, settings, tmp_path):
        token = dev_key.mint(tmp_path / "elsewhere.pem", "user_devana", 5, int(time.time()))

        assert whoami(token).status_code == 401

    def test_the_checks_are_the_verifiers(self, tmp_path):
        key = dev_key.private_key(tmp_path / dev_key.FILE_NAME)
        good = {"iss": dev_key.ISSUER, "azp": dev_key.PARTY}

        assert whoami(tokens.jws(tokens.header(), tokens.claims(**good), key)).status_code == 200
        for bad in (
            {"azp": "https://evil.example"},
            {"sts": "pending"},
            {"iss": tokens.ISSUER},
            {"aud": "x"},
            {"sub": "ana"},
        ):
            assert whoami(tokens.jws(tokens.header(), tokens.claims(**good | bad), key)).status_code == 401

    def test_a_key_made_anew_is_noticed(self, capsys, tmp_path):
        assert whoami(dev_session(capsys, "--user", "ana")).status_code == 200
        (tmp_path / dev_key.FILE_NAME).unlink()

        assert whoami(dev_session(capsys, "--user", "ana")).status_code == 200


class TestKeyFile:
    def test_only_its_owner_can_read_it(self, tmp_path):
        dev_key.private_key(tmp_path / "new" / "key.pem")

        assert stat.S_IMODE((tmp_path / "new" / "key.pem").stat().st_mode) == 0o600
        assert [file.name for file in (tmp_path / "new").iterdir()] == ["key.pem"]

    def test_it_is_made_once(self, tmp_path):
        path = tmp_path / "key.pem"

        assert dev_key.private_key(path).private_numbers() == dev_key.private_key(path).private_numbers()

    def test_the_key_of_a_quicker_process_stays(self, tmp_path):
        path = tmp_path / "key.pem"
        first = dev_key.private_key(path)

        dev_key._make_key(path)

        assert dev_key.private_key(path).private_numbers() == first.private_numbers()
