"""What a machine needs before it can serve. Safe to do again: what is there is left alone."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command, get_commands

from accounts.audit import Action, noting_saved_users
from ingest.models import History

OPERATOR = "operator"
DEMO = "demo"


def prepare() -> None:
    call_command("migrate", verbosity=0)
    if not settings.DEBUG:
        call_command("collectstatic", interactive=False, verbosity=0)
        return
    make_operator()
    make_demo()


def make_operator() -> None:
    """A login for the admin, on machines where people try things out. In production: `manage.py createsuperuser`."""
    people = get_user_model().objects
    if not people.filter(is_superuser=True).exists():
        with noting_saved_users(Action.ADD, "An operator who may do everything, made at the first start."):
            people.create_superuser(OPERATOR, password=operator_password(password_file()))


def password_file() -> Path:
    path: Path = settings.VAR_DIR / "operator.txt"
    return path


def operator_password(path: Path) -> str:
    """The password in the file, which is made with a new one, readable by this user only, if it is not there."""
    if not path.exists():
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(12) + "\n")
    return path.read_text().strip()


def make_demo() -> None:
    """A made-up history for the user `demo`, unless that user has one."""
    if "demo" in get_commands() and not History.objects.filter(user__username=DEMO, records__gt=0).exists():
        call_command("demo")


def welcome(port: int) -> str:
    """Where everything is, and a question to begin with."""
    here = f"http://localhost:{port}"
    lines = [
        "",
        f"  API     {here}/api/docs/",
        f"  Admin   {here}/{settings.ADMIN_PATH}" if settings.ADMIN_ENABLED else "  Admin   switched off",
    ]
    if settings.DEBUG and password_file().exists():
        if settings.ADMIN_ENABLED:
            lines[-1] += f"    name: {OPERATOR}   password: {operator_password(password_file())}"
        lines += [
            "",
            "  Ask it something, from this folder in another terminal:",
            "",
            '  curl -H "Authorization: Bearer $(.venv/bin/python manage.py dev_session --user demo)" \\',
            f"       '{here}/api/v1/dashboard/summary/?period=all'",
        ]
    return "\n".join([*lines, ""])
