"""The folder of an image, as classic clients know it: what lies in it, and at which addresses.

::

    /download/<request_hash>/<file>    counts a download, then leads to
    /static/<request_hash>/<file>      the file itself, uncounted
    /json/<request_hash>/              the list of files, as a web server's JSON index;  /json/.../<file> is the file
    /static/faillogs/<request_hash>.log    the log of a build that failed

Beside each image are `<image>.log` and `<image>.sig`, beside all of them `sha256sums` and `sha256sums.sig`.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from builders.states import State
from images import publishing, services
from images.models import Image, ImageFile
from packages import names
from packages.visibility import Viewer

# auc keeps an address in 256 bytes and cuts off what is longer.
URL_BYTES = 255
_SHORTENED = re.compile(r"[0-9a-f]{16}-.+")
# auc of 2018 wants the signature's file to be there even when it is told to ignore it.
UNSIGNED = b"untrusted comment: not signed, this server had no signing key when it published this\n"
# What of an image can be flashed from a running system, best first. `combined` also boots where there is no EFI.
_FLASHABLE = ("sysupgrade", "combined", "combined-efi", "sdcard")


@dataclass(frozen=True, slots=True)
class Found:
    """What lies at a name: a file of the store, or `text` of our own."""

    file: ImageFile | None = None
    is_log: bool = False
    text: bytes = b""


def find(image: Image, name: str) -> Found | None:
    """What lies in the folder under a name; None: nothing."""
    if file := _file(image, name):
        return Found(file, is_log=file.name == publishing.LOG)
    of, dot, suffix = name.rpartition(".")
    beside = _file(image, of) if dot else None
    if beside is None:
        return None
    if suffix == "log" and beside.type:
        log = _file(image, publishing.LOG)
        return Found(log, is_log=True) if log else None
    if suffix == "sig" and (beside.type or beside.name == publishing.SUMS):
        signature = _file(image, f"{beside.name}{publishing.SIGNATURE}")
        return Found(signature) if signature else Found(text=UNSIGNED)
    return None


def _file(image: Image, name: str) -> ImageFile | None:
    for file in image.file_list:
        if name == file.name or (_SHORTENED.fullmatch(name) and name[:16] == _digest(file.name)):
            return file
    return None


def listed(image: Image) -> list[ImageFile]:
    """The files that people look for; clients count names with `factory` in them, so no signatures."""
    return [file for file in image.file_list if not file.name.endswith(publishing.SIGNATURE)]


def flashable(image: Image) -> ImageFile | None:
    """The image for a running system; None when there is none: it is never guessed.

    Clients of then do not say which root file system they mean. What somebody of today said who asked for the same
    packages first is nothing to them: they get squashfs where there is one.
    """
    for kind in _FLASHABLE:
        files = [file for file in image.file_list if file.type == kind]
        if files:
            return min(files, key=lambda file: (file.filesystem != "squashfs", file.name))
    return None


def any_image(image: Image) -> ImageFile | None:
    """The same, else whatever image there is: for people who choose from the list."""
    return flashable(image) or next((file for file in image.file_list if file.type), None)


# -- addresses ---------------------------------------------------------------------------------------------


def folder(request_hash: str) -> str:
    """The list of files, below the client's own address of this server."""
    return f"/json/{request_hash}/"


def download(base: str, request_hash: str, name: str) -> str:
    """Where a download is counted."""
    return _fitting(f"{base}/download/{request_hash}/", name)


def static(base: str, request_hash: str, name: str) -> str:
    """Where the file itself is."""
    return f"{base}/static/{request_hash}/{name}"


def fail_log(request_hash: str) -> str:
    """The log of a failed build, below our own address."""
    return f"/static/faillogs/{request_hash}.log"


def name_below(base: str, request_hash: str, name: str) -> str:
    """The name under which a client that puts addresses together itself finds a file."""
    return _fitting(f"{base}/{folder(request_hash)}/", name).rpartition("/")[2]


def _fitting(front: str, name: str) -> str:
    """The address, with the name shortened when it would be too long. Its end stays: it says what the file is."""
    room = URL_BYTES - len(front)
    if len(name) <= room:
        return front + name
    digest = _digest(name)
    return f"{front}{digest}-{name[-max(1, room - len(digest) - 1) :]}"


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:16]


# -- rows --------------------------------------------------------------------------------------------------


def image_of(request_hash: str, distribution: str, viewer: Viewer) -> Image | None:
    """The image of a request, also one that is served no longer; `distribution`: of the address, "" for any."""
    if not names.SHA256.fullmatch(request_hash):
        return None
    image = Image.objects.select_related("request").filter(request__request_hash=request_hash).first()
    if image is None or not image.request.is_visible_to(viewer):
        return None
    return image if distribution in ("", image.request.distribution) else None


def failure_of(request_hash: str, distribution: str, viewer: Viewer) -> Iterable[str]:
    """The public log of a build that failed, in pieces; none when it did not."""
    found = services.known(distribution or None, request_hash, viewer)
    build = found.build if found is not None else None
    if build is None or build.state not in (State.FAILED, State.PARKED):
        return ()
    return (build.sentence, " ".join(build.build_cmd), build.stdout, build.stderr)
