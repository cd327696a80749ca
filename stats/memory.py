"""One value kept in the memory of a process, so that many who ask cost one look at the database."""

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class TooOldError(Exception):
    """The value is too old to be shown, and whoever fetches a new one gets no answer."""


class Kept(Generic[T]):
    """A value made anew at most once in `seconds`.

    While one caller makes it the others get the last one, for up to `patience` seconds after its time.
    """

    def __init__(self, make: Callable[[], T], seconds: float, patience: float = 5.0) -> None:
        self._make, self._seconds, self._patience = make, seconds, patience
        self._lock = threading.Lock()
        self._value: tuple[float, T] | None = None

    def get(self) -> T:
        """The value. Raises TooOldError, and whatever making it raises."""
        kept = self._value
        age = time.monotonic() - kept[0] if kept else float("inf")
        if kept and age < self._seconds:
            return kept[1]
        may_wait = not kept or age >= self._seconds + self._patience
        if not self._lock.acquire(timeout=self._patience if may_wait else 0):
            if kept and not may_wait:
                return kept[1]
            raise TooOldError
        try:
            return self._make_unless_made(kept)
        finally:
            self._lock.release()

    def forget(self) -> None:
        """The next caller makes it anew."""
        self._value = None

    def _make_unless_made(self, old: tuple[float, T] | None) -> T:
        if self._value is not None and self._value is not old:
            return self._value[1]  # made by somebody else while we waited
        # Its age counts from before it was looked at.
        began = time.monotonic()
        value = self._make()
        self._value = began, value
        return value
