"""The admin of histories: what was watched, and the imports that brought it. Whose, is always asked first."""

from . import catalogue, histories, jobs, records, sightings, uploads

__all__ = ["catalogue", "histories", "jobs", "records", "sightings", "uploads"]
