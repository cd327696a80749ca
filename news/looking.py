"""Finds what is newer for those who subscribed, and writes each a call about it, once.

Safe to run twice, at once and on several machines: what is found is a row whose subject is unique; a subscription
counts as looked for only after that, so nothing is lost with a process that is killed.
"""

import logging
import time
from datetime import UTC, datetime, timedelta

from django.utils import timezone
from django_q.tasks import async_task

from news import payloads
from news.models import Delivery, Subscription
from packages import generation
from packages.exceptions import NotCompleteError, UnknownError
from packages.upgrades import Verdict
from packages.upgrades import look as verdict_on

logger = logging.getLogger(__name__)

MOST = 200  # subscriptions in one go
_SECONDS = 20.0
# Other machines may have changed what ours did not notice.
_AT_LEAST_EVERY = timedelta(hours=2)


def look(most: int = MOST) -> int:
    """Looks for those whose news may have changed; how many calls are new."""
    changed_at = datetime.fromtimestamp(generation.current() / 1e9, UTC)
    now = timezone.now()
    end = time.monotonic() + _SECONDS
    found = 0
    sent_for: set[int] = set()
    for row in Subscription.objects.to_look_for(changed_at, now - _AT_LEAST_EVERY)[:most]:
        began = timezone.now()
        try:
            found += _look(row)
        except NotCompleteError as error:
            # Its documents come; the change that this is has us look again.
            if error.target_id not in sent_for:
                sent_for.add(error.target_id)
                async_task("images.tasks.prepare", error.target_id)
        except UnknownError as error:
            logger.debug("%s: %s", row, error)
        except Exception:  # whatever it is, the others must not wait for it
            logger.exception("the webhook %s could not be looked for", row.pk)
        Subscription.objects.filter(pk=row.pk).update(looked_at=began)
        if time.monotonic() > end:
            break
    return found


def _look(row: Subscription) -> bool:
    verdict = verdict_on(row.device, reach=row.reach, viewer=row.viewer)
    return verdict.has_news and _write(row, verdict)


def _write(row: Subscription, verdict: Verdict) -> bool:
    """Whether the call is new."""
    now = timezone.now()
    subject = payloads.subject_of(verdict)
    if Delivery.objects.filter(subscription=row, subject=subject).exists():
        return False
    delivery = Delivery(subscription=row, event=Delivery.Event.NEWS, subject=subject, created_at=now, next_try_at=now)
    delivery.body = payloads.news(delivery, verdict)
    # Somebody who looked at the same moment may have been first.
    [made] = Delivery.objects.bulk_create([delivery], ignore_conflicts=True)
    return Delivery.objects.filter(delivery_id=made.delivery_id).exists()
