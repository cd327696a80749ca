"""The releases, targets and devices of the demo distribution."""

from dataclasses import dataclass, field
from hashlib import md5
from typing import Any

DIST = "demo"
MIB = 1024 * 1024


@dataclass(frozen=True)
class Release:
    """One version, and in which of two eras its ImageBuilder and its documents are.

    The older era is as 21.02 to 23.05: `.tar.xz`, kmods among the target's packages, `index.json` with ABI suffixes,
    images signed by a key of each unpacked tree. The newer one is as 24.10 and later: `.tar.zst`, a kmods feed,
    `index.json` version 2, nothing appended but metadata, kernel facts and sizes in `profiles.json`.
    """

    version: str
    position: int  # 0 = oldest; picks the version of each package
    revision: str
    epoch: int
    kernel: str
    is_newer: bool

    @property
    def is_snapshot(self) -> bool:
        return self.version == "SNAPSHOT"

    @property
    def folder(self) -> str:
        """On the mirror, e.g. `releases/25.04.0`."""
        return "snapshots" if self.is_snapshot else f"releases/{self.version}"

    @property
    def count(self) -> str:
        """The number in the revision, `2117` of `r2117-...`."""
        return self.revision[1:].split("-")[0]

    def package_version(self, version: str) -> str:
        """`1.2-3` in the spelling of the era: `1.2-r3` in the newer one."""
        upstream, dash, revision = version.rpartition("-")
        return f"{upstream}-r{revision}" if dash and self.is_newer else version


RELEASES = (
    Release("24.04.2", 0, "r1042-5d2a91c3e0", 1718000000, "5.15.167", is_newer=False),
    Release("25.04.0", 1, "r2117-8be04f7719", 1745000000, "6.6.93", is_newer=True),
    Release("SNAPSHOT", 2, "r2503-c19e3a60d4", 1762000000, "6.12.57", is_newer=True),
)


# What became of packages after 24.04, by release, by revision or by both: what upgrading clients are told.
# Kind, names before, names from then on, first release, revision, why.
CHANGES: tuple[tuple[str, tuple[str, ...], tuple[str, ...], str, int | None, str], ...] = (
    ("renamed", ("luci-app-opkg",), ("luci-app-package-manager",), "", 1500, "It serves more than one manager."),
    ("renamed", ("demo-fetch",), ("demo-get",), "", 1600, "Its name was taken."),
    ("dropped", ("demo-legacy",), (), "25.04", 1700, "Nobody looks after it."),
    ("merged", ("demo-alarm", "demo-timer"), ("demo-schedule",), "", 1800, "One program does what both did."),
    ("split", ("demo-suite",), ("demo-suite-core", "demo-suite-extra"), "25.04", None, "Few need the second half."),
    ("default", ("demo-ntp",), (), "25.04", 1900, "Every device needs the time."),
)
# Channel to the revision at which it left the development branch.
BRANCHED_AT = {"24.04": 1000, "25.04": 2100}


@dataclass(frozen=True)
class Profile:
    """A device that does not exist."""

    name: str
    titles: tuple[dict[str, str], ...]
    supported_devices: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    flash: int = 0  # bytes an image may have; 0 = no limit
    images: tuple[tuple[str, str, str], ...] = (
        # type, filesystem, end of the file name
        ("factory", "squashfs", "squashfs-factory.bin"),
        ("sysupgrade", "squashfs", "squashfs-sysupgrade.bin"),
    )

    def described(self) -> dict[str, Any]:
        """As the ImageBuilder reads it."""
        return {
            "titles": list(self.titles),
            "supported_devices": list(self.supported_devices),
            "device_packages": list(self.packages),
            "image_size": self.flash or None,
            "images": [
                {"type": kind, "filesystem": filesystem, "suffix": suffix} for kind, filesystem, suffix in self.images
            ],
        }


@dataclass(frozen=True)
class Target:
    """A target with its architecture and devices."""

    board: str
    subtarget: str
    arch: str
    kernel_arch: str
    default_packages: tuple[str, ...]
    profiles: tuple[Profile, ...] = field(repr=False)

    @property
    def name(self) -> str:
        return f"{self.board}/{self.subtarget}"

    @property
    def dashed(self) -> str:
        return f"{self.board}-{self.subtarget}"

    def defaults_in(self, release: Release) -> list[str]:
        """The default packages; the newer releases have one more."""
        return sorted({*self.default_packages, *(("demo-ntp",) if release.is_newer else ())})

    def vermagic(self, release: Release) -> str:
        """Names the configuration of the kernel that kmods must fit."""
        return md5(f"{release.kernel} {self.name}".encode(), usedforsecurity=False).hexdigest()

    def kernel_version(self, release: Release) -> str:
        """The version of the package `kernel`."""
        vermagic = self.vermagic(release)
        return f"{release.kernel}~{vermagic}-r1" if release.is_newer else f"{release.kernel}-1-{vermagic}"

    def kmods_folder(self, release: Release) -> str:
        return f"kmods/{release.kernel}-1-{self.vermagic(release)}"


def _device(vendor: str, model: str, variant: str = "") -> dict[str, str]:
    title = {"vendor": vendor, "model": model}
    return title | {"variant": variant} if variant else title


BASIC = (
    "base-files",
    "busybox",
    "ca-bundle",
    "demo-welcome",
    "dnsmasq",
    "dropbear",
    "firewall4",
    "libc",
    "libgcc",
    "logd",
    "netifd",
    "opkg",
    "procd",
    "uci",
    "uclient-fetch",
)

_GENERIC_PROFILES = (
    Profile(
        "acme_lighthouse-ac",
        (_device("Acme", "Lighthouse AC"),),
        ("acme,lighthouse-ac",),
        ("kmod-demo-ac",),
        16 * MIB,
    ),
    Profile("acme_pebble", (_device("Acme", "Pebble"),), ("acme,pebble", "pebble"), ("-wpad-basic",), 5 * MIB),
    Profile("acme_rocket-1", (_device("Acme", "Rocket", "1"),), ("acme,rocket-1", "rocket-1"), (), 16 * MIB),
    Profile(
        "acme_rocket-2",
        (_device("Acme", "Rocket", "2"), _device("Acme", "Rocket Pro")),
        ("acme,rocket-2", "acme,rocket-pro"),
        ("kmod-usb-core", "kmod-usb-storage"),
        16 * MIB,
    ),
    Profile("borealis_aurora-10", (_device("Borealis", "Aurora 10"),), ("borealis,aurora-10",), (), 16 * MIB),
    Profile(
        "borealis_aurora-20-v1", (_device("Borealis", "Aurora 20", "v1"),), ("borealis,aurora-20-v1",), (), 16 * MIB
    ),
    Profile(
        "borealis_aurora-20-v2",
        (_device("Borealis", "Aurora 20", "v2"),),
        ("borealis,aurora-20-v2", "borealis,aurora-20"),
        ("kmod-demo-ac",),
        16 * MIB,
    ),
    Profile(
        "kestrel_nest-lte",
        (_device("Kestrel", "Nest LTE"),),
        ("kestrel,nest-lte",),
        ("kmod-usb-core", "kmod-usb-net", "demo-modem"),
        16 * MIB,
    ),
    Profile("kestrel_nest-mini", ({"title": "Kestrel Nest mini"},), ("kestrel,nest-mini", "nest_mini"), (), 16 * MIB),
    Profile(
        "tern_harbour-x4",
        (_device("Tern", "Harbour X4"),),
        ("tern,harbour-x4",),
        ("-wpad-basic", "-kmod-demo-wifi"),
        32 * MIB,
        (("sysupgrade", "squashfs", "squashfs-sysupgrade.bin"),),
    ),
    Profile("tern_wave-outdoor", (_device("Tern", "Wave Outdoor"),), ("tern,wave-outdoor",), (), 16 * MIB),
)

_X86_PROFILE = Profile(
    "generic",
    (_device("Generic", "x86/64"),),
    (),
    ("kmod-demo-e1000", "kmod-fs-vfat"),
    0,
    (
        ("combined-efi", "squashfs", "squashfs-combined-efi.img.gz"),
        ("combined", "squashfs", "squashfs-combined.img.gz"),
        ("rootfs", "squashfs", "squashfs-rootfs.img.gz"),
        ("rootfs", "targz", "rootfs.tar.gz"),
        ("kernel", "squashfs", "kernel.bin"),
    ),
)

TARGETS = (
    Target(
        "demo",
        "generic",
        "demo_32",
        "demo",
        (*BASIC, "kmod-demo-net", "kmod-demo-wifi", "kmod-nf-demo", "mtd", "wpad-basic"),
        _GENERIC_PROFILES,
    ),
    Target("x86", "64", "x86_64", "x86_64", (*BASIC, "kmod-demo-net", "kmod-nf-demo"), (_X86_PROFILE,)),
)
