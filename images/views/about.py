"""What this server is, what it proves, what it keeps, and within which limits it works."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from images import addresses, publishing


@require_safe
def about(request: HttpRequest) -> HttpResponse:
    """`/about/`."""
    context = {
        "base": addresses.base(request),
        "limits": _limits(),
        "has_key": publishing.signing_key() is not None,
    }
    return render(request, "images/about.html", context)


def _limits() -> dict[str, Any]:
    """As they are set on this server; 0 is none."""
    return {
        "packages": settings.ASU_MAX_PACKAGES,
        "script_bytes": settings.ASU_MAX_DEFAULTS_LENGTH,
        "rootfs_mb": settings.ASU_MAX_ROOTFS_SIZE_MB,
        "per_hour": settings.ASU_CLIENT_BUILDS_PER_HOUR,
        "wait_minutes": settings.ASU_MAX_WAIT_MINUTES,
        "drop_minutes": settings.ASU_DROP_MINUTES,
        "build_minutes": settings.ASU_BUILD_TIMEOUT // 60,
        "image_days": settings.ASU_IMAGE_TTL_DAYS,
        "snapshot_hours": settings.ASU_SNAPSHOT_TTL_HOURS,
    }
