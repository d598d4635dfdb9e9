"""Dashboard: the Django app that answers questions."""

from django.apps import AppConfig


class DashboardConfig(AppConfig):
    name = "dashboard"

    def ready(self) -> None:
        from . import receivers, standing  # noqa: F401  they register for changes, and for what tokens bring along
