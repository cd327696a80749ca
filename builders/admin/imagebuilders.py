"""ImageBuilders, as the server has them."""

from django.contrib import admin
from django.template.defaultfilters import filesizeformat

from builders.models import ImageBuilder
from packages.admin import ReadOnly


@admin.register(ImageBuilder)
class ImageBuilderAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("__str__", "status", "progress", "on_disk", "last_used_at", "error")
    list_filter = ("status", "distribution", "version")
    search_fields = ("target", "version", "sha256__startswith")
    date_hierarchy = "last_used_at"

    @admin.display(description="downloaded")
    def progress(self, row: ImageBuilder) -> str:
        if not row.total_bytes:
            return filesizeformat(row.downloaded_bytes)
        return f"{row.downloaded_bytes * 100 // row.total_bytes}% of {filesizeformat(row.total_bytes)}"

    @admin.display(description="on disk", ordering="disk_bytes")
    def on_disk(self, row: ImageBuilder) -> str:
        return filesizeformat(row.disk_bytes)
