"""The documents of a download server (v1-api.md §8), for distributions of which we are the download server.

Those of a flavour are made from rows: nobody else has them. Those of a mirror that we host are files of its folder.
"""

import re
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe

from images import services
from images.api.documents import about_profile, about_target, final, not_yet, release_at, target_of, version_in
from images.preparing import complete
from packages import views
from packages.models import Distribution, Profile, Release, Target
from packages.querysets import listed
from packages.versions import SNAPSHOT, newest_first
from packages.visibility import viewer_of

_IN_RELEASE = re.compile(r"(?P<folder>[^?]+)/(?P<name>\.targets\.json|\.overview\.json)")
_OF_TARGET = re.compile(r"(?P<folder>[^?]+)/targets/(?P<target>[^/]+/[^/]+)/profiles\.json")


@csrf_exempt
@require_safe
def document(request: HttpRequest, path: str, distribution: str = "") -> HttpResponseBase:
    """A document or a file, e.g. `/libremesh/releases/2024.1/targets/ath79/generic/profiles.json`."""
    name = services.distribution_at(distribution)
    rows = Distribution.objects.visible_to(viewer_of(request.META))
    flavour = rows.filter(name=name, built_on__isnull=False).first()
    made = _made(request, flavour, path, distribution) if flavour is not None else None
    return made or views.document(request, path, distribution)


def _made(request: HttpRequest, flavour: Distribution, path: str, address: str) -> HttpResponse | None:
    """What we make from rows; None: it may be a file."""
    if path == ".versions.json":
        return final(request, flavour, _versions(flavour))
    if match := _IN_RELEASE.fullmatch(path):
        release = release_at(request, address, match["folder"])
        if release is None:
            return None
        document = _targets(release) if match["name"] == ".targets.json" else _overview(release, match["folder"])
        return final(request, flavour, document)
    if match := _OF_TARGET.fullmatch(path):
        release = release_at(request, address, match["folder"])
        target = target_of(release, match["target"])
        if release is None or target is None:
            return None
        if not complete(target):
            return not_yet(request, target)
        return final(request, flavour, _profiles(target, version_in(release, match["folder"])))
    return None


def _versions(flavour: Distribution) -> dict[str, Any]:
    rows = Release.objects.filter(listed(), distribution=flavour)
    known = [version for version in rows.values_list("version", flat=True) if version.upper() != SNAPSHOT]
    return {
        "stable_version": flavour.stable_version,
        "oldstable_version": "",
        "upcoming_version": "",
        "versions_list": newest_first(known),
    }


def _targets(release: Release) -> dict[str, str]:
    rows = Target.objects.filter(release=release, is_enabled=True).order_by("name")
    return dict(rows.values_list("name", "arch_packages"))


def _overview(release: Release, folder: str) -> dict[str, Any]:
    """The devices of all targets whose documents are here."""
    rows = Profile.objects.filter(target__release=release, target__is_enabled=True, target__needs_inspection=False)
    found = rows.order_by("target__name", "name").values_list("name", "target__name", "titles")
    return {
        "release": version_in(release, folder),
        "profiles": [{"id": name, "target": target, "titles": titles} for name, target, titles in found],
    }


def _profiles(target: Target, version: str) -> dict[str, Any]:
    """A flavour has no images ready-made; below its own versions none are listed, so that selectors show no links.

    Below the base's versions, where devices look that want to upgrade, they tell which kinds there are.
    """
    devices = Profile.objects.select_related("target").filter(target=target).order_by("name")
    profiles = {row.name: about_profile(row) for row in devices}
    base = target.built_on
    if base is None or version != base.release.version:
        profiles = {name: {**about, "images": []} for name, about in profiles.items()}
    return {**about_target(target, version), "profiles": profiles}
