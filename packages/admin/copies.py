"""What was read from mirrors: devices, feeds, packages. To look at."""

from django.contrib import admin

from packages.admin.base import ReadOnly, copy_state
from packages.models import Feed, Package, Profile


@admin.register(Profile)
class ProfileAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "title", "target"]
    list_filter = ["target__release__distribution", "target__release__version"]
    list_select_related = ["target__release__distribution"]
    search_fields = ["name", "titles", "target__name"]
    show_full_result_count = False


@admin.register(Feed)
class FeedAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "kind", "release", "path", "format", copy_state]
    list_filter = ["release__distribution", "kind", "format", "release__version"]
    list_select_related = ["release__distribution"]
    search_fields = ["name", "path"]


@admin.register(Package)
class PackageAdmin(ReadOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["full_name", "version", "section", "size", "feed"]
    list_filter = ["feed__release__distribution", "feed__release__version"]
    list_select_related = ["feed__release__distribution"]
    search_fields = ["name", "full_name"]
    show_full_result_count = False
