"""What goes wrong, as people are told: by maintainers, and by the server itself."""

from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from packages.models import Distribution
from packages.visibility import PUBLIC, Viewer, visible

if TYPE_CHECKING:
    from datetime import datetime


class IncidentQuerySet(models.QuerySet["Incident"]):
    """Incidents."""

    def visible_to(self, viewer: Viewer = PUBLIC) -> Self:
        """Those of the whole server, and of distributions that the viewer sees."""
        seen = visible(viewer, "distribution__organisation") & Q(distribution__is_enabled=True)
        return self.filter(Q(distribution__isnull=True) | seen)

    def open(self) -> Self:
        """Begun and not over."""
        now = timezone.now()
        return self.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=now), started_at__lte=now)

    def since(self, moment: "datetime") -> Self:
        """Not over at that moment."""
        return self.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=moment), started_at__lte=timezone.now())


class Incident(models.Model):
    """Something that people should know while it lasts, and may look up afterwards."""

    class Severity(models.TextChoices):
        NOTICE = "notice", _("notice")
        DISTURBANCE = "disturbance", _("disturbance")
        OUTAGE = "outage", _("outage")

    title = models.CharField(max_length=120, help_text="One line, shown on all pages while it lasts.")
    text = models.TextField(blank=True, help_text="What happened, whom it concerns, what to do meanwhile.")
    severity = models.CharField(
        max_length=16,
        choices=Severity.choices,
        default=Severity.DISTURBANCE,
        help_text="A notice is shown on the status page only, the others on top of all pages.",
    )
    # CASCADE: an incident of a private distribution must not become everybody's with the distribution gone.
    distribution = models.ForeignKey(
        Distribution, models.CASCADE, null=True, blank=True, related_name="incidents", help_text="Empty: all of them."
    )
    cause = models.CharField(
        max_length=64, blank=True, editable=False, help_text="Of one that the server found by itself: what it watches."
    )
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Empty while it lasts.")

    objects = IncidentQuerySet.as_manager()

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            # Two machines that look at the same moment open one.
            models.UniqueConstraint(
                fields=["cause"], condition=Q(ended_at__isnull=True) & ~Q(cause=""), name="incident_open_once"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=models.F("started_at")),
                name="incident_ends_after_its_start",
                violation_error_message="It cannot end before it started.",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        """Whether it lasts."""
        return self.ended_at is None or self.ended_at > timezone.now()


class IncidentUpdate(models.Model):
    """What became known later."""

    incident = models.ForeignKey(Incident, models.CASCADE, related_name="updates")
    at = models.DateTimeField(default=timezone.now)
    text = models.TextField()

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M} {self.text[:40]}"
