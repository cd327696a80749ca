"""Signatures of usign: two text lines, a comment and the base64 of `Ed`, a key number, then 32 or 64 bytes."""

import base64
import binascii
from dataclasses import dataclass
from mmap import mmap
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_COMMENT = "untrusted comment: "
_MOST_COMMENT = 1000
_ALGORITHM = b"Ed"
MOST_BYTES = 4096


class SignatureError(Exception):
    """Not a key, not a signature, or not by whom it should be."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The number is what usign prints as the fingerprint; it identifies nothing, so keys compare whole."""

    number: bytes
    raw: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads the text of a key file."""
        data = _payload(text, 42, "public key")
        return cls(data[2:10], data[10:])

    @property
    def fingerprint(self) -> str:
        return self.number.hex()

    @property
    def text(self) -> str:
        """As a file. The comment of the original is nothing to keep."""
        encoded = base64.b64encode(_ALGORITHM + self.number + self.raw).decode()
        return f"{_COMMENT}public key {self.fingerprint}\n{encoded}\n"


def verify(message: bytes | mmap, signature: bytes, keys: tuple[PublicKey, ...]) -> PublicKey:
    """Whose signature it is. Raises SignatureError where it is none of these keys'."""
    try:
        data = _payload(signature.decode("ascii"), 74, "signature")
    except UnicodeDecodeError as error:
        raise SignatureError("The signature is not text.") from error
    number = data[2:10]
    candidates = [key for key in keys if key.number == number]
    if not candidates:
        raise SignatureError(f"It is signed by the key {number.hex()}, which is not among yours.")
    for key in candidates:
        try:
            with memoryview(message) as view:
                Ed25519PublicKey.from_public_bytes(key.raw).verify(data[10:], view)
        except InvalidSignature:
            continue
        return key
    raise SignatureError(f"The signature by the key {number.hex()} does not fit.")


def _payload(text: str, length: int, what: str) -> bytes:
    """What the base64 line holds. Stricter than usign: nothing may follow, and there is one way to write it."""
    lines = text.removesuffix("\n").split("\n")
    if len(lines) != 2 or not lines[0].startswith(_COMMENT) or len(lines[0]) > _MOST_COMMENT or "\r" in text:
        raise SignatureError(f"It is not a {what} of usign: a comment line, then a line of base64.")
    encoded = lines[1]
    try:
        data = base64.b64decode(encoded, validate=True) if len(encoded) <= 200 and encoded.isascii() else b""
    except binascii.Error as error:
        raise SignatureError(f"The {what} is not base64.") from error
    if len(data) != length or base64.b64encode(data).decode() != encoded:
        raise SignatureError(f"The {what} has not the right length.")
    if not data.startswith(_ALGORITHM):
        raise SignatureError(f"The {what} is not of the Ed25519 kind.")
    return data
