"""What a terminal may be shown of texts from outside."""

import pytest
from asu_cli import texts
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://evil\x07link\x1b]8;;\x07", "link"),
        ("\x1b]0;title\x1b\\after", "after"),
        ("\x1bPq payload\x1b\\after", "after"),
        ("\x9b31mred", "red"),
        ("\x1b(Bx", "x"),
        ("a\x1b", "a"),
        ("a\x08\x08b", "ab"),
        ("\u202egnp.exe\u202c", "gnp.exe"),
        ("a\u2066b\u2069", "ab"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("two\nlines\tand more", "two lines and more"),
        ("a\u2028b", "ab"),
        ("\ue000\U000e0041x", "x"),
        (7, ""),
        (None, ""),
    ],
)
def test_one_line_without_what_steers_a_terminal(text: object, shown: str) -> None:
    assert texts.line(text) == shown


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_nothing_that_steers_a_terminal_is_ever_left(text: str) -> None:
    for shown in (texts.line(text), texts.tail(text)):
        assert shown.replace("\n", "").isprintable() or not shown.isascii()
        assert not set(shown) & set(map(chr, [*range(0x20), *range(0x7F, 0xA0)])) - {"\n"}
        assert not set(shown) & set("\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def test_long_lines_are_cut() -> None:
    assert len(texts.line("x" * 10_000)) == 500


def test_of_a_log_the_last_lines_are_shown_as_they_ended() -> None:
    log = "".join(f"line {number}\n" for number in range(50)) + "10%\r50%\r100%\r\n\n"

    assert texts.tail(log, 3).splitlines() == ["line 48", "line 49", "100%"]


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (4_325_638, "4.3 MB"), (5 * 10**9, "5.0 GB")],
)
def test_sizes_for_people(count: int, words: str) -> None:
    assert texts.size(count) == words


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "1 s"), (45, "45 s"), (240, "4 min"), (7200, "2 h")])
def test_durations_for_people(seconds: float, words: str) -> None:
    assert texts.duration(seconds) == words
