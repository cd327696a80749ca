"""Public keys of package indexes in whatever form people have them, brought to one form."""

import re
from dataclasses import dataclass

from packages.exceptions import SignatureError
from packages.signatures import UsignPublicKey, load_ec_key

MAX_TEXT = 64 * 1024  # characters of a text with several keys
MAX_KEYS = 16
COMMENT = "untrusted comment:"

_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]{1,4000}-----END PUBLIC KEY-----")


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key in its one form: the same key is the same text."""

    kind: str  # usign | apk
    text: str


def read_keys(text: str) -> tuple[PublicKey, ...]:
    """All keys in a text, each once: files of usign, their base64 lines alone, and PEM of apk (EC P-256).

    SignatureError for anything else, and for a text without a key.
    """
    if len(text) > MAX_TEXT:
        raise SignatureError(f"More than {MAX_TEXT} characters are too many for public keys.")
    found = [_apk(pem) for pem in _PEM.findall(text)]
    rest = (line.strip() for line in _PEM.sub("\n", text).splitlines())
    found += [_usign(line) for line in rest if line and not line.startswith(COMMENT)]
    keys = tuple(dict.fromkeys(found))
    if not 1 <= len(keys) <= MAX_KEYS:
        raise SignatureError(f"There are {len(keys)} keys where from 1 to {MAX_KEYS} can be.")
    return keys


def _usign(line: str) -> PublicKey:
    return PublicKey("usign", UsignPublicKey.parse(f"{COMMENT} key\n{line}\n").text())


def _apk(pem: str) -> PublicKey:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    form = load_ec_key(pem).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return PublicKey("apk", form.decode("ascii"))
