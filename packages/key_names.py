"""How people tell public keys apart: the fingerprint that the tools print for them."""

import hashlib

from packages.exceptions import SignatureError
from packages.signatures import UsignPublicKey, dearmor, load_ec_key

_PUBLIC_KEY_PACKET = 6  # RFC 4880 section 4.3


def fingerprint(kind: str, text: str) -> str:
    """usign: the name of its file in /etc/opkg/keys. OpenPGP: as gpg prints it. apk: SHA-256 of its DER form.

    "" for what cannot be read.
    """
    try:
        if kind == "usign":
            return UsignPublicKey.parse(text).fingerprint
        if kind == "gpg":
            return _of_openpgp(dearmor(text, "PUBLIC KEY BLOCK"))
        return _of_pem(text)
    except SignatureError:
        return ""


def _of_pem(text: str) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    data = load_ec_key(text).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(data).hexdigest()


def _of_openpgp(data: bytes) -> str:
    """Of the first key in it, of version 4 (RFC 4880 section 12.2)."""
    body = _first_packet(data)
    if not body or body[0] != 4:
        return ""
    framed = b"\x99" + len(body).to_bytes(2, "big") + body
    return hashlib.sha1(framed, usedforsecurity=False).hexdigest().upper()


def _first_packet(data: bytes) -> bytes:
    """The body of the public key packet that comes first; b"" if another does."""
    if len(data) < 6 or not data[0] & 0x80:
        return b""
    if data[0] & 0x40:  # the new format of headers
        tag, start, length = data[0] & 0x3F, 2, data[1]
        if 192 <= length < 224:
            start, length = 3, ((length - 192) << 8) + data[2] + 192
        elif length == 255:
            start, length = 6, int.from_bytes(data[2:6], "big")
    else:
        tag, size = (data[0] >> 2) & 0x0F, (1, 2, 4, 0)[data[0] & 3]
        start, length = 1 + size, int.from_bytes(data[1 : 1 + size], "big")
    return data[start : start + length] if tag == _PUBLIC_KEY_PACKET and length < 65536 else b""
