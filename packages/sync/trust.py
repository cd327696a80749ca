"""Which documents of a mirror are believed: with keys pinned, those that carry a good signature.

sha256sums is signed by `.sig` (usign) or `.asc` (OpenPGP); either is enough. An opkg index is signed by Packages.sig
(usign), an apk index inside itself. Where no key of the needed kind is pinned the document is taken as it comes, and
the report says so.
"""

import hashlib
import json

from packages.exceptions import NotOnMirrorError, SignatureError
from packages.models import Distribution, DistributionKey
from packages.signatures import verify_gpg, verify_usign
from packages.upstream import Mirror

MAX_SIGNATURE = 64 * 1024  # bytes
Kind = DistributionKey.Kind


class Trust:
    """The pinned, enabled keys of one distribution."""

    def __init__(self, distribution: Distribution) -> None:
        rows = list(distribution.keys.filter(is_enabled=True).order_by("id").values_list("kind", "text"))
        self.usign = [text for kind, text in rows if kind == Kind.USIGN]
        self.gpg = [text for kind, text in rows if kind == Kind.GPG]
        self.apk = [text for kind, text in rows if kind == Kind.APK]
        # Rows read under other keys or from another mirror are read again in full.
        state = json.dumps([distribution.url, distribution.oldest_version, distribution.newest_version, rows])
        self.fingerprint = hashlib.sha256(state.encode()).hexdigest()[:16]

    @property
    def pins_sums(self) -> bool:
        """Whether sha256sums must be signed."""
        return bool(self.usign or self.gpg)

    def check_sums(self, mirror: Mirror, path: str, data: bytes) -> None:
        """SignatureError unless sha256sums (at `path`) is signed by a pinned key; nothing without pinned keys."""
        if not self.pins_sums:
            return
        problem = SignatureError(f"{path}: not signed, though keys are pinned for this distribution.")
        if self.usign:
            try:
                verify_usign(data, _signature(mirror, f"{path}.sig"), self.usign)
                return
            except NotOnMirrorError:
                pass
            except SignatureError as error:
                problem = SignatureError(f"{path}.sig: {error}")
        if self.gpg:
            try:
                verify_gpg(data, _signature(mirror, f"{path}.asc"), self.gpg)
                return
            except NotOnMirrorError:
                pass
            except SignatureError as error:
                problem = SignatureError(f"{path}.asc: {error}")
        raise problem

    def check_packages(self, path: str, data: bytes, signature: bytes | None, *, is_in_sums: bool) -> None:
        """SignatureError unless an opkg index is signed by a pinned key, or named by sums that are.

        Sums can stand in for a signature that is missing, never for one that is wrong.
        """
        if not self.usign:
            return
        if signature is None:
            if is_in_sums:
                return
            raise SignatureError(f"{path}: not signed, though a key is pinned for this distribution.")
        try:
            verify_usign(data, signature, self.usign)
        except SignatureError as error:
            raise SignatureError(f"{path}.sig: {error}") from error


def signature_of(mirror: Mirror, path: str) -> bytes | None:
    """The detached signature at `path`, if the mirror has one."""
    try:
        return _signature(mirror, path)
    except NotOnMirrorError:
        return None


def _signature(mirror: Mirror, path: str) -> bytes:
    document = mirror.get(path, max_bytes=MAX_SIGNATURE)
    assert document is not None, "nothing conditional was asked"
    return document.data
