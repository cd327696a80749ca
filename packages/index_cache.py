"""Package indexes by the SHA-256 of their bytes, as verified: what a build reads is what the catalogue read.

Files below ASU_CACHE_DIR/indexes: `<sha256>`, and `<sha256>.sig` with the detached signature if the mirror has one.
"""

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from packages import names
from packages.conf import settings


def save(data: bytes, signature: bytes | None) -> str:
    """Keep an index (uncompressed Packages, or packages.adb) and return its SHA-256. Whole files only, ever."""
    sha256 = hashlib.sha256(data).hexdigest()
    path = _path(sha256)
    path.parent.mkdir(parents=True, exist_ok=True)
    if signature is not None:
        _write(path.with_name(f"{sha256}.sig"), signature)
    if not path.exists():
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


def signature(sha256: str) -> bytes | None:
    """The detached signature that came with the index, if any."""
    try:
        return _path(sha256).with_suffix(".sig").read_bytes()
    except FileNotFoundError:
        return None


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
