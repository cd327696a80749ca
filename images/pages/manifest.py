"""The packages of an image, with what the catalogue knows of them."""

from collections.abc import Mapping
from dataclasses import dataclass

from images import known_packages
from images.models import ImageRequest


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """A package of the image; `is_requested`: somebody asked for it by name."""

    name: str
    version: str
    is_requested: bool
    size: int = 0  # of the package's file; 0 = not known


def entries(request: ImageRequest, manifest: Mapping[str, str], wanted: set[str]) -> list[ManifestEntry]:
    """In the order of names. A size is that of this very version: snapshots move on."""
    known = known_packages.in_target(request.distribution, request.version, request.target, manifest)
    found = []
    for name, version in sorted(manifest.items()):
        row = known.get(name)
        is_requested = name in wanted or bool(row and row.name in wanted)
        found.append(ManifestEntry(name, version, is_requested, row.size if row and row.version == version else 0))
    return found
