"""demo/mirror.py: what is on the mirror, and that it holds together."""

import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path

import pytest

from demo.catalogue import RELEASES, TARGETS
from demo.mirror import HERE, generate, source_digest
from packages.parsing import index_json, opkg, profiles, sums, versions
from packages.signatures import UsignKey, verify_usign

RELEASE_FOLDERS = [release.folder for release in RELEASES]


def _bytes_of(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _packages(mirror: Path, release: str, arch: str = "demo_32") -> dict[str, str]:
    """Name to version over all feeds of an architecture and its target."""
    [target] = [target.name for target in TARGETS if target.arch == arch]
    found: dict[str, str] = {}
    for folder in (mirror / release / "packages" / arch, mirror / release / "targets" / target):
        for index in folder.rglob("Packages"):
            found |= {entry.full_name: entry.version for entry in opkg.parse(index.read_bytes())}
    return found


def test_same_key_and_source_give_the_same_bytes_and_repeating_touches_only_what_is_wrong(
    demo_mirror: Path, demo_key: UsignKey, tmp_path: Path
) -> None:
    generate(tmp_path, demo_key)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    (tmp_path / "releases/1.0/targets").mkdir(parents=True)
    (tmp_path / "releases/1.0/targets/old.ipk").write_bytes(b"old")
    (tmp_path / ".versions.json").write_text("{}")

    generate(tmp_path, demo_key)

    assert _bytes_of(tmp_path) == _bytes_of(demo_mirror)
    changed = [path.name for path, time in before.items() if path.stat().st_mtime_ns != time]
    assert changed == [".versions.json"]
    assert not (tmp_path / "releases/1.0").exists()


def test_versions_name_two_releases_and_the_stable_one(demo_mirror: Path) -> None:
    document = versions.parse_versions((demo_mirror / ".versions.json").read_bytes())

    assert (document.versions, document.stable) == (["25.04.0", "24.04.2"], "25.04.0")


@pytest.mark.parametrize("release", RELEASE_FOLDERS)
def test_a_release_lists_its_targets_and_devices(demo_mirror: Path, release: str) -> None:
    targets = versions.parse_targets((demo_mirror / release / ".targets.json").read_bytes())
    overview = versions.parse_overview((demo_mirror / release / ".overview.json").read_bytes())

    assert targets == {"demo/generic": "demo_32", "x86/64": "x86_64"}
    assert len(overview) == 12


@pytest.mark.parametrize("release", RELEASE_FOLDERS)
@pytest.mark.parametrize("target", ["demo/generic", "x86/64"])
def test_signed_sums_cover_every_file_of_a_target(
    demo_mirror: Path, demo_key: UsignKey, release: str, target: str
) -> None:
    folder = demo_mirror / release / "targets" / target

    text = (folder / "sha256sums").read_bytes()

    assert verify_usign(text, (folder / "sha256sums.sig").read_bytes(), [demo_key.public_text()])
    expected = _bytes_of(folder)
    del expected["sha256sums"], expected["sha256sums.sig"]
    assert sums.parse(text) == expected


def test_every_index_is_signed_and_names_files_that_are_there(demo_mirror: Path, demo_key: UsignKey) -> None:
    indexes = list(demo_mirror.rglob("Packages"))

    assert len(indexes) == 28
    for index in indexes:
        verify_usign(index.read_bytes(), index.with_suffix(".sig").read_bytes(), [demo_key.public_text()])
        for entry in opkg.parse(index.read_bytes()):
            data = (index.parent / entry.file_name).read_bytes()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (entry.size, entry.sha256)


@pytest.mark.parametrize("release", RELEASE_FOLDERS)
def test_json_index_has_abi_suffixes_in_the_older_era_only(demo_mirror: Path, release: str) -> None:
    document = index_json.parse((demo_mirror / release / "packages/demo_32/base/index.json").read_bytes())

    is_older = release == "releases/24.04.2"
    assert document.version == (1 if is_older else 2)
    assert ("libdemo20230523" in document.packages) == is_older
    assert ("libdemo" in document.packages) != is_older


def test_kmods_have_a_feed_of_their_own_in_the_newer_era(demo_mirror: Path) -> None:
    older, newer = (demo_mirror / release / "targets/demo/generic" for release in RELEASE_FOLDERS[:2])

    assert not (older / "kmods").exists()
    assert "kmod-demo-net" in (older / "packages/Packages").read_text()
    [kmods] = (newer / "kmods").iterdir()
    kernel = json.loads((newer / "profiles.json").read_text())["linux_kernel"]
    assert kmods.name == f"{kernel['version']}-{kernel['release']}-{kernel['vermagic']}"
    assert "kmod-demo-net" not in (newer / "packages/Packages").read_text()


def test_packages_are_renamed_dropped_and_updated_between_the_releases(demo_mirror: Path) -> None:
    older, newer = (_packages(demo_mirror, release) for release in RELEASE_FOLDERS[:2])

    assert {"luci-app-opkg", "demo-fetch", "demo-legacy", "libdemo20230523"} <= older.keys() - newer.keys()
    assert {"luci-app-package-manager", "demo-get", "libdemo20240329"} <= newer.keys() - older.keys()
    assert {"demo-alarm", "demo-timer", "demo-suite"} <= older.keys() - newer.keys()
    assert {"demo-schedule", "demo-suite-core", "demo-suite-extra"} <= newer.keys() - older.keys()
    for release, expected in zip(RELEASE_FOLDERS, (False, True, True), strict=True):
        document = profiles.parse((demo_mirror / release / "targets/demo/generic/profiles.json").read_bytes())
        assert ("demo-ntp" in document.default_packages) is expected
    assert (older["dnsmasq"], newer["dnsmasq"]) == ("2.89-4", "2.90-r4")
    assert len(older) >= 40
    assert len(newer) >= 40


def test_profiles_json_names_files_of_the_mirror(demo_mirror: Path) -> None:
    folder = demo_mirror / "releases/25.04.0/targets/demo/generic"

    document = profiles.parse((folder / "profiles.json").read_bytes())

    assert (document.target, document.version_number, document.arch_packages) == ("demo/generic", "25.04.0", "demo_32")
    assert "acme,rocket-pro" in {name for profile in document.profiles for name in profile.supported_devices}
    for profile in document.profiles:
        for image in profile.images:
            assert hashlib.sha256((folder / image["name"]).read_bytes()).hexdigest() == image["sha256"]


def test_files_in_place_of_upstream_images_say_that_they_are_none(demo_mirror: Path) -> None:
    [file] = (demo_mirror / "releases/25.04.0/targets/demo/generic").glob("*acme_pebble*sysupgrade.bin")

    assert "This is not an image." in file.read_text()


def test_imagebuilders_are_small_and_packed_as_their_era_does(demo_mirror: Path) -> None:
    archives = sorted(path for path in demo_mirror.rglob("demo-imagebuilder-*"))

    assert [path.name for path in archives if "-x86-" not in path.name] == [
        "demo-imagebuilder-24.04.2-demo-generic.Linux-x86_64.tar.xz",
        "demo-imagebuilder-25.04.0-demo-generic.Linux-x86_64.tar.zst",
        "demo-imagebuilder-demo-generic.Linux-x86_64.tar.zst",
    ]
    assert all(path.stat().st_size < 3_000_000 for path in archives)


def test_a_package_file_is_an_archive_of_three(demo_mirror: Path) -> None:
    [file] = (demo_mirror / "releases/25.04.0/packages/demo_32/packages").glob("demo-greeting_*")

    with tarfile.open(file, mode="r:gz") as outer:
        names = sorted(outer.getnames())
        control = outer.extractfile("./control.tar.gz")
        assert control is not None
        with tarfile.open(fileobj=io.BytesIO(control.read()), mode="r:gz") as inner:
            scripts = inner.getnames()

    assert names == ["./control.tar.gz", "./data.tar.gz", "./debian-binary"]
    assert scripts == ["./control", "./postinst"]


def test_requests_and_scripts_beside_the_mirror_do_not_make_it_another_one(tmp_path: Path) -> None:
    copy = tmp_path / "demo"
    shutil.copytree(HERE, copy)
    assert source_digest(copy) == source_digest()

    (copy / "requests" / "mine.json").write_text("{}")
    (copy / "image-request.sh").write_text("exit 0\n")
    assert source_digest(copy) == source_digest()

    (copy / "catalogue.py").write_text("")
    assert source_digest(copy) != source_digest()
