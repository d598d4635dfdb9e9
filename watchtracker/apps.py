"""The project as an app: its commands, templates and static files."""

from django.apps import AppConfig
from django.db.backends.signals import connection_created

from watchtracker.database import keep_threads_apart


class WatchtrackerConfig(AppConfig):
    name = "watchtracker"

    def ready(self) -> None:
        from watchtracker import wiring  # noqa: F401  registers

        connection_created.connect(keep_threads_apart, dispatch_uid="keep_threads_apart")
