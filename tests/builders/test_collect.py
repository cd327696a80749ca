"""What a build leaves behind is read like an upload, completed, and made the same for equal requests."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from builders import trailer
from builders.collect import STATUS, Collected, collect
from builders.image_names import kind_of, prefix_of
from builders.spec import BuildFailedError
from builders.states import Reason
from tests.builders.fake_runner import make_spec

IMAGE = "x-1.0-a-b-dev-squashfs-sysupgrade.bin"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def write_profiles(out: Path, images: dict[str, bytes]) -> None:
    """A profiles.json that lists these images."""
    listed = [
        {"name": name, "type": "sysupgrade", "filesystem": "squashfs", "sha256": sha256(data)}
        for name, data in images.items()
    ]
    document: dict[str, Any] = {
        "metadata_version": 1,
        "target": "a/b",
        "version_number": "1.0",
        "version_code": "r1-a",
        "arch_packages": "arm",
        "default_packages": ["busybox"],
        "profiles": {"dev": {"image_prefix": "x-1.0-a-b-dev", "images": listed, "titles": [{"title": "Dev"}]}},
    }
    (out / "profiles.json").write_text(json.dumps(document))


def collected(out: Path, names: dict[str, str] | None = None, stdout: str = "", max_bytes: int = 10**9) -> Collected:
    return collect(out, make_spec(), full_names=names or {}, stdout=stdout, max_bytes=max_bytes)


def test_the_imagebuilders_own_documents_are_used(out: Path) -> None:
    (out / IMAGE).write_bytes(b"image")
    (out / "x.manifest").write_text("busybox - 1.36\n")
    write_profiles(out, {IMAGE: b"image"})

    result = collected(out)

    assert result.manifest == {"busybox": "1.36"}
    [image] = result.profile_json["profiles"]["dev"]["images"]
    assert (image["name"], image["sha256"], image["size"]) == (IMAGE, sha256(b"image"), 5)
    assert result.made == ["sha256sums"]


def test_files_are_declared_with_their_sums_and_nothing_else_is_there(out: Path) -> None:
    (out / IMAGE).write_bytes(b"image")
    write_profiles(out, {IMAGE: b"image"})

    result = collected(out)

    declared = {file.name: (file.size, file.sha256) for file in result.files}
    assert declared == {
        path.name: (path.stat().st_size, sha256(path.read_bytes())) for path in out.iterdir() if path.is_file()
    }
    assert declared[IMAGE] == (5, sha256(b"image"))


def test_a_throw_away_signature_is_stripped_and_all_documents_say_the_truth(out: Path) -> None:
    image = out / IMAGE
    image.write_bytes(b"image")
    unsigned = sha256(b"image")
    trailer.append(image, trailer.SIGNATURE, b"made by a key of this tree")
    signed = image.read_bytes()
    write_profiles(out, {IMAGE: signed})
    (out / "sha256sums").write_text(f"{sha256(signed)} *{IMAGE}\n")

    result = collected(out)

    assert image.read_bytes() == b"image"
    assert result.stripped == [IMAGE]
    [described] = json.loads((out / "profiles.json").read_text())["profiles"]["dev"]["images"]
    assert described["sha256"] == described["sha256_unsigned"] == unsigned
    assert described["size"] == 5
    assert f"{unsigned} *{IMAGE}" in (out / "sha256sums").read_text().splitlines()
    assert IMAGE in {file.name for file in result.files if file.sha256 == unsigned}


def test_an_image_that_is_not_what_the_imagebuilder_says_is_refused(out: Path) -> None:
    (out / IMAGE).write_bytes(b"changed afterwards")
    write_profiles(out, {IMAGE: b"image"})

    with pytest.raises(BuildFailedError) as caught:
        collected(out)

    assert caught.value.reason == Reason.CRASH


def test_an_image_that_is_listed_but_not_there_is_left_out(out: Path) -> None:
    (out / IMAGE).write_bytes(b"image")
    write_profiles(out, {IMAGE: b"image", "x-factory.bin": b"was too big"})

    assert [image["name"] for image in collected(out).images] == [IMAGE]


def test_links_pipes_folders_and_odd_names_are_removed(out: Path) -> None:
    secret = out.parent / "secret"
    secret.write_text("secret")
    (out / IMAGE).write_bytes(b"image")
    (out / "link.bin").symlink_to(secret)
    (out / "profiles.json").symlink_to(secret)
    (out / "dtbs").mkdir()
    (out / "dtbs" / "inner.dtb").write_text("x")
    (out / "bad name.bin").write_text("x")
    (out / ".hidden").write_text("x")
    os.mkfifo(out / "pipe.bin")

    result = collected(out)

    assert {path.name for path in out.iterdir()} == {IMAGE, "profiles.json", "sha256sums"}
    assert not (out / "profiles.json").is_symlink()
    assert secret.read_text() == "secret"
    assert {file.name for file in result.files} == {IMAGE, "profiles.json", "sha256sums"}


def test_a_manifest_that_is_a_link_is_not_read(out: Path) -> None:
    secret = out.parent / "secret"
    secret.write_text("root - hash\n")
    (out / IMAGE).write_bytes(b"image")
    (out / "x.manifest").symlink_to(secret)
    (out / STATUS).symlink_to(secret)

    assert collected(out).manifest == {}


def test_a_list_of_images_beyond_all_measure_is_never_parsed(out: Path) -> None:
    (out / IMAGE).write_bytes(b"image")
    (out / "profiles.json").write_text('{"a":[' + "[]," * 2_000_000 + "[]]}")

    result = collected(out)

    assert "profiles.json" in result.made
    assert [image["name"] for image in result.images] == [IMAGE]


@pytest.mark.parametrize("text", ["{", "[]", '{"profiles": 1}', '{"profiles": {}}', '{"profiles": {"a": {}, "b": {}}}'])
def test_a_broken_list_of_images_is_a_failure(out: Path, text: str) -> None:
    (out / "profiles.json").write_text(text)

    with pytest.raises(BuildFailedError) as caught:
        collected(out)

    assert caught.value.reason == Reason.CRASH


def test_a_bill_of_materials_is_the_same_each_time(out: Path) -> None:
    texts = []
    for number, order in ((1, ["a", "b"]), (2, ["b", "a"])):
        bill = {
            "serialNumber": f"urn:uuid:{number}",
            "metadata": {"timestamp": f"2026-01-0{number}", "tool": "x"},
            "components": [{"name": name} for name in order],
        }
        (out / "x.bom.cdx.json").write_text(json.dumps(bill))
        collected(out)
        texts.append((out / "x.bom.cdx.json").read_text())

    assert texts[0] == texts[1]
    assert json.loads(texts[0]) == {"metadata": {"tool": "x"}, "components": [{"name": "a"}, {"name": "b"}]}


def test_a_bill_that_cannot_be_read_stays_as_it_is(out: Path) -> None:
    (out / "x.bom.cdx.json").write_text("not JSON")

    collected(out)

    assert (out / "x.bom.cdx.json").read_text() == "not JSON"


def test_too_much_output_is_a_failure(out: Path) -> None:
    (out / IMAGE).write_bytes(bytes(100))

    with pytest.raises(BuildFailedError) as caught:
        collected(out, max_bytes=99)

    assert caught.value.reason == Reason.LIMIT


def test_abi_suffixes_are_stripped_unless_that_would_confuse_two_packages(out: Path) -> None:
    (out / IMAGE).write_bytes(b"image")
    (out / "x.manifest").write_text("libubox20230523 - 1\nlibfoo1 - 1\nlibfoo2 - 2\nzlib - 3\n")

    manifest = collected(out, {"libubox20230523": "libubox", "libfoo1": "libfoo", "libfoo2": "libfoo"}).manifest

    assert manifest == {"libubox": "1", "libfoo": "1", "libfoo2": "2", "zlib": "3"}


def test_a_release_without_documents_gets_them_from_names_and_log(out: Path) -> None:
    for name in ("lede-17.01.7-ar71xx-generic-dev-squashfs-sysupgrade.bin", "lede-17.01.7-ar71xx-generic-vmlinux.elf"):
        (out / name).write_bytes(b"x")

    result = collected(out, stdout="Installing luci (1-2) to root...\nInstalling ChinaDNS (1.3-4) to root...\n")

    profile = result.profile_json["profiles"]["dev"]
    assert [(image["type"], image["filesystem"]) for image in profile["images"]] == [
        ("sysupgrade", "squashfs"),
        ("kernel", ""),
    ]
    assert profile["image_prefix"] == "lede-17.01.7-ar71xx-generic-dev"
    assert result.manifest == {"ChinaDNS": "1.3-4", "luci": "1-2"}
    manifest = (out / "lede-17.01.7-ar71xx-generic-dev.manifest").read_text()
    assert manifest == "ChinaDNS - 1.3-4\nluci - 1-2\n"


@pytest.mark.parametrize(
    ("name", "kind", "filesystem"),
    [
        ("lede-17.01.7-ar71xx-generic-tl-wr841-v9-squashfs-sysupgrade.bin", "sysupgrade", "squashfs"),
        ("lede-17.01.7-ar71xx-generic-archer-c7-v2-squashfs-factory-us.bin", "factory-us", "squashfs"),
        ("lede-17.01.7-ar71xx-generic-uImage-lzma.bin", "kernel", ""),
        ("lede-17.01.7-ar71xx-generic-root.squashfs", "rootfs", "squashfs"),
        ("openwrt-15.05-x86-generic-combined-ext4.img.gz", "combined", "ext4"),
        ("openwrt-15.05-x86-64-combined-squashfs.img", "combined", "squashfs"),
        ("openwrt-15.05-x86-64-rootfs-ext4.img.gz", "rootfs", "ext4"),
        ("openwrt-x86-64-generic-rootfs.tar.gz", "rootfs", "targz"),
        ("openwrt-ipq806x-qcom-ipq40xx-ap.dk01.1-c1-fit-uImage.itb", "kernel", ""),
        ("openwrt-ipq806x-ipq40xx-ubi-root-1GB.img", "rootfs", "ubi"),
        ("openwrt-ipq806x-squashfs-root.img", "rootfs", "squashfs"),
        ("openwrt-ipq806x-nbg6817-squashfs-sysupgrade.tar", "sysupgrade", "squashfs"),
        ("openwrt-ipq806x-vmlinux.elf", "kernel", ""),
        ("openwrt-kirkwood-x-jffs2-128k-factory.bin", "factory", "jffs2-128k"),
        ("openwrt-brcm47xx-squashfs.trx", "", "squashfs"),
        ("openwrt-mvebu-x-ext4-sdcard.img.gz", "sdcard", "ext4"),
    ],
)
def test_names_of_old_images_are_understood(name: str, kind: str, filesystem: str) -> None:
    assert kind_of(name) == (kind, filesystem)


def test_the_prefix_ends_with_the_device() -> None:
    names = [
        "lede-17.01.7-a-b-tl-wr841-v9-squashfs-factory.bin",
        "lede-17.01.7-a-b-tl-wr841-v9-squashfs-sysupgrade.bin",
    ]

    assert prefix_of(names, "DEVICE_tl-wr841-v9") == "lede-17.01.7-a-b-tl-wr841-v9"
