"""POST register: a worker introduces itself, at each of its starts."""

import re
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from builders import labels, workers
from builders.api import calls
from builders.transports.http import PROTOCOL
from packages import names
from packages.callers import address_of

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,73}")
_INSTANCE = re.compile(r"[0-9a-f]{32}")
_MOST_IMAGEBUILDERS = 1000
_NUMBERS = ("cpus", "memory_mb", "disk_mb", "free_memory_mb", "free_disk_mb")


@calls.told
def register(request: HttpRequest) -> HttpResponseBase:
    """`{"name", "instance", "join"?, "jobs"?, "labels"?, "imagebuilders"?, "version"?, "cpus"?, "memory_mb"?, ...}`.

    Answers where it stands, what is wanted of it, and how this server works: seconds of a lease, bytes of a piece.
    """
    calls.need_method(request, "POST")
    said = calls.read_json(request)
    if said.get("protocol", PROTOCOL) != PROTOCOL:
        raise calls.RefusedCallError(
            403, "not_welcome", "This worker and the server are of different versions. Fetch the worker from it again."
        )
    join = said.get("join") or ""
    if not isinstance(join, str):
        raise calls.RefusedCallError(400, "bad_request", "join: not a token.")
    worker = workers.introduce(calls.token_of(request), _introduction(request, said), join=join)
    return calls.answer(
        worker=worker.name,
        standing=worker.standing,
        why=worker.standing_why,
        desired=worker.desired,
        protocol=PROTOCOL,
        lease_seconds=settings.ASU_LEASE_SECONDS,
        chunk_bytes=settings.ASU_UPLOAD_CHUNK_KB * 1024,
        log_bytes=settings.ASU_BUILD_LOG_KB * 1024,
    )


def _introduction(request: HttpRequest, said: dict[str, Any]) -> workers.Introduction:
    try:
        found = labels.parse(said.get("labels") or [])
    except labels.LabelError as wrong:
        raise calls.RefusedCallError(400, "bad_request", str(wrong)) from wrong
    return workers.Introduction(
        name=_word(said, "name", _NAME, "letters, digits, dots and dashes, at most 74"),
        instance=_word(said, "instance", _INSTANCE, "32 hex digits that this start of the agent has chosen"),
        jobs=calls.number({"jobs": said.get("jobs", 1)}, "jobs", 64) or 1,
        labels=tuple(found),
        imagebuilders=tuple(imagebuilders(said) or ()),
        address=address_of(request.META)[:64],
        facts=facts(said),
    )


def facts(said: dict[str, Any]) -> dict[str, Any]:
    """What a worker says of its machine, as far as it makes sense; nonsense is left out."""
    found: dict[str, Any] = {}
    for name in _NUMBERS:
        value = said.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31:
            found[name] = min(value, 32767) if name == "cpus" else value
    if isinstance(said.get("load"), int | float) and 0 <= said["load"] < 10**6:
        found["load"] = float(said["load"])
    for name, most in (("version", 40), ("sandbox", 16), ("sandbox_detail", 1000), ("complaint", 1000)):
        if isinstance(said.get(name), str):
            found[name] = "".join(char for char in said[name] if char.isprintable())[:most]
    return found


def imagebuilders(said: dict[str, Any]) -> list[str] | None:
    """The ImageBuilders that it has ready; None when it says nothing about them."""
    held = said.get("imagebuilders")
    if not isinstance(held, list):
        return None
    return [word for word in held[:_MOST_IMAGEBUILDERS] if isinstance(word, str) and names.SHA256.fullmatch(word)]


def _word(said: dict[str, Any], name: str, pattern: re.Pattern[str], right: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise calls.RefusedCallError(400, "bad_request", f"{name}: send {right}.")
    return value
