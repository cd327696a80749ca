"""Signatures: what counts as signed, and that nothing else does."""

import base64
import mmap
import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from packages import signatures
from packages.exceptions import SignatureError
from packages.signatures import UsignKey, UsignPublicKey, dearmor, verify_ec, verify_gpg, verify_usign

GPG = Path(__file__).resolve().parents[1] / "data" / "gpg"
MESSAGE = b"hello firmware\n"
# A key that everybody knows: seed 00..1f, key number 0123456789abcdef, salt a0..af.
PUBLIC = "untrusted comment: test public key\nRWQBI0VniavN7wOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4\n"
SECRET = (
    "untrusted comment: test secret key\n"
    "RWRCSwAAAACgoaKjpKWmp6ipqqusra6vuPFyePvIiVQBI0VniavN7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"
    "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=\n"
)
SIGNATURE = (
    "untrusted comment: signed by key 0123456789abcdef\n"
    "RWQBI0VniavN73w/6zGOtVYn3ZDT2owvZNcExiJ1e4fnzPbYM7uHFGGzG8lWNTFjzSmp5QX6USGTfvclrIS4y0cXWv39JsGK7w0=\n"
)
COMMENT, BASE64 = SIGNATURE.splitlines()
# Order of the group: S and S + L satisfy the same equation.
L = 2**252 + 27742317777372353535851937790883648493


def lines(*texts: str, end: str = "\n") -> bytes:
    return (end.join(texts) + end).encode()


def packed(data: bytes) -> bytes:
    """A signature file around these bytes."""
    return lines(COMMENT, base64.b64encode(data).decode())


RAW = base64.b64decode(BASE64)


# -- usign -------------------------------------------------------------------------------------------------


def test_the_published_vectors_come_out_byte_for_byte() -> None:
    key = UsignKey.from_secret_text(SECRET, "test public key")

    assert key.fingerprint == "0123456789abcdef"
    assert key.public_text() == PUBLIC
    assert key.sign(MESSAGE) == SIGNATURE
    assert UsignKey.from_secret_text(SECRET, "test secret key").secret_text() == SECRET


def test_the_certificate_authority_of_the_vectors_has_its_public_key() -> None:
    key = UsignKey(bytes.fromhex("fedcba9876543210"), bytes(range(0x20, 0x40)), bytes(16), "ca public key")

    assert key.public_text().splitlines()[1] == "RWT+3LqYdlQyECmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X"


def test_a_good_signature_names_its_signer() -> None:
    assert verify_usign(MESSAGE, SIGNATURE.encode(), [PUBLIC]) == "0123456789abcdef"


def test_a_missing_newline_at_the_end_is_forgiven() -> None:
    assert verify_usign(MESSAGE, SIGNATURE.rstrip("\n").encode(), [PUBLIC.rstrip("\n")])


def test_another_message_is_refused() -> None:
    with pytest.raises(SignatureError, match="does not fit"):
        verify_usign(MESSAGE + b"x", SIGNATURE.encode(), [PUBLIC])


def test_two_keys_may_share_a_number_and_either_counts() -> None:
    twin = UsignPublicKey(bytes.fromhex("0123456789abcdef"), UsignKey.generate().public.raw)

    assert verify_usign(MESSAGE, SIGNATURE.encode(), [twin.text(), PUBLIC])
    with pytest.raises(SignatureError, match="does not fit"):
        verify_usign(MESSAGE, SIGNATURE.encode(), [twin.text()])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (lines(COMMENT, BASE64, end="\r\n"), "length"),
        (lines(BASE64), "comment line"),
        (lines("trust me", BASE64), "comment line"),
        (lines("untrusted comment:", BASE64), "comment line"),
        (lines("untrusted comment: " + "x" * 2000, BASE64), "comment line"),
        (lines(COMMENT, BASE64, "more"), "comment line"),
        (lines(COMMENT, BASE64, ""), "comment line"),
        (lines("", COMMENT, BASE64), "comment line"),
        (lines(COMMENT, BASE64 + " "), "length"),
        (lines(COMMENT, BASE64[:-4] + "7w0\u00a0"), "base64"),
        (lines(COMMENT, "-" + BASE64[1:]), "base64"),
        (lines(COMMENT, BASE64[:-2] + "1="), "length"),  # not the shortest writing of the same bytes
        (lines(COMMENT, "A" * 100_000), "length"),
        (packed(RAW[:-1]), "length"),
        (packed(RAW + b"\0"), "length"),
        (packed(b"EC" + RAW[2:]), "Ed25519"),
        (packed(RAW[:2] + bytes(8) + RAW[10:]), "not among the pinned"),
        (packed(RAW[:42] + (int.from_bytes(RAW[42:], "little") + L).to_bytes(32, "little")), "does not fit"),
        (packed(RAW[:10] + bytes(64)), "does not fit"),
        (PUBLIC.encode(), "length"),
        (b"\xff" * 100, "not text"),
        (b"", "comment line"),
    ],
)
def test_every_other_signature_file_is_refused(text: bytes, said: str) -> None:
    with pytest.raises(SignatureError, match=said):
        verify_usign(MESSAGE, text, [PUBLIC])


def test_without_a_pinned_key_nothing_is_good() -> None:
    with pytest.raises(SignatureError, match="not among the pinned"):
        verify_usign(MESSAGE, SIGNATURE.encode(), [])


def test_a_damaged_pinned_key_is_reported_and_not_passed_over() -> None:
    with pytest.raises(SignatureError, match="usign public key"):
        verify_usign(MESSAGE, SIGNATURE.encode(), [PUBLIC, "garbage"])


def test_a_new_key_signs_and_survives_its_file() -> None:
    key = UsignKey.generate("release key")

    again = UsignKey.from_secret_text(key.secret_text(), "release key")

    assert again == key
    assert key.public_text().startswith("untrusted comment: release key\nRW")
    assert verify_usign(MESSAGE, again.sign(MESSAGE), [key.public_text()]) == key.fingerprint
    assert UsignKey.generate() != UsignKey.generate()


def test_a_secret_does_not_show_itself_in_logs() -> None:
    key = UsignKey.from_secret_text(SECRET)

    assert "seed" not in repr(key)
    assert str(key.seed) not in repr(key)


def test_large_files_are_signed_through_a_map(tmp_path: Path) -> None:
    key = UsignKey.from_secret_text(SECRET)
    path = tmp_path / "image.bin"
    path.write_bytes(b"firmware" * 10_000)

    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as view:
        signature = key.sign(view)
        fingerprint = verify_usign(view, signature, [PUBLIC])

    assert signature == key.sign(path.read_bytes())
    assert fingerprint == key.fingerprint


@pytest.mark.parametrize(
    ("place", "said"),
    [(2, "password"), (7, "password"), (25, "damaged"), (45, "damaged"), (100, "damaged"), (0, "Ed25519")],
)
def test_a_secret_key_that_is_protected_or_damaged_is_refused(place: int, said: str) -> None:
    comment, encoded = SECRET.splitlines()
    data = bytearray(base64.b64decode(encoded))
    data[place] ^= 1

    with pytest.raises(SignatureError, match=said):
        UsignKey.from_secret_text(lines(comment, base64.b64encode(data).decode()))


@pytest.mark.parametrize("comment", ["two\nlines", "x" * 100, "nul\0"])
def test_a_comment_stays_one_short_line(comment: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        UsignKey.generate(comment).public_text()


@given(st.binary(max_size=400))
def test_any_bytes_as_a_signature(text: bytes) -> None:
    for candidate in (text, COMMENT.encode() + b"\n" + text):
        with pytest.raises(SignatureError):
            verify_usign(MESSAGE, candidate, [PUBLIC])


def test_signify_and_we_believe_each_other(tmp_path: Path) -> None:
    signify = shutil.which("signify-openbsd")
    if signify is None:
        pytest.skip("signify-openbsd is not installed")
    (tmp_path / "sums").write_bytes(MESSAGE)
    ours = UsignKey.generate("ours")
    (tmp_path / "ours.pub").write_text(ours.public_text())
    (tmp_path / "ours.sig").write_text(ours.sign(MESSAGE))

    def run(*arguments: str) -> None:
        subprocess.run([signify, *arguments], cwd=tmp_path, check=True, capture_output=True, timeout=20)

    run("-V", "-q", "-p", "ours.pub", "-m", "sums", "-x", "ours.sig")
    run("-G", "-n", "-p", "theirs.pub", "-s", "theirs.sec")
    run("-S", "-s", "theirs.sec", "-m", "sums", "-x", "theirs.sig")

    theirs = UsignKey.from_secret_text((tmp_path / "theirs.sec").read_bytes())
    signature = (tmp_path / "theirs.sig").read_text()
    assert verify_usign(MESSAGE, signature, [(tmp_path / "theirs.pub").read_text()]) == theirs.fingerprint
    assert theirs.sign(MESSAGE).splitlines()[1] == signature.splitlines()[1]


# -- OpenPGP -----------------------------------------------------------------------------------------------


def gpg(name: str) -> str:
    return (GPG / name).read_text()


needs_gpgv = pytest.mark.skipif(shutil.which("gpgv") is None, reason="gpgv is not installed")


@needs_gpgv
@pytest.mark.parametrize("keys", [["tests"], ["other", "tests"]])
def test_a_good_openpgp_signature_passes(keys: list[str]) -> None:
    verify_gpg(MESSAGE, gpg("tests.sig.asc").encode(), [gpg(f"{key}.pub.asc") for key in keys])


@needs_gpgv
def test_a_binary_openpgp_signature_passes_too() -> None:
    verify_gpg(MESSAGE, dearmor(gpg("tests.sig.asc"), "SIGNATURE"), [gpg("tests.pub.asc")])


@needs_gpgv
def test_of_several_signatures_one_by_a_pinned_key_is_enough() -> None:
    both = dearmor(gpg("expired.sig.asc"), "SIGNATURE") + dearmor(gpg("tests.sig.asc"), "SIGNATURE")

    verify_gpg(MESSAGE, both, [gpg("tests.pub.asc")])

    with pytest.raises(SignatureError, match="not pinned"):
        verify_gpg(MESSAGE, both, [gpg("other.pub.asc")])
    with pytest.raises(SignatureError, match=r"not fit|not pinned"):
        verify_gpg(MESSAGE + b"x", both, [gpg("tests.pub.asc")])


@needs_gpgv
def test_a_release_key_that_ran_out_still_vouches_for_its_release() -> None:
    verify_gpg(MESSAGE, gpg("expired.sig.asc").encode(), [gpg("expired.pub.asc")])


@needs_gpgv
@pytest.mark.parametrize(
    ("message", "signature", "key", "said"),
    [
        (MESSAGE + b"x", gpg("tests.sig.asc"), "tests", "does not fit"),
        (MESSAGE, gpg("tests.sig.asc"), "other", "not pinned"),
        (MESSAGE, "no packets at all", "tests", "does not fit"),
        (MESSAGE, "", "tests", "empty"),
        (MESSAGE, gpg("tests.pub.asc"), "tests", "no complete signature"),
        (MESSAGE, gpg("tests.sig.asc")[:-40], "tests", "no complete signature"),
    ],
)
def test_every_other_openpgp_signature_is_refused(message: bytes, signature: str, key: str, said: str) -> None:
    with pytest.raises(SignatureError, match=said):
        verify_gpg(message, signature.encode(), [gpg(f"{key}.pub.asc")])


def test_without_openpgp_keys_nothing_is_good() -> None:
    with pytest.raises(SignatureError, match="No OpenPGP key"):
        verify_gpg(MESSAGE, gpg("tests.sig.asc").encode(), [])


def test_a_missing_gpgv_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signatures, "GPGV", "gpgv-that-nobody-has")

    with pytest.raises(SignatureError, match="install the package gpgv"):
        verify_gpg(MESSAGE, gpg("tests.sig.asc").encode(), [gpg("tests.pub.asc")])


def test_damaged_armour_is_noticed() -> None:
    text = gpg("tests.pub.asc")
    body = next(line for line in text.splitlines() if line.startswith("mDME"))

    with pytest.raises(SignatureError, match="checksum does not fit"):
        dearmor(text.replace(body, body.replace("mDME", "mDMF")), "PUBLIC KEY BLOCK")
    with pytest.raises(SignatureError, match="not base64"):
        dearmor(text.replace(body, "!" + body), "PUBLIC KEY BLOCK")


def test_armour_may_have_headers_and_windows_lines_and_several_blocks() -> None:
    text = gpg("tests.pub.asc")
    begin = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"
    with_header = text.replace(begin, f"{begin}Version: GnuPG v1\nComment: x\n")

    packets = dearmor(text, "PUBLIC KEY BLOCK")

    assert dearmor(with_header.replace("\n", "\r\n"), "PUBLIC KEY BLOCK") == packets
    assert dearmor(f"Some words.\n{text}\n{with_header}", "PUBLIC KEY BLOCK") == packets * 2


# -- apk ---------------------------------------------------------------------------------------------------


def pem(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def test_an_ecdsa_signature_is_checked_against_all_pinned_keys() -> None:
    ours, theirs = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    signature = ours.sign(MESSAGE, ec.ECDSA(hashes.SHA512()))

    assert verify_ec(MESSAGE, signature, [pem(theirs), pem(ours)]) == pem(ours)
    for message, keys in ((MESSAGE, [pem(theirs)]), (MESSAGE + b"x", [pem(ours)]), (MESSAGE, [])):
        with pytest.raises(SignatureError, match="none of the pinned"):
            verify_ec(message, signature, keys)


@pytest.mark.parametrize(
    "text",
    [
        pem(ec.generate_private_key(ec.SECP384R1())),
        pem(ed25519.Ed25519PrivateKey.generate()),
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        PUBLIC,
        "",
    ],
)
def test_other_keys_are_no_apk_keys(text: str) -> None:
    with pytest.raises(SignatureError, match="apk key"):
        signatures.load_ec_key(text)
