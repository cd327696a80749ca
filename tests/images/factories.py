"""A small catalogue and requests for it, with defaults; one screen."""

import json
from typing import Any

from django.test import Client
from django.utils import timezone

from builders.models import Build
from packages import generation
from packages.models import Channel, Distribution, Feed, Package, Profile, Release, Target

KERNEL_FREE = ("base-files", "busybox", "dropbear", "dnsmasq", "firewall4", "luci-base", "libc")
PACKAGES = {
    "base-files": "1637~d9340319c6",
    "busybox": "1.36.1-r2",
    "dropbear": "2024.86-r1",
    "dnsmasq": "2.90-r4",
    "dnsmasq-full": "2.90-r4",
    "firewall4": "2024.12.18-r1",
    "kmod-ath10k-ct": "6.6.93-r1",
    "luci": "25.191.67434~f5fd9bb",
    "luci-base": "25.191.67434~f5fd9bb",
    "tcpdump": "4.99.5-r1",
    "vim": "9.1.0727-r1",
    "wpad-basic": "2024.09.15-r1",
}
DEVICE = {
    "name": "tplink_archer-c7-v2",
    "titles": [{"vendor": "TP-Link", "model": "Archer C7", "variant": "v2"}],
    "supported_devices": ["tplink,archer-c7-v2", "archer-c7-v2"],
    "device_packages": ["kmod-ath10k-ct", "-dnsmasq"],
    "image_prefix": "openwrt-24.10.2-ath79-generic-tplink_archer-c7-v2",
    "images": [{"type": "sysupgrade", "filesystem": "squashfs", "name": "x-sysupgrade.bin", "sha256": "ab" * 32}],
}


def make_target(
    name: str = "ath79/generic",
    version: str = "24.10.2",
    *,
    distribution: str = "openwrt",
    profiles: tuple[dict[str, Any], ...] = (DEVICE,),
    packages: dict[str, str] | None = None,
    is_complete: bool = True,
    **changes: Any,
) -> Target:
    """A target with one feed of its own and one of its architecture (luci and vim)."""
    owner, _ = Distribution.objects.get_or_create(name=distribution, defaults={"url": "https://downloads.example.org"})
    is_snapshot = version == "SNAPSHOT"
    channel, _ = Channel.objects.get_or_create(
        distribution=owner,
        name="SNAPSHOT" if is_snapshot else version.rpartition(".")[0],
        defaults={"is_snapshot": is_snapshot, "path": "snapshots" if is_snapshot else "releases/{version}"},
    )
    release, _ = Release.objects.get_or_create(distribution=owner, channel=channel, version=version)
    values: dict[str, Any] = {
        "synced_at": timezone.now() if is_complete else None,
        "arch_packages": "mips_24kc",
        "version_code": "r28739-d9340319c6",
        "source_date_epoch": 1750711236,
        "linux_kernel": {"version": "6.6.93", "release": "1", "vermagic": "a1b2c3d4"},
        "default_packages": list(KERNEL_FREE),
        "imagebuilder_file": "openwrt-imagebuilder.tar.zst",
        "imagebuilder_sha256": "cd" * 32,
        "state_hash": "ef" * 32,
    }
    target = Target.objects.create(release=release, name=name, **(values | changes))
    if is_complete:
        _fill(target, profiles, PACKAGES if packages is None else packages)
    generation.bump()
    return target


def _fill(target: Target, profiles: tuple[dict[str, Any], ...], packages: dict[str, str]) -> None:
    for profile in profiles:
        Profile.objects.create(target=target, **profile)
    for feed_name, kind in (("core", Feed.Kind.TARGET), ("packages", Feed.Kind.ARCH)):
        path = f"{target.path}/packages" if kind == Feed.Kind.TARGET else f"{target.release.path}/packages/x/packages"
        feed, is_new = Feed.objects.get_or_create(
            release=target.release, path=path, kind=kind, defaults={"name": feed_name, "index_sha256": "12" * 32}
        )
        target.feeds.add(feed)
        of_arch = {"luci", "vim"}
        for name, version in packages.items() if is_new else ():
            if (name in of_arch) == (kind == Feed.Kind.ARCH):
                Package.objects.create(feed=feed, name=name, full_name=name, version=version)


def wish(**changes: Any) -> dict[str, Any]:
    """The body of a request that is fine; None takes a field out."""
    body: dict[str, Any] = {
        "version": "24.10.2",
        "target": "ath79/generic",
        "profile": "tplink_archer-c7-v2",
        "packages": ["luci"],
        **changes,
    }
    return {name: value for name, value in body.items() if value is not None}


def ask(client: Client, path: str = "/api/v1/build", /, **changes: Any) -> Any:
    """POST a wish."""
    return client.post(path, json.dumps(wish(**changes)), content_type="application/json")


def words(answer: Any) -> list[str]:
    """The words for PACKAGES of the build that an answer is about."""
    return list(Build.objects.get(spec_hash=answer.json()["request_hash"]).spec["packages"])
