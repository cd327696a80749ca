"""Builds, who builds them, and with what."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone

from builders.querysets import BuildQuerySet, WorkerQuerySet
from builders.shown import visible
from builders.states import Phase, Reason, State
from packages.lists.indexes import BY_BEGINNING


class Worker(models.Model):
    """Somebody who leases builds: a slot of a django-q cluster (`is_local`), or an agent that comes by HTTP.

    `instance` names one life of its agent. A worker that introduces itself anew has lost what it did before.
    """

    class Desired(models.TextChoices):
        RUN = "run"
        DRAIN = "drain", "drain: finish the build that runs, take no other"
        STOP = "stop", "stop: give the build that runs back"

    class Standing(models.TextChoices):
        PENDING = "pending", "waits for approval"
        APPROVED = "approved"
        SUSPENDED = "suspended", "suspended: what it failed at, others built"
        REVOKED = "revoked", "revoked: its token counts no more"

    name = models.CharField(max_length=80, unique=True)
    is_local = models.BooleanField(default=True)
    standing = models.CharField(max_length=10, choices=Standing.choices, default=Standing.APPROVED)
    standing_why = models.CharField(max_length=300, blank=True)
    token_hash = models.CharField(max_length=64, unique=True, null=True, blank=True, help_text="SHA-256 of its token")
    instance = models.CharField(max_length=32, blank=True)
    desired = models.CharField(max_length=8, choices=Desired.choices, default=Desired.RUN)
    labels = models.JSONField(
        default=list,
        blank=True,
        help_text='What it builds, e.g. ["arch:mips_24kc", "target:ath79/*", "distribution:openwrt"]; of several of a '
        "kind one has to fit. Empty: everything.",
    )
    jobs = models.PositiveSmallIntegerField(default=1, help_text="builds at the same time")

    # What it says of itself.
    version = models.CharField(max_length=40, blank=True)
    cpus = models.PositiveSmallIntegerField(null=True, blank=True)
    memory_mb = models.PositiveIntegerField(null=True, blank=True)
    disk_mb = models.PositiveIntegerField(null=True, blank=True)
    free_memory_mb = models.PositiveIntegerField(null=True, blank=True)
    free_disk_mb = models.PositiveIntegerField(null=True, blank=True)
    load = models.FloatField(null=True, blank=True, help_text="processes that want to run, average of a minute")
    sandbox = models.CharField(max_length=16, blank=True, help_text="full, namespace or process; probed at start")
    sandbox_detail = models.TextField(blank=True)
    complaint = models.TextField(blank=True, help_text="Why it takes no builds just now; empty when all is well.")
    address = models.CharField(max_length=64, blank=True, help_text="where it was last seen; for maintainers only")
    started_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    strikes = models.PositiveSmallIntegerField(default=0, help_text="builds in a row that it failed and others built")

    objects = WorkerQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return visible(self.name)

    @property
    def may_lease(self) -> bool:
        """Whether it gets builds when it asks."""
        return self.standing == self.Standing.APPROVED and self.desired == self.Desired.RUN


class Holding(models.Model):
    """An ImageBuilder that a worker has set up: builds with it can begin at once there."""

    worker = models.ForeignKey(Worker, models.CASCADE, related_name="holdings")
    sha256 = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sha256", "worker"], name="holding_once")]

    def __str__(self) -> str:
        return f"{self.worker_id} {self.sha256[:12]}"


class JoinToken(models.Model):
    """Lets one machine join without further approval."""

    secret = ""  # no column: the token itself, known only where it was just made

    token_hash = models.CharField(max_length=64, unique=True)
    note = models.CharField(max_length=80, blank=True, help_text="for whom it is")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    worker = models.ForeignKey(Worker, models.SET_NULL, null=True, blank=True, related_name="join_tokens")

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.note or f"{self.created_at:%Y-%m-%d %H:%M}"


class Build(models.Model):
    """One image to build, once. See `builders.states` for the arrows; `builders.queue` is the only code that moves it.

    `epoch` counts leases: whoever acts on a build carries the epoch it was given, and a stale one changes nothing.
    """

    spec_hash = models.CharField(max_length=64, unique=True)
    spec = models.JSONField()
    canonical = models.TextField(help_text="What the hash was taken of; compared on every hit.")
    state = models.CharField(max_length=16, choices=State.choices(), default=State.QUEUED)
    phase = models.CharField(max_length=32, choices=Phase.choices(), blank=True)
    progress = models.PositiveSmallIntegerField(null=True, blank=True, help_text="percent of the phase")
    # Who waits for it, and when its turn is: see `builders.turns`.
    priority = models.SmallIntegerField(default=0, help_text="the class; higher goes first")
    turn = models.PositiveBigIntegerField(default=0, help_text="within its class; 0: it was under way before")
    client = models.CharField(max_length=32, blank=True, help_text="who asked first, as a keyed hash; '' = nobody")
    is_shared = models.BooleanField(default=False, help_text="Another client asked for it too.")
    polled_at = models.DateTimeField(null=True, blank=True, help_text="when somebody last asked; empty: never dropped")
    # What a worker must be able to build, and what lists are searched by; copied from the spec for the database.
    distribution = models.CharField(max_length=32, blank=True)
    version = models.CharField(max_length=64, blank=True)
    target = models.CharField(max_length=130, blank=True)
    profile = models.CharField(max_length=128, blank=True)
    arch = models.CharField(max_length=64, blank=True)
    imagebuilder = models.CharField(max_length=64, blank=True, help_text="SHA-256 of the archive")
    epoch = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    # Without an index of its own, as are others below: another one begins with it.
    worker = models.ForeignKey(Worker, models.SET_NULL, null=True, blank=True, related_name="builds", db_index=False)
    lease_until = models.DateTimeField(null=True, blank=True)
    cancel_requested = models.BooleanField(default=False)

    created_at = models.DateTimeField(auto_now_add=True)
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    reason = models.CharField(max_length=32, choices=Reason.choices(), blank=True)
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
            models.Index(fields=["state", "-priority", "turn", "id"], name="build_queue"),
            models.Index(fields=["client", "state", "turn"], name="build_client"),
            # Whether anything waits that a worker's labels fit is told without looking at the rows.
            models.Index(fields=["state", "target", "arch", "distribution"], name="build_place"),
            models.Index(fields=["state", "finished_at"], name="build_finished"),
            models.Index(fields=["client", "queued_at"], name="build_asked"),
            # For lists, which go by id: each filter yields its rows in that order, and searches are by a beginning.
            models.Index(fields=["created_at"], name="build_created"),
            models.Index(fields=["state", "id"], name="build_state"),
            models.Index(fields=["reason", "id"], name="build_reason"),
            models.Index(fields=["worker", "id"], name="build_worker"),
            models.Index(fields=["distribution", "id"], name="build_distribution"),
            models.Index(fields=["version", "id"], name="build_version", opclasses=BY_BEGINNING),
            models.Index(fields=["target", "id"], name="build_target", opclasses=BY_BEGINNING),
            models.Index(fields=["profile", "id"], name="build_profile", opclasses=BY_BEGINNING),
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
    is_users = reason in Reason.values() and Reason(reason).is_users
    return timedelta(seconds=settings.ASU_USER_FAILURE_TTL if is_users else settings.ASU_FAILURE_TTL)


class Attempt(models.Model):
    """One lease of a build and how it ended."""

    build = models.ForeignKey(Build, models.CASCADE, related_name="attempt_set", db_index=False)
    epoch = models.PositiveIntegerField()
    worker = models.ForeignKey(Worker, models.SET_NULL, null=True, blank=True, related_name="attempts")
    worker_name = models.CharField(max_length=80)
    slot = models.PositiveSmallIntegerField(null=True, blank=True, help_text="which of the worker's jobs")
    call = models.PositiveBigIntegerField(null=True, blank=True, help_text="which of the slot's questions for a build")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(
        max_length=32,
        blank=True,
        help_text="done, a failure reason, given back, lost, or crashed (came back anew)",
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["build", "epoch"], name="attempt_once")]
        ordering = ["build", "epoch"]
        indexes = [
            models.Index(fields=["outcome", "id"], name="attempt_outcome"),
            # How workers did lately is told from it alone, however many attempts there were before.
            models.Index(fields=["worker", "ended_at", "outcome"], name="attempt_lately"),
        ]

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


class Pace(models.Model):
    """How long builds for a target take, from lease to end: what waiting times are computed from."""

    distribution = models.CharField(max_length=32)
    target = models.CharField(max_length=130)
    seconds = models.FloatField(help_text="moving average")
    builds = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["distribution", "target"], name="pace_once")]

    def __str__(self) -> str:
        return f"{self.distribution} {self.target}: {self.seconds:.1f} s"
