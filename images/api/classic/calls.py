"""A POST of a classic client, and the answer on the wire."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from images import addresses, clients
from images.api import body
from images.api.answers import Answer
from images.clients import Client
from images.exceptions import RequestRefusedError
from packages.visibility import Viewer, viewer_of


@dataclass(frozen=True, slots=True)
class Call:
    """What was sent, to which address, by whom."""

    address: str  # the distribution whose address it is; "" below `/`
    fields: Mapping[str, Any]
    environ: Mapping[str, Any]
    base: str  # our own address, as the caller wrote it

    @property
    def asker(self) -> Client:
        """Whose turn it takes."""
        return clients.of(self.environ)

    @property
    def viewer(self) -> Viewer:
        """What the caller may see."""
        return viewer_of(self.environ)

    @property
    def agent(self) -> str:
        """The program, as it calls itself."""
        return str(self.environ.get("HTTP_USER_AGENT", ""))


Answering = Callable[[Call], Answer]
Refusing = Callable[[RequestRefusedError], Answer]
View = Callable[..., HttpResponse]


def taken(refused: Refusing) -> Callable[[Answering], View]:
    """Makes a view of a function from a call to its answer; `refused` puts what it raises into an answer."""

    def decorate(answering: Answering) -> View:
        @csrf_exempt
        @require_http_methods(["POST"])
        @wraps(answering)
        def view(request: HttpRequest, distribution: str = "") -> HttpResponse:
            try:
                fields = body.parse(body.read(request))
                return respond(answering(Call(distribution, fields, request.META, addresses.base(request))))
            except RequestRefusedError as refusal:
                return respond(refused(refusal))

        return view

    return decorate


def respond(answer: Answer) -> HttpResponse:
    """On the wire, in one line. Never stored: some statuses mean something else to caches (206)."""
    headers = {**answer.headers, "Cache-Control": "no-store"}
    if answer.status == 204:
        return HttpResponse(status=204, headers=headers)
    return HttpResponse(answer.content(), status=answer.status, content_type="application/json", headers=headers)


_NO_MARKUP = str.maketrans({"<": "(", ">": ")", "&": "+"})


def error(status: int, sentence: str, headers: Mapping[str, str] | None = None, **more: str) -> Answer:
    """What went wrong. The views of that time put `error` into their page as it is, so it holds no markup."""
    return Answer(status, {"error": sentence.translate(_NO_MARKUP), **more}, headers or {})
