"""What this unpacked ImageBuilder is: its folders, its version, its devices, and what was typed for this run."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from . import usign


class BuildError(Exception):
    """Ends the run: the text goes to stderr, the number is the exit status of the step."""

    def __init__(self, text: str, status: int = 1) -> None:
        super().__init__(text)
        self.status = status


def _assignments(path: Path) -> dict[str, str]:
    """`NAME=value` and `NAME:=value` lines of a make or config file, quotes removed."""
    pairs = re.findall(r"^([A-Za-z_]+) *:?= *(.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: value.strip().strip('"') for name, value in pairs}


def typed(name: str) -> str:
    """What the user gave for a make variable; "" when nothing."""
    return os.environ.get("IB_" + name, "").strip()


class Tree:
    """The folders and facts of one unpacked ImageBuilder."""

    def __init__(self) -> None:
        self.top = Path(os.environ.get("TOPDIR") or ".").resolve()
        version = _assignments(self.top / "include/version.mk")
        self.config = _assignments(self.top / ".config")
        self.dist = version["VERSION_DIST"].lower()
        self.version = version["VERSION_NUMBER"]
        self.revision = version["REVISION"]
        self.epoch = int(version["SOURCE_DATE_EPOCH"])
        self.board, self.subtarget = version["BOARD"], version["SUBTARGET"]
        self.arch, self.kernel_arch = version["ARCH_PACKAGES"], version["ARCH"]
        self.kernel = {name: version[f"LINUX_{name.upper()}"] for name in ("version", "release", "vermagic")}
        described = json.loads((self.top / "target/linux" / self.board / "profiles.json").read_text(encoding="utf-8"))
        self.default_packages: list[str] = described["default_packages"]
        self.profiles: dict[str, dict[str, Any]] = described["profiles"]

        target_dir = self.top / f"build_dir/target-{self.arch}_musl"
        self.root = target_dir / f"root-{self.board}"
        self.kernel_dir = target_dir / f"linux-{self.board}_{self.subtarget}"
        self.images_tmp = self.kernel_dir / "tmp"
        self.json_dir = target_dir / "json_info_files"
        self.state_file = self.top / "tmp/installed.json"
        self.downloads = self.top / "dl"
        self.keys = self.top / "keys"
        self.package_dir = self.top / "packages"

    @property
    def is_snapshot(self) -> bool:
        return self.version.upper() == "SNAPSHOT"

    @property
    def has_new_formats(self) -> bool:
        """Unsigned images, kernel facts, sizes and limits in profiles.json, a bill of materials."""
        return self.config.get("CONFIG_JSON_CYCLONEDX_SBOM") == "y"

    @property
    def signs_images(self) -> bool:
        return self.config.get("CONFIG_SIGNED_IMAGES") == "y"

    @property
    def checks_signatures(self) -> bool:
        return self.config.get("CONFIG_SIGNATURE_CHECK") == "y"

    # -- what was typed -------------------------------------------------------------------------------------------

    def profile_name(self) -> str:
        """The chosen device; without a choice the first."""
        name = typed("PROFILE") or next(iter(self.profiles))
        if name not in self.profiles:
            raise BuildError("", 1)
        return name

    def profile(self) -> dict[str, Any]:
        return self.profiles[self.profile_name()]

    def packages(self) -> list[str]:
        """What to install: the user's words first, then defaults and the device's in order; `-name` removes."""
        words = typed("PACKAGES").split()
        fixed = [*self.default_packages, *self.profile()["device_packages"], "kernel"]
        removed = {word[1:] for word in [*words, *fixed] if word.startswith("-")}
        wanted = [word for word in words if not word.startswith("-")]
        rest = sorted({word for word in fixed if not word.startswith("-")})
        chosen = [word for word in [*wanted, *rest] if word not in removed]
        return list(dict.fromkeys(chosen))

    def bin_dir(self) -> Path:
        given = typed("BIN_DIR")
        return self.top / (given or f"bin/targets/{self.board}/{self.subtarget}")

    def image_prefix(self) -> str:
        """<dist>[-<version>][-<extra>]-<target>-<subtarget>-<profile>"""
        extra = re.sub(r"[\s_]+", "-", typed("EXTRA_IMAGE_NAME").lower())
        words = [self.dist, "" if self.is_snapshot else self.version.lower(), extra, self.board, self.subtarget]
        return "-".join(word for word in [*words, self.profile_name()] if word)

    def rootfs_megabytes(self) -> int:
        text = typed("ROOTFS_PARTSIZE") or self.config.get("CONFIG_TARGET_ROOTFS_PARTSIZE", "104")
        if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) == 0:
            raise BuildError(f"ROOTFS_PARTSIZE is not a number of MB: {text!r}")
        return int(text)

    # -- the key of this tree -------------------------------------------------------------------------------------

    def local_key(self) -> usign.LocalKey:
        """Made at first use; its public half is trusted for the packages inside this tree."""
        secret = self.top / "key-build"
        if secret.exists():
            return usign.LocalKey.from_secret_text(secret.read_text(encoding="ascii"))
        key = usign.LocalKey.generate()
        self.keys.mkdir(exist_ok=True)
        (self.keys / key.fingerprint).write_text(key.public_text(), encoding="ascii")
        (self.top / "key-build.pub").write_text(key.public_text(), encoding="ascii")
        if self.signs_images:
            (self.top / "key-build.ucert").write_bytes(usign.self_certificate(key))
        secret.touch(mode=0o600)
        secret.write_text(key.secret_text(), encoding="ascii")
        return key
