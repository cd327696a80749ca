"""Choose packages for a device, see what comes of it, and have the image built.

One form for everything, and every button is one of it, so that without JavaScript no field is lost on the way: buttons
post, and are sent on to the address that says the same (which can be passed on). The first-boot script is in no
address; while there is one, the page is shown at once instead.
"""

from dataclasses import replace
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from images import addresses, clients, command_lines, places, services
from images.choosing import Choice
from images.clients import Client
from images.exceptions import RequestRefusedError
from images.models import ImageRequest
from images.places import Place
from images.preparing import NotYetError
from images.selection import Selection
from images.viewers import viewer_of_page
from packages import names
from packages.exceptions import UnknownError, UnknownVersionError
from packages.models import Distribution
from packages.visibility import Viewer

_CLIENT = "web page"
_MOST_TYPED = 200  # characters of what is searched for
_OWN_FIELDS = frozenset({"packages", "filesystem", "rootfs_size_mb", "network_profile", "defaults", "version"})


@require_http_methods(["GET", "HEAD", "POST"])
def choose(request: HttpRequest, distribution: str, target: str, subtarget: str, profile: str) -> HttpResponse:
    """The page; what is posted to it changes the selection, or asks for the image."""
    fields = request.POST if request.method == "POST" else request.GET
    device = _Device(request, distribution, f"{target}/{subtarget}", profile)
    selection = Selection.of(fields)
    try:
        place = device.place(selection.version)
    except NotYetError as error:
        context = device.context() | {"why": str(error), "selection": selection}
        return render(request, "images/choose_wait.html", context)
    except UnknownVersionError:
        context = device.context() | {"selection": selection, "releases": device.releases()}
        return render(request, "images/choose_elsewhere.html", context, status=HTTPStatus.NOT_FOUND)
    script = request.POST.get("defaults", "").replace("\r\n", "\n")
    choice = _changed(Choice(place, selection, device.asker, script), fields)
    text = fields.get("q", "")[:_MOST_TYPED]
    if request.method == "POST" and "build" in fields:
        return _build(request, choice, text)
    if request.method == "POST" and not script:
        return HttpResponseRedirect(f"{request.path}?{_query(choice, text)}#packages")
    return _page(request, choice, text)


@require_safe
def choose_packages(request: HttpRequest, distribution: str, target: str, subtarget: str, profile: str) -> HttpResponse:
    """What is found for `q`, as a part of the page."""
    choice, text = _of_part(request, distribution, f"{target}/{subtarget}", profile)
    return render(request, "images/_choose_results.html", _results(choice, text))


@require_safe
def choose_selection(
    request: HttpRequest, distribution: str, target: str, subtarget: str, profile: str
) -> HttpResponse:
    """The parts that change with the selection, after one change more (`add`, `drop`, `keep` or `swap`)."""
    choice, text = _of_part(request, distribution, f"{target}/{subtarget}", profile)
    return render(request, "images/_choose_parts.html", _context(request, choice, text))


# -- where --------------------------------------------------------------------------------------------------


class _Device:
    """The device that the address names, as far as the one who asks may see it; Http404 otherwise."""

    def __init__(self, request: HttpRequest, distribution: str, target: str, profile: str) -> None:
        self.viewer: Viewer = viewer_of_page(request)
        self.asker: Client = replace(clients.of(request.META), viewer=self.viewer)
        row = places.distribution_of(distribution, self.viewer)
        if row is None or not places.is_well_formed(target, profile):
            raise Http404
        self.distribution: Distribution = row
        self.target, self.profile = target, profile

    def place(self, version: str) -> Place:
        """UnknownVersionError, NotYetError."""
        is_name = not version or names.VERSION.fullmatch(version)
        try:
            # What is no name is sought all the same, so that other releases are told; it is compared, never looked up.
            return places.find(self.distribution, self.target, self.profile, version if is_name else "-", self.viewer)
        except UnknownVersionError:
            raise
        except UnknownError as error:
            raise Http404 from error

    def releases(self) -> list[places.ReleaseOption]:
        return list(places.releases_of(self.distribution, self.target, self.profile, self.viewer))

    def context(self) -> dict[str, Any]:
        return {"distribution": self.distribution, "target": self.target, "profile": self.profile}


def _of_part(request: HttpRequest, distribution: str, target: str, profile: str) -> tuple[Choice, str]:
    device = _Device(request, distribution, target, profile)
    selection = Selection.of(request.GET)
    try:
        place = device.place(selection.version)
    except (NotYetError, UnknownVersionError) as error:
        raise Http404 from error  # the page as a whole tells more
    return _changed(Choice(place, selection, device.asker), request.GET), request.GET.get("q", "")[:_MOST_TYPED]


# -- what ---------------------------------------------------------------------------------------------------


def _changed(choice: Choice, fields: QueryDict) -> Choice:
    """The selection after the button that was pressed."""
    selection = choice.selection
    old, _colon, new = str(fields.get("swap", "")).partition(":")
    for name, change in (
        (fields.get("add", ""), selection.with_package),
        (fields.get("drop", ""), selection.without_package),
    ):
        if names.PACKAGE.fullmatch(name):
            selection = change(name, is_default=choice.is_default(name))
    if names.PACKAGE.fullmatch(keep := fields.get("keep", "")):
        selection = selection.forgetting(keep)
    if names.PACKAGE.fullmatch(old):
        selection = selection.forgetting(old)
        for name in filter(names.PACKAGE.fullmatch, new.split(",")[:50]):
            selection = selection.with_package(name, is_default=choice.is_default(name))
    return Choice(choice.place, selection, choice.asker, choice.script)


def _build(request: HttpRequest, choice: Choice, text: str) -> HttpResponse:
    """To the page of the image; or this page again, with what was wrong."""
    if choice.selection.odd:
        return _page(request, choice, text, status=HTTPStatus.BAD_REQUEST)
    try:
        asked: ImageRequest = services.request_image(
            choice.place.distribution.name, choice.body, client=_CLIENT, asker=choice.asker
        )
    except RequestRefusedError as refusal:
        return _page(request, choice, text, refusal, refusal.status)
    return redirect("images:detail", asked.request_hash)


# -- how it looks -------------------------------------------------------------------------------------------


def _page(
    request: HttpRequest, choice: Choice, text: str, refusal: RequestRefusedError | None = None, status: int = 200
) -> HttpResponse:
    context = _context(request, choice, text, refusal)
    response = render(request, "images/choose.html", context, status=status)
    if refusal and "Retry-After" in refusal.headers:
        response["Retry-After"] = refusal.headers["Retry-After"]
    return response


def _context(
    request: HttpRequest, choice: Choice, text: str, refusal: RequestRefusedError | None = None
) -> dict[str, Any]:
    place, query = choice.place, _query(choice)
    address = reverse("images:choose", args=_words_of_address(place))
    base = addresses.base(request)
    name = place.catalogue.distribution
    server = base if name == settings.ASU_DEFAULT_DISTRIBUTION else f"{base}/{name}"
    wrong = refusal or choice.refusal
    field = wrong.field.partition("[")[0] if wrong else ""
    return _results(choice, text) | {
        "place": place,
        "distribution": place.distribution,
        "device_address": address.removesuffix("choose/"),
        "address": address,
        "link": f"{base}{address}?{query}",
        "query": _query(choice, text),
        "wrong": wrong,
        "wrong_field": field if field in _OWN_FIELDS else "",
        "commands": command_lines.of(choice.selection, choice.body, server),
        "said": _said(choice),
        "most_script": settings.ASU_MAX_DEFAULTS_LENGTH,
        "script_size": len(choice.script.encode("utf-8", "replace")),
        "most_rootfs": settings.ASU_MAX_ROOTFS_SIZE_MB,
    }


def _results(choice: Choice, text: str) -> dict[str, Any]:
    result = choice.results(text)
    return {
        "choice": choice,
        "q": text,
        "is_search": bool(text.strip()),
        "count": result.count,
        "rows": choice.rows(result),
    }


def _query(choice: Choice, text: str = "") -> str:
    return choice.selection.query(q=text.strip())


def _words_of_address(place: Place) -> list[str]:
    target, subtarget = place.catalogue.target.split("/")
    return [place.distribution.name, target, subtarget, place.profile.name]


def _said(choice: Choice) -> str:
    """What changed, in a sentence for those who do not see it."""
    count = choice.brought_count
    more = ngettext("%(count)d package more than usual.", "%(count)d packages more than usual.", count) % {
        "count": count
    }
    return more if choice.is_fine else f"{more} {_('There is a problem with this selection.')}"
