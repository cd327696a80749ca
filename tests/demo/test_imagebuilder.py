"""demo/imagebuilder: what good builds leave behind."""

import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from demo.imagebuilder.scripts import usign
from packages.parsing import make_info, manifest, profiles, sums
from tests.demo.conftest import NEWER, OLDER
from tests.demo.workbench import ImageBuilder, unpack, unsquash

CHUNK = 16  # bytes of the trailer behind metadata and signature
PREFIX = "demo-25.04.0-demo-generic-acme_rocket-1"
WORDS = ("PROFILE=acme_rocket-1", "PACKAGES=demo-sniff demo-greeting -dropbear")


@pytest.fixture(scope="module")
def built(newer: ImageBuilder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build with two packages more and one less than the device has."""
    out = tmp_path_factory.mktemp("built")
    run = newer.image(out, *WORDS)
    assert run.returncode == 0, run.stderr
    return out


def _images(out: Path) -> dict[str, dict[str, str]]:
    """Of the one profile in profiles.json, by type."""
    [profile] = json.loads((out / "profiles.json").read_text())["profiles"].values()
    return {image["type"]: image for image in profile["images"]}


@pytest.fixture(scope="module")
def built_older(older: ImageBuilder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of the older release."""
    out = tmp_path_factory.mktemp("built-older")
    run = older.image(out, *WORDS)
    assert run.returncode == 0, run.stderr
    return out


def test_info_names_devices_and_default_packages(newer: ImageBuilder) -> None:
    run = newer.make("info")

    about = make_info.parse(run.stdout)
    assert (run.returncode, about.target_line, about.version_code) == (0, "demo/generic", "r2117-8be04f7719")
    assert {"base-files", "libc", "wpad-basic"} <= set(about.default_packages)
    assert len(about.profiles) == 11
    [rocket] = [profile for profile in about.profiles if profile.name == "acme_rocket-2"]
    assert rocket.supported_devices == ["acme,rocket-2", "acme,rocket-pro"]
    assert rocket.device_packages == ["kmod-usb-core", "kmod-usb-storage"]


def test_the_first_run_checks_what_it_needs_once(demo_mirror: Path, tmp_path: Path) -> None:
    builder = unpack(demo_mirror, tmp_path, NEWER)

    first, second = builder.make("package_index"), builder.make("package_index")

    assert "Checking 'mksquashfs'... ok." in first.stdout
    assert (builder.tree / "staging_dir/host/.prereq-build").exists()
    assert (second.returncode, "Checking" in second.stdout) == (0, False)


def test_a_missing_program_ends_the_first_run(demo_mirror: Path, tmp_path: Path) -> None:
    builder = unpack(demo_mirror, tmp_path / "tree", NEWER)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "make", "python3"):
        found = shutil.which(name, path="/usr/local/bin:/usr/bin:/bin") or ""
        (tools / name).symlink_to(found)

    run = builder.make("manifest", f"PATH={tools}")

    assert run.returncode == 2
    assert "Checking 'mksquashfs'... failed." in run.stdout
    assert "Prerequisite check failed. Use FORCE=1 to override." in run.stderr


def test_manifest_prints_names_and_versions_on_stdout_only(newer: ImageBuilder) -> None:
    newer.make("package_index")  # what the first run checks is printed on stdout too

    run = newer.make("manifest", "PROFILE=acme_rocket-1", "PACKAGES=luci -dropbear", "STRIP_ABI=1")

    found = manifest.parse(run.stdout)
    assert run.returncode == 0
    assert found["luci"] == "25.104.1-r1"
    assert found["libubus"] == "2024.10.20-r1"
    assert "dropbear" not in found
    assert "Installing" not in run.stdout


def test_without_strip_abi_libraries_keep_their_suffix(newer: ImageBuilder) -> None:
    run = newer.make("manifest", "PROFILE=acme_rocket-1")

    assert "libubus20241020 - 2024.10.20-r1\n" in run.stdout


def test_an_image_holds_what_was_asked_for(built: Path, tmp_path: Path) -> None:
    root = unsquash(built / f"{PREFIX}-squashfs-sysupgrade.bin", tmp_path)

    assert (root / "usr/bin/demo-sniff").read_text().startswith("#!/bin/sh")
    assert (root / "usr/lib/libdemopcap.so").exists()
    assert not (root / "usr/sbin/dropbear").exists()
    assert (root / "etc/demo-greeting").read_text() == "hello from the install script\n"
    assert "Never flash it to a device." in (root / "etc/banner").read_text()
    assert "Package: demo-sniff\n" in (root / "usr/lib/opkg/status").read_text()
    assert (root / "etc/rc.d/S19dnsmasq").is_symlink()


def test_a_build_leaves_images_manifest_sums_and_descriptions(built: Path) -> None:
    names = {path.name for path in built.iterdir()}

    assert names == {
        f"{PREFIX}-squashfs-factory.bin",
        f"{PREFIX}-squashfs-sysupgrade.bin",
        f"{PREFIX}.manifest",
        f"{PREFIX}.bom.cdx.json",
        "profiles.json",
        "sha256sums",
    }
    listed = sums.parse((built / "sha256sums").read_bytes())
    assert listed == {
        name: hashlib.sha256((built / name).read_bytes()).hexdigest() for name in names if name != "sha256sums"
    }
    found = manifest.parse((built / f"{PREFIX}.manifest").read_bytes())
    assert {"demo-sniff", "libdemopcap1", "kernel", "libc"} <= found.keys()


def test_profiles_json_describes_the_built_device_only(built: Path) -> None:
    document = profiles.parse((built / "profiles.json").read_bytes())

    [profile] = document.profiles
    assert (profile.name, profile.image_prefix) == ("acme_rocket-1", PREFIX)
    assert document.linux_kernel["version"] == "6.6.93"
    for image in profile.images:
        data = (built / image["name"]).read_bytes()
        assert image["sha256"] == image["sha256_unsigned"] == hashlib.sha256(data).hexdigest()


def test_sysupgrade_images_end_with_metadata(built: Path) -> None:
    data = (built / f"{PREFIX}-squashfs-sysupgrade.bin").read_bytes()

    magic, kind, size = data[-16:-12], data[-8], int.from_bytes(data[-4:], "big")
    assert (magic, kind) == (b"FWx0", 1)
    about = json.loads(data[-size + 8 : -CHUNK])
    assert about["supported_devices"] == ["acme,rocket-1", "rocket-1"]
    assert about["version"]["revision"] == "r2117-8be04f7719"


def test_newer_builds_in_two_trees_are_equal_byte_for_byte(demo_mirror: Path, built: Path, tmp_path: Path) -> None:
    other = unpack(demo_mirror, tmp_path / "tree", NEWER)

    other.image(tmp_path / "out", *WORDS)

    for file in built.iterdir():
        assert (tmp_path / "out" / file.name).read_bytes() == file.read_bytes(), file.name


def test_older_trees_sign_with_a_key_of_their_own(demo_mirror: Path, built_older: Path, tmp_path: Path) -> None:
    other = unpack(demo_mirror, tmp_path / "tree", OLDER)

    other.image(tmp_path / "out", *WORDS)

    first, second = _images(built_older), _images(tmp_path / "out")
    assert first["factory"] == second["factory"]
    assert first["sysupgrade"]["sha256_unsigned"] == second["sysupgrade"]["sha256_unsigned"]
    assert first["sysupgrade"]["sha256"] != second["sysupgrade"]["sha256"]
    assert not list(built_older.glob("*.bom.cdx.json"))


def test_the_signature_of_an_older_image_is_by_the_key_of_its_tree(older: ImageBuilder, built_older: Path) -> None:
    image = _images(built_older)["sysupgrade"]
    data = (built_older / image["name"]).read_bytes()
    kind, size = data[-8], int.from_bytes(data[-4:], "big")
    unsigned, chain = data[:-size], data[-size:-CHUNK]
    assert (kind, hashlib.sha256(unsigned).hexdigest()) == (0, image["sha256_unsigned"])
    # The chain ends with the text of a signature file: a comment line and a base64 line.
    text = re.findall(rb"untrusted comment: signed by key [0-9a-f]{16}\n[A-Za-z0-9+/=]{100}\n", chain)[-1].decode()
    assert usign.verify(unsigned, text, older.tree / "keys")
    assert not usign.verify(unsigned + b"x", text, older.tree / "keys")


def test_files_names_and_services_follow_the_variables(newer: ImageBuilder, tmp_path: Path) -> None:
    script = tmp_path / "files/etc/uci-defaults/99-asu-defaults"
    script.parent.mkdir(parents=True)
    script.write_text("uci set system.@system[0].hostname='x'\n")

    run = newer.image(
        tmp_path / "out",
        "PROFILE=acme_pebble",
        f"FILES={tmp_path / 'files'}",
        "EXTRA_IMAGE_NAME=My Own_Name",
        "DISABLED_SERVICES=dnsmasq network",
        "ADD_LOCAL_KEY=1",
    )

    assert "Disabling dnsmasq\n" in run.stdout
    root = unsquash(tmp_path / "out/demo-25.04.0-my-own-name-demo-generic-acme_pebble-squashfs-factory.bin", tmp_path)
    assert (root / "etc/uci-defaults/99-asu-defaults").read_text() == script.read_text()
    assert (root / "etc/init.d/dnsmasq").exists()
    assert sorted(path.name for path in (root / "etc/rc.d").glob("S*")) == [
        "S10boot", "S10system", "S12log", "S19dropbear", "S19firewall", "S95done",
    ]  # fmt: skip
    assert [path.name for path in (root / "etc/opkg/keys").iterdir()]


def test_disks_have_every_kind_of_image_and_a_size(demo_mirror: Path, tmp_path: Path) -> None:
    builder = unpack(demo_mirror, tmp_path / "tree", "snapshots", "x86/64")

    good = builder.image(tmp_path / "out", "ROOTFS_PARTSIZE=8")
    small = builder.image(tmp_path / "small", "ROOTFS_PARTSIZE=1")

    assert good.returncode == 0
    [profile] = profiles.parse((tmp_path / "out/profiles.json").read_bytes()).profiles
    kinds = {(image["type"], image["filesystem"]) for image in profile.images}
    assert kinds == {
        ("combined", "squashfs"),
        ("combined-efi", "squashfs"),
        ("kernel", "squashfs"),
        ("rootfs", "squashfs"),
        ("rootfs", "targz"),
    }
    assert (tmp_path / "out/demo-x86-64-generic-squashfs-combined.img.gz").exists()
    assert (small.returncode, "out of space?" in small.stderr) == (2, True)
