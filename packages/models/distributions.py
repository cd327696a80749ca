"""Distributions, their keys and their channels."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from packages import naming
from packages.definitions import SHIPPED
from packages.models.organisations import Organisation, check_given_away
from packages.models.synced import Synced
from packages.models.validators import validate_distribution_name, validate_mirror_url, validate_package_words
from packages.querysets import DistributionQuerySet

# What `settle_stable` may change. The choice itself is the maintainer's.
STABLE_FIELDS = ("stable_version", "mirror_stable")


class Distribution(Synced):
    """A firmware distribution with a mirror in the layout of an OpenWrt download server.

    Or a flavour of one (`built_on`): its images come from the ImageBuilders of the other, with feeds, keys and default
    packages of its own. Releases, targets and devices of a flavour are derived from those of its base (`Series`).
    """

    name = models.CharField(max_length=32, unique=True, validators=[validate_distribution_name])
    title = models.CharField(max_length=80, blank=True, help_text="How people write it, e.g. OpenWrt.")
    description = models.TextField(blank=True)
    aliases = models.JSONField(
        default=list,
        blank=True,
        help_text='Other names that devices and clients know it by, e.g. ["lime"]; upper and lower case are the same.',
    )
    url = models.CharField(
        _("address of the mirror"),
        max_length=500,
        blank=True,
        validators=[validate_mirror_url],
        help_text=(
            "Root of the mirror: the folder that holds 'releases/'. http, https, or a file:// folder. "
            "Of a flavour: the folder that its feeds are below."
        ),
    )
    built_on = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="flavours",
        limit_choices_to={"built_on": None},
        help_text=(
            "Makes it a flavour: the distribution whose ImageBuilders its images come from. Releases and channels that "
            "are disabled there are gone here too; the base as a whole may be disabled, and the flavour still works."
        ),
    )
    package_words = models.TextField(
        blank=True,
        validators=[validate_package_words],
        help_text=(
            "Of a flavour: what its images hold beside the default packages of the base, with blanks between; "
            "-name for what they do without. E.g. lime-system -dnsmasq"
        ),
    )
    network_profile = models.ForeignKey(
        "NetworkProfile",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="flavours",
        help_text="Of a flavour: the network profile whose files and packages go into each of its images.",
    )
    offers_listed_devices_only = models.BooleanField(
        default=False, help_text="Of a flavour: devices that are not in its list of devices are not offered."
    )
    is_enabled = models.BooleanField(_("enabled"), default=True, help_text="Disabled: invisible, nothing is built.")
    is_hosted = models.BooleanField(
        _("we are the mirror"),
        default=False,
        help_text="Its documents are served below the distribution's name. Needs a file:// address.",
    )
    enables_new_releases = models.BooleanField(
        default=True, help_text="Offer releases as soon as the mirror lists them."
    )
    oldest_version = models.CharField(
        max_length=64,
        blank=True,
        help_text="Releases older than this are left out, e.g. 22.03. Empty: all are offered.",
    )
    newest_version = models.CharField(
        max_length=64,
        blank=True,
        help_text="Releases newer than this, and snapshots, are left out, e.g. 17.01. Empty: all are offered.",
    )
    # What counts: the maintainer's choice where there is one, else what the mirror says.
    stable_version = models.CharField(max_length=64, blank=True)
    chosen_stable = models.CharField(
        "stable release by hand", max_length=64, blank=True, editable=False, help_text="No sync changes it."
    )
    mirror_stable = models.CharField(max_length=64, blank=True, editable=False)
    # Packages that vanished between two releases, of which a maintainer wants to hear no more.
    ignored_suggestions = models.JSONField(default=list, blank=True, editable=False)
    contact = models.CharField(max_length=200, blank=True)
    successor = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="predecessors",
        help_text="The distribution that goes on where this one ends, e.g. OpenWrt after LEDE.",
    )
    # PROTECT: without its organisation it would be everybody's.
    organisation = models.ForeignKey(
        Organisation,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="distributions",
        help_text="Private: only who sends a token of this organisation sees it and builds it. Empty: everybody.",
    )

    objects = DistributionQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.title or self.name

    @property
    def public_urls(self) -> list[str]:
        """Web addresses that the mirror is known by: its own, the one that everybody knows, or ours if we host it."""
        known = [self.url.rstrip("/")] if self.url.startswith(("http://", "https://")) else []
        if shipped := SHIPPED.get(self.name):
            known.append(shipped.url)
        if self.is_hosted and settings.ASU_BASE_URL:
            known.append(f"{settings.ASU_BASE_URL}/{self.name}")
        return list(dict.fromkeys(known))

    def clean(self) -> None:
        if self.is_hosted and not self.url.startswith("file://"):
            raise ValidationError({"url": "A distribution that is hosted here needs a file:// address."})
        naming.check(self)
        check_given_away(self, "What becomes private here is in the flavour")
        if self.built_on is None:
            if not self.url:
                raise ValidationError({"url": "Say where the mirror is; only a flavour can do without."})
            if self.package_words.strip():
                raise ValidationError(
                    {"package_words": "Only a flavour has words of its own: choose what it is built on."}
                )
            if self.network_profile is not None:
                raise ValidationError({"network_profile": "Only a flavour has files: choose what it is built on."})
        else:
            self._clean_flavour(self.built_on)

    def _clean_flavour(self, base: "Distribution") -> None:
        if base.pk == self.pk or base.name == self.name:
            raise ValidationError({"built_on": "A flavour is built on another distribution, not on itself."})
        if base.built_on_id is not None:
            sentence = f"{base} is a flavour itself. Choose {base.built_on}, which that one is built on."
            raise ValidationError({"built_on": sentence})
        for field, row in (("built_on", base), ("network_profile", self.network_profile)):
            if row is not None and row.organisation_id not in (None, self.organisation_id):
                sentence = f"{row} is private to {row.organisation}, and this flavour is not: it would give it away."
                raise ValidationError({field: sentence})
        if self._state.adding:
            return
        if self.flavours.exists():
            raise ValidationError({"built_on": "Flavours are built on this distribution, so it cannot be one itself."})
        if self.releases.filter(built_on=None, is_enabled=True).exists():
            sentence = "It has releases from a mirror of its own. Add the flavour under another name, or delete them."
            raise ValidationError({"built_on": sentence})

    def settle_stable(self, of_mirror: str) -> bool:
        """Note what the mirror calls stable; True when that changes what counts.

        In the caller's transaction, and the caller saves `STABLE_FIELDS`: a maintainer may choose while a sync runs.
        """
        before = self.stable_version
        rows = Distribution.objects.select_for_update().filter(pk=self.pk)
        self.chosen_stable = rows.values_list("chosen_stable", flat=True).get()
        self.mirror_stable = of_mirror
        self.stable_version = self.chosen_stable or of_mirror
        return self.stable_version != before

    @property
    def base(self) -> "Distribution":
        """Whose mirror has the ImageBuilders: the one that it is built on, or itself."""
        return self.built_on or self


class DistributionKey(models.Model):
    """A public key that the distribution signs with. With one of these pinned, unsigned means refused."""

    class Kind(models.TextChoices):
        USIGN = "usign", "usign / signify (Ed25519)"
        GPG = "gpg", "OpenPGP"
        APK = "apk", "apk (EC P-256, PEM)"

    distribution = models.ForeignKey(Distribution, models.CASCADE, related_name="keys")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    text = models.TextField(help_text="The key file as published: usign public key, ASCII-armoured OpenPGP, or PEM.")
    comment = models.CharField(max_length=200, blank=True)
    is_enabled = models.BooleanField(_("enabled"), default=True)

    def __str__(self) -> str:
        return f"{self.distribution.name} {self.kind} {self.comment}".strip()


class Channel(models.Model):
    """A branch of releases: `24.10`, `SNAPSHOT`. The name is a prefix of every version in it."""

    distribution = models.ForeignKey(Distribution, models.CASCADE, related_name="channels")
    name = models.CharField(max_length=64)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    is_hidden = models.BooleanField(
        "hidden",
        default=False,
        help_text="In no list, and no device is led to it; built for who names a release of it.",
    )
    is_snapshot = models.BooleanField(
        _("development branch"), default=False, help_text="The development branch: rebuilt under one version."
    )
    path = models.CharField(
        max_length=200, default="releases/{version}", help_text="Folder of a release on the mirror."
    )
    git_branch = models.CharField(max_length=100, blank=True)
    branch_off_rev = models.PositiveIntegerField(
        null=True, blank=True, help_text="Revision count at which the branch left the development branch."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["distribution", "name"], name="channel_once")]
        ordering = ["distribution", "name"]

    def __str__(self) -> str:
        return f"{self.distribution.name} {self.name}"
