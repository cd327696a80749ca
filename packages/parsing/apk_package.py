"""A downloaded `.apk` (version 3) against what the verified index says about it."""

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packages.exceptions import BadDocumentError, ChecksumError, SignatureError
from packages.parsing.adb import (
    BLOCK_ADB,
    BLOCK_DATA,
    BLOCK_SIGNATURE,
    MAX_ADB,
    MAX_SIGNATURES,
    SCHEMA_PACKAGE,
    Container,
    Document,
    Signature,
    Values,
    read_document,
    read_signature,
)
from packages.parsing.apk import DEFAULT_SPEC, PackageReader, check_signature
from packages.parsing.types import PackageEntry

MAX_UNPACKED = 2 * 1024**3  # bytes of all files of a package
MAX_FILES = 500_000
_CHUNK = 1024 * 1024
# Field numbers of apk's schemas, less one.
_INFO, _PATHS = 0, 1
_FOLDER_FILES = 2
_FILE_SIZE, _FILE_HASH, _FILE_TARGET = 2, 4, 5
_DIGEST_BY_LENGTH = {20: "sha1", 32: "sha256", 64: "sha512"}


@dataclass(frozen=True, slots=True)
class _File:
    """A file with content: where it stands in the description, its size and hash."""

    place: tuple[int, int]
    size: int
    hash: bytes


def read_package(data: bytes, document: str = "package") -> PackageEntry:
    """What a package says about itself. Its `identity` is computed, its `size` that of the data given."""
    opened = read_document(data, SCHEMA_PACKAGE, document)
    entry = _described(opened.adb, document)
    if entry is None:
        raise BadDocumentError(f"{document}: the package's name or version has characters that it must not have.")
    return entry


def verify_package(path: Path, entry: PackageEntry, keys: Sequence[str] = (), document: str = "") -> None:
    """Check that the file is the package that the index names: its description by hash, its content by description.

    The index has to be verified before. Raises ChecksumError where something differs and SignatureError for the short
    hashes of old indexes unless the package itself is signed by one of `keys`. Signatures of packages are otherwise
    not needed: the hash in the signed index says more.
    """
    document = document or path.name
    if entry.size and path.stat().st_size != entry.size:
        raise ChecksumError(f"{document} has {path.stat().st_size} bytes instead of {entry.size}.")
    with path.open("rb") as file:
        opened = _checked(Container(file, SCHEMA_PACKAGE, document), entry)
    if _is_named(opened.adb, entry.identity):
        return
    try:
        check_signature(opened, keys, document)
    except SignatureError as error:
        raise SignatureError(f"{document} is named by no usable hash in the index, and {error}") from error


def _checked(container: Container, entry: PackageEntry) -> Document:
    """Read the whole package and hold each block against what came before it. Returns what a signature would cover."""
    document, adb, unpacked = container.document, b"", 0
    signatures: list[Signature] = []
    missing: dict[tuple[int, int], _File] = {}
    for block in container.blocks():
        if block.kind == BLOCK_ADB:
            adb = container.payload(block, MAX_ADB)
            _check_description(adb, entry, document)
            missing = {item.place: item for item in _files(adb, document)}
        elif block.kind == BLOCK_SIGNATURE and len(signatures) < MAX_SIGNATURES:
            signatures += read_signature(container, block)
        elif block.kind == BLOCK_DATA:
            unpacked += block.length
            if unpacked > MAX_UNPACKED:
                raise ChecksumError(f"{document} unpacks to more than {MAX_UNPACKED} bytes.")
            _check_content(container, block.length, missing)
    if missing:
        raise ChecksumError(f"{document} lacks {len(missing)} of its files.")
    return Document(SCHEMA_PACKAGE, adb, tuple(signatures))


def _described(adb: bytes, document: str) -> PackageEntry | None:
    values = Values(adb, document)
    entry = PackageReader(values, DEFAULT_SPEC, document).entry(values.fields(values.root, 1)[_INFO])
    if entry is None:
        return None
    return replace(entry, identity=hashlib.sha256(adb).hexdigest())


def _is_named(adb: bytes, identity: str) -> bool:
    """Whether the identity is the block's SHA-256, whole or (old indexes, `sha256-160`) its first 20 bytes."""
    return len(identity) in (40, 64) and hashlib.sha256(adb).hexdigest().startswith(identity)


def _check_description(adb: bytes, entry: PackageEntry, document: str) -> None:
    described = _described(adb, document)
    if described is None or (described.full_name, described.version) != (entry.full_name, entry.version):
        raise ChecksumError(f"{document} is another package than the index says.")
    if len(entry.identity) == 64 and not _is_named(adb, entry.identity):
        raise ChecksumError(f"{document} is not the file that the index names: its hash differs.")


def _files(adb: bytes, document: str) -> Iterator[_File]:
    """The files that must have a data block: neither empty nor a link. Places count from 1."""
    values = Values(adb, document)
    folders = values.items(values.fields(values.root, 2)[_PATHS], MAX_FILES)
    for folder_place, folder in enumerate(folders, 1):
        files = values.fields(folder, 3)[_FOLDER_FILES]
        for file_place, file in enumerate(values.items(files, MAX_FILES), 1):
            fields = values.fields(file, 6)
            size = values.number(fields[_FILE_SIZE])
            if size and not fields[_FILE_TARGET]:
                yield _File((folder_place, file_place), size, values.blob(fields[_FILE_HASH]))


def _check_content(container: Container, length: int, missing: dict[tuple[int, int], _File]) -> None:
    """One data block: two numbers that name the file, then its content."""
    place = struct.unpack("<II", container.read(8))
    file = missing.pop(place, None)
    algorithm = _DIGEST_BY_LENGTH.get(len(file.hash)) if file else None
    if file is None or algorithm is None or length - 8 != file.size:
        raise ChecksumError(f"{container.document} has content that its description does not name.")
    digest = hashlib.new(algorithm)
    left = file.size
    while left:
        digest.update(container.read(min(left, _CHUNK)))
        left -= min(left, _CHUNK)
    if digest.digest() != file.hash:
        raise ChecksumError(f"{container.document} has a file whose hash differs.")
