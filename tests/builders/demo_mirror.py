"""The demo distribution's mirror, generated once a run, and specs for building from it without a catalogue."""

import atexit
import functools
import gzip
import hashlib
import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from builders.spec import BuildSpec, FeedSpec, ImageBuilderSpec, KeySpec
from demo import lime
from demo.mirror import generate
from packages.signatures import UsignKey

OLDER, NEWER = "1.0.0", "2.0.0"


@functools.cache
def _made() -> tuple[Path, str, str]:
    root = Path(tempfile.mkdtemp(prefix="asu-demo-mirror-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    key, lime_key = UsignKey.generate("demo"), UsignKey.generate("demo-lime")
    generate(root / "mirror", key, lime_key)
    return root / "mirror", key.public_text(), lime_key.public_text()


def mirror() -> Path:
    """The root folder. Read only: tests that spoil it work on a copy."""
    return _made()[0]


def public_key() -> str:
    """What it is signed with."""
    return _made()[1]


def lime_key() -> str:
    """What the feeds of its flavour are signed with."""
    return _made()[2]


def spec_for(
    target: str,
    profile: str,
    packages: tuple[str, ...] = (),
    *,
    root: Path | None = None,
    version: str = "",
    **more: Any,
) -> BuildSpec:
    """A spec as the server would make it after a sync of `root` (default: the whole mirror)."""
    root = root or mirror()
    version = version or json.loads((root / ".versions.json").read_text())["stable_version"]
    release = root / "releases" / version
    folder = release / "targets" / target
    document = json.loads((folder / "profiles.json").read_text())
    lines = [line.split(" *", 1) for line in (folder / "sha256sums").read_text().splitlines()]
    sums = {name: sha256 for sha256, name in lines}
    [archive] = [name for name in sums if "imagebuilder" in name and "/" not in name]
    feeds = {"core": ("target", folder / "packages")}
    for path in folder.glob("kmods/*"):
        feeds["kmods"] = ("kmods", path)
    feeds |= {
        path.name: ("arch", path) for path in sorted((release / "packages" / document["arch_packages"]).iterdir())
    }
    return BuildSpec(
        distribution="demo",
        version=version,
        target=target,
        profile=profile,
        packages=packages,
        imagebuilder=ImageBuilderSpec((folder / archive).as_uri(), archive, sums[archive]),
        feeds=tuple(
            FeedSpec(name, kind, "opkg", path.as_uri(), _index_sha256(path)) for name, (kind, path) in feeds.items()
        ),
        keys=(KeySpec("usign", public_key()),),
        arch_packages=document["arch_packages"],
        default_packages=(*document["default_packages"], *document["profiles"][profile]["device_packages"]),
        **more,
    )


def lime_feed(spec: BuildSpec, *keys: str, root: Path | None = None) -> FeedSpec:
    """The flavour's feed for a spec of the demo, with the keys that it comes with."""
    path = (root or mirror()) / lime.FOLDER / "releases" / spec.version / "packages" / spec.arch_packages / lime.FEED
    given = tuple(KeySpec("usign", key) for key in keys)
    return FeedSpec(lime.FEED, "flavour", "opkg", path.as_uri(), _index_sha256(path), given)


def _index_sha256(folder: Path) -> str:
    return hashlib.sha256(gzip.decompress((folder / "Packages.gz").read_bytes())).hexdigest()


def with_profile(spec: BuildSpec, profile: str) -> BuildSpec:
    """The same for another device, even one that does not exist."""
    return replace(spec, profile=profile)
