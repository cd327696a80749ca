"""Package feeds and what is in them."""

from django.db import models

from packages.models.releases import Release
from packages.models.synced import Synced


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
    # Since when the feed has it in this version; None: since before anybody took note.
    seen_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["feed", "full_name"], name="package_once")]
        indexes = [models.Index(fields=["name"], name="package_name")]

    def __str__(self) -> str:
        return f"{self.name} {self.version}"
