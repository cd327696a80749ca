"""What became of packages between releases."""

from django.contrib import admin

from packages.admin.base import SHORT_TEXTS, Announcing
from packages.models import PackageChange


@admin.register(PackageChange)
class PackageChangeAdmin(Announcing, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["before", "after", "kind", "version", "revision", "is_mandatory", "distribution"]
    list_filter = ["distribution", "kind", "is_mandatory", "version"]
    list_select_related = ["distribution"]
    search_fields = ["sources", "targets", "why"]
    fields = ["distribution", "kind", "sources", "targets", "version", "revision", "is_mandatory", "why"]
    formfield_overrides = SHORT_TEXTS

    @admin.display(description="before")
    def before(self, row: PackageChange) -> str:
        return ", ".join(row.sources) or "-"

    @admin.display(description="after")
    def after(self, row: PackageChange) -> str:
        return ", ".join(row.targets) or "-"
