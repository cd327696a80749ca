"""The static documents of /json/v1: what is offered, and which packages there are (v1-api.md §7)."""

import re
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods

from images import addresses, services
from images.api import answers, overviews
from images.api.build import respond
from images.preparing import complete
from packages import network_profiles
from packages.models import Distribution, Feed, Package, Profile, Release, Target
from packages.visibility import viewer_of, visible

_READ = ["GET", "HEAD"]
_TARGET_DOCUMENT = re.compile(r"(?P<folder>[^?]+)/targets/(?P<target>[^/]+/[^/]+)/(?P<name>[^/]+)\.json")
_ARCH_INDEX = re.compile(r"(?P<folder>[^?]+)/packages/(?P<arch>[^/]+)-index\.json")


@require_http_methods(_READ)
def overview(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """§7.1"""
    found = _distribution(request, distribution)
    if found is None:
        return _no_distribution(request)
    # Kept answers are kept under the path: not when the address of the caller stands in them.
    is_ours = overviews.is_served_by_us(found)
    upstream = f"{addresses.base(request)}/{found.name}" if is_ours else found.url
    keep = not is_ours or bool(settings.ASU_BASE_URL)
    return _final(request, found, overviews.overview(found, upstream), keep=keep)


@require_http_methods(_READ)
def branches(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """§7.2"""
    found = _distribution(request, distribution)
    return _final(request, found, list(overviews.branches(found).values())) if found else _no_distribution(request)


@require_http_methods(_READ)
def latest(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """§7.3"""
    found = _distribution(request, distribution)
    return _final(request, found, {"latest": overviews.latest(found)}) if found else _no_distribution(request)


@require_http_methods(_READ)
def revision(request: HttpRequest, version: str, target: str, subtarget: str, distribution: str = "") -> HttpResponse:
    """§7.6"""
    releases = _releases(request, distribution).filter(version__iexact=version)
    found = _target(releases.first(), f"{target}/{subtarget}")
    if found is None:
        return respond(request, answers.error(404, f"There is no {version} for {target}/{subtarget} here."))
    if not complete(found):
        return _not_yet(request, found)
    if not found.version_code:
        return respond(request, answers.error(404, f"The revision of {version} is not known."))
    return _final(request, found.release.distribution, {"revision": found.version_code})


@require_http_methods(_READ)
def network_profile_list(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """What requests for this distribution may name as `network_profile`. Never kept: it depends on who asks."""
    found = _distribution(request, distribution)
    if found is None:
        return _no_distribution(request)
    offers = network_profiles.offered(found.name, viewer_of(request.META))
    return _final(request, found, {"network_profiles": [offer.to_json() for offer in offers]}, keep=False)


@require_http_methods(_READ)
def document(request: HttpRequest, path: str, distribution: str = "") -> HttpResponse:
    """§7.4 and §7.5: the documents below DIR."""
    if match := _ARCH_INDEX.fullmatch(path):
        release = _release_at(request, distribution, match["folder"])
        return _arch_index(request, release, match["arch"])
    if match := _TARGET_DOCUMENT.fullmatch(path):
        found = _target(_release_at(request, distribution, match["folder"]), match["target"])
        if found is None:
            return _nothing(request)
        if not complete(found):
            return _not_yet(request, found)
        return _target_index(request, found) if match["name"] == "index" else _profile(request, found, match["name"])
    return _nothing(request)


def _target_index(request: HttpRequest, target: Target) -> HttpResponse:
    own = Package.objects.filter(feed__in=target.feeds.exclude(kind=Feed.Kind.ARCH))
    packages = _versions(own)
    kernel = target.linux_kernel
    if kernel.get("version") and "kernel" not in packages:
        # No package index lists it, yet clients look for it among what the target brings.
        packages["kernel"] = f"{kernel['version']}~{kernel.get('vermagic', '')}-r{kernel.get('release', '1')}"
    return _final(request, target.release.distribution, {"architecture": target.arch_packages, "packages": packages})


def _arch_index(request: HttpRequest, release: Release | None, arch: str) -> HttpResponse:
    if release is None:
        return _nothing(request)
    targets = Target.objects.filter(release=release, arch_packages=arch, is_enabled=True)
    if not targets.filter(synced_at__isnull=False, needs_inspection=False).exists():
        # The feeds of an architecture come with any target of it.
        first = targets.first()
        if first is None:
            return _nothing(request)
        if not complete(first):
            return _not_yet(request, first)
    feeds = Feed.objects.filter(kind=Feed.Kind.ARCH, targets__in=targets)
    return _final(request, release.distribution, _versions(Package.objects.filter(feed__in=feeds)))


def _profile(request: HttpRequest, target: Target, name: str) -> HttpResponse:
    profile = Profile.objects.filter(target=target, name=name.replace(",", "_")).first()
    if profile is None:
        return respond(request, answers.error(404, f"{target.name} has no such profile."))
    body: dict[str, Any] = {
        "metadata_version": 1,
        "id": profile.name,
        "target": target.name,
        "arch_packages": target.arch_packages,
        "version_number": target.release.version,
        "version_code": target.version_code,
        "image_prefix": profile.image_prefix,
        "images": profile.images,
        "titles": profile.titles,
        "default_packages": target.default_packages,
        "device_packages": profile.device_packages,
        "supported_devices": profile.supported_devices,
        "source_date_epoch": target.source_date_epoch,
        "linux_kernel": target.linux_kernel,
    }
    if target.source_date_epoch is not None:
        body["build_at"] = answers.iso_of_epoch(target.source_date_epoch)
    return _final(request, target.release.distribution, body)


def _versions(packages: Any) -> dict[str, str]:
    return dict(packages.order_by("name", "id").values_list("name", "version"))


def _distribution(request: HttpRequest, address: str) -> Distribution | None:
    rows = Distribution.objects.visible_to(viewer_of(request.META))
    return rows.filter(name=services.distribution_at(address)).first()


def _releases(request: HttpRequest, address: str) -> Any:
    """What is offered of the distribution at an address, to the one who asks."""
    name = services.distribution_at(address)
    return Release.objects.filter(
        visible(viewer_of(request.META), "distribution__organisation"),
        distribution__name=name,
        distribution__is_enabled=True,
        channel__is_enabled=True,
        is_enabled=True,
    ).select_related("channel", "distribution")


def _release_at(request: HttpRequest, address: str, folder: str) -> Release | None:
    """The release whose documents are in a folder, e.g. `releases/24.10.2`."""
    candidates = _releases(request, address).filter(Q(version=folder.rpartition("/")[2]) | Q(channel__path=folder))
    return next((release for release in candidates if release.path == folder), None)


def _target(release: Release | None, name: str) -> Target | None:
    if release is None:
        return None
    return (
        Target.objects.select_related("release__channel", "release__distribution")
        .filter(release=release, name=name, is_enabled=True)
        .first()
    )


def _final(request: HttpRequest, distribution: Distribution, body: Any, *, keep: bool = True) -> HttpResponse:
    # Kept answers are for everybody.
    if keep and distribution.organisation_id is None:
        request.META["asu.final"] = True
    return JsonResponse(body, safe=False)


def _nothing(request: HttpRequest) -> HttpResponse:
    return respond(request, answers.error(404, "There is no such document here."))


def _no_distribution(request: HttpRequest) -> HttpResponse:
    return respond(request, answers.error(404, "This server does not offer this distribution."))


def _not_yet(request: HttpRequest, target: Target) -> HttpResponse:
    detail = f"The documents of {target.name} are being fetched from the mirror. Please ask again in a moment."
    if target.sync_error:
        detail = f"The mirror does not give what {target.name} needs: {target.sync_error}"
    return respond(request, answers.error(503, detail, {"Retry-After": "5"}))
