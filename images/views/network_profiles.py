"""The network profiles that requests may name."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from images.viewers import viewer_of_page
from packages import device_index, network_profiles
from packages.visibility import Viewer


@require_safe
def network_profile_list(request: HttpRequest) -> HttpResponse:
    """The network profiles that a request may name, for people; for programs: /api/v1/network-profiles."""
    viewer = viewer_of_page(request)
    context = {"offers": network_profiles.offered(viewer=viewer), "api": _address_of_api(viewer)}
    return render(request, "images/network_profiles.html", context)


def _address_of_api(viewer: Viewer) -> str:
    """Below the name of a distribution where there is no default one: there it would answer 404."""
    first = next((section.name for section in device_index.sections(viewer)), settings.ASU_DEFAULT_DISTRIBUTION)
    return ("" if first == settings.ASU_DEFAULT_DISTRIBUTION else f"/{first}") + "/api/v1/network-profiles"
