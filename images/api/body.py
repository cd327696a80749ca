"""Bytes into a JSON object, whatever the content type says; anything else is refused with a sentence."""

import json
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.http.request import UnreadablePostError

from images.exceptions import RequestRefusedError


def read(request: HttpRequest) -> bytes:
    """The body; RequestRefusedError 413 over ASU_MAX_BODY, 400 when the client broke off."""
    try:
        body = request.body
    except RequestDataTooBig as error:
        raise too_big() from error
    except UnreadablePostError as error:
        raise RequestRefusedError(400, "body: the connection broke off before the end.", field="body") from error
    if len(body) > settings.ASU_MAX_BODY:
        raise too_big()
    return body


def too_big() -> RequestRefusedError:
    """For bodies over the limit."""
    return RequestRefusedError(413, f"body: too large; at most {settings.ASU_MAX_BODY} bytes are read.", field="body")


def parse(body: bytes) -> dict[str, Any]:
    """One JSON object (RFC 8259) in UTF-8: no NaN, no key twice, nesting and numbers within reason."""
    try:
        # Decoded here because json.loads would guess UTF-16 and UTF-32 from the first bytes.
        data = _DECODER.decode(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _refused(f"is not UTF-8 (byte {error.start}).") from error
    except json.JSONDecodeError as error:
        raise _refused(f"is not JSON: {error.msg} in line {error.lineno}, column {error.colno}.") from error
    except RecursionError as error:
        raise _refused("is nested too deep.") from error
    except ValueError as error:  # a number of thousands of digits
        raise _refused("holds a number that is too long.") from error
    if not isinstance(data, dict):
        raise _refused("is not a JSON object; send {...} with version, target and profile.")
    return data


def _refused(problem: str) -> RequestRefusedError:
    return RequestRefusedError(400, f"body: {problem}", field="body")


def _no_constant(word: str) -> Any:
    raise _refused(f"holds {word}, which JSON does not know.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A key with two values is refused. With the same value again it is none the worse: auc sends a package twice when
    it takes the place of two (`packages_versions`).
    """
    found = dict(pairs)
    if len(found) != len(pairs):
        # In one go: to count each key would hold the whole process for seconds when a body is full of them.
        for key, value in pairs:
            if type(found[key]) is not type(value) or found[key] != value:
                raise _refused(f"has the key {ascii(key)[:80]} more than once.")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_constant)
