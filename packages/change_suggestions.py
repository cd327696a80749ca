"""Package changes that somebody may have to type in: what vanished between two releases, and what may stand for it.

And the lists of changes as JSON, to be carried from one server to another.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction

from packages import names
from packages.models import Distribution, Package, PackageChange, Release
from packages.parsing.types import dependency_name
from packages.sync.run import announce_change
from packages.versions import channel_of

MOST = 200  # suggestions on one page
MOST_IMPORTED = 2000
# Built for one kernel, or named after the library's ABI: they come and go with each release.
_PASSING = ("kmod-", "kernel")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A package that is gone."""

    name: str
    provided_by: tuple[str, ...]  # packages of the later release that say they provide it


class ImportRefusedError(ValueError):
    """The text is no list of package changes; the sentence says why."""


def vanished(before: Release, after: Release) -> list[Suggestion]:
    """What the one has, the other has not, and no change tells of; those with a successor first.

    By the feeds that are here: releases of which few targets were read are compared by those.
    """
    old = set(_names(before)) - {""}
    now = set(_names(after))
    known = {name for row in PackageChange.objects.filter(distribution=after.distribution_id) for name in row.sources}
    ignored = set(after.distribution.ignored_suggestions)
    gone = {name for name in old - now - known - ignored if not name.startswith(_PASSING)}
    providers = _providers(after, gone)
    found = [Suggestion(name, tuple(sorted(providers.get(name, ())))) for name in gone]
    return sorted(found, key=lambda row: (not row.provided_by, row.name))


def ignore(distribution: Distribution, name: str) -> None:
    """No longer suggest anything for this package."""
    with transaction.atomic():
        row = Distribution.objects.select_for_update().get(pk=distribution.pk)
        row.ignored_suggestions = sorted({*row.ignored_suggestions, name})
        row.save(update_fields=["ignored_suggestions"])


def accept(after: Release, name: str, becomes: str = "") -> PackageChange:
    """Make it a change that the later release's channel has first. ValidationError where that is none."""
    row = PackageChange(
        distribution=after.distribution,
        kind=PackageChange.Kind.RENAMED if becomes else PackageChange.Kind.DROPPED,
        sources=[name],
        targets=[becomes] if becomes else [],
        version=channel_of(after.version),
    )
    row.full_clean()
    row.save()
    return row


def is_known(distribution: Distribution, version: str, name: str) -> bool | None:
    """Whether the releases of this version or channel have a package of this name; None when none of them was read."""
    feeds = Package.objects.filter(feed__release__distribution=distribution)
    here = feeds.filter(feed__release__version=version) | feeds.filter(feed__release__channel__name=version)
    if here.filter(name=name).exists():
        return True
    return False if here.exists() else None


# -- from server to server ---------------------------------------------------------------------------------

_FIELDS = ("kind", "sources", "targets", "version", "revision", "is_mandatory", "why")


def as_json(changes: Iterable[PackageChange]) -> list[dict[str, Any]]:
    """Without the distribution, which the reader chooses."""
    return [{name: getattr(row, name) for name in _FIELDS} for row in changes]


def take_json(distribution: Distribution, entries: Any) -> int:
    """Add those that are not here yet, all or none; how many that were."""
    if not isinstance(entries, list) or len(entries) > MOST_IMPORTED:
        raise ImportRefusedError(f"This is a JSON list of up to {MOST_IMPORTED} changes, as the export gives it.")
    known = {_key(row) for row in as_json(PackageChange.objects.filter(distribution=distribution))}
    added = 0
    with transaction.atomic():
        for number, entry in enumerate(entries, 1):
            row = _row(distribution, entry, number)
            key = _key({name: getattr(row, name) for name in _FIELDS})
            if key not in known:
                known.add(key)
                row.save()
                added += 1
        announce_change()
    return added


def _row(distribution: Distribution, entry: Any, number: int) -> PackageChange:
    if not isinstance(entry, Mapping) or not set(entry) <= set(_FIELDS):
        raise ImportRefusedError(f"Entry {number}: an object with {', '.join(_FIELDS)}.")
    row = PackageChange(distribution=distribution, **entry)
    try:
        if "\0" in str(row.why).encode().decode():  # nor lone surrogates: no database keeps either
            raise ValueError("There is a NUL in it.")
        row.full_clean()
    except (ValidationError, TypeError, ValueError) as error:
        sentence = " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
        raise ImportRefusedError(f"Entry {number}: {sentence}") from error
    return row


def _key(entry: Mapping[str, Any]) -> tuple[Any, ...]:
    return entry["kind"], tuple(entry["sources"]), tuple(entry["targets"]), entry["version"], entry["revision"]


def _names(release: Release) -> Iterable[str]:
    rows = Package.objects.filter(feed__release=release).exclude(feed__kind="kmods")
    return rows.order_by().values_list("name", flat=True).distinct()


def _providers(release: Release, wanted: set[str]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    rows = Package.objects.filter(feed__release=release).exclude(provides=[]).order_by()
    for name, provides in rows.values_list("name", "provides").iterator():
        for said in map(dependency_name, provides):
            if said in wanted and names.PACKAGE.fullmatch(name):
                found[said].add(name)
    return found
