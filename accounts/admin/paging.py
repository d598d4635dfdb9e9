"""Change lists that cost about the same on a table of ten rows and of ten million.

Pages go on from the last row's key and not from a number; nothing is counted; and where a search or a filter has no
index, a page looks through LOOKED_THROUGH rows at most and says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters, ShowFacets
from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.paginator import Paginator
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse

from .audit import AuditedAdmin
from .keys import BadKey, read_key, write_key

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

Rows = QuerySet[Any]

# A third of a second's work on a small machine.
LOOKED_THROUGH = 50_000
# One letter is in nearly every title.
SHORTEST_SEARCH = 2
LONGEST_SEARCH = 200


class IndexedFilter(admin.SimpleListFilter):
    """A filter that an index serves."""

    scanned: ClassVar[bool] = False


class ScannedFilter(admin.SimpleListFilter):
    """A filter without an index of its own: rows are looked through for it."""

    scanned: ClassVar[bool] = True


class LinkedFilter(IndexedFilter):
    """A filter that other pages link to; it is shown while it is on, to be switched off."""

    column: ClassVar[str]

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        value = self.value()
        return [] if value is None else [(value, value)]

    def has_output(self) -> bool:
        return self.value() is not None

    def queryset(self, request: HttpRequest, queryset: Rows) -> Rows:
        value = self.value()
        if value is None:
            return queryset
        try:
            return queryset.filter(**{self.column: read_key(queryset.model, [self.column], value)[0]})
        except BadKey as error:
            raise IncorrectLookupParameters(str(error)) from error


class Uncounted(Paginator):  # type: ignore[type-arg]  # no generic when it runs
    """For what Django does with a paginator beside change lists."""

    count = 0


class PagedChangeList(ChangeList):
    """`next_page` is the key that the next page goes on after, None on the last page."""

    model_admin: PagedAdmin
    is_first_page = True
    next_page: str | None = None
    looked_through: int | None = None

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        parameters: dict[str, Any] = super().get_filters_params(params)
        return {name: value for name, value in parameters.items() if name not in self.model_admin.frame_parameters}

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> Rows:
        self.filter_specs, self.has_filters, unknown, _, self.has_active_filters = self.get_filters(request)
        if unknown:
            raise IncorrectLookupParameters(f"There is no filter {', '.join(unknown)}.")
        self.clear_all_filters_qs = self.get_query_string(remove=list(self.get_filters_params()))
        self.keyset = self.model_admin.get_keyset(request)
        rows = self.root_queryset
        if select_related := self.model_admin.get_list_select_related(request):
            rows = rows.select_related(*select_related)  # type: ignore[misc]
        scanned = [spec for spec in self.filter_specs if getattr(spec, "scanned", False)]
        for spec in self.filter_specs:
            if spec not in scanned:
                rows = _filtered(spec, request, rows)
        sought, is_scanned = self._sought(request, rows)
        self.indexed = (rows if is_scanned else rows.filter(sought)).order_by(*self.keyset)
        self.is_scanned = is_scanned or any(_is_on(spec) for spec in scanned)
        rows = rows.filter(sought)
        for spec in scanned:
            rows = _filtered(spec, request, rows)
        return rows.order_by(*self.keyset)

    def get_results(self, request: HttpRequest) -> None:
        start = self._start(request)
        rows = self.queryset.filter(start)
        end = self._end(start) if self.is_scanned else None
        if end is not None:
            rows = rows.filter(up_to(self.keyset, end))
            self.looked_through = LOOKED_THROUGH
        found = list(rows[: self.list_per_page + 1])
        self.result_list = found[: self.list_per_page]
        if len(found) > self.list_per_page:
            self.next_page = self._key(self.result_list[-1])
        elif end is not None:
            self.next_page = write_key(end)
        # Equal, so that the templates do not speak of a total.
        self.result_count = self.full_result_count = len(self.result_list)
        self.show_full_result_count = self.can_show_all = self.multi_page = False
        self.show_admin_actions = bool(self.result_list)
        self.paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)
        self.model_admin.dress(request, self.result_list)

    def get_ordering_field_columns(self) -> dict[int, Literal["desc", "asc"]]:
        return {}

    def next_page_query(self) -> str:
        return self.get_query_string({PAGE_VAR: self.next_page})

    def first_page_query(self) -> str:
        return self.get_query_string()

    def _sought(self, request: HttpRequest, rows: Rows) -> tuple[Q, bool]:
        """What the search box asks for, and whether rows have to be looked through for it."""
        text = self.query.strip()
        if not text:
            return Q(), False
        if not SHORTEST_SEARCH <= len(text) <= LONGEST_SEARCH or "\0" in text:
            messages.warning(request, f"Search for {SHORTEST_SEARCH} to {LONGEST_SEARCH} characters.")
            return Q(pk__in=[]), False
        exact = self.model_admin.look_up(text)
        if exact is not None and (not self.model_admin.contains or rows.filter(exact).exists()):
            return exact, False
        if not self.model_admin.contains:
            return Q(pk__in=[]), False
        return any_of(Q(**{f"{column}__icontains": text}) for column in self.model_admin.contains), True

    def _start(self, request: HttpRequest) -> Q:
        text = request.GET.get(PAGE_VAR, "")
        if not text:
            return Q()
        self.is_first_page = False
        try:
            return after(self.keyset, read_key(self.model, names(self.keyset), text))
        except BadKey as error:
            raise IncorrectLookupParameters(str(error)) from error

    def _end(self, start: Q) -> Sequence[Any] | None:
        """The key of the last row this page looks at; None if there are fewer."""
        keys = self.indexed.filter(start).select_related(None).values_list(*names(self.keyset))
        return next(iter(keys[LOOKED_THROUGH - 1 : LOOKED_THROUGH]), None)

    def _key(self, row: Model) -> str:
        return write_key(getattr(row, name) for name in names(self.keyset))


class PagedAdmin(AuditedAdmin):
    """Bounded and read-only unless said otherwise; raw ids; the newest rows first."""

    change_list_template = "admin/paged_list.html"
    list_per_page = 50
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    sortable_by = ()
    paginator = Uncounted
    actions: Any = ()

    # The columns that order the list, each with an index behind it; together they name one row.
    keyset: ClassVar[tuple[str, ...]] = ("-pk",)
    # Texts that are looked through for what is typed into the search box.
    contains: ClassVar[tuple[str, ...]] = ()
    # Parameters that say what the list is about; they are no filters.
    frame_parameters: ClassVar[frozenset[str]] = frozenset()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PagedChangeList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        title = str(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title[:1].upper() + title[1:]} | (extra_context or {}))

    def get_keyset(self, request: HttpRequest) -> tuple[str, ...]:
        key = str(self.opts.pk.attname)
        return tuple(name.replace("pk", key) if name in ("pk", "-pk") else name for name in self.keyset)

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """The search box is there if there is something to search by."""
        searches = self.contains or type(self).look_up is not PagedAdmin.look_up
        return self.contains or ("pk",) if searches else ()

    def get_search_results(self, request: HttpRequest, queryset: Rows, search_term: str) -> tuple[Rows, bool]:
        exact = self.look_up(search_term)
        return (queryset.none() if exact is None else queryset.filter(exact)), False

    def look_up(self, text: str) -> Q | None:
        """The rows that `text` names exactly, found by an index; None if it cannot name one."""
        return None

    def dress(self, request: HttpRequest, rows: list[Any]) -> None:
        """Fetch what else a page of rows shows, for all of them at once."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def names(keyset: Iterable[str]) -> list[str]:
    return [column.removeprefix("-") for column in keyset]


def after(keyset: Sequence[str], values: Sequence[Any], *, inclusive: bool = False) -> Q:
    """The rows that come after the one with these values, or with it. The first column's bound also stands alone.

    Only that bound is of use to an index; in an alternative, databases do not see it.
    """
    columns = list(zip(names(keyset), values, strict=True))
    ways = [Q(**dict(columns))] if inclusive else []
    for index, (name, value) in enumerate(columns):
        equal = Q(**dict(columns[:index]))
        ways.append(equal & Q(**{f"{name}__{'lt' if keyset[index].startswith('-') else 'gt'}": value}))
    bound = f"{columns[0][0]}__{'lte' if keyset[0].startswith('-') else 'gte'}"
    return Q(**{bound: columns[0][1]}) & any_of(ways)


def up_to(keyset: Sequence[str], values: Sequence[Any]) -> Q:
    """The row with these values, and those that come before it."""
    backwards = [column[1:] if column.startswith("-") else f"-{column}" for column in keyset]
    return after(backwards, values, inclusive=True)


def any_of(ways: Iterable[Q]) -> Q:
    either = Q()
    for way in ways:
        either |= way
    return either


def _filtered(spec: Any, request: HttpRequest, rows: Rows) -> Rows:
    filtered = spec.queryset(request, rows)
    return rows if filtered is None else filtered


def _is_on(spec: Any) -> bool:
    return spec.value() is not None
