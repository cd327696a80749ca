"""Where ImageBuilders and package indexes come from: the mirror, or the main server and only then the mirror."""

import hashlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from builders.spec import FeedSpec, ImageBuilderSpec
from packages.conf import settings
from packages.exceptions import (
    BadDocumentError,
    ChecksumError,
    DownloadStoppedError,
    MirrorError,
    MirrorUnreachableError,
    NotOnMirrorError,
    NotReadyError,
    SignatureError,
)
from packages.index_cache import signer_id
from packages.signatures import UsignPublicKey, signer_number
from packages.upstream import Bounds, Mirror, gunzip

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], None]  # so much of so much (0 = unknown)
GoOn = Callable[[], bool]
# Uncompressed; its detached signature if it has one; and which of the keys that the feed came with that is by.
Index = tuple[bytes, bytes | None, str]

API = "api/worker/v1"
_POLL = 1.0  # seconds
_PATIENCE = 600.0  # seconds without progress after which the main server is no longer waited for


class Sources(Protocol):
    """Where a build gets what is not on this machine. Raises MirrorError.

    `vouches`: what a spec names by its sum was verified by whoever made the spec, so no signature is looked at again.
    """

    vouches: bool

    def imagebuilder(self, wanted: ImageBuilderSpec, target: Path, progress: Progress, go_on: GoOn) -> None:
        """Bring the archive to `target`, its SHA-256 checked."""
        ...

    def index(self, feed: FeedSpec) -> Index:
        """A package index. Its sum and whose signature it is are for the caller to check."""
        ...


class MirrorSources:
    """Everything from the addresses that the spec names."""

    vouches = False

    def imagebuilder(self, wanted: ImageBuilderSpec, target: Path, progress: Progress, go_on: GoOn) -> None:
        """See Sources."""
        mirror, path = Mirror.for_url(wanted.url)
        mirror.download(path, target, sha256=wanted.sha256, progress=progress, go_on=go_on)

    def index(self, feed: FeedSpec) -> Index:
        """See Sources."""
        mirror = Mirror(feed.url, bounds_of(feed))
        if feed.format == "apk":
            return _get(mirror, "packages.adb"), None, ""
        limit = settings.ASU_MAX_DOCUMENT_MB * 1024 * 1024
        data = gunzip(_get(mirror, "Packages.gz"), limit, name="Packages.gz")
        signature = _get_if_there(mirror, "Packages.sig")
        return data, signature, _signer(feed, signature)


class ServerSources:
    """Asks the main server first, so that a farm asks the mirror once. What it does not have comes from the mirror.

    The server has verified by the pinned keys what it tells the sums of; a worker has nothing to do that with.
    """

    vouches = True

    def __init__(self, server: str) -> None:
        self._server = Mirror(f"{server.rstrip('/')}/{API}")
        self._mirror = MirrorSources()

    def imagebuilder(self, wanted: ImageBuilderSpec, target: Path, progress: Progress, go_on: GoOn) -> None:
        """See Sources. While the server itself fetches it, that progress is told."""
        try:
            self._from_server(wanted, target, progress, go_on)
        except DownloadStoppedError:
            raise
        except MirrorError as error:
            logger.info("%s comes from the mirror: %s", wanted.file_name, error)
            self._mirror.imagebuilder(wanted, target, progress, go_on)

    def _from_server(self, wanted: ImageBuilderSpec, target: Path, progress: Progress, go_on: GoOn) -> None:
        path = f"imagebuilders/{wanted.sha256}"
        last: int | None = -1
        give_up_at = 0.0
        while True:
            try:
                return self._server.download(path, target, sha256=wanted.sha256, progress=progress, go_on=go_on)
            except NotReadyError as error:
                if error.percent != last:
                    last, give_up_at = error.percent, time.monotonic() + _PATIENCE
                progress(error.percent or 0, 0 if error.percent is None else 100)
            if time.monotonic() > give_up_at:
                raise MirrorUnreachableError(f"{path}: the main server does not get on with it.")
            _pause(path, go_on)

    def index(self, feed: FeedSpec) -> Index:
        """See Sources."""
        path = f"indexes/{feed.index_sha256}"
        try:
            data = _get(self._server, path)
            if hashlib.sha256(data).hexdigest() != feed.index_sha256:
                raise ChecksumError(f"{path}: the main server sent another index than asked for.")
            if feed.format == "apk":
                return data, None, ""
            signature, signer = self._signature(feed, path)
            return data, signature, signer
        except MirrorError as error:
            logger.info("the index of %s comes from the mirror: %s", feed.name, error)
            return self._mirror.index(feed)

    def _signature(self, feed: FeedSpec, path: str) -> tuple[bytes | None, str]:
        """The one of the feed's own keys, where it came with some, and that key."""
        signers = own_signers(feed)
        if not signers:
            return _get_if_there(self._server, f"{path}.sig"), ""
        for key in signers:
            if signature := _get_if_there(self._server, f"{path}.{signer_id(key)}.sig"):
                return signature, key
        raise NotOnMirrorError(f"{path}: the main server has no signature by a key of {feed.name}.")


def own_signers(feed: FeedSpec) -> list[str]:
    """The usign keys that a feed came with; none: it is the distribution's own."""
    return [key.text for key in feed.keys if key.kind == "usign"] if feed.format == "opkg" else []


def _signer(feed: FeedSpec, signature: bytes | None) -> str:
    """Which of the feed's own keys made a signature, going by the number in it: whether it fits is checked later.

    SignatureError when it is by none of them; "" for a feed of the distribution's own.
    """
    numbered = {UsignPublicKey.parse(key).fingerprint: key for key in own_signers(feed)}
    if not numbered:
        return ""
    signer = numbered.get(signer_number(signature)) if signature is not None else None
    if signer is None:
        raise SignatureError(f"The feed '{feed.name}' is signed by none of the keys that it came with.")
    return signer


def bounds_of(feed: FeedSpec) -> Bounds | None:
    """How far to go for a feed: without limits on the mirror that the operator chose, no further than allowed else."""
    return Bounds((feed.within or feed.url,), feed.is_inside_allowed) if feed.kind == "extra" or feed.within else None


def _pause(path: str, go_on: GoOn) -> None:
    if not go_on():
        raise DownloadStoppedError(f"{path}: the download was stopped.")
    time.sleep(_POLL)


def _get(mirror: Mirror, path: str) -> bytes:
    document = mirror.get(path)
    if document is None:
        raise BadDocumentError(f"{path}: the mirror says that nothing changed, though nothing was asked.")
    return document.data


def _get_if_there(mirror: Mirror, path: str) -> bytes | None:
    try:
        return _get(mirror, path)
    except NotOnMirrorError:
        return None
