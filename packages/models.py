"""The catalogue: what the mirrors of distributions offer."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from packages import file_sets, names, naming, words
from packages.addresses import check_url
from packages.changes import Change, circle_with, shape_problem
from packages.definitions import SHIPPED
from packages.exceptions import SignatureError
from packages.public_keys import PublicKey, read_keys
from packages.querysets import DistributionQuerySet, NetworkProfileQuerySet, ReleaseQuerySet
from packages.versions import is_snapshot
from packages.web_addresses import WebAddress


def validate_distribution_name(value: str) -> None:
    """Lower-case letters, digits and dashes, and none of our own addresses."""
    if not names.DISTRIBUTION.fullmatch(value):
        raise ValidationError("Use up to 32 lower-case letters, digits and dashes, e.g. 'openwrt'.")
    if value in names.RESERVED:
        raise ValidationError(f"'{value}' is an address of this server. Choose another name.")


def validate_mirror_url(value: str) -> None:
    """An address that `packages.upstream.Mirror` takes."""
    try:
        check_url(value)
    except ValueError as error:
        raise ValidationError(str(error)) from error


def validate_series_name(value: str) -> None:
    """It stands in versions and paths."""
    if not names.VERSION.fullmatch(value):
        raise ValidationError("Use letters, digits, dots, dashes and underscores, e.g. 2024.1 or master.")


def validate_feed_name(value: str) -> None:
    """A folder of this name is what the ImageBuilder sees."""
    if not names.FEED.fullmatch(value):
        raise ValidationError("Use letters, digits, dots, dashes and underscores, e.g. libremesh.")


def validate_profile_name(value: str) -> None:
    """As profiles.json has it."""
    if not names.PROFILE.fullmatch(value):
        raise ValidationError("Write the profile's id, e.g. tplink_archer-c7-v2.")


def validate_version_template(value: str) -> None:
    """It makes another version of each release of the base."""
    if "{base_version}" not in value or not names.VERSION.fullmatch(_fill(value, SERIES_FIELDS)):
        raise ValidationError("It needs {base_version} in it, and may have {series}, e.g. {series}-on{base_version}.")


def validate_feed_path(value: str) -> None:
    """Folders below the flavour's address."""
    parts = _fill(value, FEED_FIELDS).split("/")
    if not all(names.FILE.fullmatch(part) for part in parts):
        known = ", ".join(f"{{{name}}}" for name in FEED_FIELDS)
        raise ValidationError(f"This is a path such as {{series}}/{{base_channel}}/{{arch}}. It may have {known}.")


def validate_base_releases(value: str) -> None:
    """Channels and versions with blanks between."""
    wrong = [word for word in value.split() if not names.VERSION.fullmatch(word)]
    if wrong or not value.split():
        raise ValidationError(
            "Write channels or versions of the base with blanks between, e.g. 23.05 24.10.2 SNAPSHOT."
        )


SERIES_FIELDS = ("series", "base_version")
FEED_FIELDS = ("series", "version", "base_version", "base_channel", "base_branch", "arch", "target")


def _fill(template: str, fields: Sequence[str]) -> str:
    """The template with something in the place of each field."""
    for name in fields:
        template = template.replace(f"{{{name}}}", "x")
    return template


def validate_organisation_name(value: str) -> None:
    """What a distribution's name looks like."""
    if not names.ORGANISATION.fullmatch(value):
        raise ValidationError("Use up to 32 lower-case letters, digits and dashes, e.g. 'meadow-net'.")


def validate_network_profile_name(value: str) -> None:
    """Words with slashes between them."""
    if not names.NETWORK_PROFILE.fullmatch(value):
        raise ValidationError(
            "Use letters, digits, '.', '_' and '-', in up to three parts with '/' between, e.g. 'libremesh/antennas'."
        )


def validate_package_words(value: str) -> None:
    """`name` adds, `-name` removes; not what no router starts without."""
    try:
        file_sets.check_words(value.split())
    except file_sets.FileSetError as error:
        raise ValidationError(str(error)) from error


def validate_file_path(value: str) -> None:
    """A path in the image."""
    try:
        file_sets.check_path(value)
    except file_sets.FileSetError as error:
        raise ValidationError(str(error)) from error


class Organisation(models.Model):
    """Whose distributions, network profiles and images are for its own members only: see `packages.visibility`."""

    name = models.CharField(
        max_length=32, unique=True, validators=[validate_organisation_name], help_text="For commands, e.g. meadow-net."
    )
    title = models.CharField(max_length=80, blank=True, help_text="How people write it, e.g. Meadow Net.")
    contact = models.CharField(max_length=200, blank=True, help_text="Whom to ask; for maintainers only.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.title or self.name


def validate_repository_address(value: str) -> None:
    """A folder on a web server, in the spelling that requests are compared with."""
    try:
        plain = str(WebAddress.parse(value))
    except ValueError as error:
        raise ValidationError(f"The address of a repository {error}.") from error
    if plain != value:
        raise ValidationError(f"Write it as {plain}")


def validate_keys(value: str) -> None:
    """Public keys of package indexes, or none."""
    try:
        if value.strip():
            read_keys(value)
    except SignatureError as error:
        raise ValidationError(f"These are not public keys of usign or apk (PEM, EC P-256): {error}") from error


class Synced(models.Model):
    """What is kept about a copy of something on a mirror.

    `stale_since` is set when the last try failed and says since when: the rows still hold the last good state.
    """

    synced_at = models.DateTimeField(null=True, blank=True, editable=False)
    stale_since = models.DateTimeField(null=True, blank=True, editable=False)
    sync_error = models.TextField(blank=True, editable=False)
    # For conditional requests: document name -> ETag; "trust" names the mirror and the keys that they were read under.
    etags = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        abstract = True


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
    is_enabled = models.BooleanField(default=True, help_text="Disabled: invisible, nothing is built.")
    is_hosted = models.BooleanField(
        default=False,
        help_text="We are the mirror: its documents are served below the distribution's name. Needs a file:// address.",
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
    stable_version = models.CharField(max_length=64, blank=True)
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
        _check_given_away(self, "What becomes private here is in the flavour")
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
    is_enabled = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.distribution.name} {self.kind} {self.comment}".strip()


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
    is_enabled = models.BooleanField(default=True, help_text="Disabled: its releases are not offered.")

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
        default=False, help_text="It does not exist for all architectures: where it is missing it is left out."
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


class AllowedRepository(models.Model):
    """Addresses below which requests may name package repositories of their own. Without a row none are allowed."""

    distribution = models.ForeignKey(
        Distribution,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="allowed_repositories",
        help_text="Whose requests may use it. Empty: of every distribution.",
    )
    address = models.CharField(
        max_length=500,
        validators=[validate_repository_address],
        help_text="What is at this address or below it, by whole segments of the path: https://feed.example.org/openwrt",
    )
    keys = models.TextField(
        blank=True,
        validators=[validate_keys],
        help_text="Public keys (usign or PEM) of which one has to sign each index. Empty: requests bring the keys.",
    )
    is_inside_allowed = models.BooleanField(
        "may be inside", default=False, help_text="The host may be this machine or in a private network."
    )
    is_enabled = models.BooleanField("enabled", default=True)
    comment = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name_plural = "allowed repositories"
        ordering = ["address", "id"]
        constraints = [
            models.UniqueConstraint(fields=["distribution", "address"], name="allowed_repository_once"),
            # NULLs are not equal to each other.
            models.UniqueConstraint(
                fields=["address"], condition=models.Q(distribution=None), name="allowed_repository_of_all_once"
            ),
        ]

    def __str__(self) -> str:
        return self.address

    @property
    def key_list(self) -> tuple[PublicKey, ...]:
        """The keys, taken apart."""
        return read_keys(self.keys) if self.keys.strip() else ()


class Channel(models.Model):
    """A branch of releases: `24.10`, `SNAPSHOT`. The name is a prefix of every version in it."""

    distribution = models.ForeignKey(Distribution, models.CASCADE, related_name="channels")
    name = models.CharField(max_length=64)
    is_enabled = models.BooleanField(default=True)
    is_snapshot = models.BooleanField(default=False, help_text="The development branch: rebuilt under one version.")
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


class PackageChange(models.Model):
    """What became of packages from one release to the next, and where in time: what upgrading devices are told.

    The place is the first release that has it (`version`: a branch such as 22.03, or one release of it), the revision
    of the development branch, or both; then releases go by the one and snapshots by the other.
    """

    class Kind(models.TextChoices):
        RENAMED = "renamed", "renamed: one into one"
        MERGED = "merged", "merged: several into one"
        SPLIT = "split", "split: one into several"
        DROPPED = "dropped", "dropped: nothing takes its place"
        DEFAULT = "default", "became a default package"
        ADDED = "added", "new: every image needs it"

    distribution = models.ForeignKey(Distribution, models.CASCADE, related_name="package_changes")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    sources = models.JSONField(default=list, blank=True, help_text='Names before, e.g. ["firewall"].')
    targets = models.JSONField(default=list, blank=True, help_text='Names from then on, e.g. ["firewall4"].')
    version = models.CharField(
        max_length=64, blank=True, help_text="First branch or release that has it, e.g. 22.03 or 22.03.3."
    )
    revision = models.PositiveIntegerField(
        null=True, blank=True, help_text="Revision of the development branch, the number in r18611-..."
    )
    is_mandatory = models.BooleanField(
        default=False, help_text="Without it the new release does not work: clients do not ask."
    )
    why = models.CharField(max_length=300, blank=True, help_text="A sentence for people.")

    class Meta:
        ordering = ["distribution", "id"]

    def __str__(self) -> str:
        place = self.version or f"r{self.revision}"
        return f"{', '.join(self.sources) or '(new)'} -> {', '.join(self.targets) or '(dropped)'} at {place}"

    def as_change(self) -> Change:
        """The row as a value."""
        return Change(
            kind=self.kind,
            sources=tuple(self.sources),
            targets=tuple(self.targets),
            version=self.version,
            revision=self.revision,
            is_mandatory=self.is_mandatory,
            why=self.why,
        )

    def clean(self) -> None:
        """As people type it in: names, one place in time at least, sides that fit the kind, no endless circle."""
        if problem := shape_problem(self.kind, self.sources, self.targets, self.version, self.revision):
            raise ValidationError({problem[0]: problem[1]})
        if not self.distribution_id:
            return  # the form says so
        others = PackageChange.objects.filter(distribution=self.distribution_id).exclude(pk=self.pk)
        if circle := circle_with(self.as_change(), [row.as_change() for row in others]):
            raise ValidationError(
                {"targets": f"This goes in a circle at the same place in time: {' -> '.join(circle)}."}
            )


class Release(Synced):
    """One version of a distribution. `SNAPSHOT` versions are rebuilt upstream under the same name."""

    distribution = models.ForeignKey(Distribution, models.CASCADE, related_name="releases")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="releases")
    version = models.CharField(max_length=64)
    is_enabled = models.BooleanField(default=True, help_text="Disabled: not offered, and requests for it are refused.")
    is_manual = models.BooleanField(default=False, help_text="Typed in: a sync never removes it.")
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
    is_enabled = models.BooleanField(default=True)
    is_manual = models.BooleanField(default=False, help_text="Typed in: a sync never removes it.")
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


class Feed(Synced):
    """A package feed of a release: one index and the packages that it names.

    Shared by all targets of one architecture (`base`, `luci` ...), or of one target (`core`, `kmods`), or the packages
    that an old ImageBuilder carries itself (`imagebuilder`: nothing is downloaded for those).
    """

    class Kind(models.TextChoices):
        TARGET = "target", "of one target"
        KMODS = "kmods", "kernel modules of one kernel"
        ARCH = "arch", "of one architecture"
        IMAGEBUILDER = "imagebuilder", "inside the ImageBuilder"
        FLAVOUR = "flavour", "of a distribution that is built on another"
        EXTRA = "extra", "asked for in requests"

    class Format(models.TextChoices):
        OPKG = "opkg", "Packages(.gz)"
        APK = "apk", "packages.adb"

    release = models.ForeignKey(Release, models.CASCADE, related_name="feeds")
    name = models.CharField(max_length=64, help_text="core, kmods, base, luci, packages, routing, telephony ...")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    format = models.CharField(max_length=8, choices=Format.choices, default=Format.OPKG)
    path = models.CharField(
        max_length=300,
        help_text="Folder below the distribution's mirror; for 'imagebuilder' the target's folder.",
    )
    root = models.CharField(
        max_length=500, blank=True, help_text="Address that the path is below, where it is not the mirror's."
    )
    # Of a feed that requests named: whose signatures are on that index, as [kind, text].
    signers = models.JSONField(default=list, blank=True, editable=False)
    # SHA-256 of the index as verified (the uncompressed Packages, or packages.adb); the bytes are in the cache.
    index_sha256 = models.CharField(max_length=64, blank=True, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["release", "root", "path", "kind"], name="feed_once")]
        ordering = ["release", "kind", "name"]

    def __str__(self) -> str:
        return f"{self.release} {self.name}"

    @property
    def url(self) -> str:
        """Address of its folder; "" for packages that an ImageBuilder carries itself."""
        if self.kind == self.Kind.IMAGEBUILDER:
            return ""
        root = self.root or self.release.distribution.url
        return "/".join(part for part in (root.rstrip("/"), self.path) if part)


class Package(models.Model):
    """A package of a feed. `name` is without ABI suffix where the index tells it (`libubox`, not `libubox20230523`)."""

    feed = models.ForeignKey(Feed, models.CASCADE, related_name="packages")
    name = models.CharField(max_length=128)
    file_name = models.CharField(max_length=240, blank=True, help_text="Path below the feed's folder.")
    full_name = models.CharField(max_length=128, help_text="The name as the package manager knows it.")
    version = models.CharField(max_length=128)
    depends = models.JSONField(default=list, blank=True)
    provides = models.JSONField(default=list, blank=True)
    conflicts = models.JSONField(default=list, blank=True)
    section = models.CharField(max_length=64, blank=True)
    description = models.TextField(blank=True)
    size = models.PositiveBigIntegerField(default=0, help_text="bytes of the file")
    installed_size = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["feed", "full_name"], name="package_once")]
        indexes = [models.Index(fields=["name"], name="package_name")]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class NetworkProfile(models.Model):
    """A named set of files and packages of a community's network, to be chosen in requests for images."""

    name = models.CharField(
        max_length=194,
        unique=True,
        validators=[validate_network_profile_name],
        help_text="How requests call it, e.g. libremesh/antennas.",
    )
    title = models.CharField(max_length=120, blank=True, help_text="How people call it.")
    description = models.TextField(blank=True)
    is_enabled = models.BooleanField(default=True, help_text="Disabled: not listed, and requests for it are refused.")
    is_public = models.BooleanField(
        "paths are shown",
        default=False,
        help_text="Lists say which files there are and how large. What stands in them is never shown; but whoever gets "
        "an image has its files. For what not everybody may read, name an organisation.",
    )
    distributions: "models.ManyToManyField[Distribution, Distribution]" = models.ManyToManyField(
        Distribution, related_name="network_profiles", blank=True, help_text="What it is for."
    )
    # Not "none chosen": else it would become everybody's when the last of its distributions is removed.
    is_general = models.BooleanField("for every distribution", default=False)
    organisation = models.ForeignKey(
        Organisation,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="network_profiles",
        help_text="Private: only who sends a token of this organisation sees it and builds with it. Empty: everybody.",
    )
    packages = models.TextField(
        blank=True,
        validators=[validate_package_words],
        help_text="Words with blanks between them: name adds a package to the image, -name removes one.",
    )

    objects = NetworkProfileQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        _check_given_away(self, "It goes into each image of the flavour")

    @property
    def package_words(self) -> tuple[str, ...]:
        """Its packages, each once and in order."""
        return tuple(dict.fromkeys(self.packages.split()))


def _check_given_away(row: Distribution | NetworkProfile, why: str) -> None:
    """What flavours are made of cannot become private without them."""
    if row.pk is None or row.organisation_id is None:
        return
    flavour = row.flavours.exclude(organisation=row.organisation_id).first()
    if flavour is not None:
        sentence = f"{why} '{flavour.name}', which is not of {row.organisation}: choose the organisation there first."
        raise ValidationError({"organisation": sentence})


class NetworkProfileFile(models.Model):
    """A file that a network profile puts into images."""

    class Mode(models.IntegerChoices):
        PLAIN = 0o644, "644"
        EXECUTABLE = 0o755, "755: can be run"

    profile = models.ForeignKey(NetworkProfile, models.CASCADE, related_name="files")
    path = models.CharField(
        max_length=200,
        validators=[validate_file_path],
        help_text="In the image, without a slash in front, e.g. etc/config/lime-community.",
    )
    mode = models.PositiveSmallIntegerField(choices=Mode.choices, default=Mode.PLAIN)
    content = models.BinaryField(blank=True, default=b"")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["profile", "path"], name="network_profile_file_once")]
        ordering = ["profile", "path"]

    def __str__(self) -> str:
        return self.path


def mark_synced(row: Synced, at: datetime) -> None:
    """The copy is what the mirror has; the caller saves."""
    row.synced_at, row.stale_since, row.sync_error = at, None, ""


def mark_stale(row: Synced, at: datetime, error: str) -> dict[str, Any]:
    """The mirror failed; keep the copy and remember since when. Returns the fields changed."""
    row.stale_since = row.stale_since or at
    row.sync_error = error[:2000]
    return {"stale_since": row.stale_since, "sync_error": row.sync_error}
