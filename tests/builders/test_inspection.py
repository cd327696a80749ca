"""Old ImageBuilders are asked about themselves: profiles, default packages, and what they carry."""

import gzip
import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from builders import carried
from builders.imagebuilder import ImageBuilders
from builders.inspection import inspect
from builders.notes import Notes
from builders.runners.sandbox import best_runner
from builders.spec import BuildFailedError, BuildSpec, ImageBuilderSpec
from builders.states import Phase, Reason
from packages.exceptions import BadDocumentError
from tests.builders.fake_runner import make_spec
from tests.builders.ipk import ar_ipk, control, ipk, tar_gz

INFO = """Current Target: "ipq806x (QSDK Premium)"
Default Packages: base-files busybox libc
Available Profiles:

Default:
\tDefault Profile
\tPackages: kmod-usb luci
"""
MAKEFILE = "info:\n\t@cat info.txt\npackage_index:\n\t@echo none >&2\n"


def archive(folder: Path, **files: bytes) -> BuildSpec:
    """A spec whose ImageBuilder is an archive with these files (`__` for `/`, `_D_` for `.`)."""
    path = folder / "OpenWrt-ImageBuilder-ipq806x.tar.xz"
    with tarfile.open(path, "w:xz") as tar:
        for name, data in {"Makefile": MAKEFILE.encode(), **files}.items():
            member = tarfile.TarInfo("OpenWrt-ImageBuilder/" + name.replace("__", "/").replace("_D_", "."))
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, io.BytesIO(data))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return make_spec(imagebuilder=ImageBuilderSpec(path.as_uri(), path.name, sha256))


def test_an_imagebuilder_tells_its_profiles_packages_and_architecture(tmp_path: Path) -> None:
    spec = archive(
        tmp_path,
        info_D_txt=INFO.encode(),
        _D_config=b'CONFIG_TARGET_ARCH_PACKAGES="ipq806x"\n',
        packages__base__luci_1=b"not a package",
        **{"packages__base__luci_1-1_all_D_ipk": ipk(control("luci", "Depends: libc, uhttpd"))},
        **{"packages__kernel_3_D_14-1_ipq806x_D_ipk": ar_ipk(control("kernel", version="3.14-1"))},
    )
    phases: list[Phase] = []

    found = inspect(spec, ImageBuilders(Notes()), best_runner(), lambda phase, percent: phases.append(phase))

    assert found.target_line == "ipq806x (QSDK Premium)"
    assert found.default_packages == ["base-files", "busybox", "libc"]
    assert [(profile.name, profile.device_packages) for profile in found.profiles] == [
        ("Default", ["kmod-usb", "luci"])
    ]
    assert {entry.name: (entry.version, entry.depends) for entry in found.packages} == {
        "kernel": ("3.14-1", ()),
        "luci": ("1-1", ("libc", "uhttpd")),
    }
    assert found.arch_packages == "ipq806x"
    assert phases[0] == Phase.DOWNLOAD_IMAGEBUILDER


def test_the_architecture_is_that_of_the_packages_where_the_tree_does_not_tell(tmp_path: Path) -> None:
    spec = archive(
        tmp_path,
        info_D_txt=INFO.encode(),
        packages__a_1_arm_D_ipk=ipk(control("a", "Architecture: arm_cortex")),
        packages__b_1_all_D_ipk=ipk(control("b", "Architecture: all")),
    )

    assert inspect(spec, ImageBuilders(Notes()), best_runner()).arch_packages == "arm_cortex"


def test_what_is_no_imagebuilder_is_a_bad_archive(tmp_path: Path) -> None:
    with pytest.raises(BuildFailedError) as caught:
        inspect(archive(tmp_path, info_D_txt=b"hello\n"), ImageBuilders(Notes()), best_runner())

    assert caught.value.reason == Reason.BAD_ARCHIVE


def test_an_index_that_is_there_is_used_instead_of_the_packages(tmp_path: Path) -> None:
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "a_1_all.ipk").write_bytes(b"never opened")
    (tmp_path / "packages" / "Packages").write_text("Package: a\nVersion: 1\nDepends: b\n")

    assert [(entry.name, entry.depends) for entry in carried.entries(tmp_path)] == [("a", ("b",))]


def test_versions_are_read_off_the_names(tmp_path: Path) -> None:
    (tmp_path / "packages" / "base").mkdir(parents=True)
    for name in ("base-files_1-r2_arm.ipk", "base/kernel_3.14-1_arm.ipk", "libc-1.2.5-r4.apk", "readme.txt"):
        (tmp_path / "packages" / name).write_text("")

    assert carried.versions(tmp_path) == {"base-files": "1-r2", "kernel": "3.14-1", "libc": "1.2.5-r4"}


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret_1_all.ipk").write_bytes(ipk(control("secret")))
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "secret_1_all.ipk").symlink_to(tmp_path / "secret_1_all.ipk")

    assert carried.entries(tmp_path) == []


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"!<arch>\n",
        b"!<arch>\n" + b"x" * 60,
        b"not gzip",
        gzip.compress(b"not tar" * 1000, mtime=0),
        tar_gz(control__tar__gz=b"not gzip"),
        tar_gz(control__tar__gz=tar_gz(other=b"x")),
        tar_gz(nothing=b"x"),
        ipk(control("a"))[:60],
    ],
    ids=["empty", "ar-empty", "ar-noise", "noise", "no-tar", "control-noise", "no-control", "other-names", "cut"],
)
def test_a_broken_package_is_said_to_be_one(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a_1_all.ipk"
    path.write_bytes(data)

    with pytest.raises(BadDocumentError):
        carried.read_control(path)


def test_a_broken_package_does_not_hide_the_others(tmp_path: Path) -> None:
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "a_1_all.ipk").write_bytes(b"broken")
    (tmp_path / "packages" / "b_1_all.ipk").write_bytes(ipk(control("b")))

    assert [entry.name for entry in carried.entries(tmp_path)] == ["b"]


def test_a_bomb_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carried, "MAX_PACKAGE", 10 * 1024 * 1024)
    path = tmp_path / "a_1_all.ipk"
    path.write_bytes(tar_gz(data__tar__gz=bytes(11 * 1024 * 1024), control__tar__gz=tar_gz(control=control("a"))))

    with pytest.raises(BadDocumentError, match="larger"):
        carried.read_control(path)
