"""The root file system that a client looks for: refused where no image has it, and first where one has."""

import hashlib
from typing import Any

import pytest
from django.test import Client

from images import filesystems
from tests.images.factories import DEVICE, ask, make_target
from tests.images.publications import published

pytestmark = pytest.mark.django_db


def images(*pairs: str) -> list[dict[str, str]]:
    """`squashfs/sysupgrade` and the like."""
    return [
        {"filesystem": filesystem, "type": kind, "name": f"x-{filesystem}-{kind}", "sha256": "a" * 64}
        for filesystem, kind in (pair.split("/") for pair in pairs)
    ]


X86 = images("ext4/combined", "squashfs/combined", "ext4/rootfs", "squashfs/rootfs", "targz/rootfs", "/kernel")
OLD = images("jffs2-64k/sysupgrade", "jffs2-128k/sysupgrade")
ROUTER = images("squashfs/sysupgrade", "squashfs/factory")


def target(found: list[dict[str, str]]) -> None:
    state = hashlib.sha256(repr(found).encode()).hexdigest()
    make_target(profiles=({**DEVICE, "images": found},), state_hash=state)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        *((X86, "ext4"), (X86, "squashfs"), (X86, "targz"), (OLD, "jffs2"), (OLD, "jffs2-64k"), (ROUTER, "squashfs")),
        *((images("jffs2/sysupgrade"), "jffs2-128k"), (X86, ""), (X86, None)),
        # Nobody knows: no images upstream, or images that do not say.
        *(([], "ext4"), ([], "ubifs"), (images("/sysupgrade"), "ext4"), (images("squashfs/a", "/b"), "ext4")),
        # Started from memory: what is to be flashed has another one by nature.
        *((ROUTER, "initramfs"), (ROUTER, "ramdisk"), (ROUTER, "cpiogz")),
    ],
)
def test_what_there_is_or_may_be_is_built(client: Client, found: list[dict[str, str]], wanted: str | None) -> None:
    target(found)

    assert ask(client, filesystem=wanted).status_code == 202


@pytest.mark.parametrize(
    ("found", "wanted", "said"),
    [
        (X86, "ubifs", "only with ext4, squashfs, targz"),
        (ROUTER, "ext4", "only with squashfs"),
        (ROUTER, "jffs2-128k", "only with squashfs"),
        (OLD, "jffs2-256k", "only with jffs2-64k, jffs2-128k"),
        (OLD, "squashfs", "only with jffs2-64k, jffs2-128k"),
        (ROUTER, "ubifs", "only with squashfs"),
    ],
)
def test_what_no_image_has_is_refused_with_what_they_have(
    client: Client, found: list[dict[str, str]], wanted: str, said: str
) -> None:
    target(found)

    answer = ask(client, filesystem=wanted, client="owut/2026.04.09")

    assert answer.status_code == answer.json()["status"] == 400
    assert answer.json()["detail"].startswith(f"filesystem: tplink_archer-c7-v2 has no image with {wanted}, {said}")


@pytest.mark.parametrize("agent", ["auc/0.3.2", "/usr/sbin/auc/0.3.2", "auc (0.0.9)"])
def test_auc_takes_squashfs_where_there_is_nothing_else(client: Client, agent: str) -> None:
    target(ROUTER)

    assert ask(client, filesystem="ubifs", client=agent).status_code == 202
    assert (
        ask(client, filesystem="ubifs", client=f"x{agent.replace('/usr', '')}".replace("/sbin/", "")).status_code == 400
    )


def test_images_with_it_come_first(client: Client) -> None:
    target(X86)
    image = published(client, filesystem="squashfs")
    image.files.filter(type="factory").update(filesystem="ext4")

    answer = client.get(f"/api/v1/build/{image.request.request_hash}").json()

    assert [entry["filesystem"] for entry in answer["images"]] == ["squashfs", "ext4"]
    assert "hint" not in answer


def test_an_answer_without_it_says_so(client: Client) -> None:
    target(ROUTER)
    image = published(client, filesystem="initramfs")

    answer: dict[str, Any] = client.get(f"/api/v1/build/{image.request.request_hash}").json()

    assert answer["status"] == 200
    assert answer["hint"] == "None of the images has the root file system initramfs; they have squashfs."


@pytest.mark.parametrize(
    ("one", "other", "is_meant"),
    [
        *(("squashfs", "squashfs", True), ("jffs2-128k", "jffs2", True), ("jffs2", "jffs2-128k", True)),
        *(("ext4", "ext", False), ("ext", "ext4", False), ("jffs2-64k", "jffs2-128k", False), ("squashfs", "", False)),
    ],
)
def test_block_sizes_do_not_count(one: str, other: str, is_meant: bool) -> None:
    assert filesystems.is_meant(one, other) is is_meant
