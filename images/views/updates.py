"""Updates for my device: from what a router prints to what an upgrade would bring. Nothing of it is stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods, require_POST

from builders.shown import visible
from images import addresses, clients, questions, services
from images.exceptions import RequestRefusedError
from images.preparing import NotYetError
from images.update_page import UpdatePage
from images.viewers import viewer_of_page
from packages import naming
from packages.models import Distribution
from packages.parsing import installed
from packages.parsing.installed import Told
from packages.upgrades import Reach
from packages.visibility import Viewer

COMMAND = "ubus call system board; apk list --installed 2>/dev/null || opkg list-installed"
CLIENT = "website"
_BY_HAND = ("version", "target", "profile")
_MOST_KEPT = 32 * 1024  # characters of a paste that are shown again as they came


@dataclass
class _Form:
    """What stands in the form, and what is wrong with it."""

    text: str = ""
    values: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)  # field -> sentence
    told: Told | None = None

    @property
    def shown_text(self) -> str:
        """The paste as it came, or, where that was long, what was understood of it."""
        if len(self.text) <= _MOST_KEPT or self.told is None:
            return self.text[:_MOST_KEPT]
        return "\n".join(
            f"{name} - {version}".removesuffix(" - ") for name, version in (self.told.packages or {}).items()
        )

    @property
    def strange(self) -> list[tuple[int, str]]:
        """Lines that were not understood."""
        return [(number, visible(line)) for number, line in (self.told.strange if self.told else ())]

    @property
    def more_strange(self) -> int:
        """How many lines besides were not understood."""
        return self.told.strange_count - len(self.told.strange) if self.told else 0

    @property
    def first_wrong(self) -> str:
        """The field to begin with."""
        return next((name for name in ("text", "distro", *_BY_HAND) if name in self.wrong), "")

    @property
    def is_open(self) -> bool:
        """Whether something was typed in beside the paste, or has to be."""
        return any(self.values.get(name) for name in _BY_HAND) or any(name in self.wrong for name in _BY_HAND)


@require_http_methods(["GET", "HEAD", "POST"])
def updates(request: HttpRequest) -> HttpResponse:
    """The form; sent, the verdict above it."""
    viewer = viewer_of_page(request)
    if request.method != "POST":
        return _page(request, viewer, _Form(values=_values(request.GET)))
    form = _Form(values=_values(request.POST))
    try:
        form.text = _text(request)
        form.told = installed.parse(form.text)
        raw = _asked(form, form.told, viewer)
        question = questions.shape("", raw, client=CLIENT)
        verdict = questions.answer(question, viewer)
    except RequestRefusedError as refusal:
        form.wrong[refusal.field if refusal.field in _FIELDS else "text"] = refusal.detail
        return _page(request, viewer, form, status=refusal.status if refusal.status in (400, 413) else 400)
    except NotYetError as error:
        return _page(request, viewer, form, later=str(error))
    page = UpdatePage(question, verdict, viewer, addresses.base(request))
    return _page(request, viewer, form, page=page)


_FIELDS = ("all", "text", "distro", "version", "target", "profile", "reach")


def _page(request: HttpRequest, viewer: Viewer, form: _Form, *, status: int = 200, **more: Any) -> HttpResponse:
    context = {
        "form": form,
        "command": COMMAND,
        "distributions": Distribution.objects.visible_to(viewer),
        "default": form.values.get("distro") or settings.ASU_DEFAULT_DISTRIBUTION,
        **more,
    }
    return render(request, "images/updates.html", context, status=status)


def _values(sent: Mapping[str, Any]) -> dict[str, str]:
    """The small fields. Half a character is none: no page could show it."""
    values = {name: str(sent.get(name, "")).strip()[:200] for name in ("distro", "reach", *_BY_HAND)}
    return {name: value.encode("utf-8", "replace").decode() for name, value in values.items()}


def _text(request: HttpRequest) -> str:
    """What was pasted, and behind it the file."""
    text = str(request.POST.get("text", ""))
    file = request.FILES.get("file")
    if isinstance(file, UploadedFile):
        if (file.size or 0) > settings.ASU_MAX_BODY:
            raise RequestRefusedError(413, gettext("The file is too large."), field="text")
        text += "\n" + file.read(settings.ASU_MAX_BODY).decode("utf-8-sig", "replace")
    return text.encode("utf-8", "replace").decode()


def _asked(form: _Form, told: Told, viewer: Viewer) -> dict[str, Any]:
    """The question in the words of /api/v1/check: what was typed goes before what was pasted."""
    typed = form.values
    if told.is_empty and not any(typed[name] for name in _BY_HAND):
        raise RequestRefusedError(400, _say_nothing_understood(form), field="text")
    raw: dict[str, Any] = {
        "distro": typed["distro"] or naming.named(told.distribution, viewer) or settings.ASU_DEFAULT_DISTRIBUTION,
        "version": typed["version"] or told.version,
        "target": typed["target"] or told.target,
        "profile": typed["profile"] or told.board,
        "revision": told.revision if not typed["version"] else "",
        "filesystem": told.filesystem,
        "reach": typed["reach"] if typed["reach"] in tuple(Reach) else Reach.DISTRIBUTION,
        "packages": dict(told.packages) if told.packages is not None else None,
    }
    for name, sentence in (
        ("version", gettext("Which release does your router run? It is not told above.")),
        ("target", gettext("Which target does your router have? It is not told above.")),
        ("profile", gettext("Which device is it? It is not told above.")),
    ):
        if not raw[name]:
            form.wrong.setdefault(name, sentence)
    if form.wrong:
        raise RequestRefusedError(400, gettext("Something is missing to look for updates."), field="all")
    return raw


def _say_nothing_understood(form: _Form) -> str:
    if not form.text.strip():
        return gettext("Paste what your router prints, or choose a file with it.")
    return gettext("Nothing in it was understood: paste what the command above prints.")


@require_POST
def update_build(request: HttpRequest) -> HttpResponse:
    """Builds exactly what the verdict named."""
    viewer = viewer_of_page(request)
    sent = {name: str(request.POST.get(name, "")) for name in ("distro", "version", "target", "profile", "filesystem")}
    raw: dict[str, Any] = {
        **sent,
        "packages": str(request.POST.get("packages", "")).split(),
        "diff_packages": request.POST.get("diff_packages") == "1",
        "current_version": str(request.POST.get("current_version", "")),
    }
    asker = replace(clients.of(request.META), viewer=viewer)
    try:
        row = services.request_image(services.distribution_of("", raw), raw, client=CLIENT, asker=asker)
    except RequestRefusedError as refusal:
        form = _Form(values=_values(request.POST), wrong={"text": refusal.detail})
        return _page(request, viewer, form, status=refusal.status if refusal.status < 500 else 503)
    return redirect("images:detail", row.request_hash)
