"""What a build says about itself: manifest, profiles.json, bill of materials, sums."""

from __future__ import annotations

import hashlib
import json
import sys
import time
import uuid
from typing import Any

from .tree import Tree, typed


def _installed(tree: Tree) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(tree.state_file.read_text(encoding="utf-8"))
    return found


def _manifest(tree: Tree, *, strip: bool) -> str:
    """`name - version` lines, sorted; with `strip` names lose their ABI suffix."""
    lines = []
    for package in _installed(tree):
        name = package["name"]
        lines.append(
            f"{name.removesuffix(package['abi']) if strip and package['abi'] else name} - {package['version']}\n"
        )
    return "".join(sorted(lines))


def print_manifest(tree: Tree) -> None:
    sys.stdout.write(_manifest(tree, strip=bool(typed("STRIP_ABI"))))


def write_profiles_json(tree: Tree) -> None:
    """The manifest, profiles.json with the built device, and in the newer formats the bill of materials."""
    prefix = tree.image_prefix()
    manifest = tree.bin_dir() / f"{prefix}.manifest"
    manifest.write_text(_manifest(tree, strip=False), encoding="utf-8")
    images = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(tree.json_dir.glob("*.json"))]
    if not images:
        sys.stdout.write("JSON info file script could not find any JSON files for target\n")
    else:
        text = json.dumps(_overview(tree, images), sort_keys=True, separators=(",", ":"))
        (tree.bin_dir() / "profiles.json").write_text(text, encoding="utf-8")
    if tree.has_new_formats:
        text = json.dumps(_materials(tree), sort_keys=True, indent=1)
        (tree.bin_dir() / f"{prefix}.bom.cdx.json").write_text(text, encoding="utf-8")


def _overview(tree: Tree, images: list[dict[str, Any]]) -> dict[str, Any]:
    profile = tree.profile()
    about: dict[str, Any] = {
        "device_packages": profile["device_packages"],
        "image_prefix": tree.image_prefix(),
        "images": images,
        "supported_devices": profile["supported_devices"],
        "titles": profile["titles"],
    }
    overview: dict[str, Any] = {
        "arch_packages": tree.arch,
        "default_packages": tree.default_packages,
        "metadata_version": 1,
        "profiles": {tree.profile_name(): about},
        "source_date_epoch": tree.epoch,
        "target": f"{tree.board}/{tree.subtarget}",
        "version_code": tree.revision,
        "version_number": tree.version,
    }
    if tree.has_new_formats:
        overview["linux_kernel"] = tree.kernel
        if profile.get("image_size"):
            about["file_size_limits"] = {"image": profile["image_size"]}
    return overview


def _materials(tree: Tree) -> dict[str, Any]:
    """CycloneDX 1.4. The serial number follows from the content, so that equal builds give equal files."""
    components = [
        {"type": "application", "name": package["name"], "version": package["version"]} for package in _installed(tree)
    ]
    seed = json.dumps([tree.image_prefix(), components], sort_keys=True)
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.4",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, seed)}",
        "version": 1,
        "metadata": {"timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(tree.epoch))},
        "components": components,
    }


def write_sums(tree: Tree) -> None:
    sys.stdout.write("\nCalculating checksums...\n")
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()} *{file.name}\n"
        for file in sorted(tree.bin_dir().iterdir())
        if file.is_file() and file.name != "sha256sums"
    ]
    (tree.bin_dir() / "sha256sums").write_text("".join(lines), encoding="utf-8")
