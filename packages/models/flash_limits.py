"""How big the images of devices may be."""

from django.db import models


class FlashLimit(models.Model):
    """The bytes that an image of a device may have, as its mirror or an ImageBuilder said. Not known of every device.

    By names: it is the same in each release, and known of releases that are gone.
    """

    class Source(models.TextChoices):
        MIRROR = "mirror", "the mirror's profiles.json"
        BUILD = "build", "a build that was too big"

    distribution = models.CharField(max_length=32)
    target = models.CharField(max_length=130)
    profile = models.CharField(max_length=128)
    size = models.PositiveBigIntegerField(help_text="bytes")
    source = models.CharField(max_length=8, choices=Source.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["distribution", "target", "profile"], name="flash_limit_once"),
        ]

    def __str__(self) -> str:
        return f"{self.distribution} {self.target} {self.profile}: {self.size}"
