"""How much hangs on releases: said to a maintainer before something is decided about them."""

from collections.abc import Callable, Iterable, Sequence

from django.db.models import QuerySet

from packages.models import Profile, Release, Target

MOST = 10_000  # counted further than that nothing is: people need no more, and it costs

Places = Sequence[tuple[str, str]]  # distribution and version
Counter = Callable[[Places], Iterable[str]]
_counters: list[Counter] = []


def count_by(counter: Counter) -> None:
    """Apps that know what was asked for and built tell of it. Called once, when the apps are ready."""
    if counter not in _counters:
        _counters.append(counter)


def of(releases: "QuerySet[Release]") -> list[str]:
    """Each a count in words, `14 targets`; zeros are left out."""
    chosen = list(releases.order_by().values_list("pk", flat=True))
    found = [words(len(chosen), "release", "releases")] if len(chosen) != 1 else []
    found += [
        words(bounded(Target.objects.filter(release__in=chosen, is_enabled=True)), "target", "targets"),
        words(bounded(Profile.objects.filter(target__release__in=chosen)), "known device", "known devices"),
        words(
            bounded(Release.objects.filter(built_on__in=chosen, is_enabled=True)),
            "release of a flavour",
            "releases of flavours",
        ),
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


def words(count: int, one: str, many: str, most: int = MOST) -> str:
    """`14 targets`; "" for none."""
    if count > most:
        return f"more than {most:,} {many}"
    return f"{count:,} {one if count == 1 else many}" if count else ""
