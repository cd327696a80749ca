"""Channels, releases and targets: what is offered."""

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django_q.tasks import async_task

from packages.admin.base import Switchable, copy_state
from packages.models import Channel, Release, Target


@admin.register(Channel)
class ChannelAdmin(Switchable, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "distribution", "is_enabled", "is_snapshot", "path", "git_branch", "branch_off_rev"]
    list_filter = ["distribution", "is_enabled"]
    list_select_related = ["distribution"]
    search_fields = ["name"]
    actions = ["enable", "disable"]


@admin.register(Release)
class ReleaseAdmin(Switchable, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["version", "distribution", "channel", "is_enabled", "is_manual", "target_count", copy_state]
    list_filter = ["distribution", "is_enabled", "is_manual", ("stale_since", admin.EmptyFieldListFilter), "channel"]
    list_select_related = ["distribution", "channel__distribution"]
    search_fields = ["version"]
    readonly_fields = ["vanished_at", "synced_at", "stale_since", "sync_error"]
    actions = ["sync_now", "enable", "disable"]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Release]":
        rows: QuerySet[Release] = super().get_queryset(request)
        return rows.annotate(target_total=Count("targets"))

    @admin.display(description="targets")
    def target_count(self, row: Release) -> int:
        return getattr(row, "target_total", 0)

    @admin.action(description="Sync now", permissions=["change"])
    def sync_now(self, request: HttpRequest, queryset: "QuerySet[Release]") -> None:
        for row in queryset:
            async_task("packages.tasks.sync_one", row.distribution_id, row.version)
        messages.success(request, f"{len(queryset)} syncs are queued; this list shows when they are done.")


@admin.register(Target)
class TargetAdmin(Switchable, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "version", "arch_packages", "version_code", "is_enabled", "is_ready", copy_state]
    list_filter = ["release__distribution", "is_enabled", "needs_inspection", "package_manager", "release__version"]
    list_select_related = ["release__distribution"]
    search_fields = ["name", "release__version", "arch_packages"]
    actions = ["complete_now", "enable", "disable"]
    fields = [
        *("release", "name", "is_enabled", "is_manual", "needs_inspection", "arch_packages", "version_code"),
        *("package_manager", "imagebuilder_file", "imagebuilder_sha256", "default_packages", "linux_kernel"),
        *("state_hash", "synced_at", "stale_since", "sync_error", "vanished_at"),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Target | None = None) -> list[str]:
        """A new one is typed in; of an existing one the mirror decides everything but the switches."""
        free = {"is_enabled", "is_manual"} if obj else {"is_enabled", "is_manual", "release", "name"}
        return [name for name in self.fields if isinstance(name, str) and name not in free]

    @admin.display(ordering="release__version")
    def version(self, row: Target) -> str:
        return f"{row.release.distribution.name} {row.release.version}"

    @admin.display(boolean=True, description="complete")
    def is_ready(self, row: Target) -> bool:
        return row.is_complete

    @admin.action(description="Read their documents now", permissions=["change"])
    def complete_now(self, request: HttpRequest, queryset: "QuerySet[Target]") -> None:
        for row in queryset:
            async_task("packages.tasks.complete", row.pk)
        messages.success(request, f"{len(queryset)} targets are queued.")
