"""What makes a distribution out of another."""

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from packages.models.distributions import Distribution
from packages.models.validators import (
    FEED_FIELDS,
    validate_base_releases,
    validate_feed_name,
    validate_feed_path,
    validate_package_words,
    validate_profile_name,
    validate_series_name,
    validate_version_template,
)

if TYPE_CHECKING:
    from packages.models.releases import Release, Target


class Series(models.Model):
    """Releases of a flavour that are alike: which of the base they are built on, their names, their feeds."""

    distribution = models.ForeignKey(Distribution, models.CASCADE, related_name="series")
    name = models.CharField(
        max_length=32,
        validators=[validate_series_name],
        help_text="What the flavour calls it, e.g. 2024.1 or master; {series} in names and paths.",
    )
    base_releases = models.CharField(
        max_length=500,
        validators=[validate_base_releases],
        help_text="Channels or versions of the base, with blanks between: 23.05 24.10.2 SNAPSHOT",
    )
    version_template = models.CharField(
        max_length=64,
        default="{base_version}",
        validators=[validate_version_template],
        help_text=(
            "Names of its releases, e.g. {series}-on{base_version}. Devices report the version of the base, so each "
            "release is found under that one too."
        ),
    )
    package_words = models.TextField(
        blank=True,
        validators=[validate_package_words],
        help_text="Words for this series only; they count more than those of the distribution.",
    )
    is_enabled = models.BooleanField(_("enabled"), default=True, help_text="Disabled: its releases are not offered.")

    class Meta:
        verbose_name_plural = "series"
        ordering = ["distribution", "id"]

    def __str__(self) -> str:
        return f"{self.distribution.name} {self.name}"

    def clean(self) -> None:
        if self.distribution_id and self.distribution.built_on_id is None:
            raise ValidationError("Only a flavour has series: say first what the distribution is built on.")

    def takes(self, release: "Release") -> bool:
        """Whether it has a release built on this one of the base."""
        wanted = {word.upper() for word in self.base_releases.split()}
        return bool(wanted & {release.version.upper(), release.channel.name.upper()})

    def version_on(self, release: "Release") -> str:
        """The version that is built on a release of the base."""
        return self.version_template.replace("{series}", self.name).replace("{base_version}", release.version)


class SeriesFeed(models.Model):
    """Where a series has packages: a folder with an index, signed by a key of the flavour."""

    series = models.ForeignKey(Series, models.CASCADE, related_name="feeds")
    name = models.CharField(
        max_length=48,
        validators=[validate_feed_name],
        help_text="E.g. libremesh",
    )
    path = models.CharField(
        max_length=200,
        validators=[validate_feed_path],
        help_text=(
            "Folder below the flavour's address, e.g. {series}/openwrt-{base_channel}/{arch}. "
            f"It may have {', '.join(f'{{{name}}}' for name in FEED_FIELDS)}."
        ),
    )
    is_optional = models.BooleanField(
        _("optional"),
        default=False,
        help_text="It does not exist for all architectures: where it is missing it is left out.",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["series", "name"], name="series_feed_once")]
        ordering = ["series", "id"]

    def __str__(self) -> str:
        return f"{self.series} {self.name}"

    def clean(self) -> None:
        if self.series_id and not self.series.distribution.url:
            raise ValidationError("Say first where the feeds are: the address of the distribution.")

    def path_for(self, target: "Target") -> str:
        """The folder for a target of one of the series' releases."""
        base = target.release.built_on
        assert base is not None, "a flavour's release is built on one of its base"
        fields = {
            "series": self.series.name,
            "version": target.release.version,
            "base_version": base.version,
            "base_channel": base.channel.name,
            "base_branch": base.channel.git_branch or base.channel.name,
            "arch": target.arch_packages,
            "target": target.name,
        }
        path = self.path
        for name, value in fields.items():
            path = path.replace(f"{{{name}}}", value)
        return path


class FlavourDevice(models.Model):
    """A device that a flavour treats in a way of its own, or offers at all."""

    distribution = models.ForeignKey(Distribution, models.CASCADE, related_name="devices")
    profile = models.CharField(
        max_length=128, validators=[validate_profile_name], help_text="Profile id, e.g. tplink_archer-c7-v2"
    )
    package_words = models.TextField(
        blank=True,
        validators=[validate_package_words],
        help_text="What its images hold beside, or with a minus do without, e.g. -kmod-ath10k-ct kmod-ath10k",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["distribution", "profile"], name="flavour_device_once")]
        ordering = ["distribution", "profile"]

    def __str__(self) -> str:
        return self.profile

    def clean(self) -> None:
        if self.distribution_id and self.distribution.built_on_id is None:
            raise ValidationError("Only a flavour has a list of devices: say first what the distribution is built on.")
