"""The maintainer's view of builds, workers and ImageBuilders. The actions call the queue, as everything else does."""

import json
from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.safestring import SafeString

from builders import queue
from builders.models import Attempt, Build, ImageBuilder, Worker
from builders.querysets import ONLINE_SECONDS, from_now
from builders.states import State
from packages.admin import ReadOnly

# Dark enough to read on white, and told apart without colours by their words.
_COLOURS = {
    State.QUEUED: "#5f5f5f",
    State.BUILDING: "#0b5cad",
    State.DONE: "#1a7f37",
    State.FAILED: "#b42318",
    State.EXPIRED: "#7a5b00",
    State.DROPPED: "#7a5b00",
    State.PARKED: "#b42318",
}


class SpecFilter(admin.SimpleListFilter):
    """Builds by a word of their spec."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The words that occur."""
        found = Build.objects.order_by().values_list(f"spec__{self.parameter_name}", flat=True).distinct()
        return [(word, word) for word in sorted(filter(None, found))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Build]) -> QuerySet[Build]:
        """Those with the chosen word."""
        return queryset.filter(**{f"spec__{self.parameter_name}": self.value()}) if self.value() else queryset


class DistributionFilter(SpecFilter):
    title = parameter_name = "distribution"


class VersionFilter(SpecFilter):
    title = parameter_name = "version"


class TargetFilter(SpecFilter):
    title = parameter_name = "target"


class AttemptInline(ReadOnly, admin.TabularInline):  # type: ignore[type-arg]
    model = Attempt
    extra = 0
    fields = ("epoch", "worker_name", "started_at", "ended_at", "outcome")


@admin.register(Build)
class BuildAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("short_hash", "stand", "phase", "reason", "what", "target", "profile", "queued_at", "duration")
    list_filter = ("state", "reason", DistributionFilter, VersionFilter, TargetFilter, "worker")
    search_fields = ("spec_hash__startswith", "spec__profile__icontains", "spec__target__icontains")
    search_help_text = "Beginning of the hash, or part of profile or target"
    date_hierarchy = "queued_at"
    list_per_page = 50
    actions = ("retry", "cancel")
    inlines = (AttemptInline,)
    fieldsets = (
        (None, {"fields": ("spec_hash", "stand", "phase", "progress", "reason", "sentence")}),
        ("Who and when", {"fields": ("worker", "attempts", "epoch", "lease_until", "priority", "cancel_requested")}),
        ("Times", {"fields": ("created_at", "queued_at", "started_at", "finished_at", "seconds")}),
        ("What", {"fields": ("wanted", "command")}),
        ("Log", {"fields": ("output", "errors")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Build]:
        rows: QuerySet[Build] = super().get_queryset(request)
        return rows.defer("canonical", "stdout", "stderr", "build_cmd")

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whoever may change builds may retry and cancel them."""
        return request.user.has_perm("builders.change_build")

    @admin.display(description="build", ordering="spec_hash")
    def short_hash(self, build: Build) -> str:
        return build.spec_hash[:12]

    @admin.display(description="state", ordering="state")
    def stand(self, build: Build) -> SafeString:
        return format_html('<b style="color:{}">{}</b>', _COLOURS[State(build.state)], build.state)

    @admin.display(description="release")
    def what(self, build: Build) -> str:
        return f"{build.spec['distribution']} {build.spec['version']}"

    @admin.display(description="target")
    def target(self, build: Build) -> str:
        return str(build.spec["target"])

    @admin.display(description="profile")
    def profile(self, build: Build) -> str:
        return str(build.spec["profile"])

    @admin.display(description="took", ordering="seconds")
    def duration(self, build: Build) -> str:
        return f"{build.seconds:.1f} s" if build.seconds is not None else ""

    @admin.display(description="spec")
    def wanted(self, build: Build) -> SafeString:
        return _pre(json.dumps(build.spec, indent=1))

    @admin.display(description="command")
    def command(self, build: Build) -> SafeString:
        return _pre(" ".join(build.build_cmd))

    @admin.display(description="output")
    def output(self, build: Build) -> SafeString:
        return _pre(build.stdout)

    @admin.display(description="errors")
    def errors(self, build: Build) -> SafeString:
        return _pre(build.stderr)

    @admin.action(description="Build again (failed or expired)", permissions=["act"])
    def retry(self, request: HttpRequest, builds: QuerySet[Build]) -> None:
        self._move(request, builds, queue.retry, "queued again")

    @admin.action(description="Cancel (waiting or running)", permissions=["act"])
    def cancel(self, request: HttpRequest, builds: QuerySet[Build]) -> None:
        self._move(request, builds, queue.cancel, "cancelled")

    def _move(self, request: HttpRequest, builds: QuerySet[Build], move: Callable[[Build], bool], what: str) -> None:
        moved = [move(build) for build in builds]
        if any(moved):
            self.message_user(request, f"{sum(moved)} builds {what}.", messages.SUCCESS)
        if not all(moved):
            self.message_user(request, f"{moved.count(False)} builds left alone: wrong state.", messages.WARNING)


@admin.register(Worker)
class WorkerAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("name", "is_online", "desired", "now", "sandbox", "complaint", "seen_at")
    list_editable = ("desired",)
    list_filter = ("desired", "sandbox")
    search_fields = ("name",)
    fields = ("name", "desired", "is_local", "sandbox", "sandbox_detail", "complaint", "started_at", "seen_at")
    readonly_fields = tuple(name for name in fields if name != "desired")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Workers introduce themselves."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Worker]:
        rows: QuerySet[Worker] = super().get_queryset(request)
        return rows.annotate(fresh_since=from_now(-ONLINE_SECONDS))

    @admin.display(description="here", boolean=True)
    def is_online(self, worker: Any) -> bool:
        return worker.seen_at is not None and worker.seen_at > worker.fresh_since

    @admin.display(description="builds now")
    def now(self, worker: Worker) -> str:
        return ", ".join(build.spec_hash[:12] for build in worker.builds.building().only("spec_hash"))


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


def _pre(text: str) -> SafeString:
    return format_html('<pre style="white-space:pre-wrap;margin:0">{}</pre>', text)
