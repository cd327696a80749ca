"""Repositories that requests may name."""

from django.contrib import admin

from packages.admin.base import Switchable
from packages.models import AllowedRepository


@admin.register(AllowedRepository)
class AllowedRepositoryAdmin(Switchable, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["address", "distribution", "key_count", "is_inside_allowed", "is_enabled", "comment"]
    list_filter = ["distribution", "is_enabled"]
    list_select_related = ["distribution"]
    search_fields = ["address", "comment"]
    actions = ["enable", "disable"]

    @admin.display(description="keys")
    def key_count(self, row: AllowedRepository) -> str:
        return str(len(row.key_list)) if row.keys.strip() else "of the request"
