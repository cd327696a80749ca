"""What a maintainer can decide about a row, when that makes sense, and what will happen then."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from packages import deciding
from packages.models import Release

Rows = QuerySet[Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """A button, and an action of a list."""

    name: str
    label: "str | Promise"
    hint: "str | Promise"  # what will happen
    makes_sense: Callable[[Any], bool]
    carry_out: Callable[[Rows], object]
    done: "str | Promise"  # the sentence afterwards; {names}
    is_grave: bool = False
    is_main: bool = False
    for_one: bool = False  # no action of a list


def in_words(decision: Decision) -> str:
    """For a menu of actions, in the language of whoever reads it."""
    hint = str(decision.hint)
    return f"{decision.label}: {hint[0].lower()}{hint[1:]}"


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
            _("Offer it"),
            _("It is on offer from now on, as if new releases were offered by themselves."),
            lambda row: row.awaits_decision,
            lambda rows: deciding.switch(rows.filter(awaits_decision=True), True),
            _("On offer now: {names}."),
            is_main=True,
        ),
        Decision(
            "decline",
            _("Decline"),
            _("It stays off, and waits no longer. Enable it whenever you like."),
            lambda row: row.awaits_decision,
            deciding.decline,
            _("Declined: {names}."),
        ),
        Decision(
            "enable",
            _("Enable"),
            _("It is offered again, at once."),
            lambda row: not row.is_enabled and not getattr(row, "awaits_decision", False),
            lambda rows: deciding.switch(rows, True),
            _("Enabled: {names}."),
        ),
        Decision(
            "disable",
            _("Disable"),
            _("Requests for it are refused, at once. Images that were built stay. No sync enables it again."),
            lambda row: row.is_enabled or getattr(row, "vanished_at", None) is not None,
            lambda rows: deciding.switch(rows, False),
            _("Disabled: {names}."),
            is_grave=True,
        ),
        Decision(
            "hide",
            _("Hide"),
            _("No list has it and no device is led to it; who names it still gets images."),
            _is_listed,
            lambda rows: deciding.hide(rows, True),
            _("Hidden: {names}."),
        ),
        Decision(
            "unhide",
            _("List again"),
            _("Lists have it again, and devices are led to it."),
            lambda row: row.is_hidden,
            lambda rows: deciding.hide(rows, False),
            _("Listed again: {names}."),
        ),
        Decision(
            "pin",
            _("Pin"),
            _("It stays on offer with its targets, also when the mirror lists it no longer."),
            lambda row: row.is_enabled and not row.is_pinned,
            lambda rows: deciding.pin(rows, True),
            _("Pinned: {names}."),
        ),
        Decision(
            "unpin",
            _("Unpin"),
            _("It goes when the mirror lists it no longer; at once if that is so already."),
            lambda row: row.is_pinned,
            lambda rows: deciding.pin(rows, False),
            _("No longer pinned: {names}."),
        ),
        Decision(
            "stable",
            _("Make stable"),
            _("It is the stable release, whatever the mirror says, until you follow the mirror again."),
            _could_be_stable,
            _choose_stable,
            _("The stable release is now {names}."),
            for_one=True,
        ),
    )
}


def for_row(row: Any, names: Iterable[str]) -> list[Decision]:
    """Those of these that make sense just now."""
    return [DECISIONS[name] for name in names if DECISIONS[name].makes_sense(row)]
