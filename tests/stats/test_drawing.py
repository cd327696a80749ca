"""Charts: whatever the figures, what comes out is well-formed, within its box, and says what it is."""

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stats import drawing
from stats.drawing import Series, Words

NUMBERS = st.one_of(st.integers(-5, 10**12), st.floats(), st.integers(0, 9))
TEXTS = st.text(max_size=80)


def parsed(text: str) -> ElementTree.Element:
    assert "nan" not in re.sub(r"<(text|title|desc).*?</\1>", "", text).lower()
    assert "style=" not in re.sub(r"<(text|title|desc).*?</\1>", "", text)
    return ElementTree.fromstring(text)


def box(svg: ElementTree.Element) -> tuple[float, float]:
    _, _, width, height = map(float, svg.attrib["viewBox"].split())
    return width, height


def assert_within(svg: ElementTree.Element) -> None:
    width, height = box(svg)
    for rect in svg.iter("rect"):
        x, y, w, h = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
        assert x >= 0 and y >= 0 and x + w <= width + 0.2 and y + h <= height + 0.2
    for path in svg.iter("path"):
        for x, y, w, h in re.findall(r"M(\S+) ([^h]+)h([^v]+)v([^h]+)h", path.attrib["d"]):
            assert float(x) >= 0 and float(y) >= 0
            assert float(x) + float(w) <= width + 0.3 and float(y) + float(h) <= height + 0.3
    for text in svg.iter("text"):
        assert 0 <= float(text.attrib["x"]) <= width and 0 <= float(text.attrib["y"]) <= height


@given(st.lists(NUMBERS, max_size=100), st.lists(NUMBERS, max_size=100), st.lists(TEXTS, max_size=100))
def test_columns_of_any_figures_are_drawn_within_the_box(one: list[float], two: list[float], labels: list[str]) -> None:
    text = drawing.columns([Series("one", one), Series("two", two)], labels, Words("x", "t", "d"))

    assert_within(parsed(text))


@given(st.lists(st.tuples(TEXTS, NUMBERS), max_size=30), st.one_of(st.none(), st.tuples(TEXTS, NUMBERS)))
def test_bars_of_any_figures_are_drawn_within_the_box(
    rows: list[tuple[str, float]], rest: tuple[str, float] | None
) -> None:
    assert_within(parsed(drawing.bars(rows, Words("x", "t", "d"), rest=rest)))


@given(TEXTS, TEXTS)
def test_titles_of_any_text_are_told_to_screen_readers(title: str, description: str) -> None:
    svg = parsed(drawing.bars([("a", 1)], Words("chart", title, description)))

    assert svg.attrib["role"] == "img"
    ids = svg.attrib["aria-labelledby"].split()
    assert [child.attrib["id"] for child in list(svg)[:2]] == ids == ["chart-t", "chart-d"]


def test_what_is_twice_as_much_is_drawn_twice_as_high() -> None:
    text = drawing.columns([Series("one", [5, 10])], ["a", "b"], Words("x", "t", "d"))

    low, high = (float(value) for value in re.findall(r"v([\d.]+)h", text))
    assert high == pytest.approx(2 * low, abs=0.2)


def test_hostile_labels_are_text() -> None:
    text = drawing.bars([('<script>"\x00\u202e', 3)], Words("x", "<b>", "&"))

    assert "<script>" not in text and "<b>" not in text and "\u202e" not in text and "\0" not in text
    parsed(text)


@pytest.mark.parametrize(
    ("value", "words"), [(0, "0"), (950, "950"), (1000, "1k"), (1500, "1.5k"), (12_345, "12k"), (2.5e6, "2.5M")]
)
def test_figures_are_short(value: float, words: str) -> None:
    assert drawing.figure(value) == words
