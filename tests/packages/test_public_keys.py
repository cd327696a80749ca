"""Keys of indexes in all the forms that people have them in."""

import itertools
from pathlib import Path

import pytest

from packages.exceptions import SignatureError
from packages.public_keys import read_keys
from packages.signatures import UsignKey

ONE, OTHER = UsignKey.generate("one"), UsignKey.generate("other")
PEM = (Path(__file__).resolve().parents[1] / "data" / "apk" / "key.pem").read_text()


@pytest.mark.parametrize(
    "text",
    [
        ONE.public_text(),
        ONE.public_text().strip(),
        ONE.public_text().splitlines()[1],
        ONE.public_text().replace("\n", "\r\n"),
        ONE.public_text() * 2,
        f"untrusted comment: {ONE.fingerprint}\n{ONE.public_text().splitlines()[1]}",
    ],
    ids=itertools.count(),  # made anew in each process
)
def test_one_key_has_one_form(text: str) -> None:
    [key] = read_keys(text)

    assert key.kind == "usign"
    assert key.text == ONE.public.text()


@pytest.mark.parametrize("text", [PEM, PEM.strip(), PEM.replace("\n", "\r\n"), f"untrusted comment: x\n{PEM}"])
def test_so_has_a_key_of_apk(text: str) -> None:
    [key] = read_keys(text)

    assert key.kind == "apk"
    assert key == read_keys(PEM)[0]


def test_a_text_may_hold_several() -> None:
    found = read_keys(f"{ONE.public_text()}\n{PEM}\n{OTHER.public_text()}")

    assert {key.kind for key in found} == {"usign", "apk"}
    assert len(found) == 3


@pytest.mark.parametrize(
    "text",
    [
        *("", "\n", "hello", "untrusted comment: alone", ONE.secret_text(), ONE.public_text()[:-5], "-" * 100),
        *(PEM.replace("PUBLIC", "PRIVATE"), "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"),
        *(f"{ONE.public_text()}and more", "x" * 70_000, "\n".join([ONE.public_text(), "\ud800"])),
        "".join(UsignKey.generate(str(number)).public_text() for number in range(17)),
    ],
    ids=itertools.count(),
)
def test_anything_else_is_no_key(text: str) -> None:
    with pytest.raises(SignatureError):
        read_keys(text)
