"""Text from workers is seen as it is, and nothing in it turns what stands around it."""

import pytest

from builders import shown


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("builder-1", "builder-1"),
        ("a\nb\x00\x1b[2J", "a␊b␀␛[2J"),
        ("\u202egnp.exe\u200b", "<U+202E>gnp.exe<U+200B>"),
        ("\ud800\x7f\x85", "<U+D800>␡<U+0085>"),
        ("Müller 路由 <b>", "Müller 路由 <b>"),
    ],
)
def test_a_line_shows_each_of_its_characters(said: str, seen: str) -> None:
    assert shown.visible(said) == seen


def test_a_log_keeps_its_lines_and_loses_its_colours() -> None:
    said = "one\ttwo\r\n\x1b[32mgreen\x1b[0m\n10%\r20%\u2066\x07"

    assert shown.visible_lines(said) == "one\ttwo\ngreen\n10%\n20%<U+2066>␇"


def test_the_end_of_a_log_begins_with_a_line() -> None:
    assert shown.tail("first\nsecond\nthird", 9) == "third"
    assert shown.tail("all", 9) == "all"
    assert shown.tail("x" * 20, 9) == "x" * 9


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-3, "0 s"), (40, "40 s"), (119, "119 s"), (120, "2 min"), (3 * 3600 + 300, "3 h 5 min"), (3 * 86400, "3 days")],
)
def test_lengths_of_time_are_told_as_people_do(seconds: float, words: str) -> None:
    assert shown.length(seconds) == words
