"""The pages of webhooks: one to make them, and for each one of its own, at an address that nobody can guess."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from images import addresses, clients, questions
from images.exceptions import RequestRefusedError
from images.preparing import NotYetError
from images.questions import Question
from images.viewers import viewer_of_page
from news import signing, subscribing
from news.models import Subscription
from news.subscribing import RefusedError
from packages.models import Distribution
from packages.upgrades import Reach
from packages.visibility import Viewer

_FIELDS = ("url", "distribution", "target", "profile", "version", "revision", "packages", "reach")
_SHOWN = frozenset(_FIELDS) - {"revision", "reach"}  # that have a place for what is wrong
_MOST_SHOWN = 50  # deliveries


@require_http_methods(["GET", "HEAD", "POST"])
def make(request: HttpRequest) -> HttpResponse:
    """The form, filled in by whoever links here; sent, the new webhook with what is told once."""
    viewer = viewer_of_page(request)
    if request.method != "POST":
        return _form(request, viewer, _values(request.GET))
    values = _values(request.POST)
    try:
        question = _question(values, viewer)
        asker = replace(clients.of(request.META), viewer=viewer)
        made = subscribing.subscribe(question, values["url"], addresses.base(request), asker)
    except (RequestRefusedError, RefusedError) as refusal:
        field = {"distro": "distribution"}.get(refusal.field, refusal.field)
        wrong = {field if field in _SHOWN else "all": str(refusal)}
        return _form(request, viewer, values, wrong=wrong, status=400)
    return _shy(render(request, "news/webhook_made.html", {"made": made, "header": signing.HEADER}))


def _form(request: HttpRequest, viewer: Viewer, values: dict[str, str], **more: Any) -> HttpResponse:
    context = {
        "values": values,
        "wrong": more.get("wrong", {}),
        "distributions": Distribution.objects.visible_to(viewer),
        "is_open": settings.ASU_WEBHOOKS > 0,
        "header": signing.HEADER,
    }
    return render(request, "news/webhooks.html", context, status=more.get("status", 200))


def _values(sent: Mapping[str, Any]) -> dict[str, str]:
    """Half a character is none: no page could show it."""
    values = {name: str(sent.get(name, "")).strip()[:8000] for name in _FIELDS}
    return {name: value.encode("utf-8", "replace").decode() for name, value in values.items()}


def _question(values: Mapping[str, str], viewer: Viewer) -> Question:
    """RequestRefusedError for what the viewer is not offered, in the words of /api/v1/check."""
    words = values["packages"].replace(",", " ").split()
    raw: dict[str, Any] = {
        "distro": values["distribution"],
        "version": values["version"],
        "target": values["target"],
        "profile": values["profile"],
        "revision": values["revision"],
        "packages": dict(word.partition("=")[::2] for word in words) or None,
        "reach": values["reach"] or Reach.DISTRIBUTION,
    }
    if not raw["profile"]:
        raise RequestRefusedError(400, gettext("Which device is it?"), field="profile")
    question = questions.shape("", raw)
    with suppress(NotYetError):  # then it is on offer, and its documents are on their way
        questions.answer(question, viewer)
    return question


# -- one webhook -----------------------------------------------------------------------------------------------


@require_safe
def webhook(request: HttpRequest, token: str) -> HttpResponse:
    """How it stands with one, and what was sent."""
    return _page(request, _find(token), token)


_ACTS: dict[str, Callable[[Subscription], None]] = {
    "test": subscribing.send_test,
    "pause": subscribing.pause,
    "resume": subscribing.resume,
    "confirm": subscribing.confirm_again,
}


@require_POST
def act(request: HttpRequest, token: str, act: str) -> HttpResponse:
    """A button of that page."""
    row = _find(token)
    if act == "delete":
        subscribing.delete(row)
        return _shy(render(request, "news/webhook_deleted.html"))
    if act not in _ACTS:
        raise Http404
    try:
        _ACTS[act](row)
    except RefusedError as refusal:
        return _page(request, row, token, refusal=str(refusal), status=409)
    return _shy(redirect("news:webhook", token))


def _page(request: HttpRequest, row: Subscription, token: str, *, status: int = 200, refusal: str = "") -> HttpResponse:
    context = {
        "row": row,
        "token": token,
        "deliveries": row.deliveries.all()[:_MOST_SHOWN],
        "refusal": refusal,
    }
    return _shy(render(request, "news/webhook.html", context, status=status))


def _find(token: str) -> Subscription:
    row = subscribing.find(token)
    if row is None:
        raise Http404
    return row


def _shy(response: HttpResponse) -> HttpResponse:
    """Whoever has the address may do everything there: no search engine, no other site, no cache gets to know it."""
    response["Referrer-Policy"] = "same-origin"  # none at all would be no proof that a form was sent from here
    response["X-Robots-Tag"] = "noindex, nofollow"
    response["Cache-Control"] = "no-store"
    return response
