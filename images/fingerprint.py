"""What a request is identified by. Pure.

A checked request is the build it asks for: its hash is `BuildSpec.hash()`, the full SHA-256 of one canonical form (see
`builders.spec`). A request that cannot be checked yet has a hash of its own, over what was asked.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from builders.spec import BuildSpec, ImageBuilderSpec, KeySpec
from images.normalise import Wanted, defaults_of
from images.per_profile import PerProfile
from images.repositories import feed_spec
from images.validation import Asked
from packages.target_catalogue import ProfileInfo, TargetCatalogue
from packages.visibility import Owner


class Fingerprint:
    """A checked request as a build: its hash, and the texts of its row.

    Equal to `spec.hash()`, `spec.canonical_json()` and `json.dumps(spec.to_json())`, put together from what is alike
    for all requests for a profile and what is not: this is done for every POST.
    """

    __slots__ = ("_differences", "_rare", "_template", "canonical", "hash")

    def __init__(self, template: "_Template", differences: dict[str, Any], rare: dict[str, Any]) -> None:
        self._template = template
        self._differences = differences
        self._rare = rare  # what few requests have: for them the long way is good enough
        self.canonical = self.spec.canonical_json() if rare else template.canonical(differences)
        self.hash = digest(self.canonical)

    @property
    def spec(self) -> BuildSpec:
        """All that a worker needs."""
        return replace(self._template.spec, **self._differences, **self._rare)

    @property
    def spec_json(self) -> str:
        """The same as text."""
        if self._rare:
            return json.dumps(self.spec.to_json())
        return f"{self._template.spec_head}, {json.dumps(self._differences)[1:]}"

    @property
    def distribution(self) -> str:
        """The distribution's name."""
        return self._template.spec.distribution

    @property
    def version(self) -> str:
        """The release's own version."""
        return self._template.spec.version

    @property
    def profile(self) -> str:
        """The profile's name."""
        return self._template.spec.profile

    @property
    def target(self) -> str:
        """The target's name."""
        return self._template.spec.target

    @property
    def arch(self) -> str:
        """The architecture of its packages."""
        return self._template.spec.arch_packages

    @property
    def imagebuilder(self) -> str:
        """SHA-256 of the ImageBuilder."""
        return self._template.spec.imagebuilder.sha256

    @property
    def version_code(self) -> str:
        """The revision that the image will have, where known."""
        return str(self._differences["version_code"])


def fingerprint(asked: Asked, wanted: Wanted, catalogue: TargetCatalogue) -> Fingerprint:
    """From the state of the catalogue that the request was checked against."""
    differences: dict[str, Any] = {
        "packages": wanted.words,
        # The revision is a property of the release: whoever names it asks for the same build as who does not.
        "version_code": catalogue.version_code or asked.version_code,
        "defaults": asked.defaults,
        "rootfs_size_mb": asked.rootfs_size_mb,
    }
    rare: dict[str, Any] = {}
    if wanted.feeds is not None:
        rare["feeds"] = wanted.feeds
    if wanted.files:
        rare["files"] = wanted.files
    if wanted.owner != catalogue.owner:
        rare["owner"] = wanted.owner.key if wanted.owner else ""
    return Fingerprint(_templates.get(catalogue, wanted.profile), differences, rare)


_DIFFERENCES = ("packages", "version_code", "defaults", "rootfs_size_mb")


class _Template:
    """What is alike for all requests for a profile."""

    def __init__(self, spec: BuildSpec) -> None:
        self.spec = spec
        fields = spec.to_json()
        canonical = spec.canonical()
        for name in _DIFFERENCES:
            del fields[name], canonical[name]
        self.spec_head = json.dumps(fields)[:-1]
        self._canonical = {name: f'"{name}":{_compact(value)}' for name, value in canonical.items()}

    def canonical(self, differences: dict[str, Any]) -> str:
        """See `BuildSpec.canonical_json`."""
        parts = dict(self._canonical)
        for name, value in differences.items():
            parts[name] = f'"{name}":{_compact(sorted(set(value)) if name == "packages" else value)}'
        return "{" + ",".join(parts[name] for name in sorted(parts)) + "}"


_compact = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def _template_of(catalogue: TargetCatalogue, profile: ProfileInfo) -> _Template:
    return _Template(
        BuildSpec(
            distribution=catalogue.distribution,
            version=catalogue.version,
            target=catalogue.target,
            profile=profile.name,
            packages=(),
            imagebuilder=ImageBuilderSpec(
                catalogue.imagebuilder_url, catalogue.imagebuilder_file, catalogue.imagebuilder_sha256
            ),
            feeds=tuple(feed_spec(feed) for feed in catalogue.feeds),
            keys=tuple(KeySpec(key.kind, key.text) for key in catalogue.keys),
            package_manager=catalogue.package_manager,
            arch_packages=catalogue.arch_packages,
            default_packages=defaults_of(catalogue, profile).listed,
            source_date_epoch=catalogue.source_date_epoch,
            owner=catalogue.owner.key if catalogue.owner else "",
        )
    )


_templates = PerProfile(_template_of)


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
        "network_profile": asked.network_profile or None,
        "repositories": dict(asked.repositories),
        "repositories_mode": asked.repositories_mode,
        "repository_keys": [text for _, text in asked.repository_keys],
        "client": asked.client,
    }


def unchecked_canonical(asked: Asked, owner: Owner | None = None) -> str:
    """The canonical form of a request as asked, for the time until its target's documents are here.

    Holds the script itself, since two scripts are two requests; it is stored but never shown. `owner`: whose members
    alone may know of it.
    """
    form: dict[str, Any] = {
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
    if asked.is_classic:
        form |= {"is_classic": True, "model": asked.model}
    if asked.network_profile:
        form["network_profile"] = asked.network_profile
    if owner is not None:
        form["owner"] = owner.key
    if asked.repositories:
        form |= {
            "repositories": dict(asked.repositories),
            "repositories_mode": asked.repositories_mode,
            "repository_keys": sorted(asked.repository_keys),
        }
    return json.dumps(form, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def from_unchecked(canonical: str, echoed: dict[str, Any]) -> Asked:
    """The reverse of `unchecked_canonical`; the order of the packages and the client come from the echo."""
    form = json.loads(canonical)
    del form["canonical"]
    form.pop("owner", None)
    form["versions"] = form.pop("packages_versions")
    form["packages"] = tuple(echoed["packages"])
    form["repository_keys"] = tuple(tuple(key) for key in form.get("repository_keys", ()))
    return Asked(**form, client=echoed["client"])


def of_manifest(manifest: Mapping[str, str]) -> str:
    """Names a set of packages with their versions."""
    return digest(json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=True))


def digest(canonical: str) -> str:
    """Full SHA-256, 64 hex digits."""
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()
