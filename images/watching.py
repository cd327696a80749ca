"""Who watches an image being made gets what its page shows anew: by events that the server sends, or by asking.

What changes is looked at once a second for each image and language, however many watch it. A stream holds one of the
32 threads of a process for as long as it lasts, so there are few at a time and each ends soon; the browser comes back
by itself. Who finds no place asks now and then instead, and so does who has its share of them already: with a handful
of requests one client would hold them all.
"""

import json
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from weakref import WeakSet

from django.db import connection
from django.template.loader import render_to_string
from django.utils.translation import get_language, gettext, override

from builders import wake
from images.clients import Client
from images.models import ImageRequest
from images.pages import ImagePage

LOOK_SECONDS = 1.0
POLL_SECONDS = 3  # between two questions of who has no stream
MOST_STREAMS = 8  # a process
MOST_OF_A_CLIENT = 2  # of those; its other tabs ask
STREAM_SECONDS = 55.0  # proxies cut a silent connection after a minute, and places are to go round
_ALIVE_SECONDS = 3.0  # a client that went away is noticed when something is sent to it
_COME_BACK_SECONDS = 2
_MOST_KEPT = 256


@dataclass(frozen=True, slots=True)
class Look:
    """What a page that is watched shows at a moment. `is_over`: the page as a whole is another now."""

    news: str  # JSON
    elapsed: str  # goes on by itself, and is no news
    is_over: bool

    @property
    def body(self) -> str:
        """All of it as JSON."""
        return f'{{"elapsed": {json.dumps(self.elapsed)}, {self.news[1:]}'


@dataclass(slots=True)
class _Kept:
    lock: threading.Lock = field(default_factory=threading.Lock)
    look: Look | None = None
    until: float = 0.0


_Key = tuple[str, str]  # hash of the request, language
_kept: "OrderedDict[_Key, _Kept]" = OrderedDict()
_lock = threading.Lock()
# Weakly: a stream that was dropped without being closed, as when an answer is replaced by another, holds no place.
_open: "WeakSet[Stream]" = WeakSet()


def look(request_hash: str) -> Look:
    """How it stands, at most a second old, in the language of this thread. Whether it may be seen was asked before."""
    kept = _kept_for((request_hash, get_language() or ""))
    with kept.lock:
        if kept.look is None or time.monotonic() >= kept.until:
            kept.look = _look(request_hash)
            kept.until = time.monotonic() + LOOK_SECONDS
        return kept.look


def forget() -> None:
    """Look anew with the next question. For tests, whose rows come and go."""
    with _lock:
        _kept.clear()


def _kept_for(key: _Key) -> _Kept:
    with _lock:
        kept = _kept.pop(key, None) or _Kept()
        _kept[key] = kept
        while len(_kept) > _MOST_KEPT:
            _kept.popitem(last=False)
        return kept


_NOT_LOOKED_AT = (
    *("canonical", "build__canonical", "build__spec", "build__stdout", "build__stderr"),
    *("image__manifest", "image__profile_json"),
)


def _look(request_hash: str) -> Look:
    rows = ImageRequest.objects.select_related("build", "image").defer(*_NOT_LOOKED_AT)
    request = rows.filter(request_hash=request_hash).first()
    page = ImagePage(request) if request is not None and request.resolved_to_id is None else None
    if page is None or not page.is_pending:
        return Look(json.dumps({"again": False}), elapsed="", is_over=True)
    progress = page.progress
    said = {
        "again": True,
        "title": title(page),
        "say": progress.announcement,
        "log": progress.live_log,
        "parts": {
            "badge": render_to_string("images/_badge.html", {"page": page}),
            "progress": render_to_string("images/_progress.html", {"page": page}),
        },
    }
    return Look(json.dumps(said), progress.elapsed, is_over=False)


def title(page: ImagePage) -> str:
    """For the tab of a browser: how it stands, first."""
    device = f"{page.full_title}, {page.release}"
    if not page.is_pending and page.state not in ("ready", "failed", "refused", "withdrawn"):
        return device
    words = page.state_words[:1].upper() + page.state_words[1:]
    if page.progress.percent is not None:
        words = f"{words} {page.progress.percent} %"
    return gettext("%(state)s: %(device)s") % {"state": words, "device": device}


class Stream:
    """Events for one browser, until the image is there, the time is up or the server stops. See `opened`."""

    def __init__(self, request_hash: str, client: str) -> None:
        self.client = client
        self._request_hash = request_hash
        self._language = get_language() or "en"
        self._end = time.monotonic() + STREAM_SECONDS
        self._news = ""
        self._sent_at = 0.0
        self._is_over = False
        self._is_closed = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> bytes:
        """The next event, or a sign of life: writing is how it shows that nobody listens any more."""
        while not (self._is_closed or self._is_over or time.monotonic() >= self._end or wake.is_stopping()):
            found = self._look()
            if found.news != self._news:
                return self._send(found)
            if time.monotonic() - self._sent_at >= _ALIVE_SECONDS:
                self._sent_at = time.monotonic()
                return b":\n\n"
            time.sleep(LOOK_SECONDS)
        self.close()
        raise StopIteration

    def _send(self, found: Look) -> bytes:
        start = "" if self._news else f"retry: {_COME_BACK_SECONDS * 1000}\n"
        self._news, self._sent_at, self._is_over = found.news, time.monotonic(), found.is_over
        return f"{start}data: {found.body}\n\n".encode()

    def _look(self) -> Look:
        try:
            with override(self._language):
                return look(self._request_hash)
        finally:
            # Not held until the next look: a database has fewer connections than we have threads.
            connection.close()

    def close(self) -> None:
        """Gives its place to another. The web server calls it, also when the client went away."""
        self._is_closed = True
        with _lock:
            _open.discard(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def opened(request_hash: str, asker: Client) -> Stream | None:
    """A stream, or None while all places are taken, or the asker's share of them. Whoever takes it closes it."""
    # Who is not known cannot be told apart from the others, and has no share of its own.
    has_share = bool(asker.key) and not asker.is_trusted
    with _lock:
        holders = [stream.client for stream in _open]
        if len(holders) >= MOST_STREAMS or (has_share and holders.count(asker.key) >= MOST_OF_A_CLIENT):
            return None
        stream = Stream(request_hash, asker.key)
        _open.add(stream)
        return stream
