"""Requests as lists of pages show them."""

from typing import Any

from images.models import ImageRequest
from packages.visibility import Viewer


def shown_requests(viewer: Viewer) -> Any:
    """Requests with a page worth showing in a list, newest first; without what is long and not shown there."""
    return (
        ImageRequest.objects.visible_to(viewer)
        .select_related("build", "image")
        .filter(build__isnull=False)
        .defer("canonical", "build__stdout", "build__stderr", "build__canonical", "build__spec")
        .order_by("-id")
    )
