"""Writes the whole mirror of the demo distribution into a folder.

The same key and the same source give the same bytes: times are fixed, names sorted, signatures deterministic.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from demo import archive, ipk, lime, package_set
from demo.catalogue import DIST, RELEASES, TARGETS, Profile, Release, Target

HERE = Path(__file__).parent
HOME = "https://demo.invalid"  # where the ImageBuilders would look; no such host
NO_IMAGE = "{name}\nThis is not an image. The demo distribution publishes none: ask the server to build it.\n"


class SigningKey(Protocol):
    """What we need of packages.signatures.UsignKey."""

    @property
    def fingerprint(self) -> str: ...
    def public_text(self) -> str: ...
    def sign(self, message: bytes) -> str: ...


def generate(folder: Path, key: SigningKey, lime_key: SigningKey | None = None) -> None:
    """Write the mirror: versions, releases, targets, feeds, ImageBuilders, each index signed by `key`.

    With `lime_key` there are the feeds of the flavour too, signed by that one alone.

    Files that are right already are left alone, files that do not belong are removed. Takes some seconds, 80 MB.
    """
    writer = _Writer(folder, key)
    versions = [release.version for release in RELEASES if not release.is_snapshot]
    newest_first = versions[::-1]
    writer.json(
        ".versions.json",
        {
            "stable_version": newest_first[0],
            "oldstable_version": newest_first[1],
            "upcoming_version": "",
            "versions_list": newest_first,
        },
    )
    writer.write(f"{DIST}.pub", key.public_text().encode())
    for release in RELEASES:
        _release(writer, release)
    if lime_key is not None:
        of_flavour = replace(writer, key=lime_key)
        for release in RELEASES:
            _lime(of_flavour, release)
    writer.remove_others()


def source_digest(here: Path = HERE) -> str:
    """Changes whenever `generate` would write other bytes for the same key."""
    digest = hashlib.sha256()
    for path in sorted(path for path in here.rglob("*") if path.is_file() and _is_source(path.relative_to(here))):
        digest.update(f"{path.relative_to(here)}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _is_source(path: Path) -> bool:
    """Whether the mirror is made from it; the scripts and requests beside it only talk to a server."""
    return path.suffix not in (".pyc", ".sh") and path.parts[0] != "requests"


@dataclass(frozen=True)
class _Writer:
    """Puts documents below the root; signs where asked to."""

    root: Path
    key: SigningKey
    written: set[Path] = field(default_factory=set)

    def write(self, name: str, data: bytes) -> None:
        """Whole or not at all: readers may look while we write. What has not changed keeps its time."""
        path = self.root / name
        self.written.add(path)
        if path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(path.name + ".new")
        new.write_bytes(data)
        new.replace(path)

    def remove_others(self) -> None:
        """Drop what an earlier source left behind."""
        for path in sorted(self.root.rglob("*"), reverse=True):
            if path.is_dir():
                if not any(path.iterdir()):
                    path.rmdir()
            elif path not in self.written:
                path.unlink()

    def json(self, name: str, document: Any) -> None:
        self.write(name, json.dumps(document, sort_keys=True, separators=(",", ":")).encode())

    def signed(self, name: str, data: bytes) -> None:
        self.write(name, data)
        self.write(f"{name}.sig", self.key.sign(data).encode())


def _release(writer: _Writer, release: Release) -> None:
    writer.json(f"{release.folder}/.targets.json", {target.name: target.arch for target in TARGETS})
    found = [
        {"id": profile.name, "target": target.name, "titles": list(profile.titles)}
        for target in TARGETS
        for profile in target.profiles
    ]
    writer.json(f"{release.folder}/.overview.json", {"release": release.version, "profiles": found})
    for architecture in sorted({target.arch for target in TARGETS}):
        for feed in package_set.ARCH_FEEDS:
            packages = package_set.arch_packages(release, architecture, feed)
            _feed(writer, f"{release.folder}/packages/{architecture}/{feed}", packages, architecture, release)
    for target in TARGETS:
        _target(writer, release, target)


def _lime(writer: _Writer, release: Release) -> None:
    for architecture in sorted({target.arch for target in TARGETS}):
        folder = f"{lime.FOLDER}/{release.folder}/packages/{architecture}/{lime.FEED}"
        _feed(writer, folder, lime.packages(release, architecture), architecture, release)


def _feed(
    writer: _Writer, folder: str, packages: Iterable[ipk.Package], architecture: str, release: Release
) -> dict[str, bytes]:
    """Package files and their indexes. Returns the files by name, for the sums of a target."""
    built = [ipk.build(package) for package in packages]
    index = ipk.packages_index(built)
    files = {one.package.file_name: one.data for one in built}
    files["Packages"] = index
    files["Packages.gz"] = ipk.pack(index)
    files["Packages.sig"] = writer.key.sign(index).encode()
    files["index.json"] = ipk.json_index(built, architecture, is_newer=release.is_newer)
    for name, data in files.items():
        writer.write(f"{folder}/{name}", data)
    return files


def _target(writer: _Writer, release: Release, target: Target) -> None:
    folder = f"{release.folder}/targets/{target.name}"
    files: dict[str, bytes] = {}
    core, kmods = package_set.core_packages(release, target), package_set.kmod_packages(release, target)
    kmods_folder = target.kmods_folder(release)
    feeds = {"packages": core, kmods_folder: kmods} if release.is_newer else {"packages": [*core, *kmods]}
    for name, packages in feeds.items():
        packages.sort(key=lambda package: package.full_name)
        written = _feed(writer, f"{folder}/{name}", packages, target.arch, release)
        files |= {f"{name}/{file}": data for file, data in written.items()}

    own = {
        archive.file_name(release, target): _imagebuilder(writer, release, target),
        "config.buildinfo": archive.config_text(release, target).encode(),
        "feeds.buildinfo": "".join(
            f"src-git {name} {HOME}/feed/{name}.git\n" for name in ("packages", "luci")
        ).encode(),
        "version.buildinfo": f"{release.revision}\n".encode(),
    }
    images = {name: _no_image(name) for profile in target.profiles for name in _image_names(release, target, profile)}
    own |= images
    own["profiles.json"] = _profiles_json(release, target, images)
    for name, data in own.items():
        writer.write(f"{folder}/{name}", data)
    files |= own
    sums = "".join(f"{hashlib.sha256(data).hexdigest()} *{name}\n" for name, data in sorted(files.items()))
    writer.signed(f"{folder}/sha256sums", sums.encode())


def _imagebuilder(writer: _Writer, release: Release, target: Target) -> bytes:
    base = f"{HOME}/{release.folder}"
    feeds = {"core": f"{base}/targets/{target.name}/packages"}
    if release.is_newer:
        feeds["kmods"] = f"{base}/targets/{target.name}/{target.kmods_folder(release)}"
    feeds |= {name: f"{base}/packages/{target.arch}/{name}" for name in package_set.ARCH_FEEDS}
    inner = [ipk.build(package) for package in package_set.inner_packages(release, target)]
    return archive.build(release, target, inner, feeds, (writer.key.fingerprint, writer.key.public_text()))


def _prefix(release: Release, target: Target, profile: Profile) -> str:
    version = "" if release.is_snapshot else f"{release.version}-"
    return f"{DIST}-{version}{target.dashed}-{profile.name}"


def _image_names(release: Release, target: Target, profile: Profile) -> list[str]:
    return [f"{_prefix(release, target, profile)}-{suffix}" for _type, _filesystem, suffix in profile.images]


def _no_image(name: str) -> bytes:
    return NO_IMAGE.format(name=name).encode()


def _profiles_json(release: Release, target: Target, images: dict[str, bytes]) -> bytes:
    document: dict[str, Any] = {
        "arch_packages": target.arch,
        "default_packages": target.defaults_in(release),
        "metadata_version": 1,
        "profiles": {profile.name: _profile(release, target, profile, images) for profile in target.profiles},
        "source_date_epoch": release.epoch,
        "target": target.name,
        "version_code": release.revision,
        "version_number": release.version,
    }
    if release.is_newer:
        document["linux_kernel"] = {"version": release.kernel, "release": "1", "vermagic": target.vermagic(release)}
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _profile(release: Release, target: Target, profile: Profile, images: dict[str, bytes]) -> dict[str, Any]:
    prefix = _prefix(release, target, profile)
    described = []
    for kind, filesystem, suffix in profile.images:
        data = images[f"{prefix}-{suffix}"]
        digest = hashlib.sha256(data).hexdigest()
        image: dict[str, Any] = {"filesystem": filesystem, "name": f"{prefix}-{suffix}", "type": kind}
        image |= {"sha256": digest, "sha256_unsigned": digest}
        described.append(image | ({"size": len(data)} if release.is_newer else {}))
    about: dict[str, Any] = {
        "device_packages": list(profile.packages),
        "image_prefix": prefix,
        "images": described,
        "supported_devices": list(profile.supported_devices),
        "titles": list(profile.titles),
    }
    if release.is_newer and profile.flash:
        about["file_size_limits"] = {"image": profile.flash}
    return about
