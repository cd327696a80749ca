"""Repositories that requests may name."""

from django.contrib import admin
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from packages.admin.base import Switchable
from packages.key_names import fingerprint
from packages.models import AllowedRepository


@admin.register(AllowedRepository)
class AllowedRepositoryAdmin(Switchable, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["address", "for_whom", "key_names", "is_inside_allowed", "is_enabled", "comment"]
    list_filter = ["distribution", "is_enabled"]
    list_select_related = ["distribution"]
    search_fields = ["address", "comment"]
    actions = ["enable", "disable"]

    @admin.display(description=_("for"), ordering="distribution")
    def for_whom(self, row: AllowedRepository) -> str:
        return str(row.distribution) if row.distribution else gettext("every distribution")

    @admin.display(description=_("signed by"))
    def key_names(self, row: AllowedRepository) -> str:
        if not row.keys.strip():
            return gettext("keys that requests bring")
        return ", ".join(fingerprint(key.kind, key.text) for key in row.key_list)
