"""Who wants to be called about news for a device, and the calls."""

import uuid

from django.db import models
from django.utils import timezone

from news.querysets import DeliveryQuerySet, SubscriptionQuerySet
from packages.models import Organisation
from packages.upgrades import Device
from packages.visibility import Viewer


class Subscription(models.Model):
    """A webhook: an address that is called when there is something newer for a device and its packages.

    ::

        UNCONFIRMED ── it answered with our challenge ──► ACTIVE ◄──► PAUSED    its owner's buttons
             │                                             │  ▲
             └── no right answer ──► ENDED     no answer ──┴──► SUSPENDED       resumed by its owner
    """

    class State(models.TextChoices):
        UNCONFIRMED = "unconfirmed", "not confirmed yet"
        ACTIVE = "active"
        PAUSED = "paused"
        SUSPENDED = "suspended"
        ENDED = "ended", "never confirmed"

    # Of the address of its page, which is as good as a password.
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    # What its calls are signed with. As it is: to sign takes more than a hash, and every machine that calls needs it.
    secret = models.CharField(max_length=80, editable=False)
    url = models.CharField("address", max_length=300)
    state = models.CharField(max_length=16, choices=State.choices, default=State.UNCONFIRMED)
    why = models.CharField(max_length=300, blank=True, help_text="Why it was suspended or ended.")
    # The device. What is private is found as long as it is this organisation's.
    organisation = models.ForeignKey(
        Organisation,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="subscriptions",
        help_text="Whose things it sees.",
    )
    distribution = models.CharField(max_length=32)
    version = models.CharField(max_length=64)
    revision = models.CharField(max_length=64, blank=True)
    target = models.CharField(max_length=130)
    profile = models.CharField(max_length=128)
    packages = models.JSONField(default=dict, blank=True)  # name -> version, which may be ""
    reach = models.CharField(max_length=16, default="distribution")
    base = models.CharField(max_length=300, help_text="Address of this server, as whoever made it used it.")
    created_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(null=True, blank=True)
    delivered_at = models.DateTimeField("last delivered", null=True, blank=True)
    looked_at = models.DateTimeField("last looked", null=True, blank=True)

    objects = SubscriptionQuerySet.as_manager()

    class Meta:
        verbose_name = "webhook"
        ordering = ["-id"]
        indexes = [models.Index(fields=["state", "looked_at"], name="subscription_to_look")]

    def __str__(self) -> str:
        return f"{self.profile} to {self.url}"

    @property
    def device(self) -> Device:
        """What it is about."""
        return Device(
            distribution=self.distribution,
            version=self.version,
            target=self.target,
            profile=self.profile,
            revision=self.revision,
            packages=self.packages or None,
        )

    @property
    def viewer(self) -> Viewer:
        """Whose eyes it looks with."""
        return Viewer(self.organisation_id)

    @property
    def is_open(self) -> bool:
        """Whether it is called."""
        return self.state in (self.State.UNCONFIRMED, self.State.ACTIVE)


class Delivery(models.Model):
    """One call: about one piece of news, once, however often it is tried."""

    class Event(models.TextChoices):
        CONFIRMATION = "confirmation"
        NEWS = "news"
        TEST = "test"

    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="deliveries")
    delivery_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    event = models.CharField(max_length=16, choices=Event.choices)
    # What the news is, so that it is told once.
    subject = models.CharField(max_length=64)
    body = models.TextField(help_text="As it is sent and signed.")
    created_at = models.DateTimeField(default=timezone.now)
    tries = models.PositiveSmallIntegerField(default=0)
    # None: over, or waiting for its subscription to be resumed.
    next_try_at = models.DateTimeField("next try", null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True, editable=False)
    status = models.PositiveSmallIntegerField("answer", null=True, blank=True)
    said = models.CharField(max_length=300, blank=True, help_text="The beginning of the answer, or why there was none.")
    tried_at = models.DateTimeField("last try", null=True, blank=True)
    delivered_at = models.DateTimeField("delivered", null=True, blank=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["subscription", "subject"], name="delivery_once")]
        indexes = [
            models.Index(fields=["next_try_at"], name="delivery_due", condition=models.Q(next_try_at__isnull=False))
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.delivery_id}"


class Making(models.Model):
    """That somebody made a webhook: what limits count, also when it is deleted again. Kept for a day, and as hashes."""

    client = models.CharField(max_length=32, blank=True)
    host = models.CharField(max_length=64, blank=True, help_text="None once it confirmed: it wants to be called.")
    subscription = models.ForeignKey(Subscription, models.SET_NULL, null=True, related_name="makings")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["at"], name="making_at")]

    def __str__(self) -> str:
        return f"{self.client} {self.at}"
