"""Counters, to look at."""

from django.contrib import admin
from django.db.models import QuerySet

from packages.admin import ReadOnly
from stats.models import DailyCount
from stats.tallies import HOURS, KEYED, TOTALS


class NameFilter(admin.SimpleListFilter):
    """By name; from the code, so that it costs no look at all rows."""

    title = parameter_name = "name"
    is_scoped = True

    def lookups(self, request: object, model_admin: object) -> list[tuple[str, str]]:
        return [(name, name) for name in (*TOTALS, *KEYED, *HOURS)]

    def queryset(self, request: object, queryset: QuerySet[DailyCount]) -> QuerySet[DailyCount]:
        return queryset.filter(name=self.value()) if self.value() else queryset


@admin.register(DailyCount)
class DailyCountAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("day", "name", "distribution", "key", "count")
    list_filter = (NameFilter,)
    date_hierarchy = "day"
    # The index begins with the name; sorted by anything else all rows would be looked at.
    ordering = ("-id",)
    show_full_result_count = False
