"""The questions we ask of webhooks and their calls."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db import models
from django.db.models import Exists, OuterRef, Q

if TYPE_CHECKING:
    from news.models import Delivery, Subscription  # noqa: F401 (for the types of the querysets)


class SubscriptionQuerySet(models.QuerySet["Subscription"]):
    """Webhooks."""

    def to_look_for(self, changed_at: datetime, long_ago: datetime) -> Self:
        """Those whose news may be other than when they were looked for last, the most patient first."""
        is_due = Q(looked_at=None) | Q(looked_at__lt=changed_at) | Q(looked_at__lt=long_ago)
        return self.filter(is_due, state="active").order_by(models.F("looked_at").asc(nulls_first=True), "id")


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Calls."""

    def due(self, now: datetime) -> Self:
        """Those to be tried now: of each webhook the first that is not over, unless somebody is at it."""
        earlier = self.model.objects.filter(
            subscription=OuterRef("subscription"), pk__lt=OuterRef("pk"), next_try_at__isnull=False
        )
        is_free = Q(claimed_until=None) | Q(claimed_until__lt=now)
        return self.filter(
            ~Exists(earlier), is_free, next_try_at__lte=now, subscription__state__in=("unconfirmed", "active")
        ).order_by("next_try_at", "id")
