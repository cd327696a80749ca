"""What every page of the site shows: its name, whom to ask, its version, and what is amiss."""

from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext

from stats import incidents


def site(request: HttpRequest) -> dict[str, Any]:
    """For `TEMPLATES`."""
    return {
        "site_name": settings.ASU_SITE_NAME or gettext("Firmware on demand"),
        "contact": settings.ASU_CONTACT,
        "version": settings.VERSION,
        "incident_banners": partial(incidents.banners, request),  # looked up where it is shown
    }
