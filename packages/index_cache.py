"""Package indexes by the SHA-256 of their bytes, as verified: what a build reads is what the catalogue read.

Files below ASU_CACHE_DIR/indexes: `<sha256>`, and `<sha256>.sig` with the detached signature if the mirror has one.
Several may sign the same bytes (an empty index, or a copy that somebody put into a repository of theirs), and none of
them may take the place of another: `<sha256>.<signer>.sig` is by a key that a feed came with, `signer_id` of it.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from packages import names
from packages.conf import settings
from packages.signatures import UsignPublicKey

KEPT_SECONDS = 7 * 24 * 3600


def signer_id(key: str) -> str:
    """How the signatures of a usign key are named: by all of it, since its number is what its owner chose."""
    public = UsignPublicKey.parse(key)
    return hashlib.sha256(public.number + public.raw).hexdigest()


def save(data: bytes, signature: bytes | None, *, signer: str = "") -> str:
    """Keep an index (uncompressed Packages, or packages.adb) and return its SHA-256. Whole files only, ever.

    `signer`: the usign key that the signature is by, of a feed that is not the distribution's own.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    path = _path(sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    if signature is not None:
        _write(path.with_name(f"{sha256}.{signer_id(signer)}.sig" if signer else f"{sha256}.sig"), signature)
    if path.exists():
        os.utime(path)  # wanted again: `forget_others` lets it be
    else:
        _write(path, data)
    return sha256


def load(sha256: str) -> bytes:
    """The index; FileNotFoundError when it is not (or no longer) here or its bytes have rotted."""
    path = _path(sha256)
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        path.unlink()
        raise FileNotFoundError(f"index {sha256} was damaged")
    return data


def signature(sha256: str, signer: str = "") -> bytes | None:
    """The detached signature that came with the index, if any: the distribution's, or that of a `signer_id`."""
    if signer and not names.SHA256.fullmatch(signer):
        return None
    path = _path(sha256)
    try:
        return path.with_name(f"{sha256}.{signer}.sig" if signer else f"{sha256}.sig").read_bytes()
    except FileNotFoundError:
        return None


def forget_others(kept: Collection[str]) -> int:
    """Removes indexes that are none of these, and have not been for days; how many files.

    A build that still wants one fetches it again, or finds that the mirror has moved.
    """
    oldest = time.time() - KEPT_SECONDS
    gone = 0
    for path in (Path(settings.ASU_CACHE_DIR) / "indexes").glob("*"):
        if path.name.partition(".")[0] not in kept and path.stat().st_mtime < oldest:
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def _path(sha256: str) -> Path:
    if not names.SHA256.fullmatch(sha256):
        raise FileNotFoundError(f"{sha256!r} names no index")
    return Path(settings.ASU_CACHE_DIR) / "indexes" / sha256


def _write(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise
