"""manage.py createsuperuser: Django's, kept in the audit log."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.management.commands import createsuperuser

from accounts.audit import Action, noting_saved_users


class Command(createsuperuser.Command):
    def handle(self, *args: Any, **options: Any) -> None:
        with noting_saved_users(Action.ADD, "An operator who may do everything."):
            super().handle(*args, **options)
