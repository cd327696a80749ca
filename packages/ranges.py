"""Which part of a file a `Range` header asks for (RFC 9110, 14). Pure."""

import re
from dataclasses import dataclass

# One range; several at once are allowed to be answered with the whole.
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


class UnsatisfiableError(Exception):
    """The range begins behind the end of the file."""


@dataclass(frozen=True, slots=True)
class Part:
    """Which bytes of a file are asked for: `start` up to, not including, `stop`."""

    start: int
    stop: int
    size: int

    @property
    def is_whole(self) -> bool:
        return self.start == 0 and self.stop == self.size

    @property
    def is_last(self) -> bool:
        """Whether a download is complete with it. Resumed downloads have exactly one such part."""
        return self.stop == self.size


def parse_range(header: str, size: int) -> Part:
    """The part that a `Range` header asks for; the whole file for a header that makes no sense (RFC 9110, 14.2)."""
    whole = Part(0, size, size)
    match = _RANGE.fullmatch(header.strip(), endpos=200)
    if match is None or match.groups() == ("", ""):
        return whole
    first, last = match.groups()
    if not first:
        start, stop = max(size - int(last), 0), size
    else:
        start, stop = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return whole
    if start >= size:
        raise UnsatisfiableError
    return Part(start, stop, size)
