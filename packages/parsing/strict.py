"""Untrusted documents taken apart with limits: text and JSON, checked fields, errors that name document and place."""

import json
from collections.abc import Callable
from typing import Any, NoReturn

from packages.exceptions import BadDocumentError

MAX_DEPTH = 16
MAX_DIGITS = 18  # fits a signed 64-bit column
MAX_TEXT = 4096


def as_text(data: bytes | str, document: str) -> str:
    """The document as text: UTF-8, without NUL (no database or program takes it)."""
    if isinstance(data, bytes):
        try:
            data = data.decode()
        except UnicodeDecodeError as error:
            raise BadDocumentError(f"{document} is not UTF-8 text (byte {error.start}).") from error
    if "\0" in data:
        raise BadDocumentError(f"{document} has a NUL character.")
    return data


def is_whole_text(text: str) -> bool:
    """Whether a text can be stored and sent: no lone surrogates, no NUL."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def load_json(data: bytes | str, document: str) -> Any:
    """JSON without what has two readings: no duplicate keys, NaN, huge numbers, deep nesting, broken texts."""

    def reject(what: str) -> NoReturn:
        raise BadDocumentError(f"{document} {what}.")

    def whole(digits: str) -> int:
        if len(digits.lstrip("-")) > MAX_DIGITS:
            reject("has a number that is too large")
        return int(digits)

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            reject("has an object with the same key twice")
        return result

    text = as_text(data, document)
    try:
        value = json.loads(
            text,
            object_pairs_hook=unique,
            parse_int=whole,
            parse_float=_finite(reject),
            parse_constant=lambda name: reject(f"has {name}, which is not JSON"),
        )
    except RecursionError as error:
        raise BadDocumentError(f"{document} is nested too deep.") from error
    except json.JSONDecodeError as error:
        raise BadDocumentError(f"{document} is not JSON (line {error.lineno}, column {error.colno}).") from error
    _check_tree(value, document, "\\u" in text)
    return value


def _finite(reject: Callable[[str], NoReturn]) -> Callable[[str], float]:
    def parse(digits: str) -> float:
        value = float(digits)
        if value in (float("inf"), float("-inf")):
            reject("has a number that is too large")
        return value

    return parse


def _check_tree(value: Any, document: str, has_escapes: bool) -> None:
    """Depth; and where there are \\u escapes, that no text has a NUL or half a character."""
    level = [value]
    for _ in range(MAX_DEPTH):
        deeper: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                deeper.extend(item.values())
                if has_escapes:
                    deeper.extend(item)
            elif isinstance(item, list):
                deeper.extend(item)
            elif has_escapes and isinstance(item, str) and not is_whole_text(item):
                raise BadDocumentError(f"{document} has a text with a broken character.")
        if not deeper:
            return
        level = deeper
    raise BadDocumentError(f"{document} is nested too deep.")


class Fields:
    """An object of a JSON document, read field by field: absent gives the default, a wrong type BadDocumentError."""

    def __init__(self, value: Any, document: str, place: str = "") -> None:
        self.document, self.place = document, place
        if not isinstance(value, dict):
            self.fail("is not an object")
        self.raw: dict[str, Any] = value

    def fail(self, what: str, key: str = "") -> NoReturn:
        """Raise BadDocumentError about this object or one of its fields."""
        place = ".".join(part for part in (self.place, key) if part)
        raise BadDocumentError(f"{self.document}: {f'{place[:200]!r}' if place else 'the document'} {what}.")

    def text(self, key: str, default: str = "", limit: int = MAX_TEXT) -> str:
        """A text of at most `limit` characters; null counts as absent."""
        value = self.raw.get(key)
        if value is None:
            return default
        if not isinstance(value, str):
            self.fail("is not a text", key)
        if len(value) > limit:
            self.fail("is too long", key)
        return value

    def number(self, key: str) -> int | None:
        """A whole number that is not negative. Texts of digits pass: some generators quote them."""
        value = self.raw.get(key)
        if value is None or value == "":
            return None
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= MAX_DIGITS:
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            self.fail("is not a whole number", key)
        return value

    def array(self, key: str, limit: int) -> list[Any]:
        """A list of at most `limit` items."""
        value = self.raw.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.fail("is not a list", key)
        if len(value) > limit:
            self.fail(f"has more than {limit} items", key)
        return value

    def texts(self, key: str, limit: int, length: int = 256) -> list[str]:
        """A list of texts."""
        values = self.array(key, limit)
        if not all(isinstance(value, str) and len(value) <= length for value in values):
            self.fail("is not a list of short texts", key)
        return values

    def table(self, key: str, limit: int) -> dict[str, Any]:
        """An object of at most `limit` keys; absent or null is empty."""
        value = self.raw.get(key)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self.fail("is not an object", key)
        if len(value) > limit:
            self.fail(f"has more than {limit} entries", key)
        return value

    def inner(self, key: str, value: Any) -> "Fields":
        """A value below this object, as an object of its own."""
        return Fields(value, self.document, f"{self.place}.{key}" if self.place else key)
