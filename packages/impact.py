"""How much hangs on releases: said to a maintainer before something is decided about them."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext, ngettext_lazy

from packages.models import Profile, Release, Target

MOST = 10_000  # counted further than that nothing is: people need no more, and it costs

Places = Sequence[tuple[str, str]]  # distribution and version
Counter = Callable[[Places], Iterable[str]]
_counters: list[Counter] = []


def count_by(counter: Counter) -> None:
    """Apps that know what was asked for and built tell of it. Called once, when the apps are ready."""
    if counter not in _counters:
        _counters.append(counter)


_RELEASES = ngettext_lazy("%(count)s release", "%(count)s releases", "n")
_TARGETS = ngettext_lazy("%(count)s target", "%(count)s targets", "n")
_DEVICES = ngettext_lazy("%(count)s known device", "%(count)s known devices", "n")
_OF_FLAVOURS = ngettext_lazy("%(count)s release of a flavour", "%(count)s releases of flavours", "n")


def of(releases: "QuerySet[Release]") -> list[str]:
    """Each a count in words, `14 targets`; zeros are left out."""
    chosen = list(releases.order_by().values_list("pk", flat=True))
    found = [words(len(chosen), _RELEASES)] if len(chosen) != 1 else []
    found += [
        words(bounded(Target.objects.filter(release__in=chosen, is_enabled=True)), _TARGETS),
        words(bounded(Profile.objects.filter(target__release__in=chosen)), _DEVICES),
        words(bounded(Release.objects.filter(built_on__in=chosen, is_enabled=True)), _OF_FLAVOURS),
    ]
    return [*filter(None, found), *asked(releases)]


def asked(releases: "QuerySet[Release]") -> list[str]:
    """Only what was asked for and built of them."""
    places = list(releases.order_by().values_list("distribution__name", "version"))
    return [text for counter in _counters for text in counter(places) if text]


Wishes = Callable[[str, Sequence[str]], int]
_wishes: list[Wishes] = []
RECENT = 1000  # requests that are looked through for a package


def wishes_by(counter: Wishes) -> None:
    """How many of the last `RECENT` requests for a distribution name one of some packages."""
    if counter not in _wishes:
        _wishes.append(counter)


def wished_for(distribution: str, packages: Sequence[str]) -> int:
    """How many of the last `RECENT` requests for it name one of these."""
    return sum(counter(distribution, packages) for counter in _wishes)


def bounded(rows: "QuerySet[object]", most: int = MOST) -> int:  # type: ignore[type-var]
    """How many, up to one more than `most`."""
    return rows.order_by()[: most + 1].count()


def number(count: int, most: int = MOST) -> str:
    """`14`, `more than 1,000`; "" for none."""
    if count > most:
        return gettext("more than %(most)s") % {"most": f"{most:,}"}
    return f"{count:,}" if count else ""


def words(count: int, message: Any, most: int = MOST) -> str:
    """`14 targets`; "" for none. The message: of `ngettext_lazy`, by "n", with a place for `count`."""
    return str(message % {"n": count if count <= most else 2, "count": number(count, most)}) if count else ""
