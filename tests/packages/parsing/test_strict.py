"""JSON that has two readings, or none, is refused before anything looks at it."""

import pytest

from packages.exceptions import BadDocumentError
from packages.parsing.strict import Fields, load_json


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'{"a": 1, "a": 2}', "same key twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": -Infinity}', "Infinity"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too large"),
        (b"[" * 100_000, "too deep"),
        (b"[" * 20 + b"]" * 20, "too deep"),
        (b'["\\ud800"]', "broken character"),
        (b'{"\\u0000": 1}', "broken character"),
        (b'["\0"]', "NUL"),
        (b"\xff\xfe{}", "UTF-8"),
        (b"{", "not JSON"),
        (b"", "not JSON"),
    ],
)
def test_json_that_can_be_read_in_two_ways_is_refused(text: bytes, said: str) -> None:
    with pytest.raises(BadDocumentError, match=said) as caught:
        load_json(text, "some.json")

    assert "some.json" in str(caught.value)


def test_ordinary_json_is_read_as_it_is() -> None:
    text = '{"name": "Wörter \\u00e4", "list": [1, -2, 0.5, null, true]}'

    value = load_json(text.encode(), "some.json")

    assert value == {"name": "Wörter ä", "list": [1, -2, 0.5, None, True]}


def test_an_error_names_the_field_that_is_wrong() -> None:
    fields = Fields({"outer": {"inner": 5}}, "some.json").inner("outer", {"inner": 5})

    with pytest.raises(BadDocumentError, match=r"some\.json: 'outer\.inner' is not a text\."):
        fields.text("inner")


@pytest.mark.parametrize(
    ("value", "number"), [(None, None), ("", None), (0, 0), (7, 7), ("1727094886", 1727094886), (10**17, 10**17)]
)
def test_whole_numbers_may_be_quoted(value: object, number: int | None) -> None:
    assert Fields({"n": value}, "some.json").number("n") == number


@pytest.mark.parametrize("value", [-1, True, 1.5, "x", "-1", [], "9" * 30])
def test_what_is_no_whole_number_is_refused(value: object) -> None:
    with pytest.raises(BadDocumentError, match="not a whole number"):
        Fields({"n": value}, "some.json").number("n")


def test_texts_and_lists_have_limits() -> None:
    fields = Fields({"text": "x" * 20, "list": [1, 2, 3], "table": {"a": 1, "b": 2}}, "some.json")

    for read in (
        lambda: fields.text("text", limit=10),
        lambda: fields.array("list", limit=2),
        lambda: fields.table("table", limit=1),
        lambda: fields.texts("list", limit=5),
    ):
        with pytest.raises(BadDocumentError):
            read()
