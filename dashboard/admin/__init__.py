"""The admin of what is derived from records: the rollups, to be looked at, and a person's page."""

from . import rollups

__all__ = ["rollups"]
