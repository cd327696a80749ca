"""The base class of long lists: `FastList` in the place of `admin.ModelAdmin`.

Such a list never counts, sorts or reads through the whole table: it goes by the primary key or a column that an index
carries, searches by a beginning, filters by classes of `packages.lists.filters`, and turns pages by a key.
"""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, ChangeList
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext, gettext_lazy

from packages.lists import counts, search
from packages.lists.counts import Count
from packages.lists.filters import FastFilter
from packages.lists.keyset import Cursor, Order, page

MOST_AT_ONCE = 1000  # rows that an action takes


class FastChangeList(ChangeList):
    """One page of a list, and the way to the pages beside it."""

    model_admin: "FastList"

    is_keyset = True  # templates/admin/pagination.html looks at it

    def get_ordering(self, request: HttpRequest, queryset: "QuerySet[Any]") -> list[Any]:
        """One column that may be sorted by, and the primary key."""
        self.order = self._chosen_order()
        return list(self.order.names())

    def _chosen_order(self) -> Order:
        asked = self.params.get(ORDER_VAR, "").split(".")[0]
        sign, number = asked[:1] == "-", asked.removeprefix("-")
        # Found in several columns at once, rows come by their ids: see `keyset.page`.
        if number.isascii() and number.isdecimal() and len(number) < 3 and not self.query:
            columns = list(self.list_display)
            name = columns[int(number)] if int(number) < len(columns) else ""
            if name in (self.sortable_by or ()) and (column := str(self.get_ordering_field(name) or "")):
                return Order(column.removeprefix("-"), is_descending=sign != column.startswith("-"))
        return Order(self.model_admin.newest_by(self))

    def get_ordering_field_columns(self) -> Any:
        """The arrow in the head of the column."""
        for number, name in enumerate(self.list_display):
            if name in (self.sortable_by or ()) and self.get_ordering_field(name) in (
                self.order.column,
                f"-{self.order.column}",
            ):
                return {number: "desc" if self.order.is_descending else "asc"}
        return {}

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> "QuerySet[Any]":
        """All rows that fit; what is searched for is also kept apart, column by column."""
        rows = super().get_queryset(request, exclude_parameters)
        self.branches = [rows]
        if self.query:
            found = self.model_admin.conditions_for(rows, self.query)
            self.branches = [rows.filter(condition) for condition in found] or [rows.none()]
            rows = rows.filter(reduce(or_, found)) if found else rows.none()
        return rows

    def get_results(self, request: HttpRequest) -> None:
        """The page that the address names."""
        cursor = Cursor.read(request.GET.get(PAGE_VAR, ""), self.order, self.model)
        # A filter that finds its rows in several ways is a branch of its own. The rows themselves need no condition.
        bare = self.apply_select_related(self.root_queryset)
        keys = [branch.select_related(None) for branch in self.branches]
        self.page = page(keys, bare, self.order, cursor, self.list_per_page)
        self.result_list = self.page.rows
        self.model_admin.look_up(self.result_list)
        self.total = self._total(cursor)
        # "Select all" is offered where all are not too many.
        self.result_count = len(self.result_list) if self.total.how else self.total.number
        if self.result_count > MOST_AT_ONCE:
            self.result_count = len(self.result_list)
        self.full_result_count = self.result_count
        self.show_full_result_count = False
        self.show_admin_actions = bool(self.result_list)
        self.can_show_all = self.multi_page = False
        self.paginator = None

    def _total(self, cursor: Cursor) -> Count:
        if not cursor.direction and not self.page.next:
            return Count(len(self.result_list))
        if not self.queryset.query.where and not self.query:
            return counts.whole(self.root_queryset)
        if len(self.branches) > 1:
            return Count(self.list_per_page, "more")
        return counts.up_to(self.branches[0])

    def link(self, cursor: str) -> str:
        """The address of another page of this list."""
        return self.get_query_string({PAGE_VAR: cursor} if cursor else {})

    @property
    def first_link(self) -> str:
        return self.link("")

    @property
    def previous_link(self) -> str:
        return self.link(self.page.previous) if self.page.previous else ""

    @property
    def next_link(self) -> str:
        return self.link(self.page.next) if self.page.next else ""

    @property
    def last_link(self) -> str:
        return self.link("last")


class FastList(admin.ModelAdmin):  # type: ignore[type-arg]
    """Rows of a table that may become very long."""

    searched: dict[str, str] = {}  # columns with an index, and what they hold: see `search.conditions`
    deferred: tuple[str, ...] = ()  # columns that are long, and not shown in the list
    sortable_by: ClassVar[tuple[str, ...]] = ()  # only what an index carries, and what is never empty
    list_per_page = 50
    show_facets = admin.ShowFacets.NEVER  # they would count each choice
    show_full_result_count = False
    list_filter: ClassVar[tuple[Any, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not all(isinstance(found, type) and issubclass(found, FastFilter) for found in cls.list_filter):
            raise ImproperlyConfigured(f"{cls.__name__}.list_filter: only FastFilter classes cost no scan")
        if cls.date_hierarchy or cls.search_fields:
            raise ImproperlyConfigured(f"{cls.__name__}: DaysFilter and `searched` take the place of these")

    def newest_by(self, changelist: FastChangeList) -> str:
        """The column that the list goes by, the newest first, if nobody sorts it: it never changes, nor is it empty."""
        return "pk"

    def conditions_for(self, rows: "QuerySet[Any]", term: str) -> list[Q]:
        """What is searched for, each place where it may stand by itself."""
        return search.conditions(rows, self.searched, term)

    def look_up(self, rows: list[Any]) -> None:
        """What the cells of a page need besides, in as many questions whether there are few rows or many."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return FastChangeList

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.defer(*self.deferred).order_by()

    def get_search_fields(self, request: HttpRequest) -> Any:
        """That there are some shows the field; the searching is `FastChangeList`'s."""
        return tuple(self.searched)

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Any]", search_term: str
    ) -> "tuple[QuerySet[Any], bool]":
        """For fields that complete what is typed; the list itself keeps its columns apart."""
        resolver = request.resolver_match
        if not search_term or (resolver is not None and resolver.url_name != "autocomplete"):
            return queryset, False
        found = self.conditions_for(queryset, search_term)
        return (queryset.filter(reduce(or_, found)) if found else queryset.none()), False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only what the filters are for: any other column would be read through from end to end."""
        return lookup in {name for found in self.list_filter for name in found.names()}

    def response_action(
        self, request: HttpRequest, queryset: "QuerySet[Any]", *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """An action for all that was found is for so many at most."""
        if request.POST.get("select_across") == "1" and counts.up_to(queryset, MOST_AT_ONCE).how:
            sentence = gettext("These are more than %(most)s. Filter them first, or choose page by page.")
            self.message_user(request, sentence % {"most": f"{MOST_AT_ONCE:,}"}, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        return super().response_action(request, queryset, *args, **kwargs)


SEARCH_HELP = gettext_lazy("By a beginning: hash, device, target or release")


def words(names: Iterable[str]) -> list[tuple[str, str]]:
    """Choices that are called as they are."""
    return [(name, name) for name in names]
