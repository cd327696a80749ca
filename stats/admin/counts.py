"""Counters, to look at."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet

from packages.admin import ReadOnly
from packages.lists.filters import DaysFilter, WordFilter
from stats.models import DailyCount
from stats.tallies import HOURS, KEYED, TOTALS


class NameFilter(WordFilter):
    title = parameter_name = "name"
    words = tuple((name, name) for name in (*TOTALS, *KEYED, *HOURS))


class DayFilter(DaysFilter):
    """By the day that was counted. Django's own row of days looks at all rows for the years that there are."""

    def since(self, rows: "QuerySet[Any]", moment: datetime) -> "QuerySet[Any]":
        return rows.filter(day__gt=moment.date())


@admin.register(DailyCount)
class DailyCountAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("day", "name", "distribution", "key", "count")
    list_filter = (NameFilter, DayFilter)
    # The index begins with the name; sorted by anything else all rows would be looked at.
    ordering = ("-id",)
    show_full_result_count = False
