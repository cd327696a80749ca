"""What can be compared: an image, or what a release would put on the device of an image.

A side is named by the hash of an image or the address of its page, or by a release: `24.10.2`, `demo 25.04.0`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.utils.translation import gettext

from images import addresses, default_packages, known_packages
from images.comparison import Item
from images.models import ImageRequest
from images.pages import ImagePage
from packages import catalogue, comparing, names
from packages.essential import VIRTUAL
from packages.exceptions import NotCompleteError, UnknownError
from packages.models import Profile, Target
from packages.visibility import Viewer

_HASH = re.compile(r"[0-9a-f]{64}")
_PAGE = re.compile(r"(?:https?://[^/\s]{1,253})?/images/([0-9a-f]{64})/?(?:[?#].*)?")
_LONGEST = 500


class NoSideError(ValueError):
    """It cannot be compared. The sentence is for people."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that are compared."""

    word: str  # what names it
    title: str
    packages: Mapping[str, Item]  # by the names that stay
    manager: str
    facts: Mapping[str, str]
    request: ImageRequest | None = None
    address: str = ""  # of its page, or of the page where it can be had

    @property
    def size(self) -> int:
        """Of all package files whose size is known."""
        return sum(item.size for item in self.packages.values())

    @property
    def unsized(self) -> int:
        """How many have no known size."""
        return sum(1 for item in self.packages.values() if not item.size)


@dataclass(frozen=True, slots=True)
class Named:
    """What a word names, before it is known whether that is there."""

    word: str
    request_hash: str = ""
    distribution: str = ""  # "" = that of the other side
    version: str = ""

    @property
    def is_release(self) -> bool:
        """Else it is an image."""
        return bool(self.version)


def named(text: str) -> Named:
    """NoSideError for what is neither a hash nor an address nor a release."""
    word = " ".join(text[:_LONGEST].split())
    if match := _PAGE.fullmatch(word) or _HASH.fullmatch(word.lower()):
        found = match[match.lastindex or 0]
        return Named(found, request_hash=found.lower())
    first, _, rest = word.rpartition(" ")
    if names.VERSION.fullmatch(rest) and (not first or names.DISTRIBUTION.fullmatch(first.lower())):
        return Named(word, distribution=first.lower(), version=rest)
    raise NoSideError(
        gettext("“%(word)s” is neither the hash of an image, nor the address of its page, nor a release.")
        % {"word": word[:80]}
    )


def both(a: Named, b: Named, viewer: Viewer) -> tuple[Side, Side]:
    """NoSideError when one is not there, or nothing says for which device they are."""
    images = {side.word: _request(side, viewer) for side in (a, b) if not side.is_release}
    device = next(iter(images.values()), None)
    if device is None:
        raise NoSideError(gettext("Of two releases nothing says which device is meant: name an image for one of them."))
    found = [_of_release(side, device, viewer) if side.is_release else _of_image(images[side.word]) for side in (a, b)]
    return _comparable(found[0], found[1]), _comparable(found[1], found[0])


def _comparable(side: Side, other: Side) -> Side:
    """Without what a release does not name, though every image has it."""
    if other.request is not None:
        return side
    kept = {name: item for name, item in side.packages.items() if name not in VIRTUAL or name in other.packages}
    return replace(side, packages=kept)


# -- an image ------------------------------------------------------------------------------------------------


def _request(side: Named, viewer: Viewer) -> ImageRequest:
    request = ImageRequest.objects.with_outcome().filter(request_hash=side.request_hash).first()
    if request is not None and request.is_visible_to(viewer):
        request = request.resolved_to or request
    if request is None or not request.is_visible_to(viewer):
        raise NoSideError(gettext("There is no image %(hash)s.") % {"hash": f"{side.request_hash[:12]}…"})
    return request


def _of_image(request: ImageRequest) -> Side:
    page = ImagePage(request)
    if page.image is None:
        raise NoSideError(
            gettext("The image %(hash)s was not built, so nobody knows what would be in it.")
            % {"hash": f"{request.request_hash[:12]}…"}
        )
    manifest = page.image.manifest
    known = known_packages.in_target(request.distribution, request.version, request.target, manifest)
    packages: dict[str, Item] = {}
    for name, version in manifest.items():
        row = known.get(name)
        size = row.size if row is not None and row.version == version else 0
        packages.setdefault(row.name if row is not None else name, Item(name, version, size))
    return Side(
        word=request.request_hash,
        title=f"{page.title}, {page.release}",
        packages=packages,
        manager=page.spec.get("package_manager") or comparing.OPKG,
        facts=_facts_of_image(page),
        request=request,
        address=f"/images/{request.request_hash}/",
    )


def _facts_of_image(page: ImagePage) -> dict[str, str]:
    request, spec = page.request, page.spec
    script, network_profile = page.script, page.network_profile
    return {
        gettext("Distribution"): request.distribution,
        gettext("Release"): request.version,
        gettext("Revision"): str((page.image and page.image.profile_json.get("version_code")) or spec["version_code"]),
        gettext("Kernel"): str(page.image.manifest.get("kernel", "")) if page.image else "",
        gettext("Target"): request.target,
        gettext("Profile"): request.profile,
        gettext("Packages asked for"): " ".join(page.added),
        gettext("Packages left out"): " ".join(page.removed),
        gettext("Root partition"): f"{spec['rootfs_size_mb']} MB" if spec.get("rootfs_size_mb") else "",
        gettext("Services switched off"): " ".join(spec.get("disabled_services", ())),
        gettext("Network profile"): network_profile["name"] if network_profile else "",
        gettext("First-boot script"): f"SHA-256 {script['sha256'][:16]}…" if script else "",
        gettext("Repositories"): " ".join(entry["url"] for entry in page.repositories),
    }


# -- a release -----------------------------------------------------------------------------------------------


def _of_release(side: Named, device: ImageRequest, viewer: Viewer) -> Side:
    distribution = side.distribution or device.distribution
    target = _target(distribution, side.version, device, viewer)
    release = f"{target.release.distribution.name} {target.release.version}"
    profile = _profile(target, device, viewer)
    if profile is None:
        device_title = ImagePage(device).title
        raise NoSideError(gettext("%(release)s has no %(device)s.") % {"release": release, "device": device_title})
    packages = default_packages.of_device(target, profile)
    return Side(
        word=release,
        title=gettext("%(release)s as it comes") % {"release": release},
        packages=packages,
        manager=target.package_manager,
        facts=_facts_of_release(target, profile, packages),
        address=addresses.choose(
            target.release.distribution.name, target.name, profile.name, version=target.release.version
        ),
    )


def _target(distribution: str, version: str, device: ImageRequest, viewer: Viewer) -> Target:
    words = {"release": f"{distribution} {version}", "target": device.target}
    try:
        return catalogue.locate(distribution, version, device.target, viewer)
    except NotCompleteError:
        sentence = gettext(
            "What %(release)s has for %(target)s was not read yet; it will be when somebody asks for an image of it."
        )
        raise NoSideError(sentence % words) from None
    except UnknownError:
        raise NoSideError(gettext("%(release)s with %(target)s is not on offer here.") % words) from None


def _profile(target: Target, device: ImageRequest, viewer: Viewer) -> Profile | None:
    """By its name; else by what it calls itself, for which the whole target is read."""
    row = Profile.objects.filter(target=target, name=device.profile).first()
    if row is not None:
        return row
    release = target.release
    found = catalogue.find(release.distribution.name, release.version, target.name, viewer)
    profile = found.resolve_profile(device.profile)
    return Profile.objects.filter(target=target, name=profile.name).first() if profile is not None else None


def _facts_of_release(target: Target, profile: Profile, packages: Mapping[str, Item]) -> dict[str, str]:
    kernel, unknown = packages.get("kernel"), gettext("not known")
    return {
        gettext("Distribution"): target.release.distribution.name,
        gettext("Release"): target.release.version,
        gettext("Revision"): target.version_code or unknown,
        gettext("Kernel"): kernel.version if kernel else str(target.linux_kernel.get("version") or unknown),
        gettext("Target"): target.name,
        gettext("Profile"): profile.name,
    }
