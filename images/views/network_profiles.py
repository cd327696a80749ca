"""The network profiles that requests may name."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from images.viewers import viewer_of_page
from packages import network_profiles


@require_safe
def network_profile_list(request: HttpRequest) -> HttpResponse:
    """The network profiles that a request may name, for people; for programs: /api/v1/network-profiles."""
    offers = network_profiles.offered(viewer=viewer_of_page(request))
    return render(request, "images/network_profiles.html", {"offers": offers})
