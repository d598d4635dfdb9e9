"""Dashboard: the Django app that answers questions."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "dashboard"

    def ready(self) -> None:
        from . import receivers  # noqa: F401  registers for changes
