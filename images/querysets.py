"""The questions we ask of requests and images."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models

from packages.visibility import PUBLIC, Viewer, hidden_names, visible

if TYPE_CHECKING:
    from images.models import Image, ImageRequest  # noqa: F401 (for the types of the querysets)


class ImageRequestQuerySet(models.QuerySet["ImageRequest"]):
    """Requests."""

    def with_outcome(self) -> Self:
        """With all that an answer is made of, but for the list of files."""
        return self.select_related("build", "image", "resolved_to__build", "resolved_to__image")

    def visible_to(self, viewer: Viewer = PUBLIC) -> Self:
        """Those that are there for the viewer; see `ImageRequest.is_visible_to`."""
        rows = self.filter(visible(viewer))
        hidden = hidden_names(viewer)
        return rows.exclude(distribution__in=hidden) if hidden else rows

    def preparing(self) -> Self:
        """Those that wait for their target's documents."""
        return self.filter(status="preparing")

    def refused(self) -> Self:
        """Those that waited, and turned out to be wrong or not to be had."""
        return self.filter(status="refused")

    def at(self, distribution: str, version: str, target: str) -> Self:
        """For one target of one release."""
        return self.filter(distribution=distribution, version__iexact=version, target=target)


class ImageQuerySet(models.QuerySet["Image"]):
    """Published images."""

    def served(self) -> Self:
        """Those whose files may be downloaded."""
        return self.filter(expired_at=None, withdrawn_at=None)

    def unasked_since(self, moment: datetime) -> Self:
        """Served and not pinned, and nobody asked for them after `moment`: those that may go."""
        return self.served().filter(last_asked_at__lt=moment, is_pinned=False)
