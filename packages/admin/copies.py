"""What was read from mirrors and learnt from builds: devices, feeds, packages, limits. To look at."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.template.defaultfilters import filesizeformat
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from packages.admin.base import ReadOnly, copy_state
from packages.lists.fast import FastList
from packages.lists.filters import DistributionFilter, TargetFilter, VersionFilter, WordFilter
from packages.models import Feed, FlashLimit, ListedDevice, Package, Profile

# -- filters -----------------------------------------------------------------------------------------------


class OfDistribution(DistributionFilter):
    column = "release__distribution__name"


class OfVersion(VersionFilter):
    column = "release__version"


class ProfilesDistribution(OfDistribution):
    path = "target__"


class ProfilesVersion(OfVersion):
    path = "target__"


class ProfilesTarget(TargetFilter):
    column = "target__name"


class PackagesDistribution(DistributionFilter):
    """By the ids of feeds, which are few: joined to them all packages would be looked at."""

    def chosen(self, rows: "QuerySet[Any]", value: str) -> "QuerySet[Any]":
        return rows.filter(feed__in=Feed.objects.filter(release__distribution__name=value).order_by().values("pk"))


class PackagesVersion(VersionFilter):
    """The same."""

    def chosen(self, rows: "QuerySet[Any]", value: str) -> "QuerySet[Any]":
        return rows.filter(feed__in=Feed.objects.filter(release__version=value).order_by().values("pk"))


class KindFilter(WordFilter):
    title = parameter_name = "kind"
    words = Feed.Kind.choices


class FormatFilter(WordFilter):
    title = parameter_name = "format"
    words = Feed.Format.choices


class SourceFilter(WordFilter):
    title = parameter_name = "source"
    words = FlashLimit.Source.choices


# -- lists -------------------------------------------------------------------------------------------------


@admin.display(description="device")
def titled(row: Profile | ListedDevice) -> SafeString:
    """As the mirror calls it."""
    title = row.title if isinstance(row, Profile) else str(row)
    return SafeString(render_to_string("admin/packages/_visible.html", {"text": title}))


@admin.register(Profile)
class ProfileAdmin(ReadOnly, FastList):
    list_display = ("name", titled, "target")
    list_filter = (ProfilesDistribution, ProfilesVersion, ProfilesTarget)
    list_select_related = ("target__release__distribution",)
    searched = {"name": "text", "target__name": "text"}
    search_help_text = "By a beginning: device or target"
    deferred = ("images", "device_packages", "package_words", "supported_devices")


@admin.register(ListedDevice)
class ListedDeviceAdmin(ReadOnly, FastList):
    """Devices of releases whose targets nobody asked for yet, too."""

    list_display = ("profile", titled, "target", "release")
    list_filter = (OfDistribution, OfVersion, TargetFilter)
    list_select_related = ("release__distribution",)
    searched = {"profile": "text", "target": "text"}
    search_help_text = "By a beginning: device or target"


@admin.register(FlashLimit)
class FlashLimitAdmin(ReadOnly, FastList):
    list_display = ("profile", "target", "distribution", "room", "source")
    list_filter = (DistributionFilter, SourceFilter)
    searched = {"profile": "text", "target": "text"}
    search_help_text = "By a beginning: device or target"

    @admin.display(description="size")
    def room(self, row: FlashLimit) -> str:
        return filesizeformat(row.size)


@admin.register(Feed)
class FeedAdmin(ReadOnly, FastList):
    list_display = ("name", "kind", "release", "path", "format", copy_state)
    list_filter = (OfDistribution, KindFilter, FormatFilter, OfVersion)
    list_select_related = ("release__distribution",)
    searched = {"name": "text", "path": "text"}
    search_help_text = "By a beginning: name or path"


@admin.register(Package)
class PackageAdmin(ReadOnly, FastList):
    list_display = ("full_name", "version", "section", "size", "feed")
    list_filter = (PackagesDistribution, PackagesVersion)
    list_select_related = ("feed__release__distribution",)
    searched = {"name": "text"}
    search_help_text = "By the beginning of a package's name"
    deferred = ("depends", "provides", "conflicts", "description")
