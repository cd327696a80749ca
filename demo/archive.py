"""Packs the ImageBuilder of one release and target."""

import json
import lzma
from collections.abc import Iterable
from pathlib import Path

import zstandard

from demo.catalogue import DIST, Release, Target
from demo.content import noise
from demo.ipk import Built, File, tar

SOURCE = Path(__file__).parent / "imagebuilder"
KERNEL_SIZE = 600 * 1024
ROOTFS_MEGABYTES = 16
_KEPT = (".py", ".mk", "Makefile", ".md")


def folder_name(release: Release, target: Target) -> str:
    """The one folder inside, and the file name without what comes after `.Linux-x86_64`."""
    version = "" if release.is_snapshot else f"{release.version}-"
    return f"{DIST}-imagebuilder-{version}{target.dashed}.Linux-x86_64"


def file_name(release: Release, target: Target) -> str:
    """As it lies on the mirror."""
    return folder_name(release, target) + (".tar.zst" if release.is_newer else ".tar.xz")


def build(
    release: Release, target: Target, inner: Iterable[Built], feeds: dict[str, str], key: tuple[str, str]
) -> bytes:
    """The archive. `inner`: packages it carries; `feeds`: name to URL; `key`: fingerprint and public key file."""
    files = [*_source_files(), *_described(release, target), *_repositories(feeds)]
    files += [File(f"packages/{built.package.file_name}", built.data) for built in inner]
    files += [File(f"keys/{key[0]}", key[1].encode()), File("staging_dir/host", mode=0o755), File("tmp", mode=0o755)]
    head = f"DEMO KERNEL {release.kernel} for {target.name}: stands for a kernel, boots nothing.\n".encode()
    kernel = head + noise(f"kernel {release.kernel} {target.name}", KERNEL_SIZE - len(head))
    files.append(
        File(f"build_dir/target-{target.arch}_musl/linux-{target.board}_{target.subtarget}/kernel.bin", kernel)
    )
    data = tar(files, mtime=release.epoch, prefix=f"{folder_name(release, target)}/")
    if release.is_newer:
        return zstandard.ZstdCompressor(level=9).compress(data)
    return lzma.compress(data, preset=0)  # nearly all of it is packed already


def _source_files() -> list[File]:
    """Our own Makefile and scripts, as they lie beside this module."""
    return [
        File(path.relative_to(SOURCE).as_posix(), path.read_bytes(), 0o644)
        for path in sorted(SOURCE.rglob("*"))
        if path.is_file() and path.name.endswith(_KEPT) and "__pycache__" not in path.parts
    ]


def _described(release: Release, target: Target) -> list[File]:
    """Everything in which one ImageBuilder differs from another."""
    version = {
        "VERSION_DIST": "Demo",
        "VERSION_NUMBER": release.version,
        "REVISION": release.revision,
        "SOURCE_DATE_EPOCH": str(release.epoch),
        "BOARD": target.board,
        "SUBTARGET": target.subtarget,
        "ARCH": target.kernel_arch,
        "ARCH_PACKAGES": target.arch,
        "LINUX_VERSION": release.kernel,
        "LINUX_RELEASE": "1",
        "LINUX_VERMAGIC": target.vermagic(release),
    }
    profiles = {
        "default_packages": target.defaults_in(release),
        "profiles": {profile.name: profile.described() for profile in target.profiles},
    }
    return [
        File("include/version.mk", "".join(f"{name}:={value}\n" for name, value in version.items()).encode()),
        File(".config", config_text(release, target).encode()),
        File(f"target/linux/{target.board}/profiles.json", json.dumps(profiles, indent=1).encode()),
    ]


def config_text(release: Release, target: Target) -> str:
    """`.config` in the archive, `config.buildinfo` on the mirror."""
    newer = "CONFIG_JSON_CYCLONEDX_SBOM=y\n# CONFIG_SIGNED_IMAGES is not set\n"
    older = "# CONFIG_JSON_CYCLONEDX_SBOM is not set\nCONFIG_SIGNED_IMAGES=y\n"
    return (
        f"CONFIG_TARGET_{target.board}=y\nCONFIG_TARGET_{target.board}_{target.subtarget}=y\n"
        f'CONFIG_TARGET_ARCH_PACKAGES="{target.arch}"\nCONFIG_VERSION_DIST="Demo"\n'
        f'CONFIG_VERSION_NUMBER="{release.version}"\nCONFIG_VERSION_CODE="{release.revision}"\n'
        "CONFIG_SIGNATURE_CHECK=y\n# CONFIG_USE_APK is not set\n"
        f"CONFIG_TARGET_ROOTFS_PARTSIZE={ROOTFS_MEGABYTES}\n{newer if release.is_newer else older}"
    )


def _repositories(feeds: dict[str, str]) -> list[File]:
    lines = [f"src/gz {DIST}_{name} {url}\n" for name, url in feeds.items()]
    text = "".join(
        [
            "## Feeds of the mirror. Add your own here.\n",
            *lines,
            "\n## The packages that came with this ImageBuilder.\n",
            "src imagebuilder file:packages\n\noption check_signature\n",
        ]
    )
    return [File("repositories.conf", text.encode())]
