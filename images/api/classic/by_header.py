"""The second and third generation: 202 with headers that tell the station, and a hash to ask by.

::

    POST /api/upgrade-request    an image to upgrade with      GET /api/upgrade-request/<request_hash>
    POST /api/build-request      whatever images there are     GET /api/build-request/<request_hash>

Clients before 2019 send `target` and `subtarget` and want whole addresses; later ones send `a/b` and put addresses
together themselves. A build belongs to both, so the form is not its: the hash given to the earlier clients ends in
`-st`, and whoever asks by it is answered in that form.
"""

import re
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from images import addresses, checksums, services
from images.api.answers import Answer
from images.api.classic import by_status, calls, folders, reading, standing
from images.api.classic.by_status import NO_UPGRADE, TOO_BIG
from images.api.classic.calls import Call, error
from images.api.classic.standing import Standing, Word
from images.exceptions import UNKNOWN_PACKAGE, RequestRefusedError
from images.models import Image
from images.publishing import LOG
from packages.visibility import viewer_of

_HASH = re.compile(r"([0-9a-f]{64})(-st)?")
_TWO_FIELDS = "-st"
_DEVICE = ("distro", "version", "target", "profile")  # what there may be no such thing of: 412
STATUS = "X-Imagebuilder-Status"
POSITION = "X-Build-Queue-Position"


@dataclass(frozen=True, slots=True)
class Form:
    """How an answer is to be written. `is_poll`: to a GET by hash."""

    base: str
    is_upgrade: bool
    is_whole: bool  # whole addresses, as before 2019
    is_poll: bool = False

    def hash(self, request_hash: str) -> str:
        """The hash as this client is to ask by it."""
        return request_hash + (_TWO_FIELDS if self.is_whole else "")

    def address(self, path: str) -> str:
        """A path of ours as this client wants it."""
        return self.base + path if self.is_whole else path


def refused(refusal: RequestRefusedError) -> Answer:
    """412 for a device, release or target that is not there, 422 for packages; 503 while there is too much to do."""
    if refusal.field in _DEVICE and refusal.status == 400:
        return error(412, refusal.detail)
    if refusal.field == reading.MISSING:
        return error(412, refusal.detail, refusal.headers)
    if refusal.status in (429, 503):
        return error(503, refusal.detail, refusal.headers)
    if refusal.status == 422:
        unknown = refusal.headers[UNKNOWN_PACKAGE]
        sentence = f"could not find package {unknown.partition(',')[0]} for requested target"
        return error(422, sentence, {UNKNOWN_PACKAGE: unknown})
    return error(refusal.status if refusal.status in (413, 500) else 400, refusal.detail)


def need(call: Call, *but: str, device: bool) -> None:
    """All that is needed `but` some, in the words of the form in which the target came."""
    names = [name for name in ("distro", "version", "target") if name not in but]
    if not reading.is_in_one_field(call.fields):
        names.append("subtarget")
    if device and not reading.board(call.fields):
        names.append("board")
    reading.need(call, names, f"missing parameters - need {' '.join(names)}")


@calls.taken(refused)
def upgrade_request(call: Call) -> Answer:
    """An image to upgrade with."""
    return by_status.image_for(call) if is_first_auc(call) else _asked(call, is_upgrade=True)


def is_first_auc(call: Call) -> bool:
    """auc 0.0.1 and 0.0.2, which came to these addresses when they still spoke in statuses."""
    return call.agent == "auc"


@calls.taken(refused)
def build_request(call: Call) -> Answer:
    """Whatever images there are for the device."""
    return _asked(call, is_upgrade=False)


def _asked(call: Call, *, is_upgrade: bool) -> Answer:
    if is_upgrade and call.fields.get("version") in (None, ""):
        need(call, "version", device=True)
        call = replace(call, fields={**call.fields, "version": reading.newest_version(call)})
    need(call, device=True)
    form = Form(call.base, is_upgrade, is_whole=not reading.is_in_one_field(call.fields))
    wanted = reading.wish(call, reading.place(call))
    try:
        return answer_to(standing.of(services.request_asked(wanted)), form)
    except RequestRefusedError as refusal:
        if refusal.field == "profile":
            return error(412, f"unknown board: {reading.device_words(call.fields)}")
        return refused(refusal)


@require_http_methods(["GET", "HEAD"])
def upgrade_state(request: HttpRequest, request_hash: str, distribution: str = "") -> HttpResponse:
    """How it stands with an image to upgrade with."""
    return _state(request, request_hash, distribution, is_upgrade=True)


@require_http_methods(["GET", "HEAD"])
def build_state(request: HttpRequest, request_hash: str, distribution: str = "") -> HttpResponse:
    """How it stands with whatever images there will be."""
    return _state(request, request_hash, distribution, is_upgrade=False)


def _state(request: HttpRequest, request_hash: str, distribution: str, *, is_upgrade: bool) -> HttpResponse:
    match = _HASH.fullmatch(request_hash)
    found = services.lookup(distribution or None, match[1], viewer_of(request.META)) if match else None
    if match is None or found is None:
        return calls.respond(Answer(404, {}))
    form = Form(addresses.base(request), is_upgrade, is_whole=bool(match[2]), is_poll=True)
    try:
        return calls.respond(answer_to(standing.of(found), form))
    except RequestRefusedError as refusal:
        return calls.respond(refused(refusal))


def answer_to(stands: Standing, form: Form) -> Answer:
    """Status, headers and body for where a request stands."""
    request_hash = stands.request.request_hash
    match stands.word:
        case Word.QUEUE | Word.BUILDING | Word.INITIALIZE:
            headers = {STATUS: stands.word.value}
            if stands.word is Word.QUEUE and _is_worth_telling(request_hash, stands.position, form):
                headers[POSITION] = str(stands.position)
            return Answer(202, {"request_hash": form.hash(request_hash)}, headers)
        case Word.READY:
            return _ready(stands, form)
        case Word.FAILED:
            return _failed(stands, form)
        case Word.GONE:
            return Answer(404, {})


# What polls were last told of a position. chef gives up when it hears the same thirty times; hearing none it waits.
_told: "OrderedDict[str, int]" = OrderedDict()
_MOST_TOLD = 4096
_lock = threading.Lock()


def _is_worth_telling(request_hash: str, position: int, form: Form) -> bool:
    """Whoever repeats the POST shows the position each time and never gives up; polls are told when it moves."""
    if not form.is_poll:
        return True
    with _lock:
        last = _told.pop(request_hash, None)
        _told[request_hash] = position
        while len(_told) > _MOST_TOLD:
            _told.popitem(last=False)
    return last != position


def _ready(stands: Standing, form: Form) -> Answer:
    image, request_hash = stands.image, stands.request.request_hash
    assert image is not None  # that is what READY means
    file = folders.flashable(image)
    body: dict[str, object] = {
        "request_hash": form.hash(request_hash),
        "image_hash": request_hash,
        "files": form.address(folders.folder(request_hash)),
        "log": form.address(_log(image)),
    }
    if file is None:
        if form.is_upgrade:
            return error(501, NO_UPGRADE, log=form.address(_log(image)))
        return Answer(200, body)
    url = folders.download(form.base, request_hash, file.name)
    try:
        body |= {"url": url, "checksum": checksums.md5_of(file), "filesize": file.size}
    except FileNotFoundError:
        return Answer(404, {})
    body["sysupgrade"] = url if form.is_whole else folders.name_below(form.base, request_hash, file.name)
    return Answer(200, body)


def _log(image: Image) -> str:
    return f"{folders.folder(image.request.request_hash)}{LOG}"


def _failed(stands: Standing, form: Form) -> Answer:
    log = form.address(folders.fail_log(stands.request.request_hash))
    if stands.reason in standing.TOO_BIG:
        return error(413, TOO_BIG, log=log)
    if stands.reason in standing.CONFLICTS:
        return error(409, stands.sentence, log=log)
    if stands.reason is standing.NO_IMAGE and form.is_upgrade:
        return error(501, stands.sentence, log=log)
    return error(500, stands.sentence, log=log)
