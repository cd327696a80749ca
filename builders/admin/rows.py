"""Devices, attempts and running logs, as the lists and pages of the admin show them."""

from typing import Any, Protocol

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from builders import livelog
from builders.admin import words
from builders.models import Attempt, Build
from builders.shown import length, tail, visible, visible_lines


class _Placed(Protocol):
    """A build or a request: what is for one device."""

    distribution: Any
    version: Any
    target: Any
    profile: Any


def device_cell(row: _Placed) -> SafeString:
    """The device, and below it the release and target."""
    where = f"{row.distribution} {row.version} {row.target}"
    return format_html('{}<span class="farm-under">{}</span>', visible(row.profile), visible(where))


def log_tail(build: Build, most: int) -> str:
    """The end of what a running build has said."""
    said, _ = livelog.read(build.pk, build.epoch, -most, most)
    return visible_lines(tail(said.decode("utf-8", "replace"), most - 4))


def attempt_row(attempt: Attempt) -> dict[str, Any]:
    """One lease, for a table."""
    end = attempt.ended_at or timezone.now()
    return {
        "attempt": attempt,
        "took": length((end - attempt.started_at).total_seconds()),
        "word": words.outcome(attempt.outcome),
        "look": words.look_of_outcome(attempt.outcome),
    }
