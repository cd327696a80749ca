"""The shape of API errors: a JSON object with an integer `status` and a `detail` that is a string."""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from django.http import HttpResponse

JSON = "application/json"


def error_body(status: int, detail: str) -> bytes:
    """The body of an error. `message` says the same as `detail`, for the clients of 2020, `error` for those of 2017."""
    said = dict.fromkeys(("detail", "message", "error"), detail)
    return json.dumps({"status": status, "title": title(status), **said}).encode()


def error_response(status: int, detail: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """The same as an answer."""
    return HttpResponse(error_body(status, detail), status=status, content_type=JSON, headers=dict(headers or {}))


def title(status: int) -> str:
    """What HTTP calls the status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


SENTENCES = {
    400: "The request cannot be understood.",
    403: "You may not do this.",
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    413: "The body of the request is too large.",
    500: "The server made a mistake. It was logged; please try again later.",
    503: "The server is away for a moment. Please try again.",
}


def sentence(status: int) -> str:
    """What to say about a status when the one who raised it said nothing."""
    return SENTENCES.get(status, title(status))


def exception_handler(exc: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """REST framework's exceptions in our shape; None leaves the exception to Django."""
    # Not at the top: a process that serves no REST framework view does without the import.
    from rest_framework.views import exception_handler as drf_exception_handler

    answer = drf_exception_handler(exc, context)
    if answer is None:
        return None
    return error_response(
        answer.status_code, _flat(answer.data), {k: v for k, v in answer.headers.items() if k in _KEPT}
    )


_KEPT = frozenset({"Allow", "Retry-After", "WWW-Authenticate"})


def _flat(data: Any) -> str:
    """One sentence out of REST framework's nested errors: `field: message; field: message`."""
    match data:
        case {"detail": detail}:
            return _flat(detail)
        case dict():
            return "; ".join(f"{key}: {_flat(value)}" for key, value in data.items())
        case list() | tuple():
            return " ".join(_flat(value) for value in data)
        case _:
            return str(data)
