"""Builds: where they stand, how far they are, what became of them; buttons start them anew and cancel them."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from builders import clock, queue, waiting
from builders.admin import words
from builders.admin.live import LiveAdmin, Parts
from builders.admin.rows import attempt_row, log_tail
from builders.models import Build, Worker
from builders.shown import length, tail, visible, visible_lines
from builders.states import OPEN, State
from packages import roles
from packages.admin import ReadOnly

_LOG_BYTES = 16 * 1024  # of a running build
_MOST_LOG = 256 * 1024  # characters of a log that is kept
_RETRIABLE = (State.FAILED, State.EXPIRED, State.DROPPED, State.PARKED)


class WordFilter(admin.SimpleListFilter):
    """Builds by a word of what was asked for."""

    column = ""
    is_scoped = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The words that occur."""
        found = roles.only_seen(request.user, Build.objects.order_by()).values_list(self.column, flat=True).distinct()
        return [(word, word) for word in sorted(filter(None, found))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Build]) -> QuerySet[Build]:
        """Those with the chosen word."""
        return queryset.filter(**{self.column: self.value()}) if self.value() else queryset


class DistributionFilter(WordFilter):
    title = parameter_name = column = "distribution"


class VersionFilter(WordFilter):
    title = parameter_name = "version"
    column = "spec__version"


class TargetFilter(WordFilter):
    title = parameter_name = column = "target"


class ReasonFilter(admin.SimpleListFilter):
    title = parameter_name = "reason"
    is_scoped = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Those that occur."""
        found = Build.objects.exclude(reason="").order_by().values_list("reason", flat=True).distinct()
        return [(reason, words.outcome(reason)) for reason in sorted(found)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Build]) -> QuerySet[Build]:
        """Those that failed with the chosen one."""
        return queryset.filter(reason=self.value()) if self.value() else queryset


class WorkerFilter(admin.SimpleListFilter):
    title = parameter_name = "worker"
    is_scoped = True

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """All of them."""
        return [(str(pk), visible(name)) for pk, name in Worker.objects.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Build]) -> QuerySet[Build]:
        """Those it built last."""
        chosen = self.value() or ""
        return queryset.filter(worker=int(chosen)) if chosen.isascii() and chosen.isdecimal() else queryset


@admin.register(Build)
class BuildAdmin(ReadOnly, LiveAdmin):
    list_display = ("short_hash", "state_cell", "what", "by", "queued", "duration")
    list_filter = ("state", ReasonFilter, DistributionFilter, VersionFilter, TargetFilter, WorkerFilter)
    list_select_related = ("worker",)
    search_fields = ("spec_hash__startswith", "spec__profile__icontains", "spec__target__icontains")
    search_help_text = "Beginning of the hash, or part of profile or target"
    date_hierarchy = "queued_at"
    list_per_page = 50
    live_columns = ("state",)
    actions = ("retry", "cancel")
    fieldsets = (
        ("What", {"fields": ("spec_hash", "wanted", "command")}),
        ("Its turn", {"fields": ("priority", "turn", "epoch", "attempts", "lease_until", "polled_at")}),
        ("Times", {"fields": ("created_at", "queued_at", "started_at", "finished_at", "seconds")}),
        ("Log", {"fields": ("output", "errors")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Build]:
        rows: QuerySet[Build] = super().get_queryset(request)
        return rows.defer("canonical", "stdout", "stderr", "build_cmd")

    def has_act_permission(self, request: HttpRequest) -> bool:
        """Whoever may change builds may retry and cancel them, though nobody edits their fields."""
        return request.user.has_perm("builders.change_build")

    def may_press(self, request: HttpRequest) -> bool:
        return self.has_act_permission(request)

    # -- the list ------------------------------------------------------------------------------------------

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        legend = [(state, words.LOOKS[state], meaning) for state, meaning in words.STATES.items()]
        return super().changelist_view(request, {"title": "Builds", "legend": legend, **(extra_context or {})})

    @admin.display(description="build", ordering="spec_hash")
    def short_hash(self, build: Build) -> str:
        return build.spec_hash[:12]

    @admin.display(description="state", ordering="state")
    def state_cell(self, build: Build) -> str:
        return self.cell("state", build)

    def state_html(self, build: Build) -> str:
        return self.part("build/_state.html", **_stand(build))

    @admin.display(description="image", ordering="target")
    def what(self, build: Build) -> SafeString:
        where = f"{build.spec['distribution']} {build.spec['version']} {build.spec['target']}"
        return format_html('{}<span class="farm-under">{}</span>', build.spec["profile"], where)

    @admin.display(description="queued", ordering="queued_at")
    def queued(self, build: Build) -> SafeString:
        return format_html('<span class="farm-when">{}</span>', f"{build.queued_at:%Y-%m-%d %H:%M}")

    @admin.display(description="worker", ordering="worker__name")
    def by(self, build: Build) -> str:
        return visible(build.worker.name) if build.worker else ""

    @admin.display(description="took", ordering="seconds")
    def duration(self, build: Build) -> SafeString:
        took = f"{build.seconds:.1f} s" if build.seconds is not None else ""
        return format_html('<span class="farm-when">{}</span>', took)

    # -- the page ------------------------------------------------------------------------------------------

    def parts_of(self, request: HttpRequest, row: Build) -> Parts:
        is_running = row.state == State.BUILDING
        return {
            "head": self.part("build/_head.html", **_stand(row), forecast=_forecast(row), took=_took(row)),
            "buttons": self.part("_buttons.html", orders=_buttons(row) if self.may_press(request) else ()),
            "log": self.part("build/_log.html", log=log_tail(row, _LOG_BYTES)) if is_running else SafeString(""),
            "attempts": self.part("build/_attempts.html", attempts=_attempts(row)),
        }

    def is_over(self, row: Build) -> bool:
        return row.state not in OPEN

    @admin.display(description="spec")
    def wanted(self, build: Build) -> SafeString:
        """Without the first-boot script and what stands in files: people put passwords there."""
        script = build.spec.get("defaults") or ""
        shown = {**build.spec, "defaults": f"({len(script)} characters, not shown)"} if script else {**build.spec}
        if files := shown.get("files"):
            shown["files"] = [{**file, "content": "(not shown)"} for file in files]
        return _pre(json.dumps(shown, indent=1))

    @admin.display(description="command")
    def command(self, build: Build) -> SafeString:
        return _pre(" ".join(build.build_cmd))

    @admin.display(description="output")
    def output(self, build: Build) -> SafeString:
        return _pre(tail(build.stdout, _MOST_LOG))

    @admin.display(description="errors")
    def errors(self, build: Build) -> SafeString:
        return _pre(tail(build.stderr, _MOST_LOG))

    # -- buttons -------------------------------------------------------------------------------------------

    def press(self, request: HttpRequest, row: Build) -> HttpResponse | None:
        moves = {"retry": self.retry, "cancel": self.cancel}
        move = moves.get(request.POST.get("order", ""))
        if move is None:
            self.message_user(request, "There is no such button. Load the page again.", messages.ERROR)
        else:
            move(request, [row])
        return None

    @admin.action(description="Build again (failed, expired, dropped or parked)", permissions=["act"])
    def retry(self, request: HttpRequest, builds: Any) -> None:
        self._move(request, list(builds), queue.retry, "queued again", "Queued again.")

    @admin.action(description="Cancel (waiting or running)", permissions=["act"])
    def cancel(self, request: HttpRequest, builds: Any) -> None:
        what = "cancelled; a worker that builds hears of it within seconds"
        self._move(request, list(builds), queue.cancel, what, "Cancelled.")

    def _move(
        self, request: HttpRequest, builds: list[Build], move: Callable[[Build], bool], what: str, entry: str
    ) -> None:
        moved = [build for build in builds if move(build)]
        if moved:
            self.note(request, moved, entry)
            self.message_user(request, f"{_builds(len(moved))} {what}.", messages.SUCCESS)
        if left := len(builds) - len(moved):
            sentence = (
                f"{_builds(left)} left alone: {'its state allows' if left == 1 else 'their states allow'} no such move."
            )
            self.message_user(request, sentence, messages.WARNING)


def _builds(count: int) -> str:
    return f"{count} build{'' if count == 1 else 's'}"


def _stand(build: Build) -> dict[str, Any]:
    state = State(build.state)
    return {
        "build": build,
        "look": words.LOOKS[state],
        "meaning": words.STATES[state],
        "phase": words.PHASES.get(build.phase, build.phase),
        "is_running": state == State.BUILDING,
    }


def _buttons(build: Build) -> list[dict[str, Any]]:
    if build.state in _RETRIABLE:
        return [{"name": "retry", "label": "Build again", "hint": "Into the queue at once, with all attempts"}]
    if build.state in OPEN and not build.cancel_requested:
        return [{"name": "cancel", "label": "Cancel", "hint": "It fails as cancelled", "is_grave": True}]
    return []


def _forecast(build: Build) -> str:
    """When a waiting build will begin."""
    if build.state != State.QUEUED:
        return ""
    forecast = waiting.of(build)
    first = forecast.position
    place = f"{_builds(first)} go{'es' if first == 1 else ''} first." if first else "It is the next one."
    if forecast.seconds is None:
        return f"{place} No worker that is there may build it: see their labels, and whether any takes builds."
    return f"{place} It should begin in about {length(forecast.seconds)}."


def _took(build: Build) -> str:
    if build.started_at is None:
        return ""
    end = build.finished_at or clock.now()
    return length(max(timedelta(), end - build.started_at).total_seconds())


def _attempts(build: Build) -> list[dict[str, Any]]:
    return [attempt_row(row) for row in build.attempt_set.select_related("worker").order_by("-epoch")[:50]]


def _pre(text: str) -> SafeString:
    return format_html('<pre class="farm-log is-plain">{}</pre>', visible_lines(text)) if text else SafeString("")
