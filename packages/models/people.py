"""Who works here beside the operators, and who is kept from signing in for a while."""

from django.conf import settings
from django.db import models

from packages.models.distributions import Distribution


class Maintainership(models.Model):
    """Somebody looks after a distribution: see `packages.roles`."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="maintainerships")
    distribution = models.ForeignKey(Distribution, models.CASCADE, related_name="maintainerships")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "distribution"], name="maintainership_once")]
        ordering = ["distribution", "user"]

    def __str__(self) -> str:
        return f"{self.user} {self.distribution}"


class SignInTrouble(models.Model):
    """Attempts to sign in that failed lately: see `packages.throttle`. Neither names nor addresses are kept."""

    class Kind(models.TextChoices):
        PAIR = "pair", "one account from one address"
        ACCOUNT = "account", "one account, from wherever"
        ADDRESS = "address", "one address, for whatever account"

    key = models.CharField(max_length=64, unique=True, help_text="a keyed hash")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="sign_in_troubles"
    )
    count = models.PositiveIntegerField("attempts", default=0)
    tried_at = models.DateTimeField("last attempt", db_index=True)
    blocked_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "blocked sign-in"
        ordering = ["-tried_at"]

    def __str__(self) -> str:
        return str(self.user or self.get_kind_display())
