"""What every page of the site shows: its name, whom to ask, its version."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext


def site(request: HttpRequest) -> dict[str, Any]:
    """For `TEMPLATES`."""
    return {
        "site_name": settings.ASU_SITE_NAME or gettext("Firmware on demand"),
        "contact": settings.ASU_CONTACT,
        "version": settings.VERSION,
    }
