"""Requests: what was asked for, by which kind of client, and what came of it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from builders.admin.rows import device_cell
from images.admin import filters
from images.models import ImageRequest
from packages.admin import ReadOnly
from packages.lists.fast import SEARCH_HELP, FastChangeList, FastList
from packages.lists.filters import DaysFilter, DistributionFilter, ProfileFilter, TargetFilter, VersionFilter


@admin.register(ImageRequest)
class ImageRequestAdmin(ReadOnly, FastList):
    list_display = ("short_hash", "what", "status", "state", "client", "created")
    list_filter = (
        *(filters.StatusFilter, DaysFilter, DistributionFilter, VersionFilter, TargetFilter, ProfileFilter),
        *(filters.ClientFilter, filters.OrganisationFilter),
    )
    list_select_related = ("build",)
    searched = {"request_hash": "hash", "profile": "text", "target": "text", "version": "text"}
    search_help_text = SEARCH_HELP
    # Not `canonical`: it holds the first-boot script, and people put passwords there.
    deferred = (
        *("canonical", "echo", "refusal"),
        *(f"build__{name}" for name in ("spec", "canonical", "stdout", "stderr", "build_cmd", "sentence")),
    )
    fields = (
        *("page", "status", "distribution", "version", "target", "profile", "organisation", "client", "echo"),
        *("refusal", "build", "resolved_to", "created_at"),
    )
    readonly_fields = ("page",)

    class Media:
        css = {"all": ["admin-farm.css"]}

    def newest_by(self, changelist: FastChangeList) -> str:
        return "pk" if changelist.query else "created_at"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"title": "Requests", **(extra_context or {})})

    @admin.display(description="hash")
    def short_hash(self, request: ImageRequest) -> str:
        return request.request_hash[:12]

    @admin.display(description="image")
    def what(self, request: ImageRequest) -> SafeString:
        return device_cell(request)

    @admin.display(description="build")
    def state(self, request: ImageRequest) -> str:
        if request.build is None:
            return ""
        url = reverse("admin:builders_build_change", args=[request.build.pk])
        return format_html('<a href="{}">{}</a>', url, request.build.state)

    @admin.display(description="asked")
    def created(self, request: ImageRequest) -> SafeString:
        return format_html('<span class="farm-when">{}</span>', f"{request.created_at:%Y-%m-%d %H:%M}")

    @admin.display(description="public page")
    def page(self, request: ImageRequest) -> str:
        url = reverse("images:detail", args=[request.request_hash])
        return format_html('<a href="{}">{}</a>', url, request.request_hash)
