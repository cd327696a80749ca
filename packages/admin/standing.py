"""How rows of the catalogue stand, in a word or two each."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext

from packages.models import Release, Synced, SyncRun, Target


@dataclass(frozen=True, slots=True)
class Badge:
    """A word; `look` is one of static/admin-farm.css."""

    look: str
    word: str
    meaning: str = ""


_RUNS = {
    SyncRun.State.QUEUED: "wait",
    SyncRun.State.RUNNING: "busy",
    SyncRun.State.DONE: "good",
    SyncRun.State.FAILED: "bad",
    SyncRun.State.BROKEN_OFF: "bad",
    SyncRun.State.REFUSED: "quiet",
}


def of_run(run: SyncRun) -> Badge:
    """How a sync stands."""
    return Badge(_RUNS[SyncRun.State(run.state)], run.get_state_display())


def badges(row: Any) -> list[Badge]:
    """Everything worth knowing, the most important first."""
    found = [_offer(row)]
    if getattr(row, "is_hidden", False):
        found.append(Badge("quiet", gettext("hidden"), gettext("In no list; built for who names it.")))
    if isinstance(row, Release):
        found += _of_release(row)
    if isinstance(row, Synced):
        found += _of_copy(row)
    return found


def _offer(row: Any) -> Badge:
    if getattr(row, "awaits_decision", False):
        return Badge(
            "wait",
            gettext("waits for a decision"),
            gettext("New on the mirror. It is not offered until somebody says so."),
        )
    if row.is_enabled and isinstance(row, Release) and not row.channel.is_enabled:
        return Badge("quiet", gettext("channel disabled"), gettext("Its channel is disabled, and it with it."))
    if row.is_enabled:
        return Badge("good", gettext("on offer"))
    if getattr(row, "vanished_at", None):
        return Badge(
            "quiet",
            gettext("gone from the mirror"),
            gettext("Since %(day)s. If it comes back it is offered.") % {"day": f"{row.vanished_at:%Y-%m-%d}"},
        )
    return Badge("quiet", gettext("disabled"), gettext("By hand: no sync enables it."))


def _of_release(row: Release) -> list[Badge]:
    found = []
    if row.version == row.distribution.stable_version:
        by_hand = row.version == row.distribution.chosen_stable
        found.append(
            Badge("good", gettext("stable"), gettext("Chosen by hand.") if by_hand else gettext("By the mirror."))
        )
    if row.is_pinned:
        meaning = (
            gettext("The mirror lists it no longer.")
            if row.vanished_at
            else gettext("It stays whatever the mirror lists.")
        )
        found.append(Badge("wait" if row.vanished_at else "quiet", gettext("pinned"), meaning))
    return found


def _of_copy(row: Synced) -> list[Badge]:
    if row.stale_since:
        return [
            Badge(
                "bad",
                gettext("stale"),
                gettext("The mirror has failed since %(time)s.") % {"time": f"{row.stale_since:%Y-%m-%d %H:%M}"},
            )
        ]
    if isinstance(row, Target) and not row.is_complete:
        return [Badge("quiet", gettext("name only"), gettext("Its documents are read when somebody asks for it."))]
    return []
