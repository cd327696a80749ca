"""What a request is identified by. Pure.

A checked request is the build it asks for: its hash is `BuildSpec.hash()`, the full SHA-256 of one canonical form (see
`builders.spec`). A request that cannot be checked yet has a hash of its own, over what was asked.
"""

import hashlib
import json
from typing import Any

from builders.spec import BuildSpec, FeedSpec, ImageBuilderSpec, KeySpec
from images.normalise import Wanted, defaults_of
from images.validation import Asked
from packages.catalogue import TargetCatalogue


def build_spec(asked: Asked, wanted: Wanted, catalogue: TargetCatalogue) -> BuildSpec:
    """Everything that a worker needs, from the state of the catalogue that the request was checked against."""
    return BuildSpec(
        distribution=catalogue.distribution,
        version=catalogue.version,
        target=catalogue.target,
        profile=wanted.profile.name,
        packages=wanted.words,
        imagebuilder=ImageBuilderSpec(
            catalogue.imagebuilder_url, catalogue.imagebuilder_file, catalogue.imagebuilder_sha256
        ),
        feeds=tuple(FeedSpec(f.name, f.kind, f.format, f.url, f.index_sha256) for f in catalogue.feeds),
        keys=tuple(KeySpec(key.kind, key.text) for key in catalogue.keys),
        package_manager=catalogue.package_manager,
        arch_packages=catalogue.arch_packages,
        # The revision is a property of the release: whoever names it asks for the same build as who does not.
        version_code=catalogue.version_code or asked.version_code,
        defaults=asked.defaults,
        filesystem=asked.filesystem,
        rootfs_size_mb=asked.rootfs_size_mb,
        default_packages=defaults_of(catalogue, wanted.profile).listed,
        source_date_epoch=catalogue.source_date_epoch,
    )


def echo(asked: Asked, *, profile: str, version: str, version_code: str) -> dict[str, Any]:
    """The request as clients get it back (v1-api.md §3.4).

    The first-boot script is never shown, people put passwords there; owut only looks whether there was one.
    """
    size = len(asked.defaults.encode())
    return {
        "distro": asked.distribution,
        "version": version,
        "version_code": version_code,
        "target": asked.target,
        "profile": profile,
        "packages": [] if asked.versions else list(asked.packages),
        "packages_versions": dict(asked.versions),
        "diff_packages": asked.diff_packages,
        "defaults": f"({size} bytes, not shown)" if size else None,
        "rootfs_size_mb": asked.rootfs_size_mb,
        "filesystem": asked.filesystem or None,
        "repositories": {},
        "repository_keys": [],
        "client": asked.client,
    }


def unchecked_canonical(asked: Asked) -> str:
    """The canonical form of a request as asked, for the time until its target's documents are here.

    Holds the script itself, since two scripts are two requests; it is stored but never shown.
    """
    form = {
        "canonical": "unchecked-1",
        "distribution": asked.distribution,
        "version": asked.version,
        "target": asked.target,
        "profile": asked.profile,
        "packages": sorted(set(asked.packages)),
        "packages_versions": dict(asked.versions),
        "diff_packages": asked.diff_packages,
        "version_code": asked.version_code,
        "filesystem": asked.filesystem,
        "defaults": asked.defaults,
        "rootfs_size_mb": asked.rootfs_size_mb,
    }
    return json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def from_unchecked(canonical: str, echoed: dict[str, Any]) -> Asked:
    """The reverse of `unchecked_canonical`; the order of the packages and the client come from the echo."""
    form = json.loads(canonical)
    del form["canonical"]
    form["versions"] = form.pop("packages_versions")
    form["packages"] = tuple(echoed["packages"])
    return Asked(**form, client=echoed["client"])


def digest(canonical: str) -> str:
    """Full SHA-256, 64 hex digits."""
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
