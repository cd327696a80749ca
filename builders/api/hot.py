"""The short way for the question that idle workers ask again and again: the view itself, without Django's handler.

What surrounds a view there (sessions, messages, CSRF) has nothing to do with workers and costs more than the answer.
"""

from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.db import close_old_connections

from builders.api import building

ADDRESS = "/api/worker/v1/lease"


def answer(environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes] | None:
    """Status, headers and body; None for addresses that are not ours."""
    if environ["PATH_INFO"] != ADDRESS:
        return None
    close_old_connections()  # as Django does before each request
    response = building.lease(WSGIRequest(environ))
    content = b"".join(response)
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
    return response.status_code, headers, content
