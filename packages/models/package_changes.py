"""What became of packages between releases."""

from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from packages.changes import Change, circle_with, shape_problem
from packages.models.distributions import Distribution


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
        _("mandatory"), default=False, help_text="Without it the new release does not work: clients do not ask."
    )
    why = models.CharField(max_length=300, blank=True, help_text="A sentence for people.")
    noted_at = models.DateTimeField(default=timezone.now, editable=False)

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
