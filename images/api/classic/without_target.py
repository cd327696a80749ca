"""POST /api/build as LuCI of 2020 sends it: the release and the device, but not the target (v1-api.md §11)."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from images import clients, services
from images.api import answers, body
from images.api.build import respond
from images.exceptions import RequestRefusedError
from packages import boards, names
from packages.models import Profile, Target
from packages.querysets import called, on_offer
from packages.visibility import Viewer, viewer_of, visible


@csrf_exempt
@require_http_methods(["POST"])
def build(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """Asks for an image; where the target is left out, the device says which."""
    try:
        fields = body.parse(body.read(request))
        if fields.get("target") in (None, ""):
            fields = {**fields, "target": _target(distribution, fields, viewer_of(request.META))}
        agent = request.headers.get("User-Agent", "")
        asked = services.request_image(distribution, fields, client=agent, asker=clients.of(request.META))
    except RequestRefusedError as refusal:
        return respond(request, answers.refused(refusal))
    return respond(request, answers.for_request(asked))


def _target(address: str, fields: Mapping[str, Any], viewer: Viewer) -> str:
    """The one target of the release that has the device. RequestRefusedError when there are several, or none."""
    version, board = fields.get("version"), fields.get("profile")
    if not (isinstance(version, str) and names.VERSION.fullmatch(version)) or not (
        isinstance(board, str) and names.BOARD.fullmatch(board)
    ):
        # What is wrong with these is said where they are checked.
        return "unknown/unknown"
    rows = Target.objects.filter(
        visible(viewer, "release__distribution__organisation"),
        called(version, "release"),
        on_offer("release"),
        release__distribution__is_enabled=True,
        release__distribution__name=services.distribution_of(address, fields),
        is_enabled=True,
    )
    found = _with_device(rows.values_list("pk", flat=True), board) or _known_elsewhere(rows, board)
    if len(found) == 1:
        return found[0]
    problem = f"it may be any of {', '.join(found)}" if found else f"which one has {board} is not known"
    raise RequestRefusedError(400, f'target: missing, and {problem}; send "<target>/<subtarget>".', field="target")


def _known_elsewhere(rows: Any, board: str) -> list[str]:
    """By the device's targets in other releases: most targets of a release are known by name only."""
    names_here = list(rows.filter(synced_at=None).values_list("name", flat=True))
    distributions = rows.values_list("release__distribution", flat=True)
    others = Target.objects.filter(release__distribution__in=distributions, name__in=names_here)
    return _with_device(others.values_list("pk", flat=True), board)


def _with_device(targets: Any, board: str) -> list[str]:
    """Names of those that have the device, by its id or by what it calls itself."""
    wanted = boards.plain(board)
    profiles = Profile.objects.filter(target__in=targets)
    columns = profiles.values_list("target__name", "name", "supported_devices")
    return sorted(
        {
            target
            for target, name, supported in columns.iterator(chunk_size=2000)
            if name == wanted or boards.is_among(wanted, supported)
        }
    )
