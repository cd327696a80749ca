"""What waits for somebody's decision, each with the place where it is decided."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Exists, OuterRef, Sum
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext

from builders.models import Build, ImageBuilder, JoinToken, Worker
from builders.shown import visible
from builders.states import State
from packages import roles, throttle
from packages.models import Distribution, DistributionKey, Release
from packages.versions import newest_first

_MOST = 5  # of one kind
_UNUSED_DAYS = 90


@dataclass(frozen=True, slots=True)
class Decision:
    """A sentence and where to go. `button`: what can be done right here, as the form that it belongs to and a value."""

    look: str  # bad, wait or quiet
    sentence: str
    url: str
    label: str
    button: tuple[str, str, str] | None = None  # its form or address, value, label


def waiting(user: Any, unserved: int, disk_trouble: str) -> list[Decision]:
    """For this person: the gravest first."""
    found = [decision for ask in _QUESTIONS for decision in ask(user)]
    if disk_trouble:
        found.insert(0, Decision("bad", disk_trouble, _list("builders_imagebuilder"), gettext("ImageBuilders")))
    if unserved:
        sentence = ngettext(
            "%(n)d waiting build has no worker: none that is there has labels that fit.",
            "%(n)d waiting builds have no worker: none that is there has labels that fit.",
            unserved,
        )
        url = _list("builders_build", state__exact=State.QUEUED.value)
        found.insert(0, Decision("bad", sentence % {"n": unserved}, url, gettext("Show them")))
    return sorted(found, key=lambda decision: ("bad", "wait", "quiet").index(decision.look))


# -- the farm ----------------------------------------------------------------------------------------------


def _pending_workers(user: Any) -> Iterator[Decision]:
    if not user.has_perm("builders.view_worker"):
        return
    may_approve = user.has_perm("builders.change_worker")
    rows = Worker.objects.filter(standing=Worker.Standing.PENDING).order_by("created_at")
    for row in rows.only("name", "address")[:_MOST]:
        press = reverse("admin:builders_worker_press", args=[row.pk])
        where = gettext(" from %(address)s") % {"address": visible(row.address)} if row.address else ""
        sentence = gettext("The worker %(name)s%(where)s asks to join.") % {"name": visible(row.name), "where": where}
        button = (press, "approve", gettext("Approve")) if may_approve else None
        yield Decision("wait", sentence, _page("builders_worker", row.pk), gettext("Look at it"), button)


def _suspended_workers(user: Any) -> Iterator[Decision]:
    if not user.has_perm("builders.view_worker"):
        return
    rows = Worker.objects.filter(standing=Worker.Standing.SUSPENDED).order_by("name")
    for row in rows.only("name", "standing_why")[:_MOST]:
        sentence = gettext("The worker %(name)s is suspended: %(why)s") % {
            "name": visible(row.name),
            "why": visible(row.standing_why) or gettext("no reason was given."),
        }
        yield Decision("bad", sentence, _page("builders_worker", row.pk), gettext("Decide"))


def _parked_builds(user: Any) -> Iterator[Decision]:
    if not user.has_perm("builders.view_build"):
        return
    count = roles.only_seen(user, Build.objects.filter(state=State.PARKED)).count()
    if count:
        sentence = ngettext(
            "%(n)d build was put aside: two workers went down under it.",
            "%(n)d builds were put aside: two workers went down under each.",
            count,
        )
        url = _list("builders_build", state__exact=State.PARKED.value)
        yield Decision("bad", sentence % {"n": count}, url, gettext("Decide"))


def _imagebuilders(user: Any) -> Iterator[Decision]:
    if not user.has_perm("builders.view_imagebuilder"):
        return
    rows = roles.only_seen(user, ImageBuilder.objects.order_by())
    broken = rows.filter(status=ImageBuilder.Status.BROKEN).count()
    if broken:
        sentence = ngettext("%(n)d ImageBuilder is broken.", "%(n)d ImageBuilders are broken.", broken)
        url = _list("builders_imagebuilder", status__exact="broken")
        yield Decision("wait", sentence % {"n": broken}, url, gettext("Show them"))
    since = timezone.now() - timedelta(days=_UNUSED_DAYS)
    old = rows.filter(status=ImageBuilder.Status.READY, last_used_at__lt=since)
    found = old.aggregate(count=Count("id"), bytes=Sum("disk_bytes"))
    if found["count"]:
        sentence = ngettext(
            "%(n)d ImageBuilder was not used in %(days)d days and takes %(size)s; it goes when its room is needed.",
            "%(n)d ImageBuilders were not used in %(days)d days and take %(size)s; they go when their room is needed.",
            found["count"],
        ) % {"n": found["count"], "days": _UNUSED_DAYS, "size": filesizeformat(found["bytes"])}
        yield Decision("quiet", sentence, _list("builders_imagebuilder"), gettext("Show them"))


def _join_tokens(user: Any) -> Iterator[Decision]:
    if not user.has_perm("builders.view_jointoken"):
        return
    now = timezone.now()
    soon = JoinToken.objects.filter(used_at=None, expires_at__gt=now, expires_at__lt=now + timedelta(hours=24))
    if count := soon.count():
        sentence = ngettext(
            "%(n)d token to join with ends within a day, unused.",
            "%(n)d tokens to join with end within a day, unused.",
            count,
        )
        yield Decision("quiet", sentence % {"n": count}, _list("builders_jointoken"), gettext("Show them"))


# -- the catalogue -----------------------------------------------------------------------------------------


def _stale_mirrors(user: Any) -> Iterator[Decision]:
    rows = _distributions(user).filter(stale_since__isnull=False).order_by("stale_since")
    for row in rows[:_MOST]:
        sentence = gettext("The mirror of %(name)s fails since %(since)s: %(why)s") % {
            "name": row,
            "since": f"{row.stale_since:%Y-%m-%d %H:%M}",
            "why": visible(row.sync_error[:200]) or gettext("no reason was told."),
        }
        may = user.has_perm("packages.change_distribution") and roles.may_change(user, row)
        button = ("sync-now", str(row.pk), gettext("Sync now")) if may else None
        yield Decision("bad", sentence, _page("packages_distribution", row.pk), gettext("Look at it"), button)


def _unpinned(user: Any) -> Iterator[Decision]:
    pinned = DistributionKey.objects.filter(distribution=OuterRef("pk"), is_enabled=True)
    rows = _distributions(user).filter(~Exists(pinned), url__startswith="http").order_by("name")
    for row in rows[:_MOST]:
        sentence = gettext("No key of %(name)s is pinned: what its mirror sends is taken unsigned.") % {"name": row}
        yield Decision("wait", sentence, _page("packages_distribution", row.pk), gettext("Pin a key"))


def _new_releases(user: Any) -> Iterator[Decision]:
    """Those that a sync found where new ones wait for somebody."""
    rows = Release.objects.filter(distribution__in=_distributions(user), awaits_decision=True, vanished_at=None)
    by_distribution: dict[int, list[str]] = {}
    for pk, version in rows.order_by("distribution").values_list("distribution", "version"):
        by_distribution.setdefault(pk, []).append(version)
    names = {row.pk: str(row) for row in Distribution.objects.filter(pk__in=by_distribution)}
    for pk, found in list(by_distribution.items())[:_MOST]:
        sentence = ngettext(
            "%(name)s has a new release that is not offered yet: %(some)s.",
            "%(name)s has %(n)d new releases that are not offered yet: %(some)s.",
            len(found),
        ) % {"n": len(found), "name": names[pk], "some": ", ".join(newest_first(found)[:_MOST])}
        url = _list("packages_release", distribution__id__exact=pk, awaits_decision__exact=1)
        yield Decision("wait", sentence, url, gettext("Decide"))


def _distributions(user: Any) -> Any:
    if not user.has_perm("packages.view_distribution"):
        return Distribution.objects.none()
    return roles.only_seen(user, Distribution.objects.filter(is_enabled=True))


# -- people ------------------------------------------------------------------------------------------------


def _blocked_sign_ins(user: Any) -> Iterator[Decision]:
    if not roles.standing_of(user).is_operator:
        return
    if count := throttle.blocked().count():
        sentence = ngettext(
            "Signing in is blocked for a while in %(n)d case, after too many attempts.",
            "Signing in is blocked for a while in %(n)d cases, after too many attempts.",
            count,
        )
        yield Decision("wait", sentence % {"n": count}, _list("packages_signintrouble"), gettext("Show them"))


_QUESTIONS: tuple[Callable[[Any], Iterator[Decision]], ...] = (
    *(_pending_workers, _suspended_workers, _parked_builds, _stale_mirrors, _unpinned, _new_releases),
    *(_blocked_sign_ins, _imagebuilders, _join_tokens),
)


def _page(name: str, pk: int) -> str:
    return reverse(f"admin:{name}_change", args=[pk])


def _list(name: str, **query: object) -> str:
    return reverse(f"admin:{name}_changelist") + (f"?{urlencode(query)}" if query else "")
