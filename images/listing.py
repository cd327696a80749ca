"""Requests as lists of pages show them, newest first; found by words, in little time among a million."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Max, Q

from builders.models import Build
from builders.states import OPEN, State
from images import asked_for
from images.models import ImageRequest
from packages.visibility import Viewer

# So many of the newest rows are looked through for a page; who wants to go further back says so.
WINDOW = 5000
_FEW = 20  # devices or releases that are looked up one by one
_OF_EACH = 200
_MOST_OPEN = 2000

STATES: dict[str, tuple[State, ...]] = {
    "ready": (State.DONE,),
    "waiting": (State.QUEUED, State.BUILDING),
    "failed": (State.FAILED, State.PARKED),
}
_NOT_SHOWN = (
    *("canonical", "refusal", "build__stdout", "build__stderr", "build__canonical", "build__spec", "build__build_cmd"),
    "image__manifest",
)


def shown_requests(viewer: Viewer) -> Any:
    """Requests with a page worth showing in a list, newest first; without what is long and not shown there."""
    return (
        ImageRequest.objects.visible_to(viewer)
        .select_related("build", "image")
        .filter(build__isnull=False)
        .defer(*_NOT_SHOWN)
        .order_by("-id")
    )


def of_device(request: ImageRequest, viewer: Viewer) -> Any:
    """Images of the same device, the last ones first, without its own."""
    rows = shown_requests(viewer).filter(profile=request.profile, target=request.target, image__isnull=False)
    return rows.filter(distribution=request.distribution).exclude(pk=request.pk)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a list. `further`: where the next one begins (an id that it is below); None at the end."""

    rows: Sequence[ImageRequest]
    further: int | None
    is_first: bool


def part(viewer: Viewer, words: Sequence[str] = (), state: str = "", before: int | None = None, most: int = 25) -> Part:
    """The newest requests below `before` that fit all words and the state."""
    newest = ImageRequest.objects.aggregate(newest=Max("id"))["newest"] or 0
    top = min(before or newest + 1, newest + 1)
    rows = shown_requests(viewer)
    for word in words:
        rows = rows.filter(_fits(word))
    if state in STATES:
        rows = rows.filter(build__state__in=STATES[state])
    candidates = _candidates(words, state, top)
    if candidates is None:
        bottom = top - WINDOW
        found = list(rows.filter(id__lt=top, id__gte=bottom)[: most + 1])
        end = bottom if bottom > 1 else None
    else:
        found = list(rows.filter(id__in=candidates.ids)[: most + 1])
        end = candidates.further
    further = found[most - 1].pk if len(found) > most else end
    return Part(found[:most], further, is_first=before is None)


def _fits(word: str) -> Q:
    """What a word may stand for."""
    condition = Q(profile__icontains=word) | Q(target__icontains=word) | Q(version__istartswith=word)
    return condition | Q(distribution=word.lower()) | Q(request_hash__startswith=word.lower())


# -- by an index, where a word tells much --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Ids that may fit, the newest ones, and nothing above `further` is left out."""

    ids: Sequence[int]
    further: int | None


def _candidates(words: Sequence[str], state: str, top: int) -> _Candidates | None:
    """None: the words tell so little that the newest rows will hold enough that fit."""
    if state == "waiting":
        # Few of all, and some may be old ones that were asked for again.
        builds = Build.objects.filter(state__in=OPEN).values("pk")[:_MOST_OPEN]
        rows = ImageRequest.objects.filter(build__in=list(builds.values_list("pk", flat=True)), id__lt=top)
        return _Candidates(list(rows.values_list("id", flat=True)), None)
    wheres = asked_for.narrowed(words, _FEW) if words else None
    return None if wheres is None else _newest_of_each(wheres, top)


def _newest_of_each(wheres: Sequence[asked_for.Where], top: int) -> _Candidates:
    found: list[int] = []
    further = 0
    for where in wheres:
        rows = ImageRequest.objects.filter(**where, id__lt=top).order_by("-id")
        ids = list(rows.values_list("id", flat=True)[:_OF_EACH])
        found += ids
        if len(ids) == _OF_EACH:
            further = max(further, ids[-1])
    return _Candidates([pk for pk in found if pk >= further], further or None)
