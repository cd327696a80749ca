"""The catalogue: what the mirrors of distributions offer."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models

from packages import names
from packages.addresses import check_url
from packages.definitions import SHIPPED
from packages.exceptions import SignatureError
from packages.public_keys import PublicKey, read_keys
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
    """A firmware distribution with a mirror in the layout of an OpenWrt download server."""

    name = models.CharField(max_length=32, unique=True, validators=[validate_distribution_name])
    title = models.CharField(max_length=80, blank=True, help_text="How people write it, e.g. OpenWrt.")
    description = models.TextField(blank=True)
    url = models.CharField(
        max_length=500,
        validators=[validate_mirror_url],
        help_text="Root of the mirror: the folder that holds 'releases/'. http, https, or a file:// folder.",
    )
    is_enabled = models.BooleanField(default=True, help_text="Disabled: invisible, nothing is built.")
    is_hosted = models.BooleanField(
        default=False,
        help_text="We are the mirror: its documents are served below /<name>/. Needs a file:// address.",
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
    """A package renamed (`target` given), or dropped (`target` empty), at a revision of the distribution."""

    channel = models.ForeignKey(Channel, models.CASCADE, related_name="package_changes")
    source = models.CharField(max_length=128, blank=True)
    target = models.CharField(max_length=128, blank=True)
    revision = models.PositiveIntegerField()
    is_mandatory = models.BooleanField(default=False)

    class Meta:
        ordering = ["channel", "revision", "id"]

    def __str__(self) -> str:
        return f"{self.source or '(new)'} -> {self.target or '(dropped)'} at r{self.revision}"


class Release(Synced):
    """One version of a distribution. `SNAPSHOT` versions are rebuilt upstream under the same name."""

    distribution = models.ForeignKey(Distribution, models.CASCADE, related_name="releases")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="releases")
    version = models.CharField(max_length=64)
    is_enabled = models.BooleanField(default=True, help_text="Disabled: not offered, and requests for it are refused.")
    is_manual = models.BooleanField(default=False, help_text="Typed in: a sync never removes it.")
    # Off the mirror's list since; a sync that finds it again enables it again.
    vanished_at = models.DateTimeField(null=True, blank=True, editable=False)
    targets_folder = models.CharField(
        max_length=32, blank=True, default="targets", help_text="Folder of the targets; empty in the era of 15.05."
    )

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
    def is_snapshot(self) -> bool:
        """Whether upstream rebuilds this version under the same name."""
        return self.channel.is_snapshot or self.version.upper().endswith("SNAPSHOT")


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
    name = models.CharField(max_length=130, help_text="<target>/<subtarget>, e.g. ath79/generic")
    is_enabled = models.BooleanField(default=True)
    is_manual = models.BooleanField(default=False, help_text="Typed in: a sync never removes it.")
    vanished_at = models.DateTimeField(null=True, blank=True, editable=False)
    needs_inspection = models.BooleanField(default=False, editable=False)
    arch_packages = models.CharField(max_length=64, blank=True, help_text="Package architecture, e.g. mips_24kc")
    version_code = models.CharField(max_length=64, blank=True, help_text="Revision, e.g. r28739-d9340319c6")
    source_date_epoch = models.BigIntegerField(null=True, blank=True)
    linux_kernel = models.JSONField(default=dict, blank=True, help_text='{"version", "release", "vermagic"}')
    default_packages = models.JSONField(default=list, blank=True)
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


def mark_synced(row: Synced, at: datetime) -> None:
    """The copy is what the mirror has; the caller saves."""
    row.synced_at, row.stale_since, row.sync_error = at, None, ""


def mark_stale(row: Synced, at: datetime, error: str) -> dict[str, Any]:
    """The mirror failed; keep the copy and remember since when. Returns the fields changed."""
    row.stale_since = row.stale_since or at
    row.sync_error = error[:2000]
    return {"stale_since": row.stale_since, "sync_error": row.sync_error}
