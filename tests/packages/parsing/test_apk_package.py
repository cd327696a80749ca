"""A downloaded apk package against the index: nothing in it may differ."""

import hashlib
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from packages.exceptions import BadDocumentError, ChecksumError, SignatureError
from packages.parsing import apk, apk_package
from packages.parsing.types import PackageEntry
from tests.packages.parsing import adb_writer as writer
from tests.packages.parsing.adb_writer import ADB, DATA, PACKAGE, SIGNATURE, Adb
from tests.packages.parsing.test_apk import made_by_apk

CONTENT = b"#!/bin/sh\necho hello\n"


def described(name: str = "hello", content: bytes = CONTENT, count: int = 1) -> bytes:
    """The ADB block's payload of a package with some files of the same content and one symbolic link."""
    document = Adb()
    fields = {3: document.number(len(content)), 5: document.blob(hashlib.sha256(content).digest())}
    files = [document.fields({1: document.blob(f"file{number}"), **fields}) for number in range(count)]
    link = document.fields({1: document.blob("link"), 3: document.number(4), 6: document.blob(b"\x00\xa0file")})
    empty = document.fields({1: document.blob("empty"), 5: document.blob(hashlib.sha256(b"").digest())})
    root = document.fields({1: document.blob("")})
    folder = document.fields({1: document.blob("usr/bin"), 3: document.items([*files, link, empty])})
    return document.done(document.fields({1: document.package(name), 2: document.items([root, folder])}))


def content(file: int = 1, data: bytes = CONTENT, folder: int = 2) -> bytes:
    """A data block: the file's place and what is in it."""
    return writer.block(DATA, struct.pack("<II", folder, file) + data)


def entry_for(payload: bytes, name: str = "hello") -> PackageEntry:
    return PackageEntry(name, name, "1.0-r1", identity=hashlib.sha256(payload).hexdigest())


def written(folder: Path, *blocks: bytes, packing: str = "deflate") -> Path:
    path = folder / "hello-1.0-r1.apk"
    path.write_bytes(writer.file(PACKAGE, *blocks, packing=packing))
    return path


@pytest.mark.parametrize("name", ["hello20240101-1.2.3-r4.apk", "zs-1.0-r1.apk"])
def test_packages_made_by_apk_itself_fit_their_index(tmp_path: Path, name: str) -> None:
    index = {entry.file_name: entry for entry in apk.parse(made_by_apk("packages.adb"))}
    path = tmp_path / name
    path.write_bytes(made_by_apk(name))

    apk_package.verify_package(path, index[name])

    assert apk_package.read_package(path.read_bytes()).identity == index[name].identity


@pytest.mark.parametrize("packing", ["none", "deflate", "zstd"])
def test_a_package_fits_its_index_however_it_is_packed(tmp_path: Path, packing: str) -> None:
    payload = described(count=2)
    path = written(tmp_path, writer.block(ADB, payload), content(1), content(2), packing=packing)

    apk_package.verify_package(path, replace(entry_for(payload), size=path.stat().st_size))


def test_a_package_may_be_signed_by_anybody_when_its_hash_is_right(tmp_path: Path) -> None:
    payload = described()
    signature = writer.block(SIGNATURE, writer.signature(PACKAGE, payload, writer.new_key()))
    path = written(tmp_path, writer.block(ADB, payload), signature, content())

    apk_package.verify_package(path, entry_for(payload))


def test_another_description_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, writer.block(ADB, described(content=b"evil")), content(data=b"evil"))

    with pytest.raises(ChecksumError, match="hash differs"):
        apk_package.verify_package(path, entry_for(described()))


def test_another_package_is_refused(tmp_path: Path) -> None:
    payload = described("goodbye")
    path = written(tmp_path, writer.block(ADB, payload), content())

    with pytest.raises(ChecksumError, match="another package"):
        apk_package.verify_package(path, entry_for(payload, "hello"))


def test_another_size_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "hello.apk"
    path.write_bytes(b"not a package")

    with pytest.raises(ChecksumError, match="has 13 bytes instead of 14"):
        apk_package.verify_package(path, replace(entry_for(b""), size=14))


@pytest.mark.parametrize(
    ("blocks", "said"),
    [
        ([content(data=b"#!/bin/sh\necho evil!\n")], "whose hash differs"),
        ([content(data=CONTENT + b"x")], "does not name"),
        ([], "lacks 1 of its files"),
        ([content(), content()], "does not name"),
        ([content(file=2)], "does not name"),  # the link
        ([content(file=9)], "does not name"),
        ([content(folder=9)], "does not name"),
    ],
)
def test_content_that_the_description_does_not_name_is_refused(tmp_path: Path, blocks: list[bytes], said: str) -> None:
    payload = described()
    path = written(tmp_path, writer.block(ADB, payload), *blocks)

    with pytest.raises(ChecksumError, match=said):
        apk_package.verify_package(path, entry_for(payload))


def test_a_package_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apk_package, "MAX_UNPACKED", 40)
    payload = described(count=2)
    path = written(tmp_path, writer.block(ADB, payload), content(1), content(2))

    with pytest.raises(ChecksumError, match="more than 40 bytes"):
        apk_package.verify_package(path, entry_for(payload))


def test_the_short_hash_of_old_indexes_counts(tmp_path: Path) -> None:
    payload = described()
    path = written(tmp_path, writer.block(ADB, payload), content())

    apk_package.verify_package(path, replace(entry_for(payload), identity=hashlib.sha256(payload).hexdigest()[:40]))


@pytest.mark.parametrize("identity", ["00" * 20, ""])
def test_without_a_hash_only_a_pinned_key_vouches_for_a_package(tmp_path: Path, identity: str) -> None:
    payload, key = described(), writer.new_key()
    signature = writer.block(SIGNATURE, writer.signature(PACKAGE, payload, key))
    path = written(tmp_path, writer.block(ADB, payload), signature, content())
    entry = replace(entry_for(payload), identity=identity)

    apk_package.verify_package(path, entry, [writer.pem(key)])

    with pytest.raises(SignatureError, match="no usable hash"):
        apk_package.verify_package(path, entry)
    with pytest.raises(SignatureError, match="no usable hash"):
        apk_package.verify_package(path, entry, [writer.pem(writer.new_key())])


def test_an_index_is_no_package(tmp_path: Path) -> None:
    path = tmp_path / "hello.apk"
    path.write_bytes(made_by_apk("packages.adb"))

    with pytest.raises(BadDocumentError, match="another kind"):
        apk_package.verify_package(path, entry_for(b""))


def test_a_package_with_an_impossible_name_describes_nothing() -> None:
    with pytest.raises(BadDocumentError, match="name or version"):
        apk_package.read_package(writer.file(PACKAGE, writer.block(ADB, described("../x"))))
