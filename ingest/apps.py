"""ingest: the Django app."""

from django.apps import AppConfig


class IngestConfig(AppConfig):
    name = "ingest"
