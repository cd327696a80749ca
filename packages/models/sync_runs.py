"""What each sync did, for maintainers: how far it is, what went wrong, what changed."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from packages.models.distributions import Distribution


class SyncRun(models.Model):
    """One sync of a distribution, or of a part of it.

    ::

        (asked for) ──► QUEUED ──► RUNNING ──► DONE | FAILED (the mirror did) | BROKEN OFF (nobody finished it)
                          └──────────────────► REFUSED (another one was at it)

    At most one of a distribution is RUNNING: the constraint says so on every machine.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("waits")
        RUNNING = "running", _("under way")
        DONE = "done", _("done")
        FAILED = "failed", _("the mirror failed")
        BROKEN_OFF = "broken-off", _("ended abnormally")
        REFUSED = "refused", _("refused")

    class Origin(models.TextChoices):
        SCHEDULE = "schedule", _("the schedule")
        PERSON = "person", _("a maintainer")
        COMMAND = "command", _("the command line")

    OPEN = (State.QUEUED, State.RUNNING)

    distribution = models.ForeignKey(Distribution, models.CASCADE, related_name="sync_runs")
    release = models.CharField(max_length=64, blank=True, help_text="Only this one.")
    target = models.CharField(max_length=130, blank=True, help_text="Only this one.")
    is_full = models.BooleanField("all targets", default=False, help_text="Also those that nobody asked for yet.")
    origin = models.CharField("asked by", max_length=16, choices=Origin.choices, default=Origin.SCHEDULE)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name="person"
    )
    state = models.CharField(max_length=16, choices=State.choices, default=State.QUEUED)
    queued_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    # While it runs: when it last said something, and on which machine it is.
    beat_at = models.DateTimeField(null=True, blank=True)
    machine = models.CharField(max_length=255, blank=True)
    stage = models.CharField(max_length=200, blank=True, help_text="What is read just now.")
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    message = models.TextField(blank=True, help_text="In one line.")
    notes = models.JSONField(default=list, blank=True)
    errors = models.JSONField(default=list, blank=True)
    has_changes = models.BooleanField(default=False)
    changes = models.JSONField(default=dict, blank=True, help_text="As packages.sync.report tells them.")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["distribution", "-id"], name="sync_run_of")]
        constraints = [
            models.UniqueConstraint(
                fields=["distribution"], condition=models.Q(state="running"), name="sync_run_one_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return " ".join(filter(None, (self.distribution.name, self.release, self.target)))

    @property
    def is_over(self) -> bool:
        """Whether nothing about it changes any more."""
        return self.state not in self.OPEN

    @property
    def percent(self) -> int | None:
        """How far it is; None when that cannot be said."""
        return min(100, 100 * self.done // self.total) if self.total else None
