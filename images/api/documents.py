"""The static documents of /json/v1: what is offered, and which packages there are (v1-api.md §7)."""

import re
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods

from images import addresses, services
from images.api import answers, overviews
from images.api.build import respond
from images.preparing import complete, why_not_yet
from packages import boards, network_profiles
from packages.models import Distribution, Feed, Package, Profile, Release, Target
from packages.querysets import ReleaseQuerySet, on_offer
from packages.versions import version_key
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
    return final(request, found, overviews.overview(found, upstream), keep=keep)


@require_http_methods(_READ)
def branches(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """§7.2"""
    found = _distribution(request, distribution)
    return final(request, found, overviews.branches_for_auc(found)) if found else _no_distribution(request)


@require_http_methods(_READ)
def latest(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """§7.3"""
    found = _distribution(request, distribution)
    return final(request, found, {"latest": overviews.latest(found)}) if found else _no_distribution(request)


@require_http_methods(_READ)
def revision(request: HttpRequest, version: str, target: str, subtarget: str, distribution: str = "") -> HttpResponse:
    """§7.6"""
    found = target_of(release_called(request, distribution, version), f"{target}/{subtarget}")
    if found is None:
        return respond(request, answers.error(404, f"There is no {version} for {target}/{subtarget} here."))
    if not complete(found):
        return not_yet(request, found)
    if not found.version_code:
        return respond(request, answers.error(404, f"The revision of {version} is not known."))
    return final(request, found.release.distribution, {"revision": found.version_code})


@require_http_methods(_READ)
def network_profile_list(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """What requests for this distribution may name as `network_profile`. Never kept: it depends on who asks."""
    found = _distribution(request, distribution)
    if found is None:
        return _no_distribution(request)
    offers = network_profiles.offered(found.name, viewer_of(request.META))
    return final(request, found, {"network_profiles": [offer.to_json() for offer in offers]}, keep=False)


@require_http_methods(_READ)
def document(request: HttpRequest, path: str, distribution: str = "") -> HttpResponse:
    """§7.4 and §7.5: the documents below DIR."""
    if match := _ARCH_INDEX.fullmatch(path):
        release = release_at(request, distribution, match["folder"])
        return _arch_index(request, release, match["arch"])
    if match := _TARGET_DOCUMENT.fullmatch(path):
        release = release_at(request, distribution, match["folder"])
        found = target_of(release, match["target"])
        if release is None or found is None:
            return nothing(request)
        if not complete(found):
            return not_yet(request, found)
        if match["name"] == "index":
            return _target_index(request, found)
        return _profile(request, found, match["name"], version_in(release, match["folder"]))
    return nothing(request)


def _target_index(request: HttpRequest, target: Target) -> HttpResponse:
    own = Package.objects.filter(feed__in=target.feeds.exclude(kind=Feed.Kind.ARCH))
    packages = _versions(own)
    kernel = target.linux_kernel
    if kernel.get("version") and "kernel" not in packages:
        # No package index lists it, yet clients look for it among what the target brings.
        packages["kernel"] = f"{kernel['version']}~{kernel.get('vermagic', '')}-r{kernel.get('release', '1')}"
    return final(request, target.release.distribution, {"architecture": target.arch_packages, "packages": packages})


def _arch_index(request: HttpRequest, release: Release | None, arch: str) -> HttpResponse:
    if release is None:
        return nothing(request)
    targets = Target.objects.filter(release=release, arch_packages=arch, is_enabled=True)
    if not targets.filter(synced_at__isnull=False, needs_inspection=False).exists():
        # The feeds of an architecture come with any target of it.
        first = targets.first()
        if first is None:
            return nothing(request)
        if not complete(first):
            return not_yet(request, first)
    feeds = Feed.objects.filter(kind=Feed.Kind.ARCH, targets__in=targets)
    return final(request, release.distribution, _versions(Package.objects.filter(feed__in=feeds)))


def _profile(request: HttpRequest, target: Target, name: str, version: str) -> HttpResponse:
    profile = _profile_called(target, name)
    if profile is None:
        return respond(request, answers.error(404, f"{target.name} has no such profile."))
    about = about_target(target, version)
    body = {**about, "id": profile.name, **about_profile(profile)}
    return final(request, target.release.distribution, body)


def _profile_called(target: Target, board: str) -> Profile | None:
    """By its id; else by a board that it supports, which is how auc knows its device."""
    rows = Profile.objects.select_related("target").filter(target=target)
    exact = rows.filter(name=boards.plain(board)).first()
    if exact is not None:
        return exact
    columns = rows.order_by("name").values_list("pk", "supported_devices")
    known = [pk for pk, supported in columns if boards.is_among(board, supported)]
    return rows.filter(pk__in=known[:1]).first()


def about_target(target: Target, version: str) -> dict[str, Any]:
    """What profiles.json says of a target. `version`: the name that the release was asked for by."""
    about: dict[str, Any] = {
        "metadata_version": 1,
        "target": target.name,
        "arch_packages": target.arch_packages,
        "version_number": version,
        "version_code": target.version_code,
        "default_packages": target.image_packages,
        "source_date_epoch": target.source_date_epoch,
        "linux_kernel": target.linux_kernel,
    }
    if target.source_date_epoch is not None:
        about["build_at"] = answers.iso_of_epoch(target.source_date_epoch)
    return about


def about_profile(profile: Profile) -> dict[str, Any]:
    """And of one of its devices."""
    return {
        "image_prefix": profile.image_prefix,
        "images": profile.images,
        "titles": profile.titles,
        "device_packages": profile.image_packages,
        "supported_devices": profile.supported_devices,
    }


def _versions(packages: Any) -> dict[str, str]:
    return dict(packages.order_by("name", "id").values_list("name", "version"))


def _distribution(request: HttpRequest, address: str) -> Distribution | None:
    rows = Distribution.objects.visible_to(viewer_of(request.META))
    return rows.filter(name=services.distribution_at(address)).first()


def _releases(request: HttpRequest, address: str) -> ReleaseQuerySet:
    """What is offered of the distribution at an address, to the one who asks."""
    name = services.distribution_at(address)
    return Release.objects.filter(
        visible(viewer_of(request.META), "distribution__organisation"),
        on_offer(),
        distribution__name=name,
        distribution__is_enabled=True,
    ).select_related("channel", "distribution", "built_on__channel")


def release_at(request: HttpRequest, address: str, folder: str) -> Release | None:
    """The release whose documents are in a folder, e.g. `releases/24.10.2`; of a flavour also in that of its base."""
    offered, version = _releases(request, address), folder.rpartition("/")[2]
    for release in offered.filter(Q(version=version) | Q(channel__path=folder)):
        if release.path == folder:
            return release
    on_base = offered.filter(Q(built_on__version=version) | Q(built_on__channel__path=folder))
    return _newest(release for release in on_base if release.built_on and release.built_on.path == folder)


def release_called(request: HttpRequest, address: str, version: str) -> Release | None:
    """The release of this version; of a flavour also by the version that it is built on."""
    return _releases(request, address).best_called(version)


def version_in(release: Release, folder: str) -> str:
    """What the release is called in its documents: by the name that its folder has."""
    if release.built_on is not None and release.path != folder:
        return release.built_on.version
    return release.version


def _newest(releases: Iterable[Release]) -> Release | None:
    return max(releases, key=lambda release: version_key(release.version), default=None)


def target_of(release: Release | None, name: str) -> Target | None:
    """A target that is offered."""
    if release is None:
        return None
    return (
        Target.objects.select_related("release__channel", "release__distribution", "built_on__release")
        .filter(release=release, name=name, is_enabled=True)
        .first()
    )


def final(request: HttpRequest, distribution: Distribution, body: Any, *, keep: bool = True) -> HttpResponse:
    """A document; `keep`: the same for everybody until something in the catalogue changes."""
    # Kept answers are for everybody.
    if keep and distribution.organisation_id is None:
        request.META["asu.final"] = True
    return JsonResponse(body, safe=False)


def nothing(request: HttpRequest) -> HttpResponse:
    """There is no such document."""
    return respond(request, answers.error(404, "There is no such document here."))


def _no_distribution(request: HttpRequest) -> HttpResponse:
    return respond(request, answers.error(404, "This server does not offer this distribution."))


def not_yet(request: HttpRequest, target: Target) -> HttpResponse:
    """It will be there in a moment, or the mirror does not give it."""
    return respond(request, answers.error(503, why_not_yet(target), {"Retry-After": "5"}))
