"""Whose things are private."""

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import models

from packages.models.validators import validate_organisation_name

if TYPE_CHECKING:
    from packages.models.distributions import Distribution
    from packages.models.network_profiles import NetworkProfile


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


def check_given_away(row: "Distribution | NetworkProfile", why: str) -> None:
    """What flavours are made of cannot become private without them."""
    if row.pk is None or row.organisation_id is None:
        return
    flavour = row.flavours.exclude(organisation=row.organisation_id).first()
    if flavour is not None:
        sentence = f"{why} '{flavour.name}', which is not of {row.organisation}: choose the organisation there first."
        raise ValidationError({"organisation": sentence})
