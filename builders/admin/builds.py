"""Builds: where they stand, how far they are, what became of them; buttons start them anew and cancel them."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from builders import clock, queue, waiting
from builders.admin import logs, sentences, words
from builders.admin.filters import ReasonFilter, StateFilter, WorkerFilter
from builders.admin.live import LiveAdmin, Parts
from builders.admin.rows import attempt_row, device_cell, log_tail
from builders.models import Build, ImageBuilder
from builders.shown import length, visible, visible_lines
from builders.states import OPEN, State
from packages.admin import ReadOnly
from packages.lists.fast import SEARCH_HELP, FastList
from packages.lists.filters import DaysOfIds, DistributionFilter, ProfileFilter, TargetFilter, VersionFilter

_LOG_BYTES = 16 * 1024  # of a running build
_RETRIABLE = (State.FAILED, State.EXPIRED, State.DROPPED, State.PARKED)


@admin.register(Build)
class BuildAdmin(ReadOnly, FastList, LiveAdmin):
    list_display = ("short_hash", "state_cell", "what", "by", "queued")
    list_filter = (
        *(StateFilter, ReasonFilter, DaysOfIds, DistributionFilter, VersionFilter, TargetFilter, ProfileFilter),
        WorkerFilter,
    )
    list_select_related = ("worker",)
    searched = {"spec_hash": "hash", "profile": "text", "target": "text", "version": "text"}
    search_help_text = SEARCH_HELP
    sortable_by = ("short_hash",)
    orders = ("retry", "cancel", "refuse")
    deferred = ("spec", "canonical", "stdout", "stderr", "build_cmd")
    live_columns = ("state",)
    actions: Any = ("retry", "cancel", "refuse")
    fieldsets = (
        ("What", {"fields": ("spec_hash", "wanted", "command")}),
        ("Its turn", {"fields": ("priority", "turn", "epoch", "attempts", "lease_until", "polled_at")}),
        ("Times", {"fields": ("created_at", "queued_at", "started_at", "finished_at", "seconds")}),
    )

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

    @admin.display(description="state")
    def state_cell(self, build: Build) -> str:
        return self.cell("state", build)

    def state_html(self, build: Build) -> str:
        return self.part("build/_state.html", **_stand(build))

    @admin.display(description="image")
    def what(self, build: Build) -> SafeString:
        return device_cell(build)

    @admin.display(description="queued")
    def queued(self, build: Build) -> SafeString:
        """And how long it took."""
        took = f"took {build.seconds:.1f} s" if build.seconds is not None else ""
        at = f"{build.queued_at:%Y-%m-%d %H:%M}"
        return format_html('<span class="farm-when">{}</span><span class="farm-under">{}</span>', at, took)

    @admin.display(description="worker")
    def by(self, build: Build) -> str:
        return visible(build.worker.name) if build.worker else ""

    # -- the page ------------------------------------------------------------------------------------------

    def parts_of(self, request: HttpRequest, row: Build) -> Parts:
        is_running = row.state == State.BUILDING
        return {
            "head": self.part("build/_head.html", **_stand(row), forecast=_forecast(row), took=_took(row)),
            "buttons": self.part("_buttons.html", orders=self.buttons_of(request, row)),
            "log": self.part("build/_log.html", log=log_tail(row, _LOG_BYTES)) if is_running else SafeString(""),
            "attempts": self.part("build/_attempts.html", attempts=_attempts(row)),
        }

    def buttons_of(self, request: HttpRequest, row: Build) -> list[dict[str, Any]]:
        """What can be done with it."""
        return _buttons(row) if self.has_act_permission(request) else []

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

    # -- the log -------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        whole = self.admin_site.admin_view(require_safe(self._whole_log))
        return [path("<int:pk>/log.txt", whole, name="builders_build_log"), *super().get_urls()]

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """With what it said, and where else to look."""
        if (row := context.get("original")) is not None:
            find = request.GET.get("find", "").strip()
            find = find[: logs.LONGEST_SEARCH] if find.isprintable() else ""
            texts = (("Output", row.stdout), ("Messages", row.stderr))
            context |= {
                "logs": [logs.show(name, text, find) for name, text in texts if text.strip()],
                "find": find,
                "whole_url": reverse("admin:builders_build_log", args=[row.pk]),
                "links": self.links_of(request, row),
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def links_of(self, request: HttpRequest, row: Build) -> list[tuple[str, str]]:
        """Other pages about the same, each with what it is called."""
        device = {"profile": row.profile, "target": row.target, "distribution": row.distribution}
        builds = f"{reverse('admin:builders_build_changelist')}?{urlencode(device)}"
        links = [("Other builds for this device", builds)]
        archive = ImageBuilder.objects.filter(sha256=row.imagebuilder).values_list("pk", flat=True).first()
        if archive is not None and request.user.has_perm("builders.view_imagebuilder"):
            links.append(("Its ImageBuilder", reverse("admin:builders_imagebuilder_change", args=[archive])))
        return links

    def _whole_log(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._row(request, pk)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        text = visible_lines(f"{' '.join(row.build_cmd)}\n\n{row.stdout}\n{row.stderr}")
        return HttpResponse(text, content_type="text/plain; charset=utf-8")

    # -- buttons -------------------------------------------------------------------------------------------

    @admin.action(description="Build again (failed, expired, dropped or parked)", permissions=["act"])
    def retry(self, request: HttpRequest, builds: Any) -> None:
        self._move(request, list(builds), queue.retry, "queued again", "Queued again.")

    @admin.action(description="Cancel (waiting or running)", permissions=["act"])
    def cancel(self, request: HttpRequest, builds: Any) -> None:
        what = "cancelled; a worker that builds hears of it within seconds"
        self._move(request, list(builds), queue.cancel, what, "Cancelled.")

    @admin.action(description="Refuse for good, with a public sentence (parked)", permissions=["act"])
    def refuse(self, request: HttpRequest, builds: Any) -> HttpResponse | None:
        rows = list(builds)
        parked = [build for build in rows if build.state == State.PARKED]
        sentence = sentences.said(request)
        if parked and not sentences.is_fine(sentence):
            return sentences.ask(self, request, _refusal(rows, parked))
        self._move(request, rows, lambda build: queue.refuse(build, sentence), "refused", f"Refused: {sentence}")
        return None

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
        "who": _who_waits(build),
    }


def _buttons(build: Build) -> list[dict[str, Any]]:
    if build.state == State.PARKED:
        release = {
            "name": "retry",
            "label": "Release",
            "hint": "Into the queue at once: it may take down workers again",
        }
        refuse = {"name": "refuse", "label": "Refuse …", "hint": "It fails, with your sentence", "is_grave": True}
        return [release, refuse]
    if build.state in _RETRIABLE:
        return [{"name": "retry", "label": "Build again", "hint": "Into the queue at once, with all attempts"}]
    if build.state in OPEN and not build.cancel_requested:
        return [{"name": "cancel", "label": "Cancel", "hint": "It fails as cancelled", "is_grave": True}]
    return []


def _who_waits(build: Build) -> str:
    """Of a build that is under way: who wants it, and when somebody last asked."""
    if build.state not in OPEN:
        return ""
    who = "several clients" if build.is_shared else "one client" if build.client else "a maintainer"
    if build.polled_at is None:
        return who
    return f"{who}, {length(max(timedelta(), clock.now() - build.polled_at).total_seconds())} ago"


def _refusal(rows: list[Build], parked: list[Build]) -> sentences.Question:
    return sentences.Question(
        name="refuse",
        title="Refuse to build",
        button=f"Refuse {_builds(len(parked))}",
        effects=[
            "It fails with your sentence, on its page and in the answers to routers.",
            "Who asks for the same again within a day (ASU_USER_FAILURE_TTL) hears the sentence again.",
        ],
        suggestions=[
            "This image cannot be built here: building it crashes the machines that try.",
            "This combination of packages does not work on this release; please choose others.",
        ],
        rows=parked,
        labels=[f"{build.spec_hash[:12]} {build.profile}, {build.version} {build.target}" for build in parked],
        left_alone=[
            f"{build.spec_hash[:12]} is left alone: it is {build.state}." for build in rows if build not in parked
        ],
    )


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
    return (
        format_html('<pre class="farm-log is-plain" tabindex="0">{}</pre>', visible_lines(text))
        if text
        else SafeString("")
    )
