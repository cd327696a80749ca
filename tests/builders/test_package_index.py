"""The index of carried packages, in the words of the ImageBuilder's own script."""

import gzip
import hashlib
from pathlib import Path

import pytest

from builders import package_index
from tests.builders.ipk import ar_ipk, control, ipk


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    folder = tmp_path / "packages"
    (folder / "base").mkdir(parents=True)
    return folder


def index(packages: Path) -> str:
    package_index.write(packages.parent)
    return (packages / "Packages").read_text()


def test_the_facts_of_the_file_stand_before_the_description(packages: Path) -> None:
    data = ipk(control("vim", "Depends: libc", "Description:  An editor.", " With two lines."))
    (packages / "base" / "vim_1-1_all.ipk").write_bytes(data)

    text = index(packages)

    assert text == (
        "Package: vim\nVersion: 1-1\nDepends: libc\n"
        f"Filename: base/vim_1-1_all.ipk\nSize: {len(data)}\n"
        f"MD5Sum: {hashlib.md5(data).hexdigest()}\nSHA256sum: {hashlib.sha256(data).hexdigest()}\n"
        "Description:  An editor.\n With two lines.\n\n"
    )
    assert gzip.decompress((packages / "Packages.gz").read_bytes()).decode() == text


def test_all_folders_are_listed_in_order_but_kernel_and_libc(packages: Path) -> None:
    for name in ("zoo_1_all.ipk", "base/b_1_all.ipk", "base/a_1_all.ipk", "kernel_4_x.ipk", "base/libc_1_x.ipk"):
        (packages / name).write_bytes(ipk(control(Path(name).name.partition("_")[0])))
    (packages / "old_1_all.ipk").write_bytes(ar_ipk(control("old")))

    found = [line for line in index(packages).splitlines() if line.startswith("Package:")]

    assert found == ["Package: a", "Package: b", "Package: old", "Package: zoo"]


def test_a_broken_package_is_left_out(packages: Path) -> None:
    (packages / "a_1_all.ipk").write_bytes(b"not a package")
    (packages / "b_1_all.ipk").write_bytes(ipk(control("b")))

    assert index(packages).startswith("Package: b\n")


def test_a_link_that_the_archive_brought_is_not_written_through(packages: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("kept")
    (packages / "Packages").symlink_to(tmp_path / "precious")

    index(packages)

    assert (tmp_path / "precious").read_text() == "kept"
