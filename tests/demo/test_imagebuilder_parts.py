"""demo/imagebuilder/scripts: signatures against published vectors, and the order of versions."""

import base64
import hashlib

import pytest

from demo.imagebuilder.scripts import ed25519, images, opkg, usign
from packages.signatures import UsignKey, verify_usign

# Made with usign, ucert and fwtool from fixed test keys.
SIGNER = usign.LocalKey(bytes(range(32)), bytes.fromhex("0123456789abcdef"))
AUTHORITY = usign.LocalKey(bytes(range(32, 64)), bytes.fromhex("fedcba9876543210"))
SIGNER_FILE = "untrusted comment: test public key\nRWQBI0VniavN7wOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4\n"
METADATA = b'{ "metadata_version": "1.1", "supported_devices": [ "vendor,board" ] }\n'


def test_signatures_are_those_of_usign() -> None:
    text = SIGNER.sign(b"hello firmware\n")

    assert text == (
        "untrusted comment: signed by key 0123456789abcdef\n"
        "RWQBI0VniavN73w/6zGOtVYn3ZDT2owvZNcExiJ1e4fnzPbYM7uHFGGzG8lWNTFjzSmp5QX6USGTfvclrIS4y0cXWv39JsGK7w0=\n"
    )


def test_the_server_accepts_what_a_tree_signs() -> None:
    key = usign.LocalKey.generate()

    assert verify_usign(b"message", key.sign(b"message"), [key.public_text()]) == key.fingerprint
    assert UsignKey.from_secret_text(key.secret_text()).fingerprint == key.fingerprint


def test_malleable_and_foreign_signatures_are_refused() -> None:
    good = ed25519.sign(SIGNER.seed, b"message")
    twin = good[:32] + (int.from_bytes(good[32:], "little") + ed25519.ORDER).to_bytes(32, "little")

    assert ed25519.verify(SIGNER.public, b"message", good)
    assert not ed25519.verify(SIGNER.public, b"message", twin)
    assert not ed25519.verify(AUTHORITY.public, b"message", good)
    assert not ed25519.verify(SIGNER.public, b"other", good)


def test_certificates_and_image_trailers_are_those_of_the_original_tools() -> None:
    certificate = usign.certificate(AUTHORITY, SIGNER_FILE, 1700000000, 4102444800)
    image = bytes(4096)
    with_metadata = image + images._chunk(image, images.METADATA, bytes(8) + METADATA)
    chain = usign.image_chain(SIGNER, certificate, with_metadata)
    signed = with_metadata + images._chunk(with_metadata, images.SIGNATURE, chain)

    digests = [hashlib.sha256(data).hexdigest() for data in (certificate, with_metadata, chain, signed)]
    assert digests == [
        "3e20cd526b2ae06aff6be4e26fc510c747c43c562fb01b413392b5e66f094541",
        "12c5cfa68abf7c39d02f8b4959d41af99bda7d345ad9914ccf9560c8fe897a6f",
        "11e0074ad15a71092c36ba26f9b5dff985c91dd5ab32085fddf264a48565113f",
        "e42d170807c1b920ae6eed1be1bedc57d99baaf4bf3a6ad38814d165e3da5eff",
    ]


def test_a_signature_file_must_be_strict_base64() -> None:
    raw = base64.b64decode(SIGNER.sign(b"x").split("\n")[1])

    with pytest.raises(usign.BadFileError):
        usign._decode(f"{usign.COMMENT}x\n!{base64.b64encode(raw).decode()}\n", 74)


@pytest.mark.parametrize(
    ("lower", "higher"),
    [
        ("1.9", "1.10"),
        ("1.0~rc1", "1.0"),
        ("1.0", "1.0a"),
        ("1.0-1", "1.0-2"),
        ("1.0-r9", "1.0-r10"),
        ("9.9", "1:0.1"),
        ("2023.05.23-1", "2024.01.01-1"),
    ],
)
def test_versions_are_ordered_as_debian_does(lower: str, higher: str) -> None:
    assert opkg.compare(lower, higher) == -1
    assert opkg.compare(higher, lower) == 1
    assert opkg.compare(lower, lower) == 0


@pytest.mark.parametrize(
    ("relation", "version", "is_met"),
    [
        ("x", "1", True),
        ("x (= 1.0)", "1.0", True),
        ("x (= 1.0)", "1.1", False),
        ("x (>= 2)", "1.9", False),
        ("x (>= 2)", "2", True),
        ("x (<< 2)", "2", False),
        ("x (<= 2)", "2", True),
        ("x (>> 2)", "2", False),
    ],
)
def test_constraints(relation: str, version: str, is_met: bool) -> None:
    assert opkg.parse_relation(relation).accepts(version) is is_met
