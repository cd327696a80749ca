"""Attempts and running logs, as the pages of builds and of workers show them."""

from typing import Any

from django.utils import timezone

from builders import livelog
from builders.admin import words
from builders.models import Attempt, Build
from builders.shown import length, tail, visible_lines


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
