"""What a build left behind: checked, made reproducible, and described as one profiles.json document.

The folder was writable for package scripts, so it is read like an upload: regular files with plain names, bounded,
no link followed, everything else removed. What an old release does not write (manifest, profiles.json, sums) is made
here, so that images of all releases look alike.
"""

import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from builders import image_names, trailer
from builders.runners.workdir import remove_tree
from builders.spec import BuildFailedError, BuildSpec, ResultFile
from builders.states import Reason
from packages import names
from packages.exceptions import BadDocumentError
from packages.parsing import manifest as manifests
from packages.parsing import profiles, strict
from packages.parsing.types import ProfileEntry, TargetDocument

STATUS = ".opkg-status"  # where a build without manifest leaves opkg's own list; no name of an image
MAX_FILES = 500
MAX_DOCUMENT = 32 * 1024 * 1024
MAX_JSON = 4 * 1024 * 1024  # of one device; parsed it may take thirty times as much memory, outside all walls
_BLOCK = 1024 * 1024
_INSTALLING = re.compile(rf"^Installing ({names.PACKAGE.pattern}) \(([^\s()]{{1,128}})\) to root", re.MULTILINE)


@dataclass(slots=True)
class Collected:
    """The result of a build, without its log."""

    files: list[ResultFile]
    manifest: dict[str, str]
    profile_json: dict[str, Any]
    images: list[dict[str, Any]]
    made: list[str] = field(default_factory=list)  # documents written by us, not by the ImageBuilder
    stripped: list[str] = field(default_factory=list)  # images that had a throw-away signature


def collect(out: Path, spec: BuildSpec, *, full_names: Mapping[str, str], stdout: str, max_bytes: int) -> Collected:
    """Check and complete what lies in `out`; afterwards it holds exactly the files of the result.

    `full_names`: names with ABI suffix -> without. Raises BuildFailedError when the ImageBuilder contradicts itself.
    """
    status = read_plain(out / STATUS)
    _clear(out, max_bytes)
    document = _document(out, spec)
    found = _manifest(out, status, stdout)
    made = []
    if document is None:
        document = _made_document(out, spec)
        made.append("profiles.json")
    [profile] = document.profiles
    images = [image for image in profile.images if (out / image["name"]).is_file()]
    stripped = [image["name"] for image in images if _settle(out / image["name"], image)]
    if stripped:
        (out / "md5sums").unlink(missing_ok=True)  # would be wrong now
    for path in out.glob("*.bom.cdx.json"):
        _settle_bom(path)
    if images and not list(out.glob("*.manifest")) and found:
        name = f"{profile.image_prefix or image_names.prefix_of([images[0]['name']], spec.profile)}.manifest"
        (out / name).write_text("".join(f"{package} - {found[package]}\n" for package in sorted(found)))
        made.append(name)
    profile_json = _json(document, profile, images)
    (out / "profiles.json").write_text(json.dumps(profile_json, sort_keys=True, separators=(",", ":")) + "\n")
    sums = {image["name"]: image["sha256"] for image in images}
    if not (out / "sha256sums").exists():
        made.append("sha256sums")
    _write_sums(out, sums)
    return Collected(
        files=_files(out, sums),
        manifest=_short(found, full_names),
        profile_json=profile_json,
        images=images,
        made=made,
        stripped=stripped,
    )


def read_plain(path: Path, limit: int = MAX_DOCUMENT) -> str:
    """The text of a regular file, "" when there is none or it is too large. No link is followed, no pipe is opened."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_size > limit:
            return ""
        return file.read(limit).decode("utf-8", errors="replace")


# -- the folder --------------------------------------------------------------------------------------------


def _clear(out: Path, max_bytes: int) -> None:
    """Only regular files with plain names stay, and they become ours."""
    kept = total = 0
    for entry in sorted(out.iterdir()):
        found = entry.lstat()
        if not stat.S_ISREG(found.st_mode) or not names.FILE.fullmatch(entry.name):
            remove_tree(entry)
            continue
        kept, total = kept + 1, total + found.st_size
        if kept > MAX_FILES or total > max_bytes:
            raise BuildFailedError(Reason.LIMIT, "The build left more files or bytes behind than it may.")
        handle = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if os.geteuid() == 0:
                os.fchown(handle, 0, 0)
            os.fchmod(handle, 0o644)
        finally:
            os.close(handle)


def _files(out: Path, sums: Mapping[str, str]) -> list[ResultFile]:
    return [
        ResultFile(path.name, path.stat().st_size, sums.get(path.name) or sha256_of(path))
        for path in sorted(out.iterdir())
    ]


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _write_sums(out: Path, sums: dict[str, str]) -> None:
    """`sha256sums` over all the other files, as the ImageBuilder writes it; adds to `sums` what it computes."""
    (out / "sha256sums").unlink(missing_ok=True)
    for path in sorted(out.iterdir()):
        sums.setdefault(path.name, sha256_of(path))
    (out / "sha256sums").write_text("".join(f"{sums[name]} *{name}\n" for name in sorted(sums)))


# -- images ------------------------------------------------------------------------------------------------


def _settle(path: Path, image: dict[str, Any]) -> bool:
    """Check an image against what the ImageBuilder says and strip a throw-away signature. True: stripped."""
    said = image.get("sha256", "")
    actual = sha256_of(path)
    if said and said != actual:
        raise BuildFailedError(
            Reason.CRASH, f"The image {path.name} has another checksum than the ImageBuilder says. Try again."
        )
    stripped = trailer.strip_signatures(path)
    image["sha256"] = image["sha256_unsigned"] = sha256_of(path) if stripped else actual
    image["size"] = path.stat().st_size
    image.setdefault("type", "")
    image.setdefault("filesystem", "")
    return stripped


def _settle_bom(path: Path) -> None:
    """A bill of materials without what is different each time: its random number, its time, the order of its parts."""
    try:
        bill = strict.load_json(read_plain(path, MAX_JSON), path.name)
    except BadDocumentError:
        return
    if not isinstance(bill, dict):
        return
    bill.pop("serialNumber", None)
    if isinstance(bill.get("metadata"), dict):
        bill["metadata"].pop("timestamp", None)
    if isinstance(bill.get("components"), list):
        bill["components"].sort(key=lambda part: json.dumps(part, sort_keys=True))
    path.write_text(json.dumps(bill, sort_keys=True, separators=(",", ":")) + "\n")


def _document(out: Path, spec: BuildSpec) -> TargetDocument | None:
    """The ImageBuilder's own profiles.json with the one profile that was built; None where it wrote none."""
    text = read_plain(out / "profiles.json", MAX_JSON)
    if not text:
        return None
    try:
        document = profiles.parse(text)
    except BadDocumentError as error:
        raise BuildFailedError(Reason.CRASH, f"The ImageBuilder's list of images is broken. {error}") from error
    built = [profile for profile in document.profiles if profile.name == spec.profile] or document.profiles
    if len(built) != 1:
        raise BuildFailedError(Reason.CRASH, f"The ImageBuilder did not say what it built for {spec.profile}.")
    return _replaced(document, built[0])


def _replaced(document: TargetDocument, profile: ProfileEntry) -> TargetDocument:
    return TargetDocument(
        target=document.target,
        version_code=document.version_code,
        version_number=document.version_number,
        arch_packages=document.arch_packages,
        source_date_epoch=document.source_date_epoch,
        linux_kernel=document.linux_kernel,
        default_packages=document.default_packages,
        profiles=[profile],
    )


def _made_document(out: Path, spec: BuildSpec) -> TargetDocument:
    """The same for a release that writes none: images by their names."""
    images = []
    for path in sorted(out.iterdir()):
        if image_names.is_image(path.name):
            kind, filesystem = image_names.kind_of(path.name)
            images.append({"name": path.name, "type": kind, "filesystem": filesystem})
    listed = [image["name"] for image in images if image_names.is_whole(image["type"])] or [
        image["name"] for image in images
    ]
    profile = ProfileEntry(
        name=spec.profile, image_prefix=image_names.prefix_of(listed, spec.profile), images=list(images)
    )
    return TargetDocument(
        target=spec.target,
        version_code=spec.version_code,
        version_number=spec.version,
        arch_packages=spec.arch_packages,
        source_date_epoch=spec.source_date_epoch,
        linux_kernel={},
        default_packages=list(spec.default_packages),
        profiles=[profile],
    )


def _json(document: TargetDocument, profile: ProfileEntry, images: list[dict[str, Any]]) -> dict[str, Any]:
    """In the shape of upstream's document, images by name."""
    result: dict[str, Any] = {
        "arch_packages": document.arch_packages,
        "default_packages": document.default_packages,
        "metadata_version": 1,
        "profiles": {
            profile.name: {
                "device_packages": profile.device_packages,
                "image_prefix": profile.image_prefix,
                "images": sorted(images, key=lambda image: str(image["name"])),
                "supported_devices": profile.supported_devices,
                "titles": profile.titles,
            }
        },
        "target": document.target,
        "version_code": document.version_code,
        "version_number": document.version_number,
    }
    if document.linux_kernel:
        result["linux_kernel"] = document.linux_kernel
    if document.source_date_epoch is not None:
        result["source_date_epoch"] = document.source_date_epoch
    return result


# -- manifest ----------------------------------------------------------------------------------------------


def _manifest(out: Path, status: str, stdout: str) -> dict[str, str]:
    """Full package name -> version: from the manifest, otherwise opkg's list, otherwise what opkg said it installs."""
    for path in sorted(out.glob("*.manifest")):
        try:
            return manifests.parse(read_plain(path), path.name)
        except BadDocumentError as error:
            raise BuildFailedError(Reason.CRASH, f"The ImageBuilder's manifest is broken. {error}") from error
    return installed(status) or dict(_INSTALLING.findall(stdout))


def installed(status: str) -> dict[str, str]:
    """Installed packages of opkg's status file: stanzas with Package, Version and Status."""
    found: dict[str, str] = {}
    for stanza in status.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version|Status): (\S.*)$", stanza, re.MULTILINE))
        name, version = fields.get("Package", ""), fields.get("Version", "")
        words = fields.get("Status", "").split()
        if words[-1:] == ["installed"] and names.PACKAGE.fullmatch(name) and version:
            found[name] = version.strip()[:128]
    return found


def _short(found: Mapping[str, str], full_names: Mapping[str, str]) -> dict[str, str]:
    """Without ABI suffixes where the feeds tell them; two ABIs of one library keep their full names."""
    short: dict[str, str] = {}
    for name, version in sorted(found.items()):
        plain = full_names.get(name, name)
        short[name if plain in short or (plain != name and plain in found) else plain] = version
    return short
