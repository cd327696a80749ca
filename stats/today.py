"""The first page of the admin: how the day goes, and what waits for a decision. Its parts stay fresh.

Whoever looks sees what its role lets it see. Questions are bounded, whatever the number of builds.
"""

from collections import Counter
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.db.models import Count, F
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.safestring import SafeString

from builders import clock, farm
from builders.admin import words
from builders.models import Build, Worker
from builders.querysets import ONLINE_SECONDS, from_now
from builders.shown import length, visible
from builders.states import Reason, State
from packages import roles
from packages.models import Distribution
from stats import decisions, room_use
from stats.situation import DAY, state_of

_MOST_RUNNING = 10
_MOST_WORKERS = 10
_MOST_MIRRORS = 15
_MOST_REASONS = 8
_MOST_ENTRIES = 6


def parts(request: HttpRequest) -> dict[str, SafeString]:
    """Each box of the page, by name."""
    user: Any = request.user
    now, room = farm.look(), room_use.look()
    contexts: dict[str, dict[str, Any]] = {
        "decisions": {"decisions": decisions.waiting(user, now.unserved, room.trouble)},
        "queue": {"farm": now},
        "running": _running(user),
        "failures": _failures(user),
        "workers": _workers(user),
        "room": _room(room),
        "mirrors": _mirrors(user),
        "mine": {"entries": _entries(user)},
    }
    return {name: SafeString(render_to_string(f"admin/today/_{name}.html", found)) for name, found in contexts.items()}


def _entries(user: Any) -> Any:
    rows = LogEntry.objects.filter(user_id=user.pk, action_flag__in=(ADDITION, CHANGE, DELETION))
    return rows.select_related("content_type").order_by("-pk")[:_MOST_ENTRIES]


def _running(user: Any) -> dict[str, Any]:
    if not user.has_perm("builders.view_build"):
        return {"builds": []}
    rows = roles.only_seen(user, Build.objects.building()).select_related("worker").order_by("started_at")
    rows = rows.only(
        *("spec_hash", "distribution", "version", "target", "profile"),
        *("phase", "progress", "started_at", "cancel_requested", "worker__name"),
    )
    builds = list(rows[:_MOST_RUNNING])
    now = clock.now() if builds else None
    return {
        "builds": [
            {
                "build": row,
                "phase": words.PHASES.get(row.phase, row.phase),
                "took": length((now - row.started_at).total_seconds()) if now and row.started_at else "",
            }
            for row in builds
        ]
    }


def _failures(user: Any) -> dict[str, Any]:
    """Of the last 24 hours."""
    if not user.has_perm("builders.view_build"):
        return {"reasons": [], "done": 0, "failed": 0}
    lately = roles.only_seen(user, Build.objects.filter(finished_at__gt=from_now(-DAY)).order_by())
    done = lately.filter(state__in=(State.DONE, State.EXPIRED)).count()
    failed = lately.filter(state__in=(State.FAILED, State.PARKED)).values_list("reason").annotate(n=Count("id"))
    found = sorted(failed, key=lambda row: (-row[1], row[0]))
    most = max((count for _, count in found), default=1)
    return {
        "done": done,
        "failed": sum(count for _, count in found),
        "reasons": [_reason(word, count, most) for word, count in found[:_MOST_REASONS]],
        "more": max(0, len(found) - _MOST_REASONS),
    }


def _reason(word: str, count: int, most: int) -> dict[str, Any]:
    known = word in Reason.values()
    return {
        "label": Reason(word).label if known else word or "unknown",
        "is_users": known and Reason(word).is_users,
        "count": count,
        "width": max(1, round(100 * count / most)),
        "url": f"{reverse('admin:builders_build_changelist')}?{urlencode({'reason': word})}" if word else "",
    }


def _workers(user: Any) -> dict[str, Any]:
    if not user.has_perm("builders.view_worker"):
        return {"workers": []}
    rows = Worker.objects.filter(standing=Worker.Standing.APPROVED, seen_at__gt=from_now(-ONLINE_SECONDS))
    # The builds under way are few, those that a worker ever had are not: so no join.
    building = Counter(Build.objects.building().order_by().values_list("worker_id", flat=True))
    found = list(rows.only("name", "jobs", "standing", "desired", "complaint").order_by("name"))
    found.sort(key=lambda row: (not row.complaint, -building[row.pk], row.name))
    workers = [
        {
            "worker": row,
            "state": state_of(row),
            "look": _LOOKS.get(state_of(row), "wait"),
            "building": building[row.pk],
        }
        for row in found[:_MOST_WORKERS]
    ]
    return {"workers": workers, "has_more": len(found) > _MOST_WORKERS}


def _room(room: room_use.Room) -> dict[str, Any]:
    return {
        "room": room,
        "uses": [
            {
                "use": use,
                "percent": min(100, 100 * use.used // use.quota) if use.used is not None and use.quota else None,
            }
            for use in room.uses
        ],
        "used_percent": 100 - 100 * room.free // room.whole if room.whole else 0,
    }


def _mirrors(user: Any) -> dict[str, Any]:
    if not user.has_perm("packages.view_distribution"):
        return {"mirrors": []}
    rows = roles.only_seen(user, Distribution.objects.filter(is_enabled=True))
    # Those that fail first; NULLs are first on one database and last on the other.
    rows = rows.exclude(url="").order_by(F("stale_since").asc(nulls_last=True), "name")
    found = list(rows[: _MOST_MIRRORS + 1])
    may_sync = user.has_perm("packages.change_distribution")
    standing = roles.standing_of(user)
    mirrors = [
        {
            "row": row,
            "error": visible(row.sync_error[:300]),
            "may_sync": may_sync and (standing.is_operator or row.pk in standing.distributions),
        }
        for row in found[:_MOST_MIRRORS]
    ]
    return {"mirrors": mirrors, "has_more": len(found) > _MOST_MIRRORS}


_LOOKS = {"running": "good", "complaining": "bad"}
