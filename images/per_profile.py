"""What is worked out once for each profile of a catalogue snapshot."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from packages.target_catalogue import ProfileInfo, TargetCatalogue

T = TypeVar("T")
_KEPT = 256


class PerProfile(Generic[T]):
    """Remembers `make(snapshot, profile)`. A snapshot never changes; a moved catalogue is another snapshot."""

    def __init__(self, make: Callable[[TargetCatalogue, ProfileInfo], T]) -> None:
        self._make = make
        self._known: OrderedDict[tuple[int, str], tuple[TargetCatalogue, T]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, catalogue: TargetCatalogue, profile: ProfileInfo) -> T:
        """The remembered value, or a new one."""
        # The snapshot is kept with the value: as long as it is, no other object has its id.
        key = (id(catalogue), profile.name)
        known = self._known.get(key)
        if known is not None and known[0] is catalogue:
            return known[1]
        value = self._make(catalogue, profile)
        with self._lock:
            self._known[key] = catalogue, value
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return value
