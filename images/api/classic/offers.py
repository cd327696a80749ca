"""What there is to choose from: lists for the web client of 2017 to today (chef).

Its revisions ask by `release` (2017) or `version` (2018 on), and read what they ask by; so both are taken and sent.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from images import normalise, preparing
from images.api.classic import calls
from packages import catalogue, names, naming, network_profiles
from packages.exceptions import UnknownError
from packages.models import Distribution, Profile, Release, Target, first_title
from packages.querysets import called, listed, on_offer
from packages.target_catalogue import TargetCatalogue
from packages.versions import is_pre_release, newest_first
from packages.visibility import Viewer, viewer_of


@require_safe
def distros(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """The distributions, for 2017."""
    rows = _offered(request, distribution)
    versions = _versions(rows)
    return _list(
        {
            "name": row.name,
            "alias": _title(row),
            "latest": _latest(versions[row.pk]),
            "description": row.description,
        }
        for row in rows
    )


@require_safe
def distributions(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """The same with their versions, for today."""
    rows = _offered(request, distribution)
    versions = _versions(rows)
    found = {
        row.name: {
            "distro_alias": _title(row),
            "distro_description": row.description,
            "latest": _latest(versions[row.pk]),
            "versions": {version: {"version_description": ""} for version in versions[row.pk]},
        }
        for row in rows
    }
    return JsonResponse(found)


@require_safe
def releases(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """The releases of one distribution or of all, newest first."""
    rows = _asked_for(request, distribution)
    versions = _versions(rows)
    return _list({"distro": row.name, "release": version} for row in rows for version in versions[row.pk])


@require_safe
def versions(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """The same, for 2018."""
    rows = _asked_for(request, distribution)
    found = _versions(rows)
    return _list(
        {"distro": row.name, "version": version, "alias": "", "description": ""}
        for row in rows
        for version in found[row.pk]
    )


@require_safe
def models(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """The devices whose names hold a text, of the targets whose documents are here."""
    rows = _asked_for(request, distribution)
    version = _version(request)
    if not version or not (distribution or request.GET.get("distro")) or "model_search" not in request.GET:
        return _nothing_asked()
    wanted = request.GET["model_search"].casefold().replace("\0", "")
    # The client of 2017 asks by `release`. Those of 2018 and of 2019 on ask alike, by `version`, and read differently:
    # the former splits `target/subtarget/profile` at its slashes and takes the first three parts, the latter so splits
    # `target/profile`. With the target in one piece and the profile as `subtarget` both come to the same parts.
    is_whole = "release" not in request.GET
    return _list(
        {
            "distro": row.name,
            "release": found,
            "version": found,
            "target": target if is_whole else target.partition("/")[0],
            "subtarget": profile if is_whole else target.partition("/")[2],
            "profile": profile,
            "model": model,
        }
        for row in rows
        for found, target, profile, model in _devices(row, version)
        if wanted in model.casefold()
    )


@require_safe
def packages_image(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """The packages that a device's image holds when nothing is asked for."""
    asked, version = request.GET, _version(request)
    name = naming.named(asked.get("distro") or distribution, viewer_of(request.META))
    whole = asked.get("target", "")
    target, subtarget, profile = whole, asked.get("subtarget", ""), asked.get("profile", "")
    is_list = "/" in whole and not subtarget
    if subtarget and not whole.endswith(f"/{subtarget}"):
        target = f"{whole}/{subtarget}"
    if not (version and whole and profile and (asked.get("distro") or distribution)) or "/" not in target:
        return _nothing_asked()
    snapshot = _snapshot(name, version, target, viewer_of(request.META))
    if isinstance(snapshot, HttpResponse):
        return snapshot
    device = snapshot.resolve_profile(profile)
    if device is None:
        return calls.respond(calls.error(404, "There is no such device."))
    found = list(normalise.defaults_of(snapshot, device).ordered)
    return JsonResponse(found if is_list else {"packages": found}, safe=False)


@require_safe
def network_profile_names(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """The names of the network profiles."""
    return JsonResponse(_network_profiles(request, distribution), safe=False)


@require_safe
def network_profile_packages(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """The same in the form of a package index."""
    lines = [f"Package: {name}\n" for name in _network_profiles(request, distribution)]
    return HttpResponse("\n".join(lines), content_type="text/plain; charset=utf-8")


@require_safe
def supported(request: HttpRequest, distribution: str = "") -> HttpResponse:
    """The targets on offer; `distro`, `release` and `target` choose some of them."""
    rows = Target.objects.filter(release__distribution__in=_asked_for(request, distribution), is_enabled=True)
    if version := _version(request):
        rows = rows.filter(on_offer("release"), called(version, "release"))
    else:
        rows = rows.filter(listed("release"))
    if wanted := request.GET.get("target", "").replace("\0", ""):
        rows = rows.filter(name=wanted) if "/" in wanted else rows.filter(name__startswith=f"{wanted}/")
    found = rows.order_by("release__distribution__name", "-release_id", "name")
    return _list(
        {
            "distro": name,
            "release": version,
            "version": version,
            "target": target.partition("/")[0],
            "subtarget": target.partition("/")[2],
            "supported": True,
        }
        for name, version, target in found.values_list("release__distribution__name", "release__version", "name")
    )


# -- rows --------------------------------------------------------------------------------------------------


def _offered(request: HttpRequest, distribution: str) -> list[Distribution]:
    """What the caller may see; below a distribution's address that one alone."""
    rows = Distribution.objects.visible_to(viewer_of(request.META)).order_by("name")
    return list(rows.filter(name=distribution) if distribution else rows)


def _asked_for(request: HttpRequest, distribution: str) -> list[Distribution]:
    """The same, of which `distro` chooses one."""
    rows = _offered(request, distribution)
    wanted = request.GET.get("distro")
    if not wanted:
        return rows
    name = naming.named(wanted, viewer_of(request.META))
    return [row for row in rows if row.name == name]


def _title(row: Distribution) -> str:
    return row.title or row.name


def _versions(rows: list[Distribution]) -> dict[int, list[str]]:
    """Of each distribution by its key, newest first."""
    found: dict[int, list[str]] = {row.pk: [] for row in rows}
    releases = Release.objects.filter(listed(), distribution__in=rows)
    for distribution, version in releases.values_list("distribution_id", "version"):
        found[distribution].append(version)
    return {distribution: newest_first(known) for distribution, known in found.items()}


def _latest(versions: list[str]) -> str:
    final = [version for version in versions if not is_pre_release(version)]
    return next(iter(final or versions), "")


def _version(request: HttpRequest) -> str:
    text = request.GET.get("version") or request.GET.get("release") or ""
    return text if names.VERSION.fullmatch(text) else ""


def _devices(row: Distribution, version: str) -> Iterable[tuple[str, str, str, str]]:
    """Version, target, profile and each of its titles."""
    profiles = Profile.objects.filter(
        called(version, "target__release"),
        on_offer("target__release"),
        target__release__distribution=row,
        target__is_enabled=True,
    ).order_by("target__name", "name")
    columns = profiles.values_list("target__release__version", "target__name", "name", "titles")
    for found, target, profile, titles in columns:
        said = dict.fromkeys(filter(None, (first_title([entry]) for entry in titles)))
        for model in said or (profile,):
            yield found, target, profile, model


def _snapshot(distribution: str, version: str, target: str, viewer: Viewer) -> TargetCatalogue | HttpResponse:
    named = target if names.TARGET.fullmatch(target) else ""
    try:
        return preparing.with_documents(partial(catalogue.find, distribution, version, named, viewer), most=2)
    except preparing.NotYetError as error:
        return calls.respond(calls.error(503, str(error), {"Retry-After": "5"}))
    except UnknownError:
        return calls.respond(calls.error(404, "There is no such release or target."))


def _network_profiles(request: HttpRequest, distribution: str) -> list[str]:
    return [offer.name for offer in network_profiles.offered(distribution, viewer_of(request.META))]


def _list(entries: Iterable[dict[str, Any]]) -> HttpResponse:
    return JsonResponse(list(entries), safe=False)


def _nothing_asked() -> HttpResponse:
    return JsonResponse([], safe=False, status=400)
