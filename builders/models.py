"""Builds, who builds them, and with what."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models

from builders.querysets import BuildQuerySet, WorkerQuerySet
from builders.states import Phase, Reason, State


class Worker(models.Model):
    """Somebody who leases builds. `Local` workers are slots of a django-q cluster on this machine."""

    class Desired(models.TextChoices):
        RUN = "run"
        DRAIN = "drain"
        STOP = "stop"

    name = models.CharField(max_length=80, unique=True)
    is_local = models.BooleanField(default=True)
    desired = models.CharField(max_length=8, choices=Desired.choices, default=Desired.RUN)
    sandbox = models.CharField(max_length=16, blank=True, help_text="full, namespace or process; probed at start")
    sandbox_detail = models.TextField(blank=True)
    complaint = models.TextField(blank=True, help_text="Why it takes no builds just now; empty when all is well.")
    started_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)

    objects = WorkerQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Build(models.Model):
    """One image to build, once. See `builders.states` for the arrows; `builders.queue` is the only code that moves it.

    `epoch` counts leases: whoever acts on a build carries the epoch it was given, and a stale one changes nothing.
    """

    spec_hash = models.CharField(max_length=64, unique=True)
    spec = models.JSONField()
    canonical = models.TextField(help_text="What the hash was taken of; compared on every hit.")
    state = models.CharField(max_length=16, choices=State.choices, default=State.QUEUED)
    phase = models.CharField(max_length=32, choices=Phase.choices, blank=True)
    progress = models.PositiveSmallIntegerField(null=True, blank=True, help_text="percent of the phase")
    priority = models.SmallIntegerField(default=0, help_text="higher goes first")
    epoch = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    worker = models.ForeignKey(Worker, models.SET_NULL, null=True, blank=True, related_name="builds")
    lease_until = models.DateTimeField(null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)

    created_at = models.DateTimeField(auto_now_add=True)
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    reason = models.CharField(max_length=32, choices=Reason.choices, blank=True)
    sentence = models.TextField(blank=True, help_text="Why it failed and what to do, for people.")
    stdout = models.TextField(blank=True)
    stderr = models.TextField(blank=True)
    build_cmd = models.JSONField(default=list, blank=True)
    seconds = models.FloatField(null=True, blank=True, help_text="wall time of make image")

    objects = BuildQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            # Whole, not partial: SQLite cannot tell from a bound parameter that a partial one would do.
            models.Index(fields=["state", "-priority", "queued_at", "id"], name="build_queue"),
            models.Index(fields=["state", "finished_at"], name="build_finished"),
        ]

    def __str__(self) -> str:
        return f"{self.spec_hash[:12]} {self.state}"

    @property
    def may_retry_at(self) -> datetime | None:
        """From when on asking again starts a failed build anew; None unless it failed."""
        if self.state != State.FAILED or self.finished_at is None:
            return None
        return self.finished_at + failure_ttl(self.reason)


def failure_ttl(reason: str) -> timedelta:
    """How long a failure is the answer to everybody who asks for the same image."""
    is_users = reason in Reason.values and Reason(reason).is_users
    return timedelta(seconds=settings.ASU_USER_FAILURE_TTL if is_users else settings.ASU_FAILURE_TTL)


class Attempt(models.Model):
    """One lease of a build and how it ended."""

    build = models.ForeignKey(Build, models.CASCADE, related_name="attempt_set")
    epoch = models.PositiveIntegerField()
    worker_name = models.CharField(max_length=80)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=32, blank=True, help_text="done, a failure reason, or lost")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["build", "epoch"], name="attempt_once")]
        ordering = ["build", "epoch"]

    def __str__(self) -> str:
        return f"{self.build_id}/{self.epoch}"


class ImageBuilder(models.Model):
    """An ImageBuilder archive, known by its SHA-256, unpacked and kept pristine below ASU_IMAGEBUILDER_DIR."""

    class Status(models.TextChoices):
        ABSENT = "absent"
        DOWNLOADING = "downloading"
        UNPACKING = "unpacking"
        READY = "ready"
        BROKEN = "broken"

    sha256 = models.CharField(max_length=64, unique=True)
    distribution = models.CharField(max_length=32)
    version = models.CharField(max_length=64)
    target = models.CharField(max_length=130)
    url = models.CharField(max_length=800)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.ABSENT)
    error = models.TextField(blank=True)
    downloaded_bytes = models.PositiveBigIntegerField(default=0)
    total_bytes = models.PositiveBigIntegerField(default=0)
    disk_bytes = models.PositiveBigIntegerField(default=0)
    ready_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["distribution", "version", "target"]

    def __str__(self) -> str:
        return f"{self.distribution} {self.version} {self.target}"
