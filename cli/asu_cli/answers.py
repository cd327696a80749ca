"""What a v1 server says of a build, checked field by field: waiting, ready, or one of the errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from asu_cli import names, texts
from asu_cli.errors import (
    BuildFailedError,
    CancelledError,
    CliError,
    OverloadedError,
    RefusedError,
    UnreachableError,
)
from asu_cli.link import Reply

MOST_BYTES = 4 * 1024**3  # no image is larger
_MOST_IMAGES = 200
_MOST_PACKAGES = 20_000
_NOT_NOW = frozenset({429, 502, 503, 504, 529})


@dataclass(frozen=True, slots=True)
class Waiting:
    """202: in the queue or in work."""

    request_hash: str
    phase: str = ""  # "" while queued
    position: int | None = None
    wait_seconds: float | None = None
    hint: str = ""
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class ImageFile:
    """A file that can be fetched. `size` is None where the server tells none."""

    name: str
    type: str
    filesystem: str
    sha256: str
    size: int | None


@dataclass(frozen=True, slots=True)
class Ready:
    """200: built."""

    request_hash: str
    bin_dir: str
    images: tuple[ImageFile, ...]
    manifest: Mapping[str, str]
    version: str
    version_code: str
    target: str
    profile: str
    request: Mapping[str, Any]


def read(reply: Reply, request_hash: str = "") -> Waiting | Ready:
    """The state of a build. `request_hash` is the one asked about, for errors. Raises the errors of `errors.py`."""
    if reply.status == 202:
        return _waiting(reply)
    if reply.status == 200:
        return _ready(reply.document)
    raise error_of(reply, request_hash)


def error_of(reply: Reply, request_hash: str = "") -> CliError:
    """What an answer other than 200 and 202 means."""
    body = reply.document
    sentence = texts.line(body.get("detail") or body.get("error") or body.get("message"))
    known = _hash(body.get("request_hash")) or request_hash
    more: dict[str, Any] = {"request_hash": known} if known else {}
    more["http_status"] = reply.status
    if reply.status in _NOT_NOW:
        return OverloadedError(sentence or _bare(reply), again_in=reply.retry_after, **more)
    if reply.status == 500:
        log = texts.tail(f"{_text(body.get('stdout'))}\n{_text(body.get('stderr'))}")
        sentence = sentence.removeprefix("Error: ") or "The build failed."
        return BuildFailedError(sentence, log=log, advice=_advice(sentence, log), **more)
    if reply.status == 410:
        return CancelledError(sentence or "The build was cancelled.", advice="Ask again to have it built.", **more)
    if 400 <= reply.status < 500:
        unknown = texts.line(reply.headers.get("x-unknown-package", ""))
        if unknown:
            more["unknown_packages"] = [name.strip() for name in unknown.split(",")]
        return RefusedError(sentence or _bare(reply), **more)
    return UnreachableError(sentence or _bare(reply), **more)


def _bare(reply: Reply) -> str:
    if reply.status == 404:
        return "There is no such address at the server: is it one of this kind, and the address right?"
    if reply.status in (401, 403):
        return "The server wants a token for that: give it by --token or ASU_TOKEN."
    return f"The server answered with the status {reply.status} and no explanation."


def _advice(sentence: str, log: str) -> str:
    """What to try. The words are those of ImageBuilders and of servers of this kind."""
    text = f"{sentence}\n{log}".lower()
    if "exceed" in text or "too big" in text or "too large" in text:
        return "Leave packages out, or take smaller ones in their place (--remove NAME)."
    if "incorrect version" in text or "version_code" in text or "revision" in sentence.lower():
        return "The release moved on meanwhile: run asu check again, or leave --version-code out."
    if "conflict" in text or "clash" in text or "breaks" in text:
        return "Two packages exclude each other: remove one of them (--remove NAME)."
    if "unable to select packages" in text or "cannot satisfy" in text or "cannot install package" in text:
        return "A package, or what it needs, is not there for this device: leave it out."
    return "Try again with fewer packages to find out which one it is; if none helps, tell the server's maintainers."


def _waiting(reply: Reply) -> Waiting:
    body = reply.document
    request_hash = _hash(body.get("request_hash"))
    if not request_hash:
        raise UnreachableError("The server took the request but names no request_hash to ask with.")
    return Waiting(
        request_hash=request_hash,
        phase=texts.line(body.get("imagebuilder_status"), 40),
        position=_count(body.get("queue_position")),
        wait_seconds=_count(body.get("wait_seconds")),
        hint=texts.line(body.get("hint"), 300),
        retry_after=reply.retry_after,
    )


def _ready(body: Mapping[str, Any]) -> Ready:
    request_hash = _hash(body.get("request_hash"))
    bin_dir = body.get("bin_dir")
    if not request_hash or not isinstance(bin_dir, str) or not names.is_folder(bin_dir):
        raise UnreachableError(
            "The server says that the image is ready, but not where: request_hash or bin_dir is wrong."
        )
    images = body.get("images")
    if not isinstance(images, list) or len(images) > _MOST_IMAGES:
        raise UnreachableError("The server says that the image is ready, but lists no images.")
    request = body.get("request")
    return Ready(
        request_hash=request_hash,
        bin_dir=bin_dir,
        images=tuple(_image(entry) for entry in images),
        manifest=versions(body.get("manifest")),
        version=texts.line(body.get("version_number"), 80),
        version_code=texts.line(body.get("version_code"), 80),
        target=texts.line(body.get("target"), 140),
        profile=texts.line(body.get("id"), 140),
        request=request if isinstance(request, dict) else {},
    )


def _image(entry: object) -> ImageFile:
    if not isinstance(entry, dict):
        raise UnreachableError("The server lists an image that is none.")
    name, sha256, size = entry.get("name"), entry.get("sha256"), entry.get("size")
    if not isinstance(name, str) or not names.FILE.fullmatch(name):
        raise UnreachableError(f"The server names a file {texts.line(str(name), 80)!r}: that is no plain file name.")
    if not isinstance(sha256, str) or not names.SHA256.fullmatch(sha256):
        raise UnreachableError(f"The server tells no SHA-256 of {name}.")
    if size is not None and (_count(size) is None or size > MOST_BYTES):
        raise UnreachableError(f"The server tells a size of {name} that cannot be: {texts.line(str(size), 40)}.")
    return ImageFile(
        name=name,
        type=texts.line(entry.get("type"), 64),
        filesystem=texts.line(entry.get("filesystem"), 32),
        sha256=sha256,
        size=size,
    )


def versions(value: object) -> dict[str, str]:
    """Package names and versions of an object; what is none is left out."""
    if not isinstance(value, dict) or len(value) > _MOST_PACKAGES:
        return {}
    return {
        name: texts.line(version, 128)
        for name, version in value.items()
        if names.PACKAGE.fullmatch(name) and isinstance(version, str)
    }


def _hash(value: object) -> str:
    return value if isinstance(value, str) and names.HASH.fullmatch(value) else ""


def _count(value: object) -> int | None:
    """A number that counts something; null is as good as absent, and true is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
