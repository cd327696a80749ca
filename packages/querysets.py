"""The questions we ask of distributions and network profiles: first of all, whether the one who asks may see them."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q

from packages.versions import version_key
from packages.visibility import PUBLIC, Viewer, visible

if TYPE_CHECKING:
    from packages.models import Distribution, NetworkProfile, Release  # noqa: F401 (for the types of the querysets)


class DistributionQuerySet(models.QuerySet["Distribution"]):
    """Distributions."""

    def visible_to(self, viewer: Viewer = PUBLIC) -> Self:
        """Those that are there for the viewer: enabled, and everybody's or of its organisation."""
        return self.filter(visible(viewer), is_enabled=True)

    def line(self, name: str) -> "list[Distribution]":
        """Of these the one of that name, and those that go on where it ends, one after the other; [] without it."""
        rows = {row.pk: row for row in self}
        found: list[Distribution] = []
        row = next((row for row in rows.values() if row.name == name), None)
        while row is not None:
            # Each once: a circle ends here.
            found.append(rows.pop(row.pk))
            row = rows.get(row.successor_id or 0)
        return found


def on_offer(release: str = "") -> Q:
    """A condition on rows with a release (the field `release`; "": they are releases) that is on offer."""
    start = f"{release}__" if release else ""
    return Q(**{f"{start}is_enabled": True, f"{start}channel__is_enabled": True})


def listed(release: str = "") -> Q:
    """A condition on such rows: it is on offer and stands in lists. What is hidden is there for who names it."""
    start = f"{release}__" if release else ""
    return on_offer(release) & Q(**{f"{start}is_hidden": False, f"{start}channel__is_hidden": False})


def called(version: str, release: str = "") -> Q:
    """A condition on such rows: their release may be asked for so.

    A flavour's goes by its own version, and by that of the base, which devices report that run it.
    """
    start = f"{release}__" if release else ""
    return Q(**{f"{start}version__iexact": version}) | Q(**{f"{start}built_on__version__iexact": version})


class ReleaseQuerySet(models.QuerySet["Release"]):
    """Releases of a distribution."""

    def best_called(self, version: str) -> "Release | None":
        """By its own version, else by that of the base: then of several series the one with the highest name."""
        found = list(self.filter(called(version)))
        own = [release for release in found if release.version.upper() == version.upper()]
        return max(own or found, key=lambda release: version_key(release.version), default=None)


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
