"""Which file of an image is for what."""

import pytest
from django.test import Client
from pytest_django import Settings

from images.models import ImageFile
from images.pages import uses
from images.pages.uses import Use, commands, sorted_out, use_of
from tests.images.publications import FACTORY, SYSUPGRADE, make_image


def file(name: str, kind: str = "", filesystem: str = "squashfs") -> ImageFile:
    return ImageFile(name=name, type=kind, filesystem=filesystem, size=1, sha256="a" * 64)


@pytest.mark.parametrize(
    ("kind", "use"),
    [
        ("sysupgrade", Use.UPGRADE),
        ("factory", Use.INSTALL),
        ("factory-us", Use.INSTALL),
        ("combined", Use.BOTH),
        ("combined-efi", Use.BOTH),
        ("sdcard", Use.BOTH),
        ("kernel", Use.PART),
        ("rootfs", Use.PART),
        ("initramfs-kernel", Use.MEMORY),
        ("", Use.OTHER),
    ],
)
def test_the_type_tells_what_an_image_is_for(kind: str, use: Use) -> None:
    assert use_of(kind) == use


def test_a_signature_stands_beside_its_file_and_squashfs_goes_first() -> None:
    found = sorted_out(
        [
            file("b-ext4-sysupgrade.bin", "sysupgrade", "ext4"),
            file("a-sysupgrade.bin.sig"),
            file("a-sysupgrade.bin", "sysupgrade"),
            file("sha256sums"),
            file("lonely.sig"),
            file("factory.bin", "factory"),
        ]
    )

    assert [each.file.name for each in found.main] == ["a-sysupgrade.bin", "b-ext4-sysupgrade.bin", "factory.bin"]
    assert found.main[0].signature is not None
    assert [each.file.name for each in found.more] == ["lonely.sig", "sha256sums"]
    assert found.upgrade is found.main[0]
    assert found.install is found.main[2]


def test_a_disk_image_is_for_both_ways() -> None:
    found = sorted_out([file("x-combined.img.gz", "combined"), file("x-rootfs.tar.gz", "rootfs")])

    assert found.upgrade is found.install is found.main[0]
    assert found.is_disk


def test_parts_alone_are_for_no_way() -> None:
    found = sorted_out([file("x-kernel.bin", "kernel")])

    assert found.upgrade is found.install is None


def test_commands_quote_what_they_name() -> None:
    words = commands(sorted_out([file("a b;reboot.bin", "sysupgrade")]).main[0], "http://x/store/1")

    assert words["install"] == "sysupgrade -v 'a b;reboot.bin'"
    assert "verify" not in words


@pytest.mark.django_db
def test_the_page_says_what_to_type_and_draws_its_address(client: Client) -> None:
    image = make_image()

    text = client.get(f"/images/{image.request.request_hash}/").content.decode()

    upgrade = image.files.get(name=SYSUPGRADE)
    assert f"wget http://testserver/store/{image.request.request_hash}/{SYSUPGRADE}\n" in text
    assert f"echo &#x27;{upgrade.sha256}  {SYSUPGRADE}&#x27; | sha256sum -c" in text
    assert f"sysupgrade -v {SYSUPGRADE}" in text
    assert "usign -V" not in text
    assert FACTORY in text.split("For a first installation")[1].split("</p>")[0]
    assert '<svg class="qr-code"' not in text.split("<h2>Request")[1]
    assert "qr-code" in text
    assert "style=" not in text


@pytest.mark.django_db
def test_a_signed_image_is_checked_with_the_servers_key(client: Client, settings: Settings) -> None:
    from django.core.management import call_command

    call_command("make_signing_key")
    image = make_image()

    text = client.get(f"/images/{image.request.request_hash}/").content.decode()

    assert "wget -O signing-key http://testserver/api/v1/signing-key" in text
    assert f"usign -V -m {SYSUPGRADE} -p signing-key -x {SYSUPGRADE}.sig" in text
    assert uses.SIGNATURE in text
