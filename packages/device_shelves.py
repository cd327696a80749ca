"""The devices of a distribution, made of its rows.

They come from the releases' lists of devices (`ListedDevice`), and for targets whose documents were read from their
`Profile` rows: those are what requests are checked against.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Any

from django.db.models import TextField
from django.db.models.functions import Cast

from packages import device_words
from packages.boards import plain
from packages.models import Distribution, FlavourDevice, ListedDevice, Profile, Release, Target, first_title
from packages.querysets import listed
from packages.versions import is_pre_release, is_snapshot, version_key

Key = tuple[str, str]  # target, profile


@dataclass(frozen=True, slots=True)
class Offer:
    """A release that offers a device."""

    release_id: int
    version: str
    is_final: bool  # neither a snapshot nor a release candidate


@dataclass(frozen=True, slots=True, eq=False)
class Device:
    """A device of a distribution on one target. `name_field` and the like are what a search looks into."""

    target: str
    profile: str
    titles: tuple[str, ...]  # those of the newest release first; never empty
    boards: tuple[str, ...]
    offers: tuple[Offer, ...]  # newest first
    title_field: str
    name_field: str
    target_field: str
    all_fields: str
    sort_key: tuple[str | int, ...]

    @property
    def title(self) -> str:
        """How people call it."""
        return self.titles[0]

    @property
    def newest(self) -> Offer:
        """The newest final release that has it, else the newest."""
        return next((offer for offer in self.offers if offer.is_final), self.offers[0])

    @property
    def names(self) -> frozenset[str]:
        """Its id and the boards that it is known by, in the spelling of ids."""
        return frozenset(map(plain, (self.profile, *self.boards)))

    def is_known_as(self, profile: str) -> bool:
        """Whether that is its id, or a board of its."""
        return self.profile == profile or any(plain(board) == profile for board in self.boards)


@dataclass(frozen=True, eq=False)
class Shelf:
    """The devices of a distribution, those people look for most first: in new releases, and in many."""

    distribution_id: int
    devices: tuple[Device, ...]
    by_key: dict[Key, Device] = field(repr=False)

    @cached_property
    def alphabetical(self) -> list[Device]:
        """By their titles."""
        return sorted(self.devices, key=lambda device: device.sort_key)

    @cached_property
    def vocabulary(self) -> device_words.Vocabulary:
        """All words of names. Made when the first search finds nothing."""
        names = (name for device in self.devices for name in (*device.titles, device.profile))
        return device_words.Vocabulary(chain.from_iterable(map(device_words.words_of, names)))


# -- rows -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Source:
    """Where the devices of a distribution come from: of a flavour its base's rows, as far as it offers them."""

    offers: dict[int, list[Offer]] = field(default_factory=lambda: defaultdict(list))  # by release with the rows
    listed: dict[int, str] = field(default_factory=dict)  # the same releases -> state of their lists
    targets: dict[tuple[int, str], set[int]] = field(default_factory=lambda: defaultdict(set))  # -> offered in
    read: dict[int, tuple[int, str]] = field(default_factory=dict)  # targets whose documents are here
    state: list[object] = field(default_factory=list)
    only: frozenset[str] | None = None  # the devices that a flavour offers, where it lists them

    def stamp(self) -> int:
        """Another one when anything of it changed."""
        return hash((tuple(self.state), tuple(sorted(self.listed.items())), self.only))


_RELEASE = (
    *("pk", "distribution_id", "version", "built_on_id", "etags__devices_sha256"),
    "built_on__etags__devices_sha256",
)
_TARGET = (
    *("release_id", "name", "pk", "synced_at", "needs_inspection", "etags__profiles_sha256"),
    *("built_on_id", "built_on__synced_at", "built_on__needs_inspection", "built_on__etags__profiles_sha256"),
)


def sources() -> dict[int, Source]:
    """By distribution, for all that are on offer: two queries, and one for the lists of flavours."""
    found: dict[int, Source] = defaultdict(Source)
    place: dict[int, tuple[Source, int]] = {}  # release -> where it counts, and whose rows are its own
    for pk, distribution, version, base, digest, base_digest in Release.objects.filter(
        listed(), distribution__is_enabled=True
    ).values_list(*_RELEASE):
        source, rows_of = found[distribution], base or pk
        place[pk] = source, rows_of
        source.offers[rows_of].append(Offer(pk, version, not (is_pre_release(version) or is_snapshot(version))))
        source.listed[rows_of] = (base_digest if base else digest) or ""
        source.state.append((pk, version))
    rows = Target.objects.filter(is_enabled=True).order_by("pk").values_list(*_TARGET)
    for release, name, *own_and_base in rows.iterator(chunk_size=5000):
        if release not in place:
            continue
        source, rows_of = place[release]
        own, base = own_and_base[:4], own_and_base[4:]
        pk, synced_at, needs_inspection, digest = base if base[0] else own
        is_read = synced_at is not None and not needs_inspection
        source.targets[rows_of, name].add(release)
        if is_read:
            source.read[pk] = rows_of, name
        source.state.append((release, name, digest if is_read else None))
    for pk, only in _lists_of_flavours().items():
        if pk in found:
            found[pk].only = only
    return dict(found)


def _lists_of_flavours() -> dict[int, frozenset[str]]:
    """What those offer that offer devices of their list only."""
    narrow = Distribution.objects.filter(built_on__isnull=False, offers_listed_devices_only=True)
    found: dict[int, set[str]] = {pk: set() for pk in narrow.values_list("pk", flat=True)}
    for pk, profile in FlavourDevice.objects.filter(distribution__in=found).values_list("distribution_id", "profile"):
        found[pk].add(profile)
    return {pk: frozenset(profiles) for pk, profiles in found.items()}


@dataclass(slots=True)
class _Gathered:
    """What many releases say of one device."""

    offered: set[int] = field(default_factory=set)
    texts: dict[str, int] = field(default_factory=dict)  # titles as JSON -> place of the newest release that says so
    boards: dict[str, None] = field(default_factory=dict)


def read(distribution_id: int, source: Source) -> Shelf:
    """The shelf that is made of these rows."""
    offers = sorted(chain(*source.offers.values()), key=lambda offer: version_key(offer.version), reverse=True)
    place = {offer.release_id: number for number, offer in enumerate(offers)}
    gathered: dict[Key, _Gathered] = defaultdict(_Gathered)
    for rows_of, target, profile, titles, boards in chain(_profiles(source), _listed(source)):
        offered = source.targets.get((rows_of, target))
        if not offered or (source.only is not None and profile not in source.only):
            continue
        entry = gathered[target, profile]
        entry.offered |= offered
        newest = min(place[release] for release in offered)
        entry.texts[titles] = min(newest, entry.texts.get(titles, newest))
        if boards:
            entry.boards.update(dict.fromkeys(boards))
    made = _Maker(offers, place)
    devices = sorted(
        (made.device(key, entry) for key, entry in gathered.items()),
        key=lambda device: (place[device.newest.release_id], -len(device.offers), device.sort_key),
    )
    return Shelf(distribution_id, tuple(devices), {(device.target, device.profile): device for device in devices})


def _profiles(source: Source) -> Iterator[tuple[int, str, str, str, list[str]]]:
    """The devices of targets that were read."""
    ids = list(source.read)
    for start in range(0, len(ids), 500):
        rows = Profile.objects.filter(target__in=ids[start : start + 500]).annotate(text=Cast("titles", TextField()))
        for pk, profile, titles, boards in rows.values_list("target_id", "name", "text", "supported_devices").iterator(
            chunk_size=5000
        ):
            yield *source.read[pk], profile, titles, boards


def _listed(source: Source) -> Iterator[tuple[int, str, str, str, None]]:
    """Those of targets that nobody asked for yet."""
    read = set(source.read.values())
    rows = ListedDevice.objects.filter(release__in=list(source.offers)).annotate(text=Cast("titles", TextField()))
    for release, target, profile, titles in rows.values_list("release_id", "target", "profile", "text").iterator(
        chunk_size=5000
    ):
        if (release, target) not in read:
            yield release, target, profile, titles, None


class _Maker:
    """Makes devices; what many have in common they share."""

    def __init__(self, offers: list[Offer], place: dict[int, int]) -> None:
        self._offers, self._place = offers, place
        self._shared: dict[Any, Any] = {}

    def device(self, key: Key, entry: _Gathered) -> Device:
        target, profile = key
        titles = self._titles(entry) or (profile,)
        boards = tuple(entry.boards)
        offers = tuple(self._offers[number] for number in sorted(map(self._place.__getitem__, entry.offered)))
        fields = (device_words.field(titles), device_words.field((profile, *boards)), device_words.field((target,)))
        return Device(
            target=self._same(target),
            profile=profile,
            titles=titles,
            boards=boards,
            offers=self._same(offers),
            title_field=fields[0],
            name_field=fields[1],
            target_field=self._same(fields[2]),
            all_fields="".join(fields),
            sort_key=device_words.natural(titles[0]),
        )

    def _titles(self, entry: _Gathered) -> tuple[str, ...]:
        newest_first = sorted(entry.texts, key=lambda text: entry.texts[text])
        return tuple(dict.fromkeys(chain.from_iterable(map(self._read, newest_first))))

    def _read(self, text: str) -> tuple[str, ...]:
        if text not in self._shared:
            self._shared[text] = tuple(filter(None, (first_title([title]) for title in _loaded(text))))
        found: tuple[str, ...] = self._shared[text]
        return found

    def _same(self, value: Any) -> Any:
        return self._shared.setdefault(value, value)


def _loaded(text: str) -> Iterable[dict[str, str]]:
    titles = json.loads(text or "[]")
    return titles if isinstance(titles, list) else []
