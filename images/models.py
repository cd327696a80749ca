"""What was asked for and what came out."""

from django.db import models
from django.utils import timezone
from django.utils.functional import cached_property

from builders.models import Build
from images.querysets import ImageQuerySet, ImageRequestQuerySet
from packages import visibility
from packages.lists.indexes import BY_BEGINNING, BY_BEGINNING_AND_TIME
from packages.models import Organisation, Profile
from packages.visibility import Viewer


class ClientToken(models.Model):
    """Makes whoever sends it a client of its own, whatever the address: see `images.clients`."""

    secret = ""  # no column: the token itself, known only where it was just made

    name = models.CharField(max_length=80, unique=True, help_text="Who has it: a community, a maintainer.")
    token_hash = models.CharField(max_length=64, unique=True, help_text="SHA-256")
    is_trusted = models.BooleanField(
        "trusted", default=False, help_text="Without the limit of new images in an hour, as ASU_TRUSTED_NETWORKS."
    )
    is_enabled = models.BooleanField("enabled", default=True, help_text="Otherwise the address counts, as without it.")
    organisation = models.ForeignKey(
        Organisation,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="client_tokens",
        help_text="Whose private distributions, network profiles and images it opens, besides what everybody sees.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField("last used", null=True, blank=True, help_text="To the hour.")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class ImageRequest(models.Model):
    """A request in its normalised form.

    Its `request_hash` is the identity of the build it asks for (`Build.spec_hash`). A request for a target whose
    documents are not here yet cannot be checked or identified; it waits as PREPARING under a hash of its own, and
    points to the checked request (`resolved_to`) or carries a refusal afterwards.
    """

    class Status(models.TextChoices):
        PREPARING = "preparing"
        ACCEPTED = "accepted"
        REFUSED = "refused"

    request_hash = models.CharField(max_length=64, unique=True)
    canonical = models.TextField(
        blank=True,
        help_text="What the hash was taken of, while PREPARING; a checked request is compared by its build's.",
    )
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.ACCEPTED)
    distribution = models.CharField(max_length=32)
    version = models.CharField(max_length=64)
    target = models.CharField(max_length=130)
    profile = models.CharField(max_length=128)
    echo = models.JSONField(help_text="The normalised request as clients get it back.")
    client = models.CharField(max_length=100, blank=True)
    asker = models.CharField(max_length=32, blank=True, help_text="who asked first, as a keyed hash")
    # PROTECT: without its organisation it would be everybody's.
    organisation = models.ForeignKey(
        Organisation, models.PROTECT, null=True, blank=True, related_name="requests", help_text="Whose members see it."
    )
    build = models.OneToOneField(Build, models.CASCADE, null=True, blank=True, related_name="request")
    resolved_to = models.ForeignKey("self", models.SET_NULL, null=True, blank=True, related_name="aliases")
    refusal = models.JSONField(null=True, blank=True, help_text='{"status", "detail", "headers"}')
    tried_at = models.DateTimeField(null=True, blank=True, help_text="When its target was last asked for or refused.")
    created_at = models.DateTimeField(default=timezone.now)

    objects = ImageRequestQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["distribution", "version", "target"], name="request_where"),
            # For lists, as in `Build`; those of images are joined to them, so here they go by the time.
            models.Index(fields=["created_at"], name="request_created"),
            models.Index(fields=["status", "created_at"], name="request_status"),
            models.Index(fields=["distribution", "created_at"], name="request_distribution"),
            models.Index(fields=["version", "created_at"], name="request_version", opclasses=BY_BEGINNING_AND_TIME),
            models.Index(fields=["target", "created_at"], name="request_target", opclasses=BY_BEGINNING_AND_TIME),
            models.Index(fields=["profile", "created_at"], name="request_profile", opclasses=BY_BEGINNING_AND_TIME),
            models.Index(fields=["client", "created_at"], name="request_client", opclasses=BY_BEGINNING_AND_TIME),
            # The newest of a device, and of a release, for the list of images.
            models.Index(fields=["profile", "target", "id"], name="request_device"),
            models.Index(fields=["distribution", "version", "id"], name="request_release"),
        ]

    def __str__(self) -> str:
        return f"{self.request_hash[:12]} {self.profile}"

    def is_visible_to(self, viewer: Viewer) -> bool:
        """Whether it is there for the viewer: it is everybody's or its own, and so is the distribution today."""
        return viewer.sees(self.organisation_id) and viewer.sees(visibility.owners().get(self.distribution))

    @property
    def is_private(self) -> bool:
        """Whether not everybody sees it."""
        return not self.is_visible_to(visibility.PUBLIC)

    def profile_in_catalogue(self) -> Profile | None:
        """The device as the catalogue has it now; None when it is gone from there."""
        rows = Profile.objects.select_related("target").filter(
            target__release__distribution__name=self.distribution,
            target__release__version=self.version,
            target__name=self.target,
            name=self.profile,
        )
        return rows.first()

    @property
    def published_image(self) -> "Image | None":
        """The image that came out of it, if there is one."""
        try:
            return self.image
        except Image.DoesNotExist:
            return None


class Image(models.Model):
    """A published image: the files of one finished build, and the evidence for them."""

    request = models.OneToOneField(ImageRequest, models.CASCADE, related_name="image")
    profile_json = models.JSONField(help_text="profiles.json of the build, with sums as served")
    manifest = models.JSONField(help_text="package name -> version")
    manifest_hash = models.CharField(max_length=64, blank=True, db_index=True, help_text="names its packages")
    published_at = models.DateTimeField()
    last_asked_at = models.DateTimeField()
    expired_at = models.DateTimeField(null=True, blank=True, help_text="The files are gone; the page stays.")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_why = models.TextField(blank=True, help_text="A public sentence.")
    is_pinned = models.BooleanField("pinned", default=False, help_text="Neither age nor a full store lets it expire.")

    objects = ImageQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["last_asked_at"], name="image_by_use"),
            models.Index(fields=["published_at"], name="image_published"),
            # For lists, which go by id. Of rows whose long columns come first a condition alone would read too much.
            models.Index(fields=["id"], condition=models.Q(is_pinned=True), name="image_pinned"),
            models.Index(fields=["id"], condition=models.Q(withdrawn_at__isnull=False), name="image_withdrawn"),
            models.Index(fields=["id"], condition=models.Q(expired_at__isnull=False), name="image_expired"),
            models.Index(
                fields=["id"],
                condition=models.Q(expired_at__isnull=True, withdrawn_at__isnull=True),
                name="image_served",
            ),
        ]

    def __str__(self) -> str:
        return str(self.request)

    @property
    def is_served(self) -> bool:
        """Whether its files may be downloaded."""
        return self.expired_at is None and self.withdrawn_at is None

    @cached_property
    def file_list(self) -> "list[ImageFile]":
        """Its files, read once: a hit looks at each, and its answer names them."""
        return list(self.files.all())


class ImageFile(models.Model):
    """One file of an image, in the store under `<request_hash>/<name>`."""

    image = models.ForeignKey(Image, models.CASCADE, related_name="files")
    name = models.CharField(max_length=240)
    type = models.CharField(max_length=64, blank=True, help_text="sysupgrade, factory, combined ...; '' = no image")
    filesystem = models.CharField(max_length=32, blank=True)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64, help_text="of the bytes as served")
    sha256_unsigned = models.CharField(max_length=64)
    md5 = models.CharField(max_length=32, blank=True, help_text="for clients of 2017; empty until one asks")
    downloads = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["image", "name"], name="image_file_once")]
        ordering = ["image", "name"]
        indexes = [models.Index(fields=["sha256"], name="image_file_sum", opclasses=BY_BEGINNING[:1])]

    def __str__(self) -> str:
        return self.name


class DownloadCount(models.Model):
    """How often files of an image were downloaded on one day (UTC), by the kind of client; never by whom."""

    image = models.ForeignKey(Image, models.CASCADE, related_name="download_counts")
    day = models.DateField()
    kind = models.CharField(max_length=16, help_text="a word of images.client_kinds")
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["image", "day", "kind"], name="download_count_once")]
        indexes = [models.Index(fields=["day"], name="download_count_day")]

    def __str__(self) -> str:
        return f"{self.day} {self.kind} {self.count}"
