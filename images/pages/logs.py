"""Logs of builds as pages show them. Pure."""

from dataclasses import dataclass

from builders.shown import tail, visible_lines

# Of a long log the beginning and, longer, the end: what went wrong stands there.
LOG_HEAD = 16 * 1024
LOG_TAIL = 64 * 1024


@dataclass(frozen=True, slots=True)
class Log:
    """A log as shown: `cut` says how many characters are left out between head and tail."""

    name: str
    head: str
    tail: str = ""
    cut: int = 0


def cut_log(name: str, text: str) -> Log:
    """The log with its middle left out where it is long."""
    if len(text) <= LOG_HEAD + LOG_TAIL:
        return Log(name, visible_lines(text))
    cut = len(text) - LOG_HEAD - LOG_TAIL
    return Log(name, visible_lines(text[:LOG_HEAD]), visible_lines(text[-LOG_TAIL:]), cut)


def last_lines(data: bytes, *, characters: int, lines: int) -> str:
    """The end of what a running build has said."""
    text = tail(visible_lines(data.decode("utf-8", "replace")), characters)
    return "\n".join(text.splitlines()[-lines:])
