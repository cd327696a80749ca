"""Logs of builds as maintainers read them: lines with numbers, those that matter, what is searched for, all of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from builders.shown import visible_lines

SHOWN = 256 * 1024  # characters of the end
LINE = 2000  # characters of a line
MOST_MARKS = 30  # lines that are listed above the log
LONGEST_SEARCH = 100

# What ImageBuilders, package managers and compilers say when something goes wrong.
_MATTERS = re.compile(
    r"\berror\b|\bfailed\b|\bfatal\b|cannot |can't |not found|no such|conflict|clash|too big|no space left|killed"
    r"|signature|untrusted|timed? ?out|unable to|does not exist|\*\*\*",
    re.IGNORECASE,
)
_HARMLESS = re.compile(r"(?:no|0) errors?\b|errors? ?[:=] ?0\b|check passed", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `number` counts from 1 over the whole log."""

    number: int
    before: str
    found: str  # the part that was searched for
    after: str
    matters: bool

    @property
    def text(self) -> str:
        return f"{self.before}{self.found}{self.after}"


@dataclass(frozen=True, slots=True)
class Shown:
    """A log, or the end of a long one."""

    name: str
    lines: list[Line]
    cut: int  # lines before the first one shown
    marks: list[Line]  # the last lines that matter, or that have what was searched for
    more_marks: int


def show(name: str, text: str, search: str = "") -> Shown:
    """As it is shown, each character of it visible."""
    whole = visible_lines(text)
    start = max(0, len(whole) - SHOWN)
    start = whole.find("\n", start) + 1 if start else 0
    cut = whole.count("\n", 0, start)
    lines = list(_lines(whole[start:], cut, search[:LONGEST_SEARCH].casefold()))
    marks = [line for line in lines if (line.found if search else line.matters)]
    return Shown(name, lines, cut, marks[-MOST_MARKS:], max(0, len(marks) - MOST_MARKS))


def _lines(text: str, cut: int, search: str) -> Iterator[Line]:
    for number, line in enumerate(text.rstrip("\n").split("\n"), start=cut + 1):
        yield _line(number, line[:LINE], search)


def _line(number: int, line: str, search: str) -> Line:
    matters = bool(_MATTERS.search(line)) and not _HARMLESS.search(line)
    folded = line.casefold()
    at = folded.find(search) if search and len(folded) == len(line) else -1
    if at < 0:
        return Line(number, line, "", "", matters)
    end = at + len(search)
    return Line(number, line[:at], line[at:end], line[end:], matters)
