"""Calls what is due: one after the other for each webhook, again with growing pauses, and then no more.

A call is claimed by one conditional UPDATE, so of two machines one makes it. If that one is killed its claim runs out
and the call is made again, with the same id: whoever gets it can tell.
"""

import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from builders.shown import visible
from news import signing
from news.models import Delivery, Making, Subscription
from packages.exceptions import MirrorError, MirrorUnreachableError
from packages.upstream.telling import Said, tell

logger = logging.getLogger(__name__)

# Seconds until it is tried once more; after the last of them the webhook is suspended.
PAUSES = (60, 300, 1800, 7200, 21600, 43200, 86400)
# Nobody who does not want to be called is called more often.
PAUSES_TO_CONFIRM = (60, 600)
AT_ONCE = 8  # calls that wait for answers at the same time
_SECONDS = 25.0  # after which no more are begun: the queue has other work, and looks again within a minute
_A_CALL = 10.0  # seconds for an answer
_CLAIM = timedelta(seconds=180)  # longer than any call, name servers included
_GONE = 410


@dataclass(frozen=True, slots=True)
class _Outcome:
    """How a call went."""

    is_delivered: bool
    said: str
    status: int | None = None
    is_final: bool = False  # trying again is no use


def deliver() -> int:
    """Makes the calls that are due, many at a time; how many."""
    end = time.monotonic() + _SECONDS
    count = 0
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="news") as threads:
        while time.monotonic() < end and (claimed := _claim(AT_ONCE)):
            # The threads only talk: rows are read and written here.
            for delivery, outcome in zip(claimed, threads.map(_call, claimed), strict=True):
                _record(delivery, outcome)
            count += len(claimed)
    return count


def _claim(most: int) -> list[Delivery]:
    now = timezone.now()
    claimed = []
    for row in Delivery.objects.due(now).select_related("subscription")[:most]:
        mine = Delivery.objects.filter(pk=row.pk, next_try_at=row.next_try_at, claimed_until=row.claimed_until)
        until = now + _CLAIM
        if mine.update(claimed_until=until, tries=F("tries") + 1, tried_at=now):
            row.claimed_until, row.tries = until, row.tries + 1
            claimed.append(row)
    return claimed


def _call(delivery: Delivery) -> _Outcome:
    subscription, body = delivery.subscription, delivery.body.encode()
    headers = {
        "Content-Type": "application/json",
        "X-Asu-Event": delivery.event,
        "X-Asu-Delivery": str(delivery.delivery_id),
        signing.HEADER: signing.signature(subscription.secret, body, int(time.time())),
    }
    try:
        said = tell(subscription.url, body, headers, is_inside_allowed=settings.ASU_WEBHOOKS_INSIDE, seconds=_A_CALL)
    except MirrorUnreachableError as error:
        return _Outcome(False, str(error))
    except MirrorError as error:
        return _Outcome(False, str(error), is_final=True)
    except Exception:  # whatever it is, the others must not wait for it
        logger.exception("the call %s failed", delivery.delivery_id)
        return _Outcome(False, "The call failed for a reason of ours.")
    return _judge(delivery, said)


def _judge(delivery: Delivery, said: Said) -> _Outcome:
    text = visible(said.body[:200].decode("utf-8", "replace"))[:300]
    is_fine = 200 <= said.status < 300
    if is_fine and delivery.event == Delivery.Event.CONFIRMATION:
        challenge = str(json.loads(delivery.body)["challenge"])
        if challenge.encode() not in said.body:
            return _Outcome(False, f"The answer does not hold the challenge: {text}"[:300], said.status)
    return _Outcome(is_fine, text, said.status, is_final=said.status == _GONE)


def _record(delivery: Delivery, outcome: _Outcome) -> None:
    now = timezone.now()
    # A claim that ran out is somebody else's by now, and so is the outcome.
    mine = Delivery.objects.filter(pk=delivery.pk, claimed_until=delivery.claimed_until)
    values = {"claimed_until": None, "status": outcome.status, "said": outcome.said[:300]}
    with transaction.atomic():
        if outcome.is_delivered:
            if mine.update(**values, delivered_at=now, next_try_at=None):
                _note_delivered(delivery, now)
            return
        pause = None if outcome.is_final else _pause(delivery)
        next_try_at = None if pause is None else now + timedelta(seconds=pause)
        if mine.update(**values, next_try_at=next_try_at) and next_try_at is None:
            _give_up(delivery, outcome)


def _pause(delivery: Delivery) -> int | None:
    """Seconds until the next try; None: enough."""
    pauses = {Delivery.Event.CONFIRMATION: PAUSES_TO_CONFIRM, Delivery.Event.TEST: ()}.get(
        Delivery.Event(delivery.event), PAUSES
    )
    return pauses[delivery.tries - 1] if delivery.tries <= len(pauses) else None


def _note_delivered(delivery: Delivery, now: datetime) -> None:
    rows = Subscription.objects.filter(pk=delivery.subscription_id)
    rows.update(delivered_at=now)
    if delivery.event == Delivery.Event.CONFIRMATION:
        waiting = (Subscription.State.UNCONFIRMED, Subscription.State.ENDED)
        # `looked_at`: what is newer already is told at once.
        rows.filter(state__in=waiting).update(state=Subscription.State.ACTIVE, why="", confirmed_at=now, looked_at=None)
        # A host that says yes is nobody's victim: this one uses up nothing of what strangers may have it asked.
        Making.objects.filter(subscription=delivery.subscription_id).update(host="")


def _give_up(delivery: Delivery, outcome: _Outcome) -> None:
    rows = Subscription.objects.filter(pk=delivery.subscription_id)
    why = f"Answer {outcome.status}: {outcome.said}" if outcome.status else outcome.said
    if delivery.event == Delivery.Event.CONFIRMATION:
        rows.filter(state=Subscription.State.UNCONFIRMED).update(state=Subscription.State.ENDED, why=why[:300])
    elif delivery.event == Delivery.Event.NEWS or outcome.is_final:
        rows.filter(state=Subscription.State.ACTIVE).update(state=Subscription.State.SUSPENDED, why=why[:300])
