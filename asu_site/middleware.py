"""What every answer has in common: CORS, safety headers, and errors that programs can read."""

import logging
import time
from collections.abc import Callable, Iterable
from hashlib import sha256
from http import HTTPMethod

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils.cache import patch_vary_headers

from asu_site import headers
from asu_site.addresses import is_admin, is_api, is_page
from asu_site.api import JSON, error_response, sentence, title

logger = logging.getLogger(__name__)

_WITHOUT_LENGTH = frozenset({204, 304})
_SEEN, _SEEN_EVERY = "seen", 600  # seconds


class ApiMiddleware:
    """The outermost middleware: it sees what the others and the views have made, also out of exceptions."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        path = request.path_info
        if request.method == HTTPMethod.OPTIONS and not is_admin(path):
            response: HttpResponseBase = _preflight(request)
        elif "\0" in path:
            # No name of ours has one, and PostgreSQL takes none even to compare with.
            response = error_response(404, sentence(404))
        else:
            if not is_page(path):
                # No cookie gives any right here, and no client could send a token (T12).
                request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]
            response = self.get_response(request)
            if response.status_code >= 400:
                response = _readable(request, response)
            elif request.META.get("asu.final"):
                response = _conditional(request, response)
        for name, value in headers.common(path, response.get("Content-Type", "")).items():
            if name == "Vary":
                patch_vary_headers(response, [value])
            else:
                response.setdefault(name, value)
        if isinstance(response, HttpResponse) and response.status_code not in _WITHOUT_LENGTH:
            response.setdefault("Content-Length", str(len(response.content)))
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A database that was started again, or that others held for too long: no mistake of ours, and soon over."""
        if not isinstance(exception, OperationalError | InterfaceError):
            return None
        logger.warning("%s %r: the database is away: %s", request.method, request.path_info, exception)
        if _wants_json(request):
            return error_response(503, sentence(503))
        return HttpResponse(f"<!doctype html><title>{title(503)}</title><p>{sentence(503)}</p>", status=503)


class IdleMiddleware:
    """A session lasts SESSION_COOKIE_AGE from what a person did last; pages that refresh themselves do not count."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if is_admin(request.path_info) and not request.path_info.endswith("/live/") and request.user.is_authenticated:
            now = int(time.time())
            # Changing it puts the end off; not with every page, as that would be a write each.
            if now - request.session.get(_SEEN, 0) > _SEEN_EVERY:
                request.session[_SEEN] = now
        return self.get_response(request)


class PageLocaleMiddleware(LocaleMiddleware):
    """Pages are in the reader's language. Programs get English: their answers are kept, and read by other programs."""

    def process_request(self, request: HttpRequest) -> None:
        if is_page(request.path_info):
            super().process_request(request)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return super().process_response(request, response) if is_page(request.path_info) else response


def _preflight(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(status=204, headers=headers.PREFLIGHT)
    del response["Content-Type"]
    asked = request.headers.get("Access-Control-Request-Headers", "")
    response["Access-Control-Allow-Headers"] = asked or headers.PREFLIGHT_DEFAULT_HEADERS
    response["Vary"] = "Access-Control-Request-Headers"
    return response


def _readable(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """An error as a JSON object wherever programs call, and wherever the caller does not ask for a page."""
    if response.get("Content-Type", "").startswith(JSON) or not _wants_json(request):
        return response
    kept = {name: response[name] for name in ("Allow", "Retry-After", "Content-Range") if name in response}
    return error_response(response.status_code, sentence(response.status_code), kept)


def _wants_json(request: HttpRequest) -> bool:
    path = request.path_info
    if is_api(path):
        return True
    return not is_page(path) and "text/html" not in request.headers.get("Accept", "")


def _conditional(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """Give a final answer an ETag, and 304 to those who have it."""
    if not isinstance(response, HttpResponse) or response.status_code != 200 or request.method == HTTPMethod.POST:
        return response
    if "ETag" not in response:
        response["ETag"] = f'"{sha256(response.content).hexdigest()[:32]}"'
    if not matches(request.headers.get("If-None-Match", ""), response["ETag"]):
        return response
    unchanged = HttpResponseNotModified()
    for name, value in without_body(response.items()):
        unchanged[name] = value
    return unchanged


def matches(if_none_match: str, etag: str) -> bool:
    """Whether the caller has this version already."""
    return if_none_match.strip() == "*" or etag in [
        word.strip().removeprefix("W/") for word in if_none_match.split(",")
    ]


def without_body(items: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The headers of a 304: those of the 200 without what describes a body."""
    return [(name, value) for name, value in items if name.lower() not in {"content-type", "content-length"}]
