"""Archives are unpacked whole, or refused with nothing outside touched."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from builders.archive import ArchiveError, Bounds, UnpackStoppedError, unpack

Member = tuple[tarfile.TarInfo, bytes]

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "tar": lambda data: data,
    "xz": lzma.compress,
    "bz2": bz2.compress,
    "gz": gzip.compress,
    "zst": zstandard.ZstdCompressor(level=3).compress,
}


def entry(name: str, data: bytes = b"", *, type: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> Member:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.mtime, info.size = type, link, mode, 1_700_000_000, len(data)
    return info, data


def tar(*members: Member) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


GOOD = (
    entry("ib", type=tarfile.DIRTYPE, mode=0o755),
    entry("ib/Makefile", b"info:\n"),
    entry("ib/bin/tool", b"#!/bin/sh\n", mode=0o755),
    entry("ib/bin/alias", type=tarfile.SYMTYPE, link="tool"),
    entry("ib/bin/up", type=tarfile.SYMTYPE, link="../Makefile"),
    entry("ib/bin/find", type=tarfile.SYMTYPE, link="/usr/bin/find"),
    entry("ib/bin/same", type=tarfile.LNKTYPE, link="ib/bin/tool"),
)


@pytest.fixture
def into(tmp_path: Path) -> Path:
    path = tmp_path / "into"
    path.mkdir()
    return path


@pytest.fixture
def put(tmp_path: Path, into: Path) -> Callable[..., Path]:
    def unpack_bytes(data: bytes, **words: object) -> Path:
        archive = tmp_path / "archive"
        archive.write_bytes(data)
        return unpack(archive, into, **words)  # type: ignore[arg-type]

    return unpack_bytes


@pytest.mark.parametrize("kind", COMPRESS)
def test_every_compression_is_understood(put: Callable[..., Path], kind: str) -> None:
    top = put(COMPRESS[kind](tar(*GOOD)))

    assert top.name == "ib"
    assert (top / "Makefile").read_bytes() == b"info:\n"
    assert (top / "bin/same").read_bytes() == b"#!/bin/sh\n"


def test_times_modes_and_links_are_kept(put: Callable[..., Path]) -> None:
    top = put(tar(*GOOD))

    assert (top / "Makefile").stat().st_mtime == 1_700_000_000
    assert top.stat().st_mtime == 1_700_000_000
    assert (top / "bin/tool").stat().st_mode & 0o777 == 0o755
    assert (top / "Makefile").stat().st_mode & 0o777 == 0o644
    assert (top / "bin/alias").readlink() == Path("tool")
    assert (top / "bin/find").readlink() == Path("/usr/bin/find")


def test_rights_that_nobody_should_have_are_dropped(put: Callable[..., Path]) -> None:
    top = put(tar(entry("ib/su", b"x", mode=0o6777), entry("ib/closed", b"x", mode=0o000)))

    assert (top / "su").stat().st_mode & 0o7777 == 0o755
    assert (top / "closed").stat().st_mode & 0o7777 == 0o600


def test_everything_belongs_to_the_builder(put: Callable[..., Path]) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")

    top = put(tar(*GOOD), owner=(64990, 64990))

    paths = [top, *top.rglob("*")]
    assert {(path.lstat().st_uid, path.lstat().st_gid) for path in paths} == {(64990, 64990)}


def test_names_may_begin_with_a_dot(put: Callable[..., Path]) -> None:
    top = put(tar(entry(".", type=tarfile.DIRTYPE), entry("./ib/Makefile", b"x")))

    assert (top / "Makefile").read_bytes() == b"x"


def test_long_names_work(put: Callable[..., Path]) -> None:
    name = "ib/" + "d" * 90 + "/" + "e" * 90 + "/" + "f" * 200

    top = put(tar(entry(name, b"x")))

    assert (top.parent / name).read_bytes() == b"x"


def test_the_progress_ends_at_the_end(put: Callable[..., Path]) -> None:
    seen: list[int] = []

    put(lzma.compress(tar(*GOOD, entry("ib/big", os.urandom(3_000_000)))), progress=seen.append)

    assert seen == sorted(seen)
    assert seen[-1] == 100


UNSAFE = {
    "absolute name": [entry("/etc/cron.d/x", b"x")],
    "dot dot": [entry("ib/../../x", b"x")],
    "dot dot in the middle": [entry("ib/a/../../../x", b"x")],
    "absolute link": [entry("ib/l", type=tarfile.SYMTYPE, link="/etc/passwd")],
    "absolute link by the back door": [entry("ib/l", type=tarfile.SYMTYPE, link="/usr/../etc/passwd")],
    "link out of the top": [entry("ib/l", type=tarfile.SYMTYPE, link="../../x")],
    "link to beside the top": [entry("ib/l", type=tarfile.SYMTYPE, link="../other")],
    "link with a double slash": [entry("ib/l", type=tarfile.SYMTYPE, link="//usr/bin/x")],
    "write through a link": [
        entry("ib/usr", type=tarfile.SYMTYPE, link="/usr/share"),
        entry("ib/usr/evil", b"x"),
    ],
    "write through a link inside": [
        entry("ib/a/x", b"x"),
        entry("ib/b", type=tarfile.SYMTYPE, link="a"),
        entry("ib/b/y", b"y"),
    ],
    "folder through a link": [
        entry("ib/usr", type=tarfile.SYMTYPE, link="/usr/share"),
        entry("ib/usr/evil", type=tarfile.DIRTYPE),
    ],
    "hard link outside": [entry("ib/h", type=tarfile.LNKTYPE, link="../../etc/passwd")],
    "hard link to an absolute name": [entry("ib/h", type=tarfile.LNKTYPE, link="/etc/passwd")],
    "hard link through a link": [
        entry("ib/usr", type=tarfile.SYMTYPE, link="/usr/bin"),
        entry("ib/h", type=tarfile.LNKTYPE, link="ib/usr/env"),
    ],
    "hard link to a link": [
        entry("ib/l", type=tarfile.SYMTYPE, link="/usr/bin/env"),
        entry("ib/h", type=tarfile.LNKTYPE, link="ib/l"),
    ],
    "hard link to nothing": [entry("ib/h", type=tarfile.LNKTYPE, link="ib/nothing")],
    "device": [entry("ib/null", type=tarfile.CHRTYPE)],
    "disk": [entry("ib/sda", type=tarfile.BLKTYPE)],
    "pipe": [entry("ib/pipe", type=tarfile.FIFOTYPE)],
    "two tops": [entry("ib/a", b"x"), entry("other/a", b"x")],
    "file beside the top": [entry("stray", b"x")],
    "file for a folder": [entry("ib/a/b", b"x"), entry("ib/a", b"x")],
    "folder for a file": [entry("ib/a", b"x"), entry("ib/a/b", b"x")],
    "too deep": [entry("ib/" + "d/" * 70 + "x", b"x")],
    "nothing": [],
}


@pytest.mark.parametrize("what", UNSAFE)
def test_an_unsafe_archive_is_refused(put: Callable[..., Path], into: Path, what: str) -> None:
    before = {path for path in into.parent.rglob("*") if not path.is_relative_to(into)}

    with pytest.raises(ArchiveError) as caught:
        put(tar(*UNSAFE[what]))

    after = {path for path in into.parent.rglob("*") if not path.is_relative_to(into)}
    assert after - before <= {into.parent / "archive"}
    assert not Path("/usr/share/evil").exists()
    assert str(into.parent) not in str(caught.value)


def test_a_later_member_replaces_a_link_and_does_not_follow_it(put: Callable[..., Path], tmp_path: Path) -> None:
    first = entry("ib/file", type=tarfile.SYMTYPE, link="/usr/share/evil")

    top = put(tar(first, entry("ib/file", b"mine")))

    assert not (top / "file").is_symlink()
    assert (top / "file").read_bytes() == b"mine"


@pytest.mark.parametrize("kind", COMPRESS)
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_an_archive_that_was_cut_short_is_refused(put: Callable[..., Path], kind: str, part: float) -> None:
    data = COMPRESS[kind](tar(*GOOD, *[entry(f"ib/{n}", os.urandom(20_000)) for n in range(20)]))

    with pytest.raises(ArchiveError):
        put(data[: int(len(data) * part)])


@pytest.mark.parametrize("kind", ["xz", "bz2", "gz"])
def test_a_flipped_bit_is_noticed(put: Callable[..., Path], kind: str) -> None:
    data = bytearray(COMPRESS[kind](tar(*GOOD, entry("ib/big", os.urandom(200_000)))))
    data[len(data) // 2] ^= 1

    with pytest.raises(ArchiveError):
        put(bytes(data))


@pytest.mark.parametrize(
    "data", [b"", b"<html>not here</html>", b"\0" * 2048, os.urandom(5000)], ids=["empty", "page", "zeros", "noise"]
)
def test_what_is_no_archive_is_refused(put: Callable[..., Path], data: bytes) -> None:
    with pytest.raises(ArchiveError):
        put(data)


def test_a_broken_member_in_the_middle_is_not_taken_for_the_end(put: Callable[..., Path]) -> None:
    data = bytearray(tar(entry("ib/a", b"x"), entry("ib/b", b"x")))
    data[1024 + 10] ^= 0xFF

    with pytest.raises(ArchiveError):
        put(bytes(data))


def test_too_many_members_are_refused(put: Callable[..., Path]) -> None:
    with pytest.raises(ArchiveError, match="more than"):
        put(tar(*[entry(f"ib/{n}") for n in range(30)]), bounds=Bounds(members=20))


def test_too_many_bytes_are_refused_before_they_are_written(put: Callable[..., Path], into: Path) -> None:
    with pytest.raises(ArchiveError, match="more than"):
        put(lzma.compress(tar(entry("ib/big", b"\0" * 10_000_000))), bounds=Bounds(bytes=1_000_000))

    assert not (into / "ib/big").exists() or (into / "ib/big").stat().st_size == 0


def test_a_bomb_is_refused(put: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builders.archive._RATIO_FROM", 10_000_000)

    with pytest.raises(ArchiveError, match="bomb"):
        put(lzma.compress(tar(*[entry(f"ib/{n}", b"\0" * 4_000_000) for n in range(40)])), bounds=Bounds(ratio=20))


def test_a_giant_header_is_refused_before_it_is_read(put: Callable[..., Path]) -> None:
    info = tarfile.TarInfo("ib/pax")
    info.type, info.size = tarfile.XHDTYPE, 8 * 2**30

    with pytest.raises(ArchiveError, match="header"):
        put(info.tobuf() + b"\0" * 4096)


def test_unpacking_stops_when_told(put: Callable[..., Path]) -> None:
    with pytest.raises(UnpackStoppedError):
        put(tar(*[entry(f"ib/{n}") for n in range(300)]), go_on=lambda: False)
