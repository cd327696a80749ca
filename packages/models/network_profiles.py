"""Files and packages of a community's network."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from packages.models.distributions import Distribution
from packages.models.organisations import Organisation, check_given_away
from packages.models.validators import validate_file_path, validate_network_profile_name, validate_package_words
from packages.querysets import NetworkProfileQuerySet


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
    is_enabled = models.BooleanField(
        _("enabled"), default=True, help_text="Disabled: not listed, and requests for it are refused."
    )
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
        check_given_away(self, "It goes into each image of the flavour")

    @property
    def package_words(self) -> tuple[str, ...]:
        """Its packages, each once and in order."""
        return tuple(dict.fromkeys(self.packages.split()))


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
