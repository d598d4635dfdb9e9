"""Which records somebody means: the filters of the lists, of the exports and of removals, declared once.

Every filter narrows a queryset that begins with the user: somebody else's channel or upload matches nothing.
"""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import QueryDict
from django_filters import FilterSet, filters  # type: ignore[import-untyped]  # it ships no types
from django_filters.utils import translate_validation  # type: ignore[import-untyped]

from accounts.models import User
from accounts.reading import BadQuery

from .models import WatchRecord, WatchRecordQuerySet
from .periods import Period
from .titles import fold, folded

LARGEST_ID = 2**63 - 1
# What stands in for the id of a channel or video where a record has none.
NONE = "none"

SHORTEST_SEARCH, LONGEST_SEARCH = 2, 200
MOST_TERMS = 10


class IdFilter(filters.CharFilter):  # type: ignore[misc]
    """An id as text, as JSON has it; with `or_none`, also `none`."""

    def __init__(self, *args: Any, or_none: bool = False, **kwargs: Any) -> None:
        self.or_none = or_none
        super().__init__(*args, strip=False, validators=[self.validate], **kwargs)

    def validate(self, text: str) -> None:
        is_id = re.fullmatch("[0-9]{1,19}", text) is not None and int(text) <= LARGEST_ID
        if not is_id and not (self.or_none and text == NONE):
            raise ValidationError("It is not an id." if not self.or_none else "It is neither an id nor none.")

    def filter(self, qs: Any, value: str) -> Any:
        return qs if not value else qs.filter(**{self.field_name: None if value == NONE else int(value)})


class TermsField(forms.CharField):
    def clean(self, value: Any) -> list[str]:
        terms: list[str] = super().clean(value).split()
        if value is not None and not terms:
            raise ValidationError("There is no word in it.")
        if len(terms) > MOST_TERMS:
            raise ValidationError(f"It has {len(terms)} words; the limit is {MOST_TERMS}.")
        return terms


class TermsFilter(filters.Filter):  # type: ignore[misc]
    """Every word somewhere in the title of the video or of the channel."""

    field_class = TermsField

    def filter(self, qs: Any, value: list[str]) -> Any:
        if value:
            qs = qs.alias(video_title=folded("video__"), channel_title=folded("channel__"))
        for word in map(fold, value):
            qs = qs.filter(Q(video_title__contains=word) | Q(channel_title__contains=word))
        return qs


def _text(label: str, longest: int = 32) -> filters.CharFilter:
    return filters.CharFilter(label=label, max_length=longest, strip=False)


class RecordFilter(FilterSet):  # type: ignore[misc]
    channel = IdFilter("channel_id", or_none=True, label="The id of a channel, or `none` for records without one.")
    video = IdFilter("video_id", or_none=True, label="The id of a video, or `none` for records without one.")
    product = _text("Where it was watched, such as `youtube_music`.")
    source = _text("What brought the record, such as `takeout`, or `api`.")
    upload = IdFilter("upload_id", label="The id of the upload that first brought the record.")
    is_ad = filters.TypedChoiceFilter(
        choices=[("true", "true"), ("false", "false")],
        coerce=lambda text: text == "true",
        empty_value=None,
        label="Only ads, or only what is no ad. Without it, both.",
    )
    search = TermsFilter(
        min_length=SHORTEST_SEARCH,
        max_length=LONGEST_SEARCH,
        label=f"Words, all of them in the title of the video or of its channel, whatever their case; "
        f"{SHORTEST_SEARCH} to {LONGEST_SEARCH} characters, at most {MOST_TERMS} words.",
    )

    class Meta:
        model = WatchRecord
        fields: list[str] = []


# The parameter that makes a list a search.
SEARCH = "search"
FILTERS = frozenset(RecordFilter.base_filters)


def records_meant(user: User, query: QueryDict, period: Period | None) -> WatchRecordQuerySet:
    """Those of the user's records that all filters in a query let through, and that lie in the period if there is one.

    Raises BadQuery.
    """
    filterset = RecordFilter(query, WatchRecord.objects.of(user))
    if not filterset.is_valid():
        raise BadQuery(translate_validation(filterset.errors).detail)
    rows: WatchRecordQuerySet = filterset.qs
    return rows if period is None else rows.within(period.start, period.end)


def words_in(query: QueryDict) -> list[str]:
    """The different words that a query of records searches for, folded; it is one that records_meant() takes."""
    return list(dict.fromkeys(map(fold, query.get(SEARCH, "").split())))


def unsearched(query: QueryDict) -> QueryDict:
    """The same query without its words: the records that they are looked for in."""
    others = query.copy()
    others.pop(SEARCH, None)
    return others
