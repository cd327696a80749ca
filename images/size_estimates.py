"""How big an image will be, foreseen from one that is there and from the packages that make the difference."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from images import filesystems
from images.models import ImageFile, ImageRequest
from images.places import Place
from packages import flash_limits
from packages.dependencies import PackageInfo, Resolution
from packages.package_tables import TargetPackages
from packages.target_catalogue import ProfileInfo, TargetCatalogue
from packages.visibility import Viewer

# Which of a device's images is measured, the likeliest first.
_KINDS = ("sysupgrade", "combined-efi", "combined", "sdcard", "factory", "rootfs")
BUILT, UPSTREAM, PACKAGES = "built", "upstream", "packages"
_TIGHT = 0.92  # of the limit: what is above is told as tight, since this is an estimate


# Of the size of its default packages; an image of less is none that anybody could start (as the demo's own are).
_PLAUSIBLE = 0.5


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes, and what they were worked out from. `image`: the one that was built here, for BUILT."""

    size: int
    basis: str  # BUILT, UPSTREAM, PACKAGES
    kind: str = ""  # of the image that was measured
    image_hash: str = ""
    built_at: datetime | None = None
    limit: int | None = None

    @property
    def is_too_big(self) -> bool:
        """Whether it will hardly fit."""
        return self.limit is not None and self.basis != PACKAGES and self.size > self.limit

    @property
    def is_tight(self) -> bool:
        """Whether it may not fit."""
        return self.limit is not None and self.size > self.tight_from and not self.is_too_big

    @property
    def tight_from(self) -> int:
        """From where on it is called tight."""
        return int((self.limit or 0) * _TIGHT)

    @property
    def left(self) -> int:
        """What the limit leaves; below 0: by how much it is too big."""
        return (self.limit or 0) - self.size

    @property
    def over(self) -> int:
        """By how much it is too big."""
        return -self.left


@dataclass(frozen=True, slots=True)
class Base:
    """An image whose size and packages are known."""

    size: int
    kind: str
    packages: Sequence[PackageInfo]
    image_hash: str = ""
    built_at: datetime | None = None


def estimate(
    place: Place, filesystem: str, universe: TargetPackages, default: Resolution, wanted: Resolution, viewer: Viewer
) -> Estimate:
    """For the packages `wanted`; `default` are those of an image for which nothing was chosen."""
    catalogue, profile = place.catalogue, place.profile
    names = [place.distribution.name, place.distribution.base.name]
    limit = flash_limits.known(names, catalogue.target, profile.name)
    base = _built_here(catalogue, profile, filesystem, universe, viewer) or _upstream(profile, filesystem, default)
    if base is None:
        return Estimate(wanted.size, PACKAGES, limit=limit)
    size = base.size + _difference(base.packages, wanted.packages.values())
    basis = BUILT if base.image_hash else UPSTREAM
    return Estimate(max(0, size), basis, base.kind, base.image_hash, base.built_at, limit)


def _difference(before: Iterable[PackageInfo], after: Iterable[PackageInfo]) -> int:
    """Bytes of the package files that come and go. What a file system makes of them is about that."""
    sizes = {package.full_name: package.size for package in after}
    there = {package.full_name: package.size for package in before}
    come = sum(size for name, size in sizes.items() if name not in there)
    return come - sum(size for name, size in there.items() if name not in sizes)


def _built_here(
    catalogue: TargetCatalogue, profile: ProfileInfo, filesystem: str, universe: TargetPackages, viewer: Viewer
) -> Base | None:
    """The newest image of the device and release; none with a root partition of its own size, which says little."""
    requests = ImageRequest.objects.visible_to(viewer).filter(
        distribution=catalogue.distribution,
        version=catalogue.version,
        target=catalogue.target,
        profile=profile.name,
        image__withdrawn_at=None,
        image__isnull=False,
    )
    request = requests.select_related("image").order_by("-id").first()
    if request is None or request.echo.get("rootfs_size_mb"):
        return None
    file = _measured([_described(file) for file in request.image.file_list], filesystem)
    if file is None:
        return None
    named = (universe.named(name)[:1] for name in request.image.manifest)
    packages = [package for found in named for package in found]
    return Base(file["size"], file["type"], packages, request.request_hash, request.image.published_at)


def _described(file: ImageFile) -> dict[str, Any]:
    return {"type": file.type, "filesystem": file.filesystem, "size": file.size}


def _upstream(profile: ProfileInfo, filesystem: str, default: Resolution) -> Base | None:
    """The distribution's own image, where its mirror says how big that is."""
    file = _measured(profile.images, filesystem)
    if file is None or file["size"] < default.size * _PLAUSIBLE:
        return None
    return Base(file["size"], str(file.get("type", "")), tuple(default.packages.values()))


def _measured(images: Iterable[Mapping[str, Any]], filesystem: str) -> dict[str, Any] | None:
    """The image to go by: of the wanted file system, and one to upgrade with where there is one."""
    sized = [dict(image) for image in images if image.get("size") and image.get("type") in _KINDS]
    fitting = [image for image in sized if filesystems.is_meant(str(image.get("filesystem") or ""), filesystem)]
    return min(fitting or sized, key=_place, default=None)


def _place(image: Mapping[str, Any]) -> tuple[int, bool]:
    return _KINDS.index(image["type"]), image.get("filesystem") != "squashfs"
