"""Attempts: each lease of a build, who had it, and how it ended."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from builders.admin import words
from builders.admin.filters import OutcomeFilter, WorkerFilter
from builders.admin.rows import attempt_row, device_cell
from builders.models import Attempt
from builders.shown import visible
from packages.admin import ReadOnly
from packages.lists.fast import FastList


@admin.register(Attempt)
class AttemptAdmin(ReadOnly, FastList):
    list_display = ("build_link", "what", "worker_link", "outcome_cell", "began", "took")
    list_display_links = None
    list_filter = (OutcomeFilter, WorkerFilter)
    list_select_related = ("build", "worker")
    searched = {"build__spec_hash": "hash"}
    search_help_text = "The beginning of a build's hash"
    deferred = tuple(f"build__{name}" for name in ("spec", "canonical", "stdout", "stderr", "build_cmd", "sentence"))
    fields = ("build", "epoch", "worker", "worker_name", "slot", "started_at", "ended_at", "outcome")

    class Media:
        css = {"all": ["admin-farm.css"]}

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        return super().changelist_view(request, {"title": "Attempts", **(extra_context or {})})

    @admin.display(description="build")
    def build_link(self, attempt: Attempt) -> SafeString:
        url = reverse("admin:builders_build_change", args=[attempt.build_id])
        return format_html('<a href="{}">{}</a>', url, attempt.build.spec_hash[:12])

    @admin.display(description="image")
    def what(self, attempt: Attempt) -> SafeString:
        return device_cell(attempt.build)

    @admin.display(description="worker")
    def worker_link(self, attempt: Attempt) -> str:
        if attempt.worker_id is None:
            return visible(attempt.worker_name)
        url = reverse("admin:builders_worker_change", args=[attempt.worker_id])
        return format_html('<a href="{}">{}</a>', url, visible(attempt.worker_name))

    @admin.display(description="outcome")
    def outcome_cell(self, attempt: Attempt) -> SafeString:
        look = words.look_of_outcome(attempt.outcome)
        word = visible(words.outcome(attempt.outcome))
        return format_html('<span class="farm-badge is-{}">{}</span>', look, word)

    @admin.display(description="began")
    def began(self, attempt: Attempt) -> SafeString:
        return format_html('<span class="farm-when">{}</span>', f"{attempt.started_at:%Y-%m-%d %H:%M}")

    @admin.display(description="took")
    def took(self, attempt: Attempt) -> str:
        return str(attempt_row(attempt)["took"])
