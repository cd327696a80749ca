"""Distributions: where their mirrors are and what is offered of them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django_q.tasks import async_task

from packages.admin.base import SHORT_TEXTS, Switchable, copy_state
from packages.admin.flavours import DeviceInline, SeriesInline
from packages.admin.keys import KeyInline
from packages.models import Channel, Distribution


class DistributionForm(forms.ModelForm):  # type: ignore[type-arg]
    """Folders of this machine are for hosted distributions, or for whoever has the command line."""

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        is_folder = str(data.get("url", "")).startswith("file://")
        if is_folder and not data.get("is_hosted") and "url" in self.changed_data:
            sentence = "Only a hosted distribution takes a file:// address here. Else use: manage.py add_distribution"
            raise forms.ValidationError({"url": sentence})
        return data


class ChannelInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Channel
    formfield_overrides = {models.CharField: {"widget": forms.TextInput(attrs={"size": 18})}}
    extra = 0
    fields = ["name", "is_enabled", "is_snapshot", "path", "git_branch", "branch_off_rev"]


@admin.register(Distribution)
class DistributionAdmin(Switchable, admin.ModelAdmin):  # type: ignore[type-arg]
    form = DistributionForm
    formfield_overrides = SHORT_TEXTS
    list_display = ["name", "title", "built_on", "organisation", "is_enabled", "is_hosted", "release_count", copy_state]
    list_filter = ["is_enabled", "is_hosted", "built_on", "organisation"]
    list_select_related = ["built_on", "organisation"]
    search_fields = ["name", "title", "url", "aliases"]
    readonly_fields = ["stable_version", "synced_at", "stale_since", "sync_error"]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    "name",
                    "title",
                    "aliases",
                    "description",
                    "contact",
                    "url",
                    "organisation",
                    "is_enabled",
                    "is_hosted",
                ]
            },
        ),
        (
            "Releases",
            {"fields": ["enables_new_releases", "oldest_version", "newest_version", "stable_version", "successor"]},
        ),
        (
            "Flavour",
            {
                "fields": ["built_on", "package_words", "network_profile", "offers_listed_devices_only"],
                "description": "Built with the ImageBuilders of another distribution: save it, then add series below.",
            },
        ),
        ("State", {"fields": ["synced_at", "stale_since", "sync_error"]}),
    ]
    inlines = [KeyInline, SeriesInline, DeviceInline, ChannelInline]
    actions = ["sync_now", "enable", "disable"]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Distribution]":
        rows: QuerySet[Distribution] = super().get_queryset(request)
        return rows.annotate(release_total=Count("releases"))

    @admin.display(description="releases")
    def release_count(self, row: Distribution) -> int:
        return getattr(row, "release_total", 0)

    @admin.action(description="Sync now", permissions=["change"])
    def sync_now(self, request: HttpRequest, queryset: "QuerySet[Distribution]") -> None:
        for row in queryset:
            async_task("packages.tasks.sync_one", row.pk)
        messages.success(request, f"{len(queryset)} syncs are queued; this list shows when they are done.")
