"""The layer between the web server and Django: bodies, slashes, kept answers, and the last word on errors."""

import logging
import threading
from collections.abc import Callable, Iterable
from hashlib import sha256
from importlib import import_module
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import InterfaceError, OperationalError

from asu_site import headers
from asu_site.addresses import is_admin, is_api, is_page, tidy
from asu_site.api import JSON, error_body, sentence, title
from asu_site.fastpath import Answer, Headers, KeptAnswers, for_request
from packages import generation

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
App = Callable[[Environ, StartResponse], Iterable[bytes]]
Hot = Callable[[Environ], tuple[int, Headers, bytes] | None]

# A client hears about a body that is too large only after it was let finish; beyond this the connection is cut.
_DRAIN_BYTES = 64 * 1024 * 1024
_PIECE = 64 * 1024
WORKERS = "/api/worker/v1/"
_HOT = ("/api/v1/build", f"{WORKERS}lease")  # how addresses end that have a short way
_BULKY = tuple(f"{WORKERS}{call}" for call in ("uploads/", "log/", "finish", "fail"))
# Of the 32 threads of a process (script/server), so many may wait for bodies: whoever sends slowly or not at all holds
# one for as long as the connection lives, and the others go on answering. In a rush a place is free within moments.
MOST_READING = 20
_PATIENCE = 2.0  # seconds

logger = logging.getLogger(__name__)


class BodyTooLargeError(Exception):
    """The body is larger than ASU_MAX_BODY."""


class TooManyReadingError(Exception):
    """Too many clients are sending bodies, or keep us waiting for them."""


class Front:
    """A WSGI application around Django.

    WSGI servers show Django an empty body when a client sends it in chunks without a length (T1); so the body is read
    here, up to the limit, and handed on with its length.
    """

    def __init__(self, app: App, hot: Hot | None = None, most_reading: int = MOST_READING) -> None:
        self._app = app
        self._hot = hot
        self._limit = settings.ASU_MAX_BODY
        self._admin_limit = settings.ASU_ADMIN_MAX_BODY
        # Workers send pieces of images and whole logs; in other calls even strangers can get as far as the parser.
        self._worker_limit = max(settings.ASU_UPLOAD_CHUNK_KB, 4 * settings.ASU_BUILD_LOG_KB + 4096) * 1024
        self._reading = threading.BoundedSemaphore(most_reading)
        self._kept = KeptAnswers(settings.ASU_FAST_ANSWER_SECONDS, generation.current)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if "//" in path:
            path = environ["PATH_INFO"] = tidy(path)
        method = environ["REQUEST_METHOD"]
        try:
            if method in ("GET", "HEAD"):
                return self._get(path, environ, start_response)
            if method == "POST":
                return self._post(path, environ, start_response)
            if method != "OPTIONS":
                _put_back(environ, self._take_body(environ, self._limit_at(path, environ)))
            return self._app(environ, start_response)
        except BodyTooLargeError:
            detail = f"The body is larger than {self._limit_at(path, environ)} bytes."
            return _send(_error(path, 413, detail), start_response)
        except TooManyReadingError:
            return _send(_error(path, 503, "Too many clients are sending requests. Please try again."), start_response)
        except (OperationalError, InterfaceError) as error:
            logger.warning("%s %r: the database is away: %s", method, path, error)
            return _send(_error(path, 503, sentence(503)), start_response)
        except Exception:  # the outermost place: logged, and answered in the shape of the contract
            logger.exception("%s %r failed outside Django", method, path)
            return _send(_error(path, 500, sentence(500)), start_response)

    def _get(self, path: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        answer = self._kept.get((path, b""))
        if answer is not None:
            return _send(for_request(answer, environ), start_response)
        return self._ask((path, b""), environ, start_response)

    def _post(self, path: str, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        body = self._take_body(environ, self._limit_at(path, environ))
        if path.startswith(WORKERS):
            _put_back(environ, body)
            answer = self._hot_answer(path, environ)
            return self._app(environ, start_response) if answer is None else _send(answer, start_response)
        key = path, sha256(body).digest()
        answer = self._kept.get(key)
        if answer is not None:
            return _send(answer, start_response)
        _put_back(environ, body)
        now = generation.current()
        answer = self._hot_answer(path, environ)
        if answer is None:
            return self._ask(key, environ, start_response)
        if environ.get("asu.final"):
            self._kept.keep(key, answer, now)
        return _send(answer, start_response)

    def _hot_answer(self, path: str, environ: Environ) -> Answer | None:
        """The short way's, if there is one for this address."""
        if self._hot is None or not path.endswith(_HOT):
            return None
        hot = self._hot(environ)
        return hot and (f"{hot[0]} {title(hot[0])}", [*hot[1], *headers.common(path).items()], hot[2])

    def _ask(self, key: tuple[str, bytes], environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Django's answer; kept if the view called it final."""
        # Before the answer is made: should anything change meanwhile, the answer is not kept as a new one.
        now = generation.current()
        said: list[tuple[str, Headers]] = []

        def start(status: str, headers: Headers, exc_info: Any = None) -> Any:
            said.append((status, headers))
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        body = self._app(environ, start)
        if not environ.get("asu.final") or environ["REQUEST_METHOD"] == "HEAD" or not said[-1][0].startswith("200"):
            return body
        try:
            whole = b"".join(body)
        finally:
            close = getattr(body, "close", None)
            if close:
                close()
        self._kept.keep(key, (*said[-1], whole), now)
        return [whole]

    def _limit_at(self, path: str, environ: Environ) -> int:
        if path.startswith(_BULKY):
            return self._worker_limit
        if is_admin(path) and _is_large(environ, self._limit) and _is_signed_in(environ):
            return self._admin_limit
        return self._limit

    def _take_body(self, environ: Environ, limit: int) -> bytes:
        """The whole body, read once. Raises BodyTooLargeError and TooManyReadingError."""
        if not self._reading.acquire(timeout=_PATIENCE):
            raise TooManyReadingError
        try:
            return self._read_body(environ, limit)
        finally:
            self._reading.release()

    def _read_body(self, environ: Environ, limit: int) -> bytes:
        stream = environ["wsgi.input"]
        length = environ.get("CONTENT_LENGTH")
        if length and length.isdecimal():
            most = int(length)
            if most > limit:
                _drain(stream, 0)
                raise BodyTooLargeError
        elif environ.get("HTTP_TRANSFER_ENCODING") or environ.get("wsgi.input_terminated"):
            most = limit + 1
        else:
            most = 0
        body = _read(stream, most)
        if len(body) > limit:
            _drain(stream, len(body))
            raise BodyTooLargeError
        return body


def _is_large(environ: Environ, limit: int) -> bool:
    length = environ.get("CONTENT_LENGTH")
    return not (length and length.isdecimal()) or int(length) > limit


def _is_signed_in(environ: Environ) -> bool:
    """Whether it comes from somebody who works in the admin: asked for large bodies only, before they are read."""
    from django.contrib.auth import get_user  # with the models, which are there only after Django's setup

    request = WSGIRequest({**environ, "wsgi.input": BytesIO()})
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if not key:
        return False
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(key)
    user: Any = get_user(request)
    return bool(user.is_active and user.is_staff)


def _put_back(environ: Environ, body: bytes) -> None:
    """The body as Django expects it: with its length."""
    environ["wsgi.input"] = BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))


def _read(stream: Any, most: int) -> bytes:
    """Up to `most` bytes: fewer only at the end of the stream."""
    body: bytes = stream.read(most) if most else b""
    while body and len(body) < most:
        piece = stream.read(most - len(body))
        if not piece:
            break
        body += piece
    return body


def _drain(stream: Any, had: int) -> None:
    """Let the client finish sending, keeping nothing; else it never reads the answer."""
    while had < _DRAIN_BYTES:
        piece = stream.read(_PIECE)
        if not piece:
            return
        had += len(piece)


def _error(path: str, status: int, detail: str) -> Answer:
    """An error without Django; a plain one where people look."""
    if is_api(path) or (status != 500 and not is_page(path)):
        content_type, body = JSON, error_body(status, detail)
    else:
        content_type = "text/html; charset=utf-8"
        body = f"<!doctype html><title>{title(status)}</title><p>{detail}</p>".encode()
    fixed = {"Content-Type": content_type, "Content-Length": str(len(body)), **headers.common(path, content_type)}
    return f"{status} {title(status)}", list(fixed.items()), body


def _send(answer: Answer, start_response: StartResponse) -> list[bytes]:
    start_response(answer[0], answer[1])
    return [answer[2]]


def hot_answer() -> Hot:
    """The short ways before Django: for `POST .../api/v1/build` and for the question of idle workers."""
    # Not at the top: they bring models, which are there only after Django's setup.
    from builders.api import hot as lease
    from images.api import hot as build

    return lambda environ: lease.answer(environ) or build.answer(environ)
