"""The questions we ask of distributions and network profiles: first of all, whether the one who asks may see them."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from packages.visibility import PUBLIC, Viewer, visible

if TYPE_CHECKING:
    from packages.models import Distribution, NetworkProfile  # noqa: F401 (for the types of the querysets)


class DistributionQuerySet(models.QuerySet["Distribution"]):
    """Distributions."""

    def visible_to(self, viewer: Viewer = PUBLIC) -> Self:
        """Those that are there for the viewer: enabled, and everybody's or of its organisation."""
        return self.filter(visible(viewer), is_enabled=True)


class NetworkProfileQuerySet(models.QuerySet["NetworkProfile"]):
    """Network profiles."""

    def visible_to(self, viewer: Viewer = PUBLIC) -> Self:
        """Those that are there for the viewer; not those of distributions alone that it does not see."""
        distributions = visible(viewer, "distributions__organisation") & Q(distributions__is_enabled=True)
        rows = self.filter(visible(viewer), is_enabled=True)
        return rows.filter(Q(is_general=True) | distributions).distinct()

    def meant_for(self, distribution: str) -> Self:
        """Those for this distribution, or for every one."""
        return self.filter(Q(is_general=True) | Q(distributions__name=distribution)).distinct()
