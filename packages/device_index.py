"""All devices on offer, in the memory of the process: one shelf a distribution.

A shelf (`packages.device_shelves`) is kept until one of the rows that it is made of has changed; who asks while another
thread makes it anew gets the one of before.

::

    generation changed ──► stamps of all distributions (two queries) ──► those that differ: read their rows again

Who may see which shelf is asked of the rows each time.
"""

import threading
import time
from dataclasses import dataclass

from django.conf import settings

from packages import device_shelves, generation
from packages.device_shelves import Shelf
from packages.models import Distribution
from packages.visibility import PUBLIC, Viewer

RECHECK_SECONDS = 30.0  # processes on other machines do not see our generation


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A shelf under the name of its distribution."""

    name: str
    title: str
    shelf: Shelf


def sections(viewer: Viewer = PUBLIC) -> list[Section]:
    """The distributions that the viewer sees and their devices; the default one first."""
    shelves = _current()
    rows = Distribution.objects.visible_to(viewer).values_list("pk", "name", "title")
    found = [Section(name, title or name, shelves[pk]) for pk, name, title in rows if pk in shelves]
    return sorted(found, key=lambda section: (section.name != settings.ASU_DEFAULT_DISTRIBUTION, section.name))


def forget() -> None:
    """Drop everything from memory."""
    global _known
    with _lock:
        _known = None


# -- what is kept, and whether it is still good ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    shelves: dict[int, Shelf]
    stamps: dict[int, int]
    made: int  # the generation in which the stamps were read
    until: float

    def is_good(self) -> bool:
        return self.made == generation.current() and time.monotonic() < self.until


_known: _Known | None = None
_lock = threading.Lock()


def _current() -> dict[int, Shelf]:
    global _known
    known = _known
    if known is not None and known.is_good():
        return known.shelves
    if not _lock.acquire(blocking=known is None):
        assert known is not None, "else it was waited for"
        return known.shelves
    try:
        if _known is None or not _known.is_good():
            _known = _refreshed(_known)
        return _known.shelves
    finally:
        _lock.release()


def _refreshed(known: _Known | None) -> _Known:
    made, until = generation.current(), time.monotonic() + RECHECK_SECONDS
    sources = device_shelves.sources()
    stamps = {pk: source.stamp() for pk, source in sources.items()}
    shelves = {}
    for pk, source in sources.items():
        if known is not None and known.stamps.get(pk) == stamps[pk]:
            shelves[pk] = known.shelves[pk]
        else:
            shelves[pk] = device_shelves.read(pk, source)
    return _Known(shelves, stamps, made, until)
