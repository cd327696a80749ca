"""POST, GET and HEAD of /api/v1/build. Plain views: REST framework would cost as much again as all the rest."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from images import clients, services, wishes
from images.api import answers, body
from images.api.answers import Answer
from images.clients import Client
from images.exceptions import RequestRefusedError
from images.models import ImageRequest
from packages.visibility import viewer_of


@csrf_exempt
@require_http_methods(["POST"])
def build(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """Asks for an image."""
    try:
        data = body.read(request)
    except RequestRefusedError as refusal:
        return respond(request, answers.refused(refusal))
    return respond(request, answer_to(distribution, data, request.META))


def answer_to(distribution: str, data: bytes, environ: Mapping[str, Any]) -> Answer:
    """The answer to a body that was sent to a distribution's address ("": below `/`)."""
    try:
        asked = services.request_image(
            distribution,
            body.parse(data),
            client=environ.get("HTTP_USER_AGENT", ""),
            asker=clients.of(environ),
        )
    except RequestRefusedError as refusal:
        return answers.refused(refusal)
    return answers.for_request(asked)


@require_http_methods(["GET", "HEAD"])
def build_state(request: HttpRequest, request_hash: str, distribution: str = "") -> HttpResponse:
    """How it stands with an image."""
    found = services.lookup(distribution or None, request_hash, viewer_of(request.META))
    return respond(request, answers.for_request(found) if found else answers.error(404, answers.NOT_FOUND))


@csrf_exempt
@require_http_methods(["POST"])
def cancel(request: HttpRequest, request_hash: str, distribution: str = "") -> HttpResponse:
    """Its requester does not want it any more."""
    return _act(request, distribution, request_hash, wishes.cancel)


@csrf_exempt
@require_http_methods(["POST"])
def retry(request: HttpRequest, request_hash: str, distribution: str = "") -> HttpResponse:
    """Tries a failed build once more."""
    return _act(request, distribution, request_hash, wishes.retry)


def _act(
    request: HttpRequest, distribution: str, request_hash: str, act: Callable[[ImageRequest, Client], None]
) -> HttpResponse:
    """Does what is asked for, and tells how it stands then."""
    asker = clients.of(request.META)
    found = services.known(distribution or None, request_hash, asker.viewer)
    if found is None:
        return respond(request, answers.error(404, answers.NOT_FOUND))
    final = found.resolved_to or found
    try:
        act(final, asker)
    except RequestRefusedError as refusal:
        return respond(request, answers.refused(refusal))
    return respond(request, answers.for_request(ImageRequest.objects.with_outcome().get(pk=final.pk)))


def respond(request: HttpRequest, answer: Answer) -> HttpResponse:
    """An answer on the wire; final ones are kept by the layer in front of Django."""
    if answer.is_final:
        request.META["asu.final"] = True
    # For HEAD too: the web server leaves the body out, and the length stays that of a GET.
    return HttpResponse(
        answer.content(), status=answer.status, content_type="application/json", headers=dict(answer.headers)
    )
