"""Repositories that requests may name."""

from django.db import models

from packages.models.distributions import Distribution
from packages.models.validators import validate_keys, validate_repository_address
from packages.public_keys import PublicKey, read_keys


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
