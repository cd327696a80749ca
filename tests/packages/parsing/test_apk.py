"""apk's index: what the real apk-tools write is read, and what is wrong is refused."""

import base64
from pathlib import Path

import pytest

from packages.exceptions import BadDocumentError, SignatureError
from packages.parsing import adb, apk
from tests.packages.parsing import adb_writer as writer
from tests.packages.parsing.adb_writer import ADB, DATA, INDEX, PACKAGE, SIGNATURE, Adb

# Made with apk-tools 3: `apk mkpkg` and `apk mkndx --sign-key` over made-up packages.
DATA_FOLDER = Path(__file__).resolve().parents[2] / "data" / "apk"


def made_by_apk(name: str) -> bytes:
    return base64.b64decode((DATA_FOLDER / f"{name}.b64").read_text())


def simple(*names: str) -> bytes:
    """The payload of an index of packages that only have names."""
    document = Adb()
    return writer.index(document, [document.package(name) for name in names])


def test_an_index_made_by_apk_itself_is_read_and_verified() -> None:
    key = (DATA_FOLDER / "key.pem").read_text()

    index = apk.parse(made_by_apk("packages.adb"), keys=[key])

    assert [(entry.full_name, entry.version) for entry in index] == [
        ("goodbye", "1.0~abc-r1"),
        ("hello20240101", "1.2.3-r4"),
        ("none", "1.0-r1"),
        ("zs", "1.0-r1"),
    ]
    hello = index[1]
    assert hello.name == "hello"
    assert hello.depends == (
        *("busybox", "leq (<=4)", "less (<3)", "libc (>=1.1)", "more (>2)", "other (=2.0-r1)"),
        *("so:libc.so", "tilde (~1.2)"),
    )
    assert hello.conflicts == ("goodbye",)
    assert hello.provides == ("hello", "hello-any (=1.2.3-r4)")
    assert (hello.description, hello.section, hello.architecture) == ("Says hello", "utils", "mips_24kc")
    assert (hello.size, hello.installed_size) == (627, 6)
    assert hello.file_name == "hello20240101-1.2.3-r4.apk"
    assert hello.identity == "0eafaf0e4b2a3590117074aafde81f1724693380286d28f324d78b7841f3cb1e"
    assert hello.sha256 == ""


@pytest.mark.parametrize("packing", ["none", "deflate", "zstd"])
def test_every_packing_is_read(packing: str) -> None:
    data = writer.signed_index(simple("vim", "emacs"), packing=packing)

    assert [entry.name for entry in apk.parse(data)] == ["vim", "emacs"]


def test_a_key_may_have_a_comment_before_it() -> None:
    key = writer.new_key()
    data = writer.signed_index(simple("vim"), key)

    signer = apk.verify(data, [f"untrusted comment: release key\n{writer.pem(key)}"])

    assert signer.startswith("untrusted comment: release key")


def test_one_good_signature_among_several_is_enough() -> None:
    ours, theirs = writer.new_key(), writer.new_key()
    data = writer.signed_index(simple("vim"), theirs, ours)

    assert apk.verify(data, [writer.pem(ours)]) == writer.pem(ours)


def test_an_index_by_another_key_is_refused() -> None:
    data = writer.signed_index(simple("vim"), writer.new_key())

    with pytest.raises(SignatureError, match="none of the pinned"):
        apk.parse(data, keys=[writer.pem(writer.new_key())])


def test_an_index_without_signature_is_refused_when_a_key_is_pinned() -> None:
    data = writer.signed_index(simple("vim"))

    with pytest.raises(SignatureError, match="not signed"):
        apk.parse(data, keys=[writer.pem(writer.new_key())])


def test_a_changed_index_is_refused() -> None:
    key = writer.new_key()
    changed = simple("vim").replace(b"vim", b"bad")
    data = writer.file(
        INDEX, writer.block(ADB, changed), writer.block(SIGNATURE, writer.signature(INDEX, simple("vim"), key))
    )

    with pytest.raises(SignatureError, match="does not fit"):
        apk.parse(data, keys=[writer.pem(key)])


def test_a_signature_over_a_package_does_not_count_for_an_index() -> None:
    key, payload = writer.new_key(), simple("vim")
    data = writer.file(
        INDEX, writer.block(ADB, payload), writer.block(SIGNATURE, writer.signature(PACKAGE, payload, key))
    )

    with pytest.raises(SignatureError, match="does not fit"):
        apk.verify(data, [writer.pem(key)])


def test_blocks_may_have_the_long_form() -> None:
    key, payload = writer.new_key(), simple("vim")
    signature = writer.long_block(SIGNATURE, writer.signature(INDEX, payload, key))
    data = writer.file(INDEX, writer.long_block(ADB, payload), signature)

    assert [entry.name for entry in apk.parse(data, keys=[writer.pem(key)])] == ["vim"]


def test_packages_that_cannot_be_used_are_counted() -> None:
    document = Adb()
    packages = [
        document.package("vim"),
        document.package("china dns"),
        document.package("../../x"),
        document.package("ok", "1;reboot"),
        document.fields({12: document.number(5)}),
    ]

    index = apk.parse(writer.signed_index(writer.index(document, packages)))

    assert [entry.name for entry in index] == ["vim"]
    assert index.skipped == 4


def test_odd_relations_are_left_out_and_large_numbers_read() -> None:
    document = Adb()
    depends = ["libc", "$(reboot)", "a b", "/bin/sh", "x=1;2"]
    package = document.package("vim", size=5_000_000_000, installed_size=300_000_000, depends=depends, provides=[])

    [entry] = apk.parse(writer.signed_index(writer.index(document, [package])))

    assert entry.depends == ("libc", "/bin/sh", "x")
    assert (entry.size, entry.installed_size) == (5_000_000_000, 300_000_000)


def test_an_index_may_name_its_files_in_its_own_way() -> None:
    document = Adb()
    package = document.package("vim", "9.1-r1", arch="mips_24kc", hashes=bytes.fromhex("ab" * 32))
    payload = writer.index(document, [package], spec="${arch}/${name:1}/${name}-${version}.${hash:8}.apk")

    [entry] = apk.parse(writer.signed_index(payload))

    assert entry.file_name == "mips_24kc/v/vim-9.1-r1.abababab.apk"


@pytest.mark.parametrize("spec", ["https://evil.example.org/${name}.apk", "${name}-${secret}.apk", "${name:x}.apk"])
def test_other_ways_to_name_files_are_refused(spec: str) -> None:
    document = Adb()

    with pytest.raises(BadDocumentError, match="names its package files"):
        apk.parse(writer.signed_index(writer.index(document, [document.package("vim")], spec=spec)))


@pytest.mark.parametrize("spec", ["../${name}.apk", "/${name}.apk", "${name}.apk/", "${arch}/../${name}.apk"])
def test_no_file_name_leads_out_of_the_feed(spec: str) -> None:
    document = Adb()
    payload = writer.index(document, [document.package("vim", arch="all")], spec=spec)

    index = apk.parse(writer.signed_index(payload))

    assert (list(index), index.skipped) == ([], 1)


@pytest.mark.parametrize(
    "root",
    [
        14 << 28 | 0x0FFFFFF0,  # an object behind the end
        13 << 28 | 4,  # a list whose length is its own address
        8 << 28 | 8,  # text instead of an object
        15 << 28,  # an error value
    ],
)
def test_a_root_that_points_nowhere_is_refused(root: int) -> None:
    document = Adb()
    document.blob("padding")

    with pytest.raises(BadDocumentError, match=r"packages\.adb"):
        apk.parse(writer.signed_index(document.done(root)))


def test_a_package_list_of_impossible_length_is_refused() -> None:
    document = Adb()
    listed = document.items([])
    document.data[-4:] = b"\xff\xff\xff\x0f"

    with pytest.raises(BadDocumentError, match="impossible length"):
        apk.parse(writer.signed_index(document.done(document.fields({2: listed}))))


def test_a_small_file_cannot_describe_a_huge_document() -> None:
    document = Adb()
    package = document.package("vim", description="x" * 60_000)
    payload = writer.index(document, [package] * 50_000)

    with pytest.raises(BadDocumentError, match="more than it could hold"):
        apk.parse(writer.signed_index(payload, packing="deflate"))


def test_an_index_that_unpacks_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adb, "MAX_ADB", 1_000_000)
    data = writer.file(INDEX, writer.block(ADB, bytes(1_000_001)), packing="deflate")

    with pytest.raises(BadDocumentError, match="1000000 bytes"):
        apk.parse(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"ADB.",
        b"ADB.indx",
        b"ADBx" + bytes(20),
        b"ADBc\x09\x00" + bytes(20),
        b"ADBd" + bytes(20),
        b"ADBc\x02\x00" + bytes(20),
        b"\x1f\x8b" + bytes(20),
        writer.file(PACKAGE, writer.block(ADB, simple("vim"))),
        writer.file(INDEX, writer.block(DATA, simple("vim"))),
        writer.file(INDEX, writer.block(SIGNATURE, bytes(60)), writer.block(ADB, simple("vim"))),
        writer.file(INDEX, writer.block(ADB, simple("vim")), writer.block(ADB, simple("vim"))),
        writer.file(INDEX, writer.block(ADB, simple("vim")))[:-9],
        writer.file(INDEX, writer.block(ADB, simple("vim"))) + b"\x01",
        writer.file(INDEX, writer.block(ADB, simple("vim"))) + b"\x01\x00\x00\x40",
        writer.file(INDEX, writer.block(ADB, b"\x01" + simple("vim")[1:])),
        writer.file(INDEX, writer.block(ADB, simple("vim")), packing="deflate")[:-12],
    ],
)
def test_files_that_are_no_index_are_refused(data: bytes) -> None:
    with pytest.raises(BadDocumentError, match=r"packages\.adb"):
        apk.parse(data)
