"""Is a document by whom it should be: usign (Ed25519), OpenPGP through `gpgv`, and apk's EC P-256 keys.

usign and signify share one format, two text lines: a comment, and the base64 of `Ed`, 8 bytes key number, then 32 bytes
public key or 64 bytes signature. The comment is not signed and the key number is no identity; keys compare whole.

`cryptography` is imported where it is used: a worker checks hashes only, and may do without.
"""

import base64
import binascii
import hashlib
import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Self

from packages.exceptions import SignatureError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

COMMENT = "untrusted comment: "
MAX_COMMENT = 1_000  # signify refuses about 1 KB
MAX_WRITTEN_COMMENT = 100
GPGV = "gpgv"
GPGV_SECONDS = 20
MAX_GPG_KEY = 512 * 1024
MAX_GPG_SIGNATURE = 64 * 1024
MAX_PEM = 8 * 1024
_ALGORITHM = b"Ed"
_KDF = b"BK"


# -- usign ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UsignPublicKey:
    """The key file of somebody else. `number`: 8 bytes that usign calls the fingerprint when printed as hex."""

    number: bytes
    raw: bytes

    @classmethod
    def parse(cls, text: bytes | str) -> Self:
        """Read a public key file. Raises SignatureError where it is not exactly that."""
        data = _payload(text, 42, "usign public key")
        return cls(data[2:10], data[10:])

    @property
    def fingerprint(self) -> str:
        """16 hex digits: how routers name the file of a trusted key."""
        return self.number.hex()

    def is_signer(self, message: bytes | mmap, signature: bytes) -> bool:
        """Whether the 64 bytes are this key's signature over the message."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        try:
            with memoryview(message) as view:
                Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, view)
        except InvalidSignature:
            return False
        return True

    def text(self, comment: str = "") -> str:
        """The key as a file's text."""
        return _file(comment or f"public key {self.fingerprint}", _ALGORITHM + self.number + self.raw)


@dataclass(frozen=True, slots=True)
class UsignKey:
    """A key to sign with, made by us, by `usign -G` or by `signify -G -n`."""

    number: bytes
    seed: bytes = field(repr=False)
    salt: bytes = field(repr=False)  # means nothing without a password, but belongs to the file
    comment: str = ""

    @classmethod
    def generate(cls, comment: str = "") -> Self:
        """A new key; `comment` goes into the files of both halves."""
        return cls(secrets.token_bytes(8), secrets.token_bytes(32), secrets.token_bytes(16), comment)

    @classmethod
    def from_secret_text(cls, text: bytes | str, comment: str = "") -> Self:
        """Read a secret key file. Raises SignatureError for password protected or damaged ones."""
        data = _payload(text, 104, "usign secret key")
        if data[2:4] != _KDF or data[4:8] != bytes(4):
            raise SignatureError("The usign secret key is protected by a password: make it without (signify -n).")
        secret = data[40:]
        key = cls(data[32:40], secret[:32], data[8:24], comment)
        if data[24:32] != hashlib.sha512(secret).digest()[:8] or key.public.raw != secret[32:]:
            raise SignatureError("The usign secret key is damaged: its checksum does not fit.")
        return key

    @property
    def public(self) -> UsignPublicKey:
        """The half that others check with."""
        return UsignPublicKey(self.number, self._private().public_key().public_bytes_raw())

    @property
    def fingerprint(self) -> str:
        """16 hex digits, the key number."""
        return self.number.hex()

    def public_text(self) -> str:
        """The public key file."""
        return self.public.text(self.comment)

    def secret_text(self) -> str:
        """The secret key file, not encrypted: write it with mode 0600."""
        secret = self.seed + self.public.raw
        head = _ALGORITHM + _KDF + bytes(4) + self.salt + hashlib.sha512(secret).digest()[:8]
        return _file(self.comment or f"private key {self.fingerprint}", head + self.number + secret)

    def sign(self, message: bytes | mmap) -> str:
        """A detached signature file over the whole message. Give large files as a read-only mmap: no copy is made."""
        with memoryview(message) as view:
            signature = self._private().sign(view)
        return _file(f"signed by key {self.fingerprint}", _ALGORITHM + self.number + signature)

    def _private(self) -> "Ed25519PrivateKey":
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seed)


def verify_usign(message: bytes | mmap, signature: bytes | str, public_keys: Sequence[str]) -> str:
    """Check a detached usign or signify signature against pinned key files; returns the signer's fingerprint.

    Stricter than usign: the key number must be the signer's, lines end in LF, nothing follows, S is canonical.
    """
    return UsignPublicKey.parse(signer_of(message, signature, public_keys)).fingerprint


def signer_of(message: bytes | mmap, signature: bytes | str, public_keys: Sequence[str]) -> str:
    """The same; returns the text of the key. Two keys may have one number."""
    data = _payload(signature, 74, "usign signature")
    number = data[2:10]
    keys = [(UsignPublicKey.parse(text), text) for text in public_keys]
    candidates = [(key, text) for key, text in keys if key.number == number]
    if not candidates:
        raise SignatureError(f"The signature is by key {number.hex()}, which is not among the pinned keys.")
    for key, text in candidates:
        if key.is_signer(message, data[10:]):
            return text
    raise SignatureError(f"The signature by key {number.hex()} does not fit the document.")


def signer_number(signature: bytes | str) -> str:
    """The number of the key that a signature says it is by, as 16 hex digits. SignatureError."""
    return _payload(signature, 74, "usign signature")[2:10].hex()


def _payload(text: bytes | str, length: int, what: str) -> bytes:
    """The bytes of the base64 line, every rule of the format checked before decoding."""
    try:
        lines = (text if isinstance(text, str) else text[: 4 * MAX_COMMENT].decode()).split("\n")
    except UnicodeDecodeError as error:
        raise SignatureError(f"The {what} is not text.") from error
    if lines[2:] == [""]:
        del lines[2:]
    if len(lines) != 2 or not lines[0].startswith(COMMENT) or len(lines[0].encode(errors="replace")) > MAX_COMMENT:
        raise SignatureError(f"The {what} is not a comment line and a base64 line.")
    encoded = lines[1]
    if len(encoded) != 4 * ((length + 2) // 3) or "\r" in lines[0]:
        raise SignatureError(f"The {what} has not the right length.")
    try:
        data = base64.b64decode(encoded.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise SignatureError(f"The {what} is not base64.") from error
    if len(data) != length or base64.b64encode(data).decode() != encoded:
        raise SignatureError(f"The {what} has not the right length.")
    if data[:2] != _ALGORITHM:
        raise SignatureError(f"The {what} is not of the Ed25519 kind.")
    return data


def _file(comment: str, data: bytes) -> str:
    if not comment.isprintable() or len(COMMENT + comment) > MAX_WRITTEN_COMMENT:
        raise ValueError(f"a key's comment is one line of at most {MAX_WRITTEN_COMMENT - len(COMMENT)} characters")
    return f"{COMMENT}{comment}\n{base64.b64encode(data).decode()}\n"


# -- OpenPGP -------------------------------------------------------------------------------------------------


def verify_gpg(message: bytes, signature: bytes, keys: Sequence[str]) -> None:
    """Check a detached OpenPGP signature (`.asc`, or binary) against pinned armoured public keys, by `gpgv`.

    gpgv knows nothing but the keys given here. A key whose time ran out still counts: release keys of old branches
    do run out, and what pins them is the administrator.
    """
    keyring = b"".join(dearmor(key, "PUBLIC KEY BLOCK") for key in keys)
    if not keyring:
        raise SignatureError("No OpenPGP key is pinned to check the signature with.")
    binary = dearmor(signature, "SIGNATURE") if signature.lstrip().startswith(b"-----BEGIN") else signature
    if not binary or len(binary) > MAX_GPG_SIGNATURE:
        raise SignatureError("The OpenPGP signature is empty or too long.")
    with tempfile.TemporaryDirectory(prefix="gpgv-") as name:
        folder = Path(name)
        for file, data in (("keys.gpg", keyring), ("signature", binary), ("message", message)):
            (folder / file).write_bytes(data)
        _run_gpgv(folder)


def _run_gpgv(folder: Path) -> None:
    command = [GPGV, "--homedir", str(folder), "--keyring", str(folder / "keys.gpg"), "--status-fd", "1"]
    try:
        done = subprocess.run(
            [*command, str(folder / "signature"), str(folder / "message")],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=GPGV_SECONDS,
            check=False,
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
        )
    except FileNotFoundError as error:
        raise SignatureError("OpenPGP signatures need the program gpgv: install the package gpgv.") from error
    except subprocess.TimeoutExpired as error:
        raise SignatureError(f"gpgv did not finish within {GPGV_SECONDS} seconds.") from error
    results = _gpgv_results(done.stdout)
    # Several people may have signed; one whom we know is enough. The exit status speaks of all of them.
    if any(b"VALIDSIG" in words and words & {b"GOODSIG", b"EXPKEYSIG"} for words in results):
        return
    if any(b"NO_PUBKEY" in words for words in results):
        raise SignatureError("The OpenPGP signature is by a key that is not pinned.")
    raise SignatureError("The OpenPGP signature does not fit the document.")


def _gpgv_results(status: bytes) -> list[set[bytes]]:
    """The key words of gpgv's status lines (GnuPG's doc/DETAILS), one set for each signature."""
    results: list[set[bytes]] = []
    for line in status.splitlines():
        words = line.split(b" ")
        if words[0] == b"[GNUPG:]" and len(words) > 1:
            if words[1] == b"NEWSIG" or not results:
                results.append(set())
            results[-1].add(words[1])
    return results


def dearmor(text: bytes | str, kind: str) -> bytes:
    """The packets inside ASCII armour (RFC 9580, section 6): all blocks of the kind, CRC-24 checked where present."""
    raw = text if isinstance(text, bytes) else text.encode(errors="replace")
    if len(raw) > MAX_GPG_KEY:
        raise SignatureError("The OpenPGP text is too long.")
    begin, end = f"-----BEGIN PGP {kind}-----".encode(), f"-----END PGP {kind}-----".encode()
    packets = b""
    block: list[bytes] | None = None
    for line in (line.strip() for line in raw.split(b"\n")):
        if line == begin:
            block = []
        elif line == end and block is not None:
            packets += _armoured(block)
            block = None
        elif block is not None:
            block.append(line)
    if block is not None or not packets:
        raise SignatureError(f"The OpenPGP text has no complete {kind.lower()}.")
    return packets


def _armoured(lines: list[bytes]) -> bytes:
    """One block: header lines up to the first empty line, base64, at the end `=` and the checksum."""
    body = lines[lines.index(b"") + 1 :] if b"" in lines else lines
    body = [line for line in body if line]
    checksum = body.pop()[1:] if body and body[-1].startswith(b"=") and len(body[-1]) == 5 else None
    try:
        data = base64.b64decode(b"".join(body), validate=True)
        expected = base64.b64decode(checksum, validate=True) if checksum is not None else None
    except binascii.Error as error:
        raise SignatureError("The OpenPGP text is not base64.") from error
    if expected is not None and expected != _crc24(data).to_bytes(3, "big"):
        raise SignatureError("The OpenPGP text is damaged: its checksum does not fit.")
    return data


def _crc24(data: bytes) -> int:
    crc = 0xB704CE
    for byte in data:
        crc ^= byte << 16
        for _ in range(8):
            crc = (crc << 1) ^ (0x1864CFB if crc & 0x800000 else 0)
    return crc


# -- EC keys of apk ------------------------------------------------------------------------------------------


def load_ec_key(pem: str) -> "EllipticCurvePublicKey":
    """A public key file of apk: PEM, maybe behind a comment line as usign keys have it. P-256 only."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    start = pem.find("-----BEGIN PUBLIC KEY-----")
    if start < 0 or len(pem) > MAX_PEM:
        raise SignatureError("The apk key is not a public key in PEM form.")
    try:
        key = load_pem_public_key(pem[start:].encode(errors="replace"))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SignatureError("The apk key is not a public key in PEM form.") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise SignatureError("The apk key is not an EC key on the curve P-256.")
    return key


def verify_ec(message: bytes, signature: bytes, public_keys: Iterable[str]) -> str:
    """Check an ECDSA signature (DER) with SHA-512 against pinned PEM keys; returns the signer's text."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    for text in public_keys:
        try:
            load_ec_key(text).verify(signature, message, ec.ECDSA(hashes.SHA512()))
        except InvalidSignature:
            continue
        return text
    raise SignatureError("The signature is by none of the pinned apk keys.")
