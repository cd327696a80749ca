"""What people may have meant by the name of a package that a target does not have."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from packages.changes import Change, Offer, apply
from packages.models import Release
from packages.target_catalogue import TargetCatalogue
from packages.upgrades.history import History

MOST_NAMES = 8  # that are looked after in one go
_MOST_CLOSE = 3
_LENGTHS = 3  # how much longer or shorter a name may be that was mistyped


@dataclass(frozen=True, slots=True)
class Suggestion:
    """For one name: what took its place (`is_gone`: nothing did), else names that are like it."""

    name: str
    instead: tuple[str, ...] = ()
    close: tuple[str, ...] = ()
    is_gone: bool = False
    where: str = ""  # the release from which on
    why: str = ""


def suggest(names: Iterable[str], place: TargetCatalogue, known: Container[str]) -> list[Suggestion]:
    """For each of the first MOST_NAMES names."""
    asked = list(names)[:MOST_NAMES]
    if not asked:
        return []
    history = _history(place)
    return [_suggest(name, history, place, known) for name in asked]


def _history(place: TargetCatalogue) -> History | None:
    release = (
        Release.objects.select_related("channel", "distribution", "built_on__channel")
        .filter(targets=place.target_id)
        .first()
    )
    if release is None:  # it has just gone
        return None
    return History((release.distribution,), release, release, (place.version_code, place.version_code))


def _suggest(name: str, history: History | None, place: TargetCatalogue, known: Container[str]) -> Suggestion:
    if history is not None:
        found, applied = apply(
            [name], history.changes, Offer(known, frozenset()), lambda change: False, is_absolute=True
        )
        there = tuple(each for each in found if each in known)
        if applied and (there or not found):
            last: Change = applied[-1].change
            return Suggestion(name, there, is_gone=not there, where=last.where, why=last.why)
    return Suggestion(name, close=close_names(name, place.packages))


def close_names(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Names that are like it, the likeliest first."""
    low = name.lower()
    alike = [
        each
        for each in known
        if abs(len(each) - len(name)) <= _LENGTHS and (each[:1] == low[:1] or each[-3:] == low[-3:])
    ]
    found = get_close_matches(low, alike, n=_MOST_CLOSE, cutoff=0.7)
    if len(found) < _MOST_CLOSE and len(low) >= 3:
        longer = sorted((each for each in known if f"-{low}" in each or each.startswith(f"{low}-")), key=len)
        found = list(dict.fromkeys([*found, *longer]))[:_MOST_CLOSE]
    return tuple(found)
