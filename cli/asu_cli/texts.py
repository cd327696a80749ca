"""Text from outside as a terminal may show it: no escape sequences, no invisible or reordering characters."""

import re
import unicodedata

# CSI, OSC and the other string sequences with what they carry, then any other two-byte escape.
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c|$)"
    r"|\x1b[ -/]*[0-~]?"
)
# Controls, format characters (bidi among them), surrogates, private use, unassigned, line and paragraph separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_LINE = 500
_CUT = "..."


def line(value: object, most: int = _LINE) -> str:
    """One line of at most `most` characters."""
    text = " ".join(_visible(value).split())
    return text if len(text) <= most else text[: most - len(_CUT)] + _CUT


def tail(value: object, lines: int = 12) -> str:
    """The last lines of a log."""
    kept = [_without_overprinting(row) for row in _visible(value).split("\n")]
    kept = [row[:_LINE] for row in kept if row.strip()]
    return "\n".join(kept[-lines:])


def _visible(value: object) -> str:
    if not isinstance(value, str):
        return ""
    text = _SEQUENCE.sub("", value.replace("\r\n", "\n"))
    return "".join(char for char in text if char in "\n\r\t" or unicodedata.category(char) not in _HIDDEN)


def _without_overprinting(row: str) -> str:
    """A row in which a carriage return starts over, as progress meters in logs do: its last state."""
    return row.rstrip("\r").rpartition("\r")[2].expandtabs(8).rstrip()


def size(count: int) -> str:
    """Bytes for people."""
    if count < 1000:
        return f"{count} bytes"
    if count < 1000**2:
        return f"{count / 1000:.1f} kB"
    return f"{count / 1000**2:.1f} MB" if count < 1000**3 else f"{count / 1000**3:.1f} GB"


def duration(seconds: float) -> str:
    """About how long, for people."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    if seconds < 90 * 60:
        return f"{round(seconds / 60)} min"
    return f"{round(seconds / 3600)} h"
