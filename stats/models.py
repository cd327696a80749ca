"""Counters of what happened, by day."""

from django.db import models


class DailyCount(models.Model):
    """How often something happened on one day (UTC)."""

    day = models.DateField()
    name = models.CharField(max_length=64, help_text="builds, downloads")
    distribution = models.CharField(max_length=32, blank=True)
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["day", "name", "distribution"], name="count_once")]
        ordering = ["-day", "name"]

    def __str__(self) -> str:
        return f"{self.day} {self.name} {self.count}"
