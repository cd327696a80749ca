"""What is forgotten of webhooks and their calls, and when."""

from datetime import timedelta

from django.db.models import Exists, OuterRef
from django.utils import timezone

from news.models import Delivery, Making, Subscription

_ENDED = timedelta(days=7)  # who never confirmed
_SMALL_TALK = timedelta(days=7)  # confirmations and tests
_NEWS = timedelta(days=180)


def tidy() -> None:
    """Removes what nobody needs any more. The last news of each webhook stays: it must not be told again."""
    now = timezone.now()
    Making.objects.filter(at__lt=now - timedelta(days=1)).delete()
    states = (Subscription.State.UNCONFIRMED, Subscription.State.ENDED)
    Subscription.objects.filter(state__in=states, created_at__lt=now - _ENDED).delete()
    over = Delivery.objects.filter(next_try_at=None)
    over.exclude(event=Delivery.Event.NEWS).filter(created_at__lt=now - _SMALL_TALK).delete()
    later = Delivery.objects.filter(
        subscription=OuterRef("subscription"), event=Delivery.Event.NEWS, pk__gt=OuterRef("pk")
    )
    over.filter(Exists(later), event=Delivery.Event.NEWS, created_at__lt=now - _NEWS).delete()
