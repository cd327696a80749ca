"""Filters of the lists of requests, images and files."""

from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from images import client_kinds
from images.models import ImageRequest
from packages.lists import filters, search
from packages.models import Organisation


class StatusFilter(filters.WordFilter):
    title = _("status")
    parameter_name = "status"
    words = ImageRequest.Status.choices


class ClientFilter(filters.WordFilter):
    """By how a client's name for itself begins."""

    title = _("client")
    parameter_name = "client"
    words = tuple((program.kind, program.title) for program in client_kinds.ASKING)

    def chosen(self, rows: "QuerySet[Any]", value: str) -> "QuerySet[Any]":
        return rows.filter(search.beginning(rows, "client", value))


class OrganisationFilter(filters.RowFilter):
    title = _("organisation")
    parameter_name = "organisation"
    other_names = ("organisation__id__exact",)
    table = Organisation


_STANDINGS = {
    "served": (_("served"), Q(expired_at__isnull=True, withdrawn_at__isnull=True)),
    "pinned": (_("pinned"), Q(is_pinned=True)),
    "expired": (_("expired"), Q(expired_at__isnull=False)),
    "withdrawn": (_("withdrawn"), Q(withdrawn_at__isnull=False)),
}


class StandingFilter(filters.WordFilter):
    title = _("standing")
    parameter_name = "standing"
    words = tuple((name, title) for name, (title, _condition) in _STANDINGS.items())

    def chosen(self, rows: "QuerySet[Any]", value: str) -> "QuerySet[Any]":
        found = _STANDINGS.get(value)
        return rows.filter(found[1]) if found else rows.none()


class RequestedFilter(filters.DaysFilter):
    """Of images: when they were asked for first."""

    path = "request__"


class OfDistribution(filters.DistributionFilter):
    path = "request__"


class OfVersion(filters.VersionFilter):
    path = "request__"


class OfTarget(filters.TargetFilter):
    path = "request__"


class OfProfile(filters.ProfileFilter):
    path = "request__"
