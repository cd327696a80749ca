"""What a maintainer can decide about a row, when that makes sense, and what will happen then."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from packages import deciding
from packages.models import Release

Rows = QuerySet[Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """A button, and an action of a list."""

    name: str
    label: str
    hint: str  # what will happen
    makes_sense: Callable[[Any], bool]
    carry_out: Callable[[Rows], object]
    done: str  # the sentence afterwards; {names}
    is_grave: bool = False
    is_main: bool = False
    for_one: bool = False  # no action of a list


def _choose_stable(rows: Rows) -> None:
    for release in rows.select_related("channel", "distribution"):
        deciding.choose_stable(release)


def _is_listed(row: Any) -> bool:
    return row.is_enabled and not row.is_hidden


def _could_be_stable(release: Release) -> bool:
    return release.is_enabled and not release.is_snapshot and release.distribution.stable_version != release.version


DECISIONS = {
    decision.name: decision
    for decision in (
        Decision(
            "approve",
            "Offer it",
            "It is on offer from now on, as if new releases were offered by themselves.",
            lambda row: row.awaits_decision,
            lambda rows: deciding.switch(rows.filter(awaits_decision=True), True),
            "On offer now: {names}.",
            is_main=True,
        ),
        Decision(
            "decline",
            "Decline",
            "It stays off, and waits no longer. Enable it whenever you like.",
            lambda row: row.awaits_decision,
            deciding.decline,
            "Declined: {names}.",
        ),
        Decision(
            "enable",
            "Enable",
            "It is offered again, at once.",
            lambda row: not row.is_enabled and not getattr(row, "awaits_decision", False),
            lambda rows: deciding.switch(rows, True),
            "Enabled: {names}.",
        ),
        Decision(
            "disable",
            "Disable",
            "Requests for it are refused, at once. Images that were built stay. No sync enables it again.",
            lambda row: row.is_enabled or getattr(row, "vanished_at", None) is not None,
            lambda rows: deciding.switch(rows, False),
            "Disabled: {names}.",
            is_grave=True,
        ),
        Decision(
            "hide",
            "Hide",
            "No list has it and no device is led to it; who names it still gets images.",
            _is_listed,
            lambda rows: deciding.hide(rows, True),
            "Hidden: {names}.",
        ),
        Decision(
            "unhide",
            "List again",
            "Lists have it again, and devices are led to it.",
            lambda row: row.is_hidden,
            lambda rows: deciding.hide(rows, False),
            "Listed again: {names}.",
        ),
        Decision(
            "pin",
            "Pin",
            "It stays on offer with its targets, also when the mirror lists it no longer.",
            lambda row: row.is_enabled and not row.is_pinned,
            lambda rows: deciding.pin(rows, True),
            "Pinned: {names}.",
        ),
        Decision(
            "unpin",
            "Unpin",
            "It goes when the mirror lists it no longer; at once if that is so already.",
            lambda row: row.is_pinned,
            lambda rows: deciding.pin(rows, False),
            "No longer pinned: {names}.",
        ),
        Decision(
            "stable",
            "Make stable",
            "It is the stable release, whatever the mirror says, until you follow the mirror again.",
            _could_be_stable,
            _choose_stable,
            "The stable release is now {names}.",
            for_one=True,
        ),
    )
}


def for_row(row: Any, names: Iterable[str]) -> list[Decision]:
    """Those of these that make sense just now."""
    return [DECISIONS[name] for name in names if DECISIONS[name].makes_sense(row)]
