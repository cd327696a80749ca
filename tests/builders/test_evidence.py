"""The lines that decided, out of what real ImageBuilders of 17.01 to 25.12 printed."""

import pytest

from builders import outcome
from builders.outcome.evidence import MAX_LENGTH, MAX_LINES, deciding_lines
from builders.states import Reason
from tests.builders.test_outcome import EXCERPTS, read

CASES = [
    ("23.05.5/bad-signature", Reason.BAD_SIGNATURE, "Signature check failed"),
    ("23.05.5/clash", Reason.FILE_CLASH, "But that file is already provided by package"),
    ("23.05.5/conflict", Reason.PACKAGE_CONFLICT, "conflict with x-conflict-b"),
    ("23.05.5/impossible", Reason.MISSING_DEPENDENCY, "cannot find dependency libdoesnotexist"),
    ("23.05.5/unknownpkg", Reason.UNKNOWN_PACKAGE, "Unknown package 'nosuchpackage'"),
    ("23.05.5/toobig", Reason.IMAGE_TOO_BIG, "too big by 9195891 bytes"),
    ("23.05.5/feeds-unreachable", Reason.MIRROR_UNREACHABLE, "Failed to download"),
    ("25.12.5/clash", Reason.FILE_CLASH, "trying to overwrite usr/sbin/dropbear"),
    ("25.12.5/conflict", Reason.PACKAGE_CONFLICT, "breaks: x-conflict-a"),
    ("25.12.5/impossible", Reason.MISSING_DEPENDENCY, "libdoesnotexist (no such package)"),
    ("25.12.5/unknown", Reason.UNKNOWN_PACKAGE, "required by: world[nosuchpackage]"),
    ("17.01.7-toobig", Reason.IMAGE_TOO_BIG, "too big by 2244972 bytes"),
]


@pytest.mark.parametrize(("name", "reason", "words"), CASES)
def test_of_a_real_log_the_lines_that_decided_are_found_and_little_else(name: str, reason: Reason, words: str) -> None:
    stdout, stderr = read(EXCERPTS, name)
    assert outcome.classify(stdout, stderr, 2).reason == reason

    lines = deciding_lines(reason, stdout, stderr)

    assert any(words in line for line in lines)
    assert 1 <= len(lines) <= MAX_LINES
    assert not [line for line in lines if line.startswith(("make", "Configuring", "real"))]


def test_for_a_reason_that_no_log_tells_of_the_last_words_are_shown() -> None:
    lines = deciding_lines(Reason.TIMEOUT, "", "one\ntwo\nthree\nfour\nfive\nmake: *** Error 2\n\nreal\t0m1.2s\n")

    assert lines == ["two", "three", "four", "five"]


def test_a_silent_build_has_no_lines() -> None:
    assert deciding_lines(Reason.CRASH, "", "\n\n") == []
    assert deciding_lines("no reason at all", "", "") == []


def test_no_log_makes_many_lines_or_long_ones() -> None:
    log = "".join(f"x{number}: images are too big by {number} bytes {'y' * 5000}\n" for number in range(5000))

    lines = deciding_lines(Reason.IMAGE_TOO_BIG, log, log)

    assert len(lines) == MAX_LINES
    assert max(map(len, lines)) == MAX_LENGTH
