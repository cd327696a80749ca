"""Webhooks made, paused, resumed, tried and deleted: the only code that changes one on its owner's behalf.

Who makes a webhook has a host of its choice called that may want none of it. What bounds that, in a day:

- a client makes ASU_WEBHOOKS_PER_CLIENT;
- a host is asked by all clients together for 20 webhooks that it has not confirmed; each is at most nine calls (three
  confirmations, each tried three times). A webhook that is confirmed is none of them, so a service that many people use
  has as many as they like;
- of those 20 one client has three. So one client calls an unwilling host 27 times, and seven are needed to use up the
  places of a host that others want to use. Whoever has seven can do that for a day. More places would help against it,
  and do more harm to a host that never asked for any of this; a host that was left alone wrongly is the smaller evil.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext
from django_q.tasks import async_task

from builders import tokens
from images.clients import Client
from images.questions import Question
from news import addresses, payloads, signing
from news.models import Delivery, Making, Subscription
from packages import visibility

TOKEN = "asu-news-"  # noqa: S105 (what it begins with)
_COUNTING = 0x6E657773  # names the lock of PostgreSQL; nothing else here takes such a lock
_A_DAY = timedelta(days=1)
_LONGEST_BASE = 300
_MOST_OF_A_HOST = 20  # made in a day that lead to one host and are not confirmed, whoever makes them
_MOST_OF_A_HOST_BY_ONE = 3  # of those
_MOST_CONFIRMATIONS = 3  # of one webhook
_BETWEEN_TESTS = timedelta(seconds=20)
_BETWEEN_RESUMES = timedelta(seconds=20)  # for the same call
_MOST_TESTS = 30  # kept in a day


class RefusedError(Exception):
    """It is not done; `str()` is a sentence, `field` of the form it is about."""

    def __init__(self, sentence: str, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


@dataclass(frozen=True, slots=True)
class Made:
    """A new subscription, and the two things that are told once."""

    subscription: Subscription
    token: str


def subscribe(question: Question, url: str, base: str, asker: Client) -> Made:
    """A new webhook, which is called once to be confirmed. RefusedError: a wrong address, or too many."""
    try:
        url = addresses.webhook(url)
    except ValueError as error:
        raise RefusedError(str(error), "url") from error
    if len(base) > _LONGEST_BASE:  # a host of that length was made up by the caller; not every database keeps it
        raise RefusedError(gettext("This server has no such address."))
    token = tokens.new(TOKEN)
    device = question.device
    with transaction.atomic():
        _check_limits(url, asker)
        row = Subscription.objects.create(
            token_hash=tokens.digest(token),
            secret=signing.new_secret(),
            url=url,
            organisation_id=_organisation_of(device.distribution, asker),
            distribution=device.distribution,
            version=device.version,
            revision=device.revision,
            target=device.target,
            profile=device.profile,
            packages=dict(device.packages or {}),
            reach=question.reach,
            base=base,
        )
        Making.objects.create(client=asker.key, host=addresses.host_key(url), subscription=row)
        ask_to_confirm(row)
    return Made(row, token)


def _organisation_of(distribution: str, asker: Client) -> int | None:
    """Whose eyes are needed: those of whoever asks; for maintainers, who see all, those of the distribution's owner."""
    return asker.viewer.organisation or visibility.owners().get(distribution)


def _check_limits(url: str, asker: Client) -> None:
    """RefusedError where one more would be too many. Until the end of the transaction nobody else makes one."""
    _one_at_a_time()
    if Subscription.objects.count() >= settings.ASU_WEBHOOKS:
        raise RefusedError(gettext("This server takes no more webhooks for now."))
    made = Making.objects.filter(at__gt=timezone.now() - _A_DAY)
    of_client = made.filter(client=asker.key)
    if not asker.is_trusted and of_client.count() >= settings.ASU_WEBHOOKS_PER_CLIENT:
        raise RefusedError(gettext("That were enough webhooks for today; try again tomorrow."))
    host = addresses.host_key(url)
    # Who is not known cannot be told apart from the others, and has no share of its own.
    has_share = bool(asker.key) and not asker.is_trusted
    if has_share and of_client.filter(host=host).count() >= _MOST_OF_A_HOST_BY_ONE:
        sentence = gettext("%(count)d of your webhooks for this host are not confirmed: confirm them first.")
        raise RefusedError(sentence % {"count": _MOST_OF_A_HOST_BY_ONE}, "url")
    if made.filter(host=host).count() >= _MOST_OF_A_HOST:
        raise RefusedError(gettext("Too many webhooks lead to this host and are not confirmed; try tomorrow."), "url")


def _one_at_a_time() -> None:
    """Until the end of the transaction nobody else counts. On SQLite only one transaction writes anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_COUNTING])


def ask_to_confirm(row: Subscription) -> None:
    """Calls it with a challenge, again if it was ended for lack of an answer."""
    challenge = tokens.new("")
    now = timezone.now()
    delivery = Delivery(subscription=row, event=Delivery.Event.CONFIRMATION, created_at=now, next_try_at=now)
    delivery.subject = f"confirm-{tokens.digest(challenge)[:40]}"
    delivery.body = payloads.confirmation(delivery, challenge)
    delivery.save()
    call_soon()


def confirm_again(row: Subscription) -> None:
    """Once more, for whoever was not ready: but not more than a few times in a day."""
    states = (Subscription.State.UNCONFIRMED, Subscription.State.ENDED)
    with transaction.atomic():
        row = Subscription.objects.select_for_update().get(pk=row.pk)
        asked = row.deliveries.filter(event=Delivery.Event.CONFIRMATION)
        if row.state not in states or asked.filter(next_try_at__isnull=False).exists():
            raise RefusedError(gettext("There is nothing to confirm now, or the call is still under way."))
        if asked.count() >= _MOST_CONFIRMATIONS:
            raise RefusedError(gettext("It was asked often enough: make a new webhook."))
        row.state, row.why = Subscription.State.UNCONFIRMED, ""
        row.save(update_fields=["state", "why"])
        ask_to_confirm(row)


def call_soon() -> None:
    """The queue looks what is due as soon as the transaction is in; it would by itself within a minute."""
    transaction.on_commit(lambda: async_task("news.tasks.deliver"))


def find(token: str) -> Subscription | None:
    """The subscription whose page is at this token."""
    return Subscription.objects.filter(token_hash=tokens.digest(token)).first() if tokens.is_token(token) else None


def send_test(row: Subscription) -> None:
    """One call that says that it is a test."""
    if row.state != Subscription.State.ACTIVE:
        raise RefusedError(gettext("Only an active webhook can be tried."))
    with transaction.atomic():
        Subscription.objects.select_for_update().get(pk=row.pk)
        tests = row.deliveries.filter(event=Delivery.Event.TEST)
        if tests.filter(created_at__gt=timezone.now() - _BETWEEN_TESTS).exists() or tests.count() >= _MOST_TESTS:
            raise RefusedError(gettext("There was a test just now: wait a little."))
        now = timezone.now()
        delivery = Delivery(subscription=row, event=Delivery.Event.TEST, created_at=now, next_try_at=now)
        delivery.subject = f"test-{delivery.delivery_id}"
        delivery.body = payloads.test(delivery)
        delivery.save()
    call_soon()


def pause(row: Subscription) -> None:
    """Nothing is sent until it is resumed."""
    Subscription.objects.filter(pk=row.pk, state=Subscription.State.ACTIVE).update(state=Subscription.State.PAUSED)


def resume(row: Subscription) -> None:
    """Calls go on with what was left, from the first one."""
    _set_going(Subscription.objects.filter(pk=row.pk, state__in=_RESTING))


def suspend(rows: "QuerySet[Subscription]", why: str) -> int:
    """Takes subscriptions out until their owners resume them."""
    states = Subscription.State
    return rows.filter(state__in=(states.ACTIVE, states.PAUSED)).update(state=states.SUSPENDED, why=why[:300])


_RESTING = (Subscription.State.PAUSED, Subscription.State.SUSPENDED)


def _set_going(rows: "QuerySet[Subscription]") -> None:
    now, is_due = timezone.now(), False
    with transaction.atomic():
        for row in rows.select_for_update():
            row.state, row.why, row.looked_at = Subscription.State.ACTIVE, "", None
            row.save(update_fields=["state", "why", "looked_at"])
            waiting = row.deliveries.filter(delivered_at=None).exclude(event=Delivery.Event.CONFIRMATION)
            # Whoever presses the button all day long has neither the receiver called nor our queue filled by that.
            is_rested = Q(tried_at=None) | Q(tried_at__lte=now - _BETWEEN_RESUMES)
            is_due |= bool(waiting.filter(is_rested).update(next_try_at=now, tries=0))
            waiting.exclude(is_rested).update(next_try_at=now + _BETWEEN_RESUMES, tries=0)
    if is_due:
        call_soon()


def send_again(rows: "QuerySet[Delivery]") -> int:
    """Calls once more, under the same id, whatever was answered before."""
    states = (Subscription.State.ACTIVE, Subscription.State.UNCONFIRMED)
    found = rows.filter(subscription__state__in=states).update(next_try_at=timezone.now(), tries=0, delivered_at=None)
    call_soon()
    return found


def delete(row: Subscription) -> None:
    """All that is known of it."""
    row.delete()
