"""accounts: the Django app."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        # Importing registers the system checks, and with drf-spectacular how the authentication classes read.
        from accounts import checks, schema  # noqa: F401
