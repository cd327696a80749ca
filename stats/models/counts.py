"""Counters of what happened, by day, and their sums over the last weeks."""

from django.db import models


class DailyCount(models.Model):
    """How often something happened on one day (UTC). `stats.ledger` writes, `stats.tallies` says what is counted."""

    day = models.DateField()
    name = models.CharField(max_length=64, help_text="What: builds, downloads, package, wait ...")
    distribution = models.CharField(max_length=32, blank=True)
    # No foreign key: what was counted outlives the organisation, and stays hidden from others.
    organisation = models.PositiveBigIntegerField(default=0, help_text="Whose members alone may know; 0: everybody.")
    key = models.CharField(max_length=270, blank=True, help_text="Which of them: a release, a package, a reason ...")
    count = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            # In the order of what pages ask for.
            models.UniqueConstraint(
                fields=["name", "day", "distribution", "organisation", "key"], name="count_once_a_key"
            )
        ]
        ordering = ["-day", "name"]

    def __str__(self) -> str:
        return f"{self.day} {self.name} {self.key} {self.count}"


class PeriodCount(models.Model):
    """The sum of a key's days up to `until`, of those that happened most; `stats.periods` makes them each night.

    A page adds the days after `until`, so it is never behind, and looks at a few hundred rows instead of all days.
    """

    days = models.PositiveSmallIntegerField(help_text="Of the period, today included.")
    until = models.DateField()
    name = models.CharField(max_length=64)
    distribution = models.CharField(max_length=32, blank=True)
    organisation = models.PositiveBigIntegerField(default=0)
    key = models.CharField(max_length=270, blank=True, help_text="Empty: all others together.")
    count = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            # In the order of what pages ask for; and two machines at the same moment make the sums once.
            models.UniqueConstraint(
                fields=["days", "name", "distribution", "organisation", "key"], name="period_count_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.days} days to {self.until}: {self.name} {self.key} {self.count}"
