"""Counters, to look at."""

from django.contrib import admin

from packages.admin import ReadOnly
from stats.models import DailyCount


@admin.register(DailyCount)
class DailyCountAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("day", "name", "distribution", "count")
    list_filter = ("name", "distribution")
    date_hierarchy = "day"
