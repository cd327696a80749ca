"""The first generation: 201 wait, 206 being built, 200 there it is. The client repeats the same POST until then.

::

    POST /image-request   (also /build-request and /files-request)
"""

from images import checksums, services
from images.api.answers import Answer
from images.api.classic import calls, folders, reading, standing
from images.api.classic.calls import Call, error
from images.api.classic.standing import Standing, Word
from images.exceptions import UNKNOWN_PACKAGE, RequestRefusedError
from images.models import ImageFile
from images.publishing import LOG

NEEDED = ("distro", "version", "target", "subtarget", "board")
LACKS = "missing parameters - need distro version target subtarget board"
TOO_BIG = "requested image is too big for requested target. retry with less packages"
NO_UPGRADE = "the image was built, but this device has none that can be installed from a running system"


def refused(refusal: RequestRefusedError) -> Answer:
    """400 for whatever is wrong, 503 while there is too much to do, 500 where we are at fault."""
    headers = {name: text for name, text in refusal.headers.items() if name == "Retry-After"}
    if refusal.status in (429, 503):
        return error(503, refusal.detail, headers)
    if refusal.status == 500:
        return error(500, refusal.detail)
    return error(400, refusal.detail)


@calls.taken(refused)
def image_request(call: Call) -> Answer:
    """An image to upgrade with."""
    return _asked(call, is_upgrade=True)


def image_for(call: Call) -> Answer:
    """The same for a call to another address."""
    try:
        return _asked(call, is_upgrade=True)
    except RequestRefusedError as refusal:
        return refused(refusal)


@calls.taken(refused)
def build_request(call: Call) -> Answer:
    """Whatever images there are for the device."""
    return _asked(call, is_upgrade=False)


def _asked(call: Call, *, is_upgrade: bool) -> Answer:
    reading.need(call, NEEDED, LACKS)
    wanted = reading.wish(call, reading.place(call))
    try:
        return _answer(standing.of(services.request_asked(wanted)), call, is_upgrade=is_upgrade)
    except RequestRefusedError as refusal:
        return _refused_wish(refusal, call)


def _answer(stands: Standing, call: Call, *, is_upgrade: bool) -> Answer:
    match stands.word:
        case Word.QUEUE:
            return Answer(201, {"queue": stands.position})
        case Word.BUILDING:
            return Answer(206, {})
        case Word.READY:
            return _ready(stands, call, is_upgrade=is_upgrade)
        case Word.FAILED:
            return _failed(stands, call)
        case Word.INITIALIZE | Word.GONE:  # gone in this moment: the next POST asks for it anew
            return Answer(201, {})


def _ready(stands: Standing, call: Call, *, is_upgrade: bool) -> Answer:
    image = stands.image
    assert image is not None  # that is what READY means
    file = folders.flashable(image) if is_upgrade else folders.any_image(image)
    request_hash = stands.request.request_hash
    if file is None:
        return error(500, NO_UPGRADE, log=folders.static(call.base, request_hash, LOG))
    try:
        return Answer(200, found(file, call.base, request_hash))
    except FileNotFoundError:
        return Answer(201, {})


def found(file: ImageFile, base: str, request_hash: str) -> dict[str, object]:
    """Where an image is, and how a client tells that it has all of it."""
    url = folders.download(base, request_hash, file.name)
    return {
        "url": url,
        "sysupgrade": url,
        "checksum": checksums.md5_of(file),
        "filesize": file.size,
        "files": f"{base}{folders.folder(request_hash)}",
    }


def _failed(stands: Standing, call: Call) -> Answer:
    log = f"{call.base}{folders.fail_log(stands.request.request_hash)}"
    if stands.reason in standing.TOO_BIG:
        return error(400, TOO_BIG, log=log)
    return error(500, stands.sentence, log=log)


def _refused_wish(refusal: RequestRefusedError, call: Call) -> Answer:
    match refusal.field:
        case "profile":
            return error(400, f"unknown board: {reading.device_words(call.fields)}")
        case "packages" if refusal.status == 422:
            unknown = refusal.headers[UNKNOWN_PACKAGE].partition(",")[0]
            return error(400, f"could not find package {unknown} for requested target")
    return refused(refusal)
