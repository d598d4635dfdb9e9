"""The project as an app: its commands, templates and static files."""

from django.apps import AppConfig


class WatchtrackerConfig(AppConfig):
    name = "watchtracker"

    def ready(self) -> None:
        from watchtracker import wiring  # noqa: F401  registers
