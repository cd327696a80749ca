"""The list of a whole image in few words: what it has beside the defaults, and what it lacks of them."""

from collections import defaultdict
from collections.abc import Collection, Iterable

from packages import catalogue
from packages.essential import VIRTUAL, essential_among
from packages.models import Package
from packages.parsing.types import alternatives
from packages.target_catalogue import TargetCatalogue, default_image
from packages.upgrades.devices import Verdict
from packages.visibility import PUBLIC, Viewer

_Needs = dict[str, set[str]]


def in_words(verdict: Verdict, viewer: Viewer = PUBLIC) -> list[str]:
    """The verdict's packages as a request on top of the defaults has them: `name` adds one, `-name` takes one away.

    What others of them need comes by itself and is not named.
    """
    listed = list(verdict.packages or ())
    if not verdict.is_absolute or not verdict.profile:
        return listed
    snapshot = catalogue.find(verdict.distribution, verdict.version, verdict.target, viewer)
    defaults = default_image(snapshot, snapshot.profiles.get(verdict.profile))
    kept = VIRTUAL | essential_among(snapshot.default_packages)
    gone = [f"-{name}" for name in defaults if name not in listed and name not in kept]
    return [*_chosen(snapshot, listed, defaults), *gone]


def _chosen(snapshot: TargetCatalogue, listed: list[str], defaults: Collection[str]) -> list[str]:
    needs = _needs(snapshot, listed)
    needed = {other for name in listed for other in needs[name] if other != name}
    chosen = [name for name in listed if name not in defaults and name not in needed and name not in VIRTUAL]
    there = _with_needs([*defaults, *chosen], needs)
    # Packages that need each other and nothing else needs: each was taken for the other's.
    for name in listed:
        if name not in there and name not in VIRTUAL:
            chosen.append(name)
            there |= _with_needs([name], needs)
    return chosen


def _needs(snapshot: TargetCatalogue, names: list[str]) -> _Needs:
    """What each needs for sure; where one of several would do, it names none."""
    rows = list(
        Package.objects.filter(feed__targets=snapshot.target_id, name__in=names).values_list(
            "name", "full_name", "depends"
        )
    )
    short = {full_name: name for name, full_name, _ in rows}
    found: _Needs = defaultdict(set)
    for name, _, depends in rows:
        for item in depends:
            needed = list(alternatives(item))
            if len(needed) == 1 and item[:1] != "!":
                found[name].add(short.get(needed[0], needed[0]))
    return found


def _with_needs(names: Iterable[str], needs: _Needs) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += needs[name]
    return found
