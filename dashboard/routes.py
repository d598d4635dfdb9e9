"""Years in paths. What cannot be one is no route, and so a 404; one that is still to come is a 404 of the view."""

from __future__ import annotations

from django.urls import register_converter


class YearConverter:
    regex = "[0-9]{1,4}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


register_converter(YearConverter, "year")
