"""The short way for POST /api/v1/build: what `images.api.build` does, without Django's handler around it.

That one costs as much as all our own work on a request. `asu_site.front` calls this with the body already read.
"""

import re
from typing import Any

from django.db import close_old_connections

from images.api import build

_ADDRESS = re.compile(r"/(?:(?P<distribution>[-a-zA-Z0-9_]+)/)?api/v1/build")


def answer(environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes] | None:
    """Status, headers and body; None for addresses that are not ours."""
    match = _ADDRESS.fullmatch(environ["PATH_INFO"])
    if match is None:
        return None
    close_old_connections()  # as Django does before each request
    answered = build.answer_to(match["distribution"] or "", environ["wsgi.input"].read(), environ)
    if answered.is_final:
        environ["asu.final"] = True
    content = answered.content()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(content))), *answered.headers.items()]
    return answered.status, headers, content
