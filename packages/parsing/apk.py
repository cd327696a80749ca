"""apk's index `packages.adb` (25.12 and later): packages, and whose signature is on it.

`PackageEntry.identity` is the SHA-256 of the package's ADB block, which names every file in it by hash; there is no
hash of the package file as such. `apk_package.verify_package` checks a downloaded file against it.
"""

import hashlib
import re
from collections.abc import Sequence

from packages import names
from packages.exceptions import BadDocumentError, SignatureError
from packages.parsing.adb import SCHEMA_INDEX, Document, Values, read_document
from packages.parsing.opkg import without_abi
from packages.parsing.types import PackageEntry, PackageIndex
from packages.signatures import load_ec_key, verify_ec

MAX_PACKAGES = 100_000
MAX_ITEMS = 2_000
MAX_DESCRIPTION = 4_000
DIGESTS = {3: "sha256", 4: "sha512"}
DEFAULT_SPEC = "${name}-${version}.apk"
# Field numbers of apk's schemas, less one.
_NDX_PACKAGES, _NDX_SPEC = 1, 2
_NAME, _VERSION, _HASHES, _DESCRIPTION, _ARCH, _INSTALLED, _SIZE, _DEPENDS, _PROVIDES, _TAGS = (
    *(0, 1, 2, 3, 4, 11, 12),
    *(14, 15, 20),
)
_FIELDS = 21
_CONFLICT = 16
_OPERATORS = {1: "=", 2: "<", 3: "<=", 4: ">", 5: ">=", 8: "~", 9: "~"}
_VERSION_TEXT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:+~_-]{0,127}")
_DEPENDENCY = re.compile(r"[A-Za-z0-9/][A-Za-z0-9.+_:/@-]{0,127}")
_VARIABLE = re.compile(r"\$\{(name|version|arch|hash)(?::([0-9]{1,3}))?\}")


def parse(data: bytes, document: str = "packages.adb", *, keys: Sequence[str] = ()) -> PackageIndex:
    """The packages of an index. Given PEM keys it must be signed by one of them, else SignatureError.

    Without keys nobody vouches for it, as with an opkg index. Odd names and versions are counted, not kept.
    """
    opened = read_document(data, SCHEMA_INDEX, document)
    if keys:
        check_signature(opened, keys, document)
    return _index(opened, document)


def verify(data: bytes, keys: Sequence[str], document: str = "packages.adb") -> str:
    """Check the signature inside an index against pinned PEM keys; returns the signer's text."""
    return check_signature(read_document(data, SCHEMA_INDEX, document), keys, document)


def key_id(pem: str) -> bytes:
    """How apk's signatures name a key: 16 bytes of the SHA-512 of the public point."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    point = load_ec_key(pem).public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return hashlib.sha512(point).digest()[:16]


def check_signature(opened: Document, keys: Sequence[str], document: str) -> str:
    """That one of the signatures is by one of the keys; returns that key's text. Raises SignatureError."""
    if not opened.signatures:
        raise SignatureError(f"{document} is not signed.")
    by_id = {key_id(text): text for text in keys}
    for signature in opened.signatures:
        text = by_id.get(signature.key_id)
        digest = DIGESTS.get(signature.algorithm)
        if text is None or digest is None:
            continue
        message = opened.schema.to_bytes(4, "little") + signature.head + hashlib.new(digest, opened.adb).digest()
        try:
            return verify_ec(message, signature.signature, [text])
        except SignatureError as error:
            raise SignatureError(f"The signature of {document} does not fit.") from error
    raise SignatureError(f"{document} is signed by none of the pinned apk keys.")


def _index(opened: Document, document: str) -> PackageIndex:
    values = Values(opened.adb, document)
    root = values.fields(values.root, 3)
    spec = values.text(root[_NDX_SPEC]) or DEFAULT_SPEC
    reader = PackageReader(values, spec, document)
    index = PackageIndex()
    for value in values.items(root[_NDX_PACKAGES], MAX_PACKAGES):
        entry = reader.entry(value)
        if entry is None:
            index.skipped += 1
        else:
            index.append(entry)
    return index


class PackageReader:
    """Package descriptions out of the values of an index or of a package."""

    def __init__(self, values: Values, spec: str, document: str) -> None:
        self._values, self._spec = values, spec
        self._items: dict[int, tuple[str, bool]] = {}  # indexes share dependencies: each is read once
        if "://" in spec or "$" in _VARIABLE.sub("", spec) or len(spec) > 200:
            raise BadDocumentError(f"{document} names its package files in a way that this server does not know.")

    def entry(self, value: int) -> PackageEntry | None:
        """One package, or None where its name or version cannot be used."""
        values = self._values
        fields = values.fields(value, _FIELDS)
        full_name, version = values.text(fields[_NAME]), values.text(fields[_VERSION])
        architecture, identity = values.text(fields[_ARCH])[:64], values.blob(fields[_HASHES]).hex()
        file_name = self._file_name(name=full_name, version=version, arch=architecture, hash=identity)
        if not (names.PACKAGE.fullmatch(full_name) and _VERSION_TEXT.fullmatch(version) and file_name):
            return None
        depends = [self._item(item) for item in values.items(fields[_DEPENDS], MAX_ITEMS)]
        provides = [self._item(item) for item in values.items(fields[_PROVIDES], MAX_ITEMS)]
        tags = self._tags(fields[_TAGS])
        return PackageEntry(
            full_name=full_name,
            name=without_abi(full_name, tags.get("openwrt:abiversion", "")),
            version=version,
            depends=tuple(text for text, is_conflict in depends if text and not is_conflict),
            provides=tuple(text for text, is_conflict in provides if text and not is_conflict),
            conflicts=tuple(text for text, is_conflict in depends if text and is_conflict),
            section=tags.get("openwrt:section", "")[:64],
            description=values.text(fields[_DESCRIPTION]).replace("\0", "")[:MAX_DESCRIPTION],
            size=values.number(fields[_SIZE]),
            installed_size=values.number(fields[_INSTALLED]),
            file_name=file_name,
            architecture=architecture,
            identity=identity,
        )

    def _item(self, value: int) -> tuple[str, bool]:
        """`name` or `name (>=1.2)`, and whether it is a conflict; the text is empty where it has odd characters."""
        if value not in self._items:
            fields = self._values.fields(value, 3)
            name, version = self._values.text(fields[0]), self._values.text(fields[1])
            match = self._values.number(fields[2]) or 1
            operator = _OPERATORS.get(match & ~_CONFLICT)
            text = name if _DEPENDENCY.fullmatch(name) else ""
            if text and operator and _VERSION_TEXT.fullmatch(version):
                text += f" ({operator}{version})"
            self._items[value] = text, bool(match & _CONFLICT)
        return self._items[value]

    def _tags(self, value: int) -> dict[str, str]:
        """`openwrt:abiversion=1` and the like; tags without a value are of no use here."""
        texts = (self._values.text(item) for item in self._values.items(value, 64))
        return {key: text for key, sign, text in (tag.partition("=") for tag in texts) if sign}

    def _file_name(self, **variables: str) -> str:
        """The path below the index' folder, "" where it would lead elsewhere."""

        def replace(match: re.Match[str]) -> str:
            return variables[match[1]][: int(match[2]) if match[2] else None]

        path = _VARIABLE.sub(replace, self._spec)
        is_safe = all(names.FILE.fullmatch(part) for part in path.split("/"))
        return path if is_safe else ""
