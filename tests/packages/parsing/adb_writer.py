"""Makes apk version 3 documents for tests: as small as they can be, or wrong on purpose."""

import hashlib
import struct
import zlib
from collections.abc import Sequence

import zstandard
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

INDEX, PACKAGE = b"indx", b"pckg"
ADB, SIGNATURE, DATA, EXTENDED = range(4)


class Adb:
    """The payload of an ADB block, grown value by value; each method returns the value's word."""

    def __init__(self) -> None:
        self.data = bytearray(8)

    def number(self, number: int) -> int:
        if number < 1 << 28:
            return 1 << 28 | number
        return 2 << 28 | self._put(struct.pack("<I", number)) if number < 1 << 32 else self._wide(number)

    def _wide(self, number: int) -> int:
        return 3 << 28 | self._put(struct.pack("<Q", number))

    def blob(self, data: bytes | str) -> int:
        data = data.encode() if isinstance(data, str) else data
        if len(data) < 1 << 8:
            return 8 << 28 | self._put(bytes([len(data)]) + data, 1)
        if len(data) < 1 << 16:
            return 9 << 28 | self._put(struct.pack("<H", len(data)) + data, 2)
        return 10 << 28 | self._put(struct.pack("<I", len(data)) + data)

    def items(self, values: Sequence[int]) -> int:
        return 13 << 28 | self._put(struct.pack(f"<{len(values) + 1}I", len(values) + 1, *values))

    def fields(self, values: dict[int, int]) -> int:
        """An object; keys count from 1 as in apk's headers."""
        slots = [values.get(place, 0) for place in range(1, max(values) + 1)]
        return 14 << 28 | self._put(struct.pack(f"<{len(slots) + 1}I", len(slots) + 1, *slots))

    def done(self, root: int) -> bytes:
        self.data[4:8] = struct.pack("<I", root)
        return bytes(self.data)

    def _put(self, data: bytes, alignment: int = 4) -> int:
        self.data += bytes(-len(self.data) % alignment)
        offset = len(self.data)
        self.data += data
        return offset

    def dependency(self, text: str) -> int:
        """`name`, `!name` or `name=version`."""
        name, _, version = text.lstrip("!").partition("=")
        fields = {1: self.blob(name)}
        if version:
            fields[2] = self.blob(version)
        if text.startswith("!"):
            fields[3] = self.number(16 | 1)
        return self.fields(fields)

    def package(self, name: str, version: str = "1.0-r1", **values: object) -> int:
        """A package description; `depends`, `provides` and `tags` are lists of texts, `hashes` bytes."""
        fields = {1: self.blob(name), 2: self.blob(version)}
        for key, place in {"hashes": 3, "description": 4, "arch": 5}.items():
            if isinstance(value := values.get(key), str | bytes):
                fields[place] = self.blob(value)
        for key, place in {"installed_size": 12, "size": 13}.items():
            if isinstance(value := values.get(key), int):
                fields[place] = self.number(value)
        for key, place in {"depends": 15, "provides": 16}.items():
            if isinstance(value := values.get(key), list):
                fields[place] = self.items([self.dependency(item) for item in value])
        if isinstance(tags := values.get("tags"), list):
            fields[21] = self.items([self.blob(tag) for tag in tags])
        return self.fields(fields)


def block(kind: int, payload: bytes) -> bytes:
    return struct.pack("<I", kind << 30 | len(payload) + 4) + payload + bytes(-(len(payload) + 4) % 8)


def long_block(kind: int, payload: bytes) -> bytes:
    """The form that blocks of a gigabyte and more have."""
    head = struct.pack("<IIQ", EXTENDED << 30 | kind, 0, len(payload) + 16)
    return head + payload + bytes(-len(payload) % 8)


def new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def signature(schema: bytes, adb: bytes, key: ec.EllipticCurvePrivateKey) -> bytes:
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    head = bytes([0, 4]) + hashlib.sha512(point).digest()[:16]
    return head + key.sign(schema + head + hashlib.sha512(adb).digest(), ec.ECDSA(hashes.SHA512()))


def file(schema: bytes, *blocks: bytes, packing: str = "none") -> bytes:
    plain = b"ADB." + schema + b"".join(blocks)
    if packing == "deflate":
        pack = zlib.compressobj(wbits=-15)
        return b"ADBd" + pack.compress(plain) + pack.flush()
    if packing == "zstd":
        return b"ADBc\2\3" + zstandard.ZstdCompressor().compress(plain)
    return plain


def index(adb: Adb, packages: Sequence[int], *, spec: str = "") -> bytes:
    """The ADB block's payload of an index."""
    fields = {2: adb.items(packages)}
    if spec:
        fields[3] = adb.blob(spec)
    return adb.done(adb.fields(fields))


def signed_index(payload: bytes, *keys: ec.EllipticCurvePrivateKey, packing: str = "none") -> bytes:
    """A whole index file."""
    signatures = [block(SIGNATURE, signature(INDEX, payload, key)) for key in keys]
    return file(INDEX, block(ADB, payload), *signatures, packing=packing)
