"""Images: a squashfs of the root, a kernel in front, limits, and what is appended for sysupgrade."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import zlib
from pathlib import Path
from typing import Any

from . import usign
from .tree import BuildError, Tree

BLOCK = 64 * 1024
METADATA, SIGNATURE = 1, 0


def build(tree: Tree) -> None:
    """All images of the chosen device into BIN_DIR, and a description of each for profiles.json."""
    sys.stdout.write("\nBuilding images...\n")
    sys.stdout.flush()
    for folder in (tree.images_tmp, tree.json_dir):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    tree.bin_dir().mkdir(parents=True, exist_ok=True)
    profile = tree.profile()
    kernel = (tree.kernel_dir / "kernel.bin").read_bytes()
    root = _squashfs(tree)
    for image in profile["images"]:
        _make(tree, profile, image, kernel, root)


def _squashfs(tree: Tree) -> bytes:
    """The same root gives the same bytes: fixed times and owner, no extended attributes."""
    target = tree.kernel_dir / "root.squashfs"
    target.unlink(missing_ok=True)
    environment = {name: value for name, value in os.environ.items() if name != "SOURCE_DATE_EPOCH"}
    epoch = str(tree.epoch)
    command = ["mksquashfs", str(tree.root), str(target), "-noappend", "-comp", "xz", "-Xbcj", "x86,arm", "-b", "256K"]
    command += ["-all-root", "-no-xattrs", "-no-progress", "-mkfs-time", epoch, "-all-time", epoch]
    command += ["-p", "/dev d 755 0 0", "-p", "/dev/console c 600 0 0 5 1"]
    if subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, check=False).returncode:
        raise BuildError("mksquashfs failed")
    return target.read_bytes()


def _padded(data: bytes, block: int = BLOCK) -> bytes:
    return data + bytes(-len(data) % block)


def _make(tree: Tree, profile: dict[str, Any], image: dict[str, str], kernel: bytes, root: bytes) -> None:
    name = f"{tree.image_prefix()}-{image['suffix']}"
    path = tree.images_tmp / name
    data = _CONTENT[image["type"]](tree, profile, image, kernel, root)
    limit = profile.get("image_size")
    if limit and len(data) > limit:
        sys.stderr.write(f"WARNING: Image file {path} is too big: {len(data)} > {limit}\n")
        sys.stdout.write(f"Skip JSON creation for non existing file {path}\n")
        return
    unsigned = data
    if image["type"] in ("sysupgrade", "combined", "combined-efi"):
        unsigned = _with_metadata(tree, profile, data)
        data = _with_signature(tree, unsigned)
    path.write_bytes(data)
    shutil.copyfile(path, tree.bin_dir() / name)
    described: dict[str, Any] = {
        "filesystem": image["filesystem"],
        "name": name,
        "sha256": hashlib.sha256(data).hexdigest(),
        "sha256_unsigned": hashlib.sha256(unsigned).hexdigest(),
        "type": image["type"],
    }
    if tree.has_new_formats:
        described["size"] = len(data)
    (tree.json_dir / f"{name}.json").write_text(json.dumps(described), encoding="utf-8")


# -- what is in an image --------------------------------------------------------------------------------------------


def _sysupgrade(tree: Tree, profile: dict[str, Any], image: dict[str, str], kernel: bytes, root: bytes) -> bytes:
    return _padded(kernel) + _padded(root)


def _factory(tree: Tree, profile: dict[str, Any], image: dict[str, str], kernel: bytes, root: bytes) -> bytes:
    """As sysupgrade, behind 512 bytes that say what it is and how long its parts are."""
    kernel, root = _padded(kernel), _padded(root)
    head = struct.pack(">8sIII", b"DEMOFACT", 1, len(kernel), len(root)) + tree.profile_name().encode("ascii")
    return head.ljust(512, b"\0") + kernel + root


def _combined(tree: Tree, profile: dict[str, Any], image: dict[str, str], kernel: bytes, root: bytes) -> bytes:
    """A disk with two partitions: the kernel from 256 KiB on, the root file system of ROOTFS_PARTSIZE from 8 MiB on."""
    kernel_start, root_start = 256 * 1024, 8 * 1024 * 1024
    room = tree.rootfs_megabytes() * 1024 * 1024
    if len(root) > room:
        blocks = -(-(len(root) - room) // 4096)
        raise BuildError(f"error: rootfs: failed to allocate {blocks} blocks, out of space?")
    kind = 0xEF if image["type"] == "combined-efi" else 0x83
    disk = _partition_table(tree, [(kind, kernel_start, root_start - kernel_start), (0x83, root_start, room)])
    disk = disk.ljust(kernel_start, b"\0") + kernel
    disk = disk.ljust(root_start, b"\0") + root.ljust(room, b"\0")
    return gzip.compress(disk, 6, mtime=0)


def _partition_table(tree: Tree, partitions: list[tuple[int, int, int]]) -> bytes:
    """A first sector that boots nothing: four partition entries behind a text."""
    table = b"".join(
        struct.pack(
            "<B3sB3sII", 0x80 if number == 0 else 0, b"\xfe\xff\xff", kind, b"\xfe\xff\xff", start // 512, size // 512
        )
        for number, (kind, start, size) in enumerate(partitions)
    )
    return b"demo disk, boots nothing".ljust(446, b"\0") + table.ljust(64, b"\0") + b"\x55\xaa"


def _rootfs(tree: Tree, profile: dict[str, Any], image: dict[str, str], kernel: bytes, root: bytes) -> bytes:
    if image["filesystem"] == "targz":
        return _tar(tree)
    return gzip.compress(_padded(root), 6, mtime=0)


def _kernel(tree: Tree, profile: dict[str, Any], image: dict[str, str], kernel: bytes, root: bytes) -> bytes:
    return kernel


def _tar(tree: Tree) -> bytes:
    """The root as an archive: sorted, owned by root, all of one time."""

    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mtime = tree.epoch
        return entry

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        archive.add(tree.root, arcname=".", filter=plain)  # adds the entries of folders sorted
    return gzip.compress(buffer.getvalue(), 6, mtime=0)


_CONTENT = {
    "sysupgrade": _sysupgrade,
    "factory": _factory,
    "combined": _combined,
    "combined-efi": _combined,
    "rootfs": _rootfs,
    "kernel": _kernel,
}

# -- chunks at the end: metadata, then signature ---------------------------------------------------------------------


def _chunk(before: bytes, kind: int, content: bytes) -> bytes:
    """Content and a 16-byte trailer: magic, CRC-32 of all before it (not inverted), kind, size with the trailer."""
    crc = zlib.crc32(content, zlib.crc32(before)) ^ 0xFFFFFFFF
    return content + struct.pack(">4sIB3xI", b"FWx0", crc, kind, len(content) + 16)


def _with_metadata(tree: Tree, profile: dict[str, Any], image: bytes) -> bytes:
    if not profile["supported_devices"]:
        return image
    about = {
        "metadata_version": "1.1",
        "compat_version": "1.0",
        "supported_devices": profile["supported_devices"],
        "version": {
            "dist": tree.dist,
            "version": tree.version,
            "revision": tree.revision,
            "target": f"{tree.board}/{tree.subtarget}",
            "board": tree.profile_name(),
        },
    }
    return image + _chunk(image, METADATA, bytes(8) + json.dumps(about).encode("utf-8") + b"\n")


def _with_signature(tree: Tree, image: bytes) -> bytes:
    if not tree.signs_images:
        return image
    key = tree.local_key()
    chain = usign.image_chain(key, Path(tree.top / "key-build.ucert").read_bytes(), image)
    return image + _chunk(image, SIGNATURE, chain)
