"""Counters, to look at."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from stats.models import DailyCount


@admin.register(DailyCount)
class DailyCountAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("day", "name", "distribution", "count")
    list_filter = ("name", "distribution")
    date_hierarchy = "day"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
