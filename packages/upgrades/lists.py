"""What the list of packages that a device tells is meant as, and by which names the new release knows them."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping

from packages.essential import VIRTUAL
from packages.models import Package
from packages.target_catalogue import TargetCatalogue

_WHOLE = frozenset({"base-files", "busybox"})
_LIBRARY = re.compile(r"(?:lib|jansson)[A-Za-z0-9._+-]*")


def is_absolute(names: Iterable[str]) -> bool:
    """Whether a list is a whole image, what a router reports of itself, and not some wishes on top of the defaults."""
    return not _WHOLE.isdisjoint(names)


def short_names(names: Iterable[str], is_known: Callable[[str], bool], old_target: int | None) -> dict[str, str]:
    """Each name as the new release may know it: without the ABI suffix that old package managers keep in it
    (`libubox20230523`).

    By the index of the release that the device runs, where it is here; else a library's name is cut before a digit
    until it is known.
    """
    found = {name: name for name in names}
    strange = [name for name in found if name not in VIRTUAL and not is_known(name)]
    told = _told_by_index(strange, old_target)
    for name in strange:
        found[name] = told.get(name) or _cut(name, is_known)
    return found


def _told_by_index(names: list[str], old_target: int | None) -> Mapping[str, str]:
    if not names or old_target is None:
        return {}
    rows = Package.objects.filter(feed__targets=old_target, full_name__in=names)
    return dict(rows.values_list("full_name", "name"))


def _cut(name: str, is_known: Callable[[str], bool]) -> str:
    if not _LIBRARY.fullmatch(name):
        return name
    cuts = (name[:place].rstrip("-.") for place in range(len(name) - 1, 3, -1) if name[place].isdigit())
    return next((cut for cut in cuts if is_known(cut)), name)


def newly_default(
    catalogue: TargetCatalogue, defaults: Iterable[str], listed: Collection[str], old_defaults: Collection[str] | None
) -> list[str]:
    """Defaults of the new release that a whole image lacks and should get.

    Not what the device had by default and took out; and not what cannot be beside a package that it has.
    """
    lacking = [
        name
        for name in defaults
        if name not in listed and name not in VIRTUAL and (old_defaults is None or name not in old_defaults)
    ]
    barred = _barred(catalogue, lacking, listed) if lacking else frozenset()
    return [name for name in lacking if name not in barred]


def _barred(catalogue: TargetCatalogue, lacking: Collection[str], listed: Collection[str]) -> frozenset[str]:
    """Of the lacking those that exclude, or stand for the same as, a package of the list (dnsmasq and dnsmasq-full)."""
    facts: dict[str, tuple[set[str], set[str]]] = {}
    rows = Package.objects.filter(feed__targets=catalogue.target_id, name__in=[*lacking, *listed])
    for name, provides, conflicts in rows.values_list("name", "provides", "conflicts"):
        stands_for = {_bare(item) for item in provides} | {name}
        facts[name] = (stands_for, {_bare(item) for item in conflicts})
    barred = set()
    for name in lacking:
        stands_for, excludes = facts.get(name, ({name}, set()))
        for other in listed:
            others, excluded = facts.get(other, ({other}, set()))
            if stands_for & others or excludes & others or excluded & stands_for:
                barred.add(name)
                break
    return frozenset(barred)


def _bare(item: str) -> str:
    return re.split(r"[\s(<>=~|]", item, maxsplit=1)[0]
