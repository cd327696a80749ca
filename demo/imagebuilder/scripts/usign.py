"""Key and signature files of usign, and the certificate that is appended to images with the tree's own key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import struct
import time
from pathlib import Path

from . import ed25519

COMMENT = "untrusted comment: "


class BadFileError(Exception):
    """Not a key or signature file."""


def _decode(text: str, size: int) -> bytes:
    """The raw bytes of a file: a comment line, one base64 line."""
    lines = text.rstrip("\n").split("\n")
    if len(lines) != 2 or not lines[0].startswith(COMMENT):
        raise BadFileError("not a key or signature file")
    try:
        raw = base64.b64decode(lines[1], validate=True)
    except (ValueError, binascii.Error):
        raise BadFileError("not base64") from None
    if len(raw) != size or raw[:2] != b"Ed":
        raise BadFileError("not an Ed25519 key or signature")
    return raw


def _encode(comment: str, raw: bytes) -> str:
    return f"{COMMENT}{comment}\n{base64.b64encode(raw).decode('ascii')}\n"


class LocalKey:
    """The key that this unpacked tree made for itself."""

    def __init__(self, seed: bytes, number: bytes) -> None:
        self.seed, self.number = seed, number
        self.public = ed25519.public_key(seed)

    @property
    def fingerprint(self) -> str:
        return self.number.hex()

    def public_text(self) -> str:
        return _encode("Local build key", b"Ed" + self.number + self.public)

    def secret_text(self) -> str:
        secret = self.seed + self.public
        check = hashlib.sha512(secret).digest()[:8]
        return _encode(
            f"private key {self.fingerprint}",
            b"EdBK" + bytes(4) + os.urandom(16) + check + self.number + secret,
        )

    def sign(self, message: bytes) -> str:
        """The text of a signature file."""
        return _encode(f"signed by key {self.fingerprint}", b"Ed" + self.number + ed25519.sign(self.seed, message))

    @classmethod
    def generate(cls) -> LocalKey:
        return cls(os.urandom(32), os.urandom(8))

    @classmethod
    def from_secret_text(cls, text: str) -> LocalKey:
        raw = _decode(text, 104)
        return cls(raw[40:72], raw[32:40])


def verify(message: bytes, signature_text: str, keys_folder: Path) -> bool:
    """Whether a key in the folder (files named by fingerprint) made this signature."""
    try:
        signature = _decode(signature_text, 74)
        key = _decode((keys_folder / signature[2:10].hex()).read_text(encoding="utf-8"), 42)
    except (BadFileError, OSError, UnicodeDecodeError):
        return False
    return key[2:10] == signature[2:10] and ed25519.verify(key[10:], message, signature[10:])


# -- certificates: nested blobs, big endian, 4 bytes of head: 1 bit "extended", 7 bits id, 24 bits length -----------


def _pad(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _blob(number: int, data: bytes, extended: bool = False) -> bytes:
    return _pad(struct.pack(">I", extended << 31 | number << 24 | len(data) + 4) + data)


def _item(kind: int, name: str, value: bytes) -> bytes:
    """One named value; kinds: 2 table, 3 string, 4 64-bit number, 5 32-bit number."""
    head = struct.pack(">H", len(name)) + name.encode("ascii") + b"\0"
    return _blob(kind, _pad(head) + value, extended=True)


def _element(signature_text: str, payload: bytes = b"") -> bytes:
    return _blob(0, _blob(0, signature_text.encode("ascii")) + (_blob(1, payload) if payload else b""))


def certificate(key: LocalKey, public_text: str, valid_from: int, expires_at: int) -> bytes:
    """`key` says that `public_text` may sign images between the two times."""
    values = [
        _item(5, "certtype", struct.pack(">I", 1)),
        _item(4, "validfrom", struct.pack(">Q", valid_from)),
        _item(4, "expiresat", struct.pack(">Q", expires_at)),
        _item(3, "pubkey", public_text.encode("ascii") + b"\0"),
    ]
    payload = _item(2, "ucert", b"".join(values))
    return _element(key.sign(payload), payload)


def self_certificate(key: LocalKey) -> bytes:
    now = int(time.time())
    return certificate(key, key.public_text(), now, now + 365 * 86400)


def image_chain(key: LocalKey, cert: bytes, image: bytes) -> bytes:
    """What goes into the signature chunk of an image."""
    return cert + _element(key.sign(image))
