"""Releases, their targets and their devices."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from packages import words
from packages.models.distributions import Channel, Distribution
from packages.models.flavours import Series
from packages.models.synced import Synced
from packages.querysets import ReleaseQuerySet
from packages.versions import is_snapshot

if TYPE_CHECKING:
    from packages.models.feeds import Feed


class Release(Synced):
    """One version of a distribution. `SNAPSHOT` versions are rebuilt upstream under the same name."""

    distribution = models.ForeignKey(Distribution, models.CASCADE, related_name="releases")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="releases")
    version = models.CharField(max_length=64)
    is_enabled = models.BooleanField(
        _("enabled"), default=True, help_text="Disabled: not offered, and requests for it are refused."
    )
    is_hidden = models.BooleanField(
        "hidden", default=False, help_text="In no list, and no device is led to it; built for who names it."
    )
    is_pinned = models.BooleanField(
        "pinned", default=False, help_text="It stays on offer with its targets when the mirror lists it no longer."
    )
    # New, of a distribution that does not offer new releases by itself: a maintainer says whether it is offered.
    awaits_decision = models.BooleanField("waits for a decision", default=False, editable=False)
    is_manual = models.BooleanField(
        _("typed in by hand"), default=False, help_text="Typed in: a sync never removes it."
    )
    seen_at = models.DateTimeField("seen first", default=timezone.now, editable=False)
    # Off the mirror's list since; a sync that finds it again enables it again.
    vanished_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Of a flavour only.
    built_on = models.ForeignKey("self", models.CASCADE, null=True, blank=True, editable=False, related_name="flavours")
    series = models.ForeignKey(Series, models.CASCADE, null=True, blank=True, editable=False, related_name="releases")
    targets_folder = models.CharField(
        max_length=32, blank=True, default="targets", help_text="Folder of the targets; empty in the era of 15.05."
    )

    objects = ReleaseQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["distribution", "version"], name="release_once")]
        ordering = ["distribution", "-id"]

    def __str__(self) -> str:
        return f"{self.distribution.name} {self.version}"

    @property
    def path(self) -> str:
        """Folder on the mirror, e.g. `releases/24.10.2`; DIR of the API documents."""
        return self.channel.path.replace("{version}", self.version)

    @property
    def base(self) -> "Release":
        """What it is built on, or itself: the release whose branch and place in time it shares."""
        return self.built_on or self

    @property
    def is_kept(self) -> bool:
        """Whether it is on offer although the mirror lists it no longer."""
        return self.is_pinned and self.vanished_at is not None

    @property
    def is_snapshot(self) -> bool:
        """Whether upstream rebuilds this version under the same name."""
        return self.channel.is_snapshot or is_snapshot(self.version)


class Target(Synced):
    """A target of a release, e.g. `ath79/generic`.

    Lazily complete: until somebody asks for it only the name is known (`synced_at` is None). Afterwards profiles,
    default packages and feeds are here. Releases without JSON documents (up to 18.06) come to this through `make info`
    of their ImageBuilder: `needs_inspection` stays True until that was read.
    """

    class PackageManager(models.TextChoices):
        OPKG = "opkg"
        APK = "apk"

    release = models.ForeignKey(Release, models.CASCADE, related_name="targets")
    # Of a flavour only: whose ImageBuilder, devices and default packages it has a copy of.
    built_on = models.ForeignKey("self", models.CASCADE, null=True, blank=True, editable=False, related_name="flavours")
    name = models.CharField(max_length=130, help_text="<target>/<subtarget>, e.g. ath79/generic")
    is_enabled = models.BooleanField(_("enabled"), default=True)
    is_manual = models.BooleanField(
        _("typed in by hand"), default=False, help_text="Typed in: a sync never removes it."
    )
    vanished_at = models.DateTimeField(null=True, blank=True, editable=False)
    needs_inspection = models.BooleanField(default=False, editable=False)
    arch_packages = models.CharField(max_length=64, blank=True, help_text="Package architecture, e.g. mips_24kc")
    version_code = models.CharField(max_length=64, blank=True, help_text="Revision, e.g. r28739-d9340319c6")
    source_date_epoch = models.BigIntegerField(null=True, blank=True)
    linux_kernel = models.JSONField(default=dict, blank=True, help_text='{"version", "release", "vermagic"}')
    default_packages = models.JSONField(
        default=list, blank=True, help_text="As the ImageBuilder has them; those of a flavour are on top of them."
    )
    # What a flavour adds to these, and `-name` for what it leaves out. The ImageBuilder knows nothing of it.
    package_words = models.JSONField(default=list, blank=True, editable=False)
    package_manager = models.CharField(max_length=8, choices=PackageManager.choices, default=PackageManager.OPKG)
    imagebuilder_file = models.CharField(max_length=240, blank=True, help_text="File name in the target's folder.")
    imagebuilder_sha256 = models.CharField(max_length=64, blank=True)
    feeds: "models.ManyToManyField[Feed, Feed]" = models.ManyToManyField("Feed", related_name="targets", blank=True)
    # When the mirror was last asked for a request that did not fit what we have.
    refreshed_at = models.DateTimeField(null=True, blank=True, editable=False)
    # Names the state of everything a build reads from the mirror: ImageBuilder, profiles, every feed's index.
    state_hash = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["release", "name"], name="target_once")]
        ordering = ["release", "name"]

    def __str__(self) -> str:
        return f"{self.release} {self.name}"

    @property
    def path(self) -> str:
        """Folder on the mirror, e.g. `releases/24.10.2/targets/ath79/generic`."""
        return "/".join(part for part in (self.release.path, self.release.targets_folder, self.name) if part)

    @property
    def imagebuilder_url(self) -> str:
        """Where its ImageBuilder is: on its own mirror, or on that of what it is built on."""
        owner = self.built_on or self
        return f"{owner.release.distribution.url.rstrip('/')}/{owner.path}/{self.imagebuilder_file}"

    @property
    def image_packages(self) -> list[str]:
        """The default packages of its images, as profiles.json lists them."""
        return words.on_top(self.default_packages, self.package_words)

    @property
    def is_complete(self) -> bool:
        """Whether requests can be checked against it."""
        return self.synced_at is not None and not self.needs_inspection


class Profile(models.Model):
    """A device of a target, as `profiles.json` or `make info` tell it."""

    target = models.ForeignKey(Target, models.CASCADE, related_name="profiles")
    name = models.CharField(max_length=128, help_text="Profile id, e.g. tplink_archer-c7-v2")
    titles = models.JSONField(default=list, blank=True, help_text='[{"vendor", "model", "variant"} or {"title"}]')
    supported_devices = models.JSONField(default=list, blank=True)
    device_packages = models.JSONField(default=list, blank=True)
    package_words = models.JSONField(default=list, blank=True, help_text="What a flavour says of this device.")
    image_prefix = models.CharField(max_length=240, blank=True)
    images = models.JSONField(default=list, blank=True, help_text="Upstream's own images, as in profiles.json.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["target", "name"], name="profile_once")]
        ordering = ["target", "name"]

    def __str__(self) -> str:
        return self.name

    @property
    def title(self) -> str:
        """How people call the device, e.g. `TP-Link Archer C7 v2`."""
        return first_title(self.titles) or self.name

    @property
    def image_packages(self) -> list[str]:
        """What the device adds to the target's default packages, as profiles.json lists it; `-name` takes away."""
        return words.of_device(self.device_packages, self.target.package_words, self.package_words)


def first_title(titles: Sequence[Mapping[str, Any]]) -> str:
    """Of `titles` as profiles.json has them the first that says something, as one text; "" if none does."""
    for entry in titles:
        words = [entry["title"]] if entry.get("title") else [entry.get(key) for key in ("vendor", "model", "variant")]
        if text := " ".join(str(word) for word in words if word):
            return text
    return ""
