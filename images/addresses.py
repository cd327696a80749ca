"""Where this server is, as others reach it."""

from django.conf import settings
from django.http import HttpRequest


def base(request: HttpRequest) -> str:
    """Our own absolute address without a final slash: as configured, else as the caller wrote it."""
    return settings.ASU_BASE_URL or request.build_absolute_uri("/").rstrip("/")
