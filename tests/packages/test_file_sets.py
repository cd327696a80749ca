"""Which files may be put into images, and how they come from folders and archives."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from packages import file_sets
from packages.file_sets import EXECUTABLE, PLAIN, File, FileSetError

LIMITS = {"max_bytes": 1000, "max_files": 5}


def refusal(path: str) -> str:
    with pytest.raises(FileSetError) as caught:
        file_sets.check_path(path)
    return str(caught.value)


@pytest.mark.parametrize(
    "path", ["etc/config/lime-community", "etc/shadow", "root/.ssh/authorized_keys", "www/a+b@c_d.html", "a"]
)
def test_what_communities_put_into_images_may_be_there(path: str) -> None:
    file_sets.check_path(path)


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "/etc/passwd", "../etc/passwd", "etc/../../x", "etc/./x", "etc//x", "etc/", ".", "..", "etc/.."),
        *("etc/a b", "etc/a\nb", "etc/a\0", "etc/$(id)", "etc/`id`", "C:\\x", "etc\\x", "etc/\uff41", "~/x", "etc/a;b"),
        *("a" * 129, "/".join(["a"] * 17), "/".join(["a" * 100] * 3)),
        *("tmp/x", "proc/1/mem", "sys/x", "dev/sda", "var/x", "run/x", "dev"),
        *("etc/uci-defaults/99-asu-defaults", "etc/uci-defaults", "etc", "usr", "lib"),
    ],
)
def test_a_path_that_leaves_the_image_or_is_lost_is_refused_with_a_sentence(path: str) -> None:
    assert refusal(path).isascii() and len(refusal(path)) > 30


@pytest.mark.parametrize("words", [["vim", "-ppp", "libstdc++6"], []])
def test_words_for_packages_are_taken(words: list[str]) -> None:
    file_sets.check_words(words)


@pytest.mark.parametrize("word", ["-", "--x", "a b", "$(id)", "-busybox", "-kernel", "http://x/y.ipk", "-%"])
def test_words_that_are_no_packages_or_take_what_is_needed_are_refused(word: str) -> None:
    with pytest.raises(FileSetError):
        file_sets.check_words([word])


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ([File("a", PLAIN, b"x" * 1001)], "1001 bytes are too many"),
        ([File("a", PLAIN, b"x" * 600), File("b", PLAIN, b"x" * 600)], "1200 bytes are too many"),
        ([File(f"f{number}", PLAIN, b"") for number in range(6)], "6 files are too many"),
        ([File("a", PLAIN, b""), File("a", PLAIN, b"x")], "a is there twice"),
        ([File("a", PLAIN, b""), File("a/config/x", PLAIN, b"")], "a cannot be a file and the folder"),
        ([File("a", 0o4755, b"")], "mode 4755"),
    ],
)
def test_files_that_do_not_go_together_are_refused(files: list[File], problem: str) -> None:
    with pytest.raises(FileSetError, match=problem):
        file_sets.check_set(files, **LIMITS)


def test_of_two_sets_the_second_counts() -> None:
    first = [File("a", PLAIN, b"1"), File("b", PLAIN, b"1")]

    assert file_sets.merged(first, [File("b", EXECUTABLE, b"2")]) == (first[0], File("b", EXECUTABLE, b"2"))


# -- folders and archives ------------------------------------------------------------------------------------


FILES = [File("etc/config/x", PLAIN, b"config x\n"), File("etc/init.d/x", EXECUTABLE, b"#!/bin/sh\0\xff")]


def test_what_was_laid_out_in_a_folder_is_read_again(tmp_path: Path) -> None:
    file_sets.write(tmp_path / "new", FILES)

    assert file_sets.read(tmp_path / "new", **LIMITS) == FILES
    with pytest.raises(FileSetError, match="not empty"):
        file_sets.write(tmp_path / "new", FILES)


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
@pytest.mark.parametrize("prefix", ["", "./"])
def test_an_archive_is_read_as_a_folder_is(tmp_path: Path, mode: str, prefix: str) -> None:
    place = archive(tmp_path, mode, *[entry(prefix + file.path, file.content, mode=file.mode) for file in FILES])

    assert file_sets.read(place, **LIMITS) == FILES


def entry(name: str, content: bytes = b"x", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def archive(folder: Path, mode: str, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    place = folder / "files.tar"
    with tarfile.open(place, mode) as tar:  # type: ignore[call-overload]
        for info, content in entries:
            tar.addfile(info, io.BytesIO(content))
    return place


@pytest.mark.parametrize(
    "entries",
    [
        [entry("../x")],
        [entry("/etc/passwd")],
        [entry("etc/../../x")],
        [entry("etc/x", b"", type=tarfile.SYMTYPE, linkname="/etc/shadow")],
        [entry("etc/y"), entry("etc/x", b"", type=tarfile.LNKTYPE, linkname="etc/y")],
        [entry("dev/x", b"", type=tarfile.CHRTYPE)],
        [entry("etc/x", b"", type=tarfile.FIFOTYPE)],
        [entry("etc/x", b"a" * 1001)],
        [entry(f"etc/{number}") for number in range(6)],
        [entry("etc/x"), entry("etc/x")],
        [entry("etc/x", b""), entry("etc/x/y")],
        [entry(f"d{number}", b"", type=tarfile.DIRTYPE) for number in range(200)],
    ],
)
def test_an_archive_that_could_do_harm_is_refused_whole(tmp_path: Path, entries: list[Any]) -> None:
    with pytest.raises(FileSetError):
        file_sets.read(archive(tmp_path, "w", *entries), **LIMITS)


@pytest.mark.parametrize(
    "data", [b"", b"no archive", b"\x1f\x8b\x08" + b"x" * 600, b"BZh9" + b"x" * 600, b"\xfd7zXZ\0"]
)
def test_what_is_no_archive_is_refused_with_a_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(data)

    with pytest.raises(FileSetError, match=r"x\.tar"):
        file_sets.read(tmp_path / "x.tar", **LIMITS)


def test_an_archive_that_was_cut_is_refused(tmp_path: Path) -> None:
    place = archive(tmp_path, "w:gz", entry("etc/x", b"0123456789" * 90))
    place.write_bytes(place.read_bytes()[:60])

    with pytest.raises((FileSetError, OSError)):
        file_sets.read(place, **LIMITS)


@pytest.mark.parametrize("target", ["/etc/shadow", "other", "no/such"])
def test_a_link_in_a_folder_is_not_followed(tmp_path: Path, target: str) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "other").write_text("x")
    (tmp_path / "files" / "link").symlink_to(target)

    with pytest.raises(FileSetError, match="link"):
        file_sets.read(tmp_path / "files", **LIMITS)
