"""Settings from the environment: the suite is generated from .env.example, which lists every variable."""

import re
import runpy
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from watchtracker import env as read
from watchtracker.env import Environment

ROOT = Path(__file__).resolve().parents[2]
VARIABLES = re.findall(r"^#([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
PRODUCTION = {
    "DEBUG": "False",
    "SECRET_KEY": "correct-horse-battery-staple-correct-horse-battery-staple",
    "ALLOWED_HOSTS": "watch.example.com",
}


@pytest.fixture
def settings_with(monkeypatch, tmp_path):
    """Runs settings.py with these variables and no others."""

    def run(**variables):
        for name in VARIABLES:
            monkeypatch.delenv(name, raising=False)
        for name, value in ({"VAR_DIR": str(tmp_path)} | variables).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("watchtracker.env.env_file", lambda path: {})
        return runpy.run_path(str(ROOT / "watchtracker" / "settings.py"))

    return run


def test_every_variable_is_in_the_example_file(settings_with):
    assert sorted(settings_with()["env"].names) == sorted(VARIABLES)


@pytest.mark.parametrize("name", VARIABLES)
def test_nonsense_is_refused_with_a_sentence(settings_with, name):
    with pytest.raises(ImproperlyConfigured, match=rf"\n{name} is ('!\?'|not usable); write .*\.(\n|$)"):
        settings_with(**PRODUCTION | {name: "!?"})


def test_all_problems_are_told_at_once(settings_with):
    with pytest.raises(ImproperlyConfigured) as refusal:
        settings_with(DEBUG="yes", TRUSTED_PROXY_COUNT="-1", LOG_LEVEL="loud")

    assert str(refusal.value).splitlines()[1:] == [
        "DEBUG is 'yes'; write True or False.",
        "TRUSTED_PROXY_COUNT is '-1'; write a whole number from 0 to 10.",
        "LOG_LEVEL is 'loud'; write one of DEBUG, INFO, WARNING, ERROR.",
    ]


@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_FALLBACKS", "CLERK_WEBHOOK_SECRETS", "DATABASE_URL"])
def test_a_secret_is_not_repeated_when_it_is_refused(settings_with, name):
    with pytest.raises(ImproperlyConfigured) as refusal:
        settings_with(**PRODUCTION | {name: "hunter2"})

    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("name", ["SECRET_KEY", "ALLOWED_HOSTS"])
def test_production_asks_for_what_it_cannot_make_up(settings_with, name):
    with pytest.raises(ImproperlyConfigured, match=f"{name} is missing"):
        settings_with(**PRODUCTION | {name: ""})


def test_without_variables_it_is_for_this_machine_only(settings_with, tmp_path):
    made = settings_with()

    assert made["DEBUG"] is True
    assert made["ALLOWED_HOSTS"] == ["localhost", "127.0.0.1", "[::1]"]
    assert made["DATABASES"]["default"]["NAME"] == tmp_path / "db.sqlite3"


def test_a_machine_keeps_its_secret_key(settings_with, tmp_path):
    first, second = settings_with()["SECRET_KEY"], settings_with()["SECRET_KEY"]

    assert first == second
    assert len(first) >= 50
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


def test_cookies_stay_with_the_admin(settings_with):
    made = settings_with(**PRODUCTION | {"ADMIN_PATH": "desk/"})

    assert made["SESSION_COOKIE_PATH"] == made["CSRF_COOKIE_PATH"] == "/desk/"
    assert (made["SESSION_COOKIE_SECURE"], made["CSRF_COOKIE_SECURE"]) == (True, True)


def test_valkey_is_reached_as_redis(settings_with):
    assert settings_with(CACHE_URL="valkey://cache:6379/1")["CACHES"]["default"]["LOCATION"] == "redis://cache:6379/1"


def test_several_public_keys_and_written_line_breaks(rsa_public_pem):
    one, two = rsa_public_pem(), rsa_public_pem()

    assert read.public_keys(one + two) == (one.strip(), two.strip())
    assert read.public_keys(one.replace("\n", "\\n")) == (one.strip(),)


@pytest.fixture
def rsa_public_pem():
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    def make():
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
        return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    return make


@pytest.mark.parametrize(
    "text", ["https://app.example.com/", "https://App.example.com", "app.example.com", "null", "https://a.com,b", "*"]
)
def test_an_origin_is_scheme_host_and_port(text):
    with pytest.raises(ValueError, match="write origins like"):
        read.origin(text)


def test_an_env_file_has_comments_quotes_and_values_over_several_lines(tmp_path):
    file = tmp_path / ".env"
    file.write_text("# a comment\nDEBUG=False\n#LOG_LEVEL=INFO\nKEY=\"one\ntwo\"\nHOSTS='a, b'\nPLAIN=x  # why\n")

    assert read.env_file(file) == {"DEBUG": "False", "KEY": "one\ntwo", "HOSTS": "a, b", "PLAIN": "x  "}
    assert read.env_file(tmp_path / "absent") == {}


def test_an_empty_variable_is_an_absent_one():
    assert Environment({"DEBUG": " "}).read("DEBUG", read.flag, default=True) is True
