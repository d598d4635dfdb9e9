"""manage.py changepassword: Django's, kept in the audit log."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management.commands import changepassword

from accounts.audit import Action, noting_saved_users


class Command(changepassword.Command):
    def handle(self, *args: Any, **options: Any) -> str | None:
        with noting_saved_users(Action.CHANGE_PASSWORD, ""):
            return super().handle(*args, **options)
