"""Channels, releases and targets: what is offered, and what is decided about them."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_q.tasks import async_task

from packages import roles
from packages.admin.base import copy_state
from packages.admin.deciding import DecidingAdmin, action
from packages.admin.decisions import DECISIONS, Decision
from packages.admin.standing import badges
from packages.lists.filters import MOST_CHOICES
from packages.models import Channel, Release, SyncRun, Target

RELEASE_DECISIONS = ("approve", "decline", "stable", "enable", "hide", "unhide", "pin", "unpin", "disable")
CHANNEL_DECISIONS = ("enable", "hide", "unhide", "disable")
SYNC = Decision(
    "sync",
    _("Sync now"),
    _("It is read anew from the mirror, in the background; you see how it goes."),
    lambda row: True,
    lambda rows: None,
    "",
)


def page_of(run: SyncRun) -> HttpResponseRedirect:
    """Where to watch it."""
    return HttpResponseRedirect(reverse("admin:packages_syncrun_change", args=[run.pk]))


def state_cell(self: DecidingAdmin, row: Any) -> str:
    """A cell of the list."""
    return self.part("deciding/_badges.html", badges=badges(row))


state_cell.short_description = _("state")  # type: ignore[attr-defined]


@admin.register(Channel)
class ChannelAdmin(DecidingAdmin):
    list_display = ["name", "distribution", "state_cell", "is_snapshot", "path", "git_branch", "branch_off_rev"]
    list_filter = ["distribution", "is_enabled", "is_hidden"]
    list_select_related = ["distribution"]
    search_fields = ["name"]
    decisions = CHANNEL_DECISIONS
    actions = CHANNEL_DECISIONS
    enable, disable, hide, unhide = action("enable"), action("disable"), action("hide"), action("unhide")
    state_cell = state_cell

    def releases_of(self, rows: "QuerySet[Channel]") -> "QuerySet[Release]":
        return Release.objects.filter(channel__in=rows, is_enabled=True)


class ChannelFilter(admin.SimpleListFilter):
    """With their distributions in the same question: the name of a channel tells its own."""

    title = _("channel")
    parameter_name = "channel__id__exact"
    is_scoped = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Those that are there for the person."""
        rows = roles.only_seen(request.user, Channel.objects.select_related("distribution"))
        return [(str(row.pk), str(row)) for row in rows[:MOST_CHOICES]]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Release]") -> "QuerySet[Release]":
        """Of the chosen channel."""
        chosen = self.value()
        if not chosen:
            return queryset
        is_key = chosen.isascii() and chosen.isdecimal() and len(chosen) < 19
        return queryset.filter(channel=int(chosen)) if is_key else queryset.none()


@admin.register(Release)
class ReleaseAdmin(DecidingAdmin):
    list_display = ["version", "distribution", "channel_name", "state_cell", "target_count", copy_state]
    list_filter = [
        "awaits_decision",
        "distribution",
        *("is_enabled", "is_hidden", "is_pinned", "is_manual"),
        ("stale_since", admin.EmptyFieldListFilter),
        ChannelFilter,
    ]
    list_select_related = ["distribution", "channel__distribution"]
    search_fields = ["version"]
    fields = ["distribution", "channel", "version", "is_enabled", "is_hidden", "is_pinned", "is_manual"]
    decisions = RELEASE_DECISIONS
    actions = ("sync_now", *(name for name in RELEASE_DECISIONS if not DECISIONS[name].for_one))
    approve, decline, enable, disable = (action(name) for name in ("approve", "decline", "enable", "disable"))
    hide, unhide, pin, unpin = (action(name) for name in ("hide", "unhide", "pin", "unpin"))
    state_cell = state_cell

    @admin.display(description=_("channel"), ordering="channel__name")
    def channel_name(self, row: Release) -> str:
        return row.channel.name

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Release]":
        rows: QuerySet[Release] = super().get_queryset(request)
        return rows.select_related("distribution", "channel__distribution").annotate(target_total=Count("targets"))

    def releases_of(self, rows: "QuerySet[Release]") -> "QuerySet[Release]":
        return rows

    def choices(self, request: HttpRequest, row: Release) -> Any:
        return [*([SYNC] if row.is_enabled else []), *super().choices(request, row)]

    def press(self, request: HttpRequest, row: Release) -> HttpResponse | None:
        if request.POST.get("order") == SYNC.name:
            return page_of(self.sync(request, row.distribution, release=row.version))
        return super().press(request, row)

    @admin.display(description=_("targets"))
    def target_count(self, row: Release) -> int:
        return getattr(row, "target_total", 0)

    @admin.action(description=_("Sync now"), permissions=["change"])
    def sync_now(self, request: HttpRequest, queryset: "QuerySet[Release]") -> HttpResponse | None:
        runs = [self.sync(request, row.distribution, release=row.version) for row in queryset]
        if len(runs) == 1:
            return page_of(runs[0])
        messages.success(request, gettext("%(count)d syncs wait for their turn: see Syncs.") % {"count": len(runs)})
        return None


@admin.register(Target)
class TargetAdmin(DecidingAdmin):
    list_display = ["name", "version", "arch_packages", "version_code", "is_enabled", "is_ready", copy_state]
    list_filter = ["release__distribution", "is_enabled", "needs_inspection", "package_manager", "release__version"]
    list_select_related = ["release__distribution"]
    search_fields = ["name", "release__version", "arch_packages"]
    decisions = ("enable", "disable")
    actions = ["complete_now", "enable", "disable"]
    enable, disable = action("enable"), action("disable")
    fields = [
        *("release", "name", "is_enabled", "is_manual", "needs_inspection", "arch_packages", "version_code"),
        *("package_manager", "imagebuilder_file", "imagebuilder_sha256", "default_packages", "linux_kernel"),
        *("state_hash", "synced_at", "stale_since", "sync_error", "vanished_at"),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Target | None = None) -> list[str]:
        """A new one is typed in; of an existing one the mirror decides everything but the switches."""
        free = {"is_enabled", "is_manual"} if obj else {"is_enabled", "is_manual", "release", "name"}
        return [name for name in self.fields if isinstance(name, str) and name not in free]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Target]":
        rows: QuerySet[Target] = super().get_queryset(request)
        return rows.select_related("release__distribution", "release__channel")

    def releases_of(self, rows: "QuerySet[Target]") -> "QuerySet[Release]":
        """Only to be counted where a target is: its release is touched in part."""
        return Release.objects.none()

    def choices(self, request: HttpRequest, row: Target) -> Any:
        return [*([SYNC] if row.is_enabled and row.release.is_enabled else []), *super().choices(request, row)]

    def press(self, request: HttpRequest, row: Target) -> HttpResponse | None:
        if request.POST.get("order") == SYNC.name:
            release = row.release
            return page_of(self.sync(request, release.distribution, release=release.version, target=row.name))
        return super().press(request, row)

    @admin.display(ordering="release__version")
    def version(self, row: Target) -> str:
        return f"{row.release.distribution.name} {row.release.version}"

    @admin.display(boolean=True, description=_("complete"))
    def is_ready(self, row: Target) -> bool:
        return row.is_complete

    @admin.action(description=_("Read their documents now"), permissions=["change"])
    def complete_now(self, request: HttpRequest, queryset: "QuerySet[Target]") -> None:
        rows = list(queryset)
        for row in rows:
            async_task("packages.tasks.complete", row.pk)
        self.note(request, rows, "Asked for its documents.")
        messages.success(request, gettext("%(count)d targets are queued.") % {"count": len(rows)})
