"""What makes a distribution out of another: series, their feeds, devices."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from packages.admin.base import SHORT_TEXTS, Announcing, OffIndex, Switchable
from packages.models import FlavourDevice, Series, SeriesFeed


class SeriesInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Series
    extra = 0
    fields = ["name", "is_enabled", "base_releases", "version_template"]
    show_change_link = True
    verbose_name_plural = _("Series of a flavour (their feeds are on pages of their own)")


class DeviceInline(admin.TabularInline):  # type: ignore[type-arg]
    model = FlavourDevice
    formfield_overrides = SHORT_TEXTS
    extra = 0
    verbose_name_plural = _("Devices of a flavour")


class SeriesFeedInline(admin.TabularInline):  # type: ignore[type-arg]
    model = SeriesFeed
    extra = 1


@admin.register(Series)
class SeriesAdmin(Switchable, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "distribution", "base_releases", "version_template", "is_enabled"]
    list_filter = ["distribution", "is_enabled"]
    list_select_related = ["distribution"]
    inlines = [SeriesFeedInline]
    actions = ["enable", "disable"]


@admin.register(SeriesFeed)
class SeriesFeedAdmin(OffIndex, Announcing, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "series", "path", "is_optional"]
    list_filter = ["series__distribution"]
    list_select_related = ["series__distribution"]


@admin.register(FlavourDevice)
class FlavourDeviceAdmin(OffIndex, Announcing, admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["profile", "distribution", "package_words"]
    list_filter = ["distribution"]
    list_select_related = ["distribution"]
    search_fields = ["profile"]
