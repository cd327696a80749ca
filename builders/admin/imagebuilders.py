"""ImageBuilders, as the server has them."""

from django.contrib import admin
from django.template.defaultfilters import filesizeformat

from builders.models import ImageBuilder
from packages.admin import ReadOnly
from packages.lists.fast import FastList
from packages.lists.filters import DistributionFilter, TargetFilter, VersionFilter, WordFilter


class StatusFilter(WordFilter):
    title = parameter_name = "status"
    words = ImageBuilder.Status.choices


@admin.register(ImageBuilder)
class ImageBuilderAdmin(ReadOnly, FastList):
    list_display = ("__str__", "status", "progress", "on_disk", "last_used_at", "error")
    list_filter = (StatusFilter, DistributionFilter, VersionFilter, TargetFilter)
    searched = {"sha256": "hash", "target": "text", "version": "text"}
    search_help_text = "By a beginning: SHA-256, target or release"

    @admin.display(description="downloaded")
    def progress(self, row: ImageBuilder) -> str:
        if not row.total_bytes:
            return filesizeformat(row.downloaded_bytes)
        return f"{row.downloaded_bytes * 100 // row.total_bytes}% of {filesizeformat(row.total_bytes)}"

    @admin.display(description="on disk")
    def on_disk(self, row: ImageBuilder) -> str:
        return filesizeformat(row.disk_bytes)
