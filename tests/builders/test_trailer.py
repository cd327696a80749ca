"""Image trailers: the published vectors to the byte, and nothing that a hostile file can do."""

import base64
import hashlib
import struct
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from builders import trailer

METADATA_TEXT = b'{ "metadata_version": "1.1", "supported_devices": [ "vendor,board" ] }\n'
UNSIGNED_SHA256 = "12c5cfa68abf7c39d02f8b4959d41af99bda7d345ad9914ccf9560c8fe897a6f"
SIGNED_SHA256 = "e42d170807c1b920ae6eed1be1bedc57d99baaf4bf3a6ad38814d165e3da5eff"
UCERT_SHA256 = "11e0074ad15a71092c36ba26f9b5dff985c91dd5ab32085fddf264a48565113f"
SIGNER_PUBLIC = b"untrusted comment: test public key\nRWQBI0VniavN7wOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4\n"


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def usign(seed: bytes, number: str, message: bytes) -> bytes:
    """The text of a usign signature."""
    raw = b"Ed" + bytes.fromhex(number) + Ed25519PrivateKey.from_private_bytes(seed).sign(message)
    return f"untrusted comment: signed by key {number}\n{base64.b64encode(raw).decode()}\n".encode()


def blob(kind: int, data: bytes, *, extended: bool = False) -> bytes:
    """A libubox blob: header with id and length, data padded to four bytes."""
    head = struct.pack(">I", (0x80000000 if extended else 0) | kind << 24 | len(data) + 4)
    return head + data + b"\0" * (-len(data) % 4)


def item(kind: int, name: str, data: bytes) -> bytes:
    """A blobmsg item: a named value in an extended blob."""
    head = struct.pack(">H", len(name)) + name.encode() + b"\0"
    return blob(kind, head + b"\0" * (-len(head) % 4) + data, extended=True)


def ucert(message: bytes) -> bytes:
    """A chain of one certificate by the test CA, and the test signer's signature of `message`."""
    table = item(
        2,
        "ucert",
        item(5, "certtype", struct.pack(">I", 1))
        + item(4, "validfrom", struct.pack(">Q", 1700000000))
        + item(4, "expiresat", struct.pack(">Q", 4102444800))
        + item(3, "pubkey", SIGNER_PUBLIC + b"\0"),
    )
    certificate = blob(0, blob(0, usign(bytes(range(0x20, 0x40)), "fedcba9876543210", table)) + blob(1, table))
    return certificate + blob(0, blob(0, usign(bytes(range(0x20)), "0123456789abcdef", message)))


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The test vector's image: 4,096 zero bytes and a metadata chunk."""
    path = tmp_path / "image.bin"
    path.write_bytes(bytes(4096))
    trailer.append(path, trailer.METADATA, bytes(8) + METADATA_TEXT)
    return path


def test_a_metadata_chunk_has_the_published_bytes(image: Path) -> None:
    data = image.read_bytes()

    assert len(data) == 4191
    assert data[-16:].hex() == "4657783006138234010000000000005f"
    assert sha256(image) == UNSIGNED_SHA256


def test_a_signature_chunk_has_the_published_bytes(image: Path) -> None:
    chain = ucert(image.read_bytes())

    trailer.append(image, trailer.SIGNATURE, chain)

    assert (len(chain), hashlib.sha256(chain).hexdigest()) == (516, UCERT_SHA256)
    assert image.read_bytes()[-16:].hex() == "46577830b9eb09490000000000000214"
    assert (image.stat().st_size, sha256(image)) == (4723, SIGNED_SHA256)


def test_stripping_gives_the_unsigned_image_and_keeps_the_metadata(image: Path) -> None:
    trailer.append(image, trailer.SIGNATURE, ucert(image.read_bytes()))

    changed = trailer.strip_signatures(image)

    assert changed
    assert sha256(image) == UNSIGNED_SHA256
    [metadata] = trailer.chunks(image)
    assert image.read_bytes()[metadata.data] == bytes(8) + METADATA_TEXT


def test_images_that_were_signed_twice_lose_both_signatures(image: Path) -> None:
    trailer.append(image, trailer.SIGNATURE, b"one")
    trailer.append(image, trailer.SIGNATURE, b"two")

    trailer.strip_signatures(image)

    assert sha256(image) == UNSIGNED_SHA256


def test_an_image_without_signature_is_left_alone(image: Path) -> None:
    changed = trailer.strip_signatures(image)

    assert not changed
    assert sha256(image) == UNSIGNED_SHA256


def test_a_chunk_with_a_wrong_sum_is_not_a_chunk(image: Path) -> None:
    trailer.append(image, trailer.SIGNATURE, b"certificate")
    broken = bytearray(image.read_bytes())
    broken[100] ^= 1
    image.write_bytes(broken)

    assert trailer.chunks(image) == []
    assert not trailer.strip_signatures(image)


@pytest.mark.parametrize("size", [0, 1, 15, 0xFFFFFFFF, 32 * 1024 + 1, 4096 + 18])
def test_an_impossible_size_ends_the_reading(tmp_path: Path, size: int) -> None:
    path = tmp_path / "image.bin"
    body = bytes(4096)
    path.write_bytes(body)
    trailer.append(path, trailer.SIGNATURE, b"x")
    data = bytearray(path.read_bytes())
    data[-4:] = struct.pack(">I", size)
    path.write_bytes(data)

    assert trailer.chunks(path) == []


def test_a_chunk_that_routers_would_drop_is_refused(image: Path) -> None:
    with pytest.raises(ValueError, match="bytes"):
        trailer.append(image, trailer.SIGNATURE, bytes(trailer.MAX_CHUNK))


@given(st.binary(max_size=200), st.booleans())
def test_any_file_can_be_read(tmp_path_factory: pytest.TempPathFactory, data: bytes, ends_like_a_chunk: bool) -> None:
    path = tmp_path_factory.mktemp("any") / "image.bin"
    path.write_bytes(data + (struct.pack(">I", trailer.MAGIC) + data[:12] if ends_like_a_chunk else b""))

    trailer.strip_signatures(path)

    assert path.read_bytes() == (data + (struct.pack(">I", trailer.MAGIC) + data[:12] if ends_like_a_chunk else b""))
