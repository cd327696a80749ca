"""Two machines that look and call at the same moment, in real transactions: each piece of news is told once."""

import threading
from contextlib import suppress
from typing import Any

import pytest
from pytest_django import Settings

from images.clients import Client
from news import delivering, looking, tasks
from news.models import Delivery, Subscription
from news.subscribing import RefusedError
from tests.images.factories import make_target
from tests.news.conftest import subscribe
from tests.news.receivers import Handler, Receiver, confirms
from tests.races import at_once

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_dispatchers_make_each_call_once_and_in_order(receiver: Receiver) -> None:
    make_target(version="24.10.1")
    for _ in range(5):
        subscribe(receiver.url)
    delivering.deliver()
    for version in ("24.10.2", "24.10.3"):
        make_target(version=version)
        looking.look()
    receiver.got.clear()

    assert at_once(tasks.go, tasks.go, tasks.go) == [None, None, None]

    told = [(told["delivery"], told["release"]["to"]) for told, _, _ in receiver.got]
    assert len(told) == len({delivery for delivery, _ in told}) == 10
    assert not Delivery.objects.filter(delivered_at=None).exists()
    for row in Subscription.objects.all():
        calls = row.deliveries.filter(event="news")
        assert list(calls.order_by("pk")) == list(calls.order_by("delivered_at"))


def test_who_looks_at_the_same_moment_finds_the_same_news_once(receiver: Receiver) -> None:
    make_target(version="24.10.1")
    make_target()
    subscribe(receiver.url)
    delivering.deliver()

    found = at_once(looking.look, looking.look, looking.look)

    assert sum(found) == 1
    assert Delivery.objects.filter(event="news").count() == 1


def test_who_makes_many_at_once_gets_no_more_than_one_after_the_other(receiver: Receiver, settings: Settings) -> None:
    settings.ASU_WEBHOOKS_PER_CLIENT = 2
    make_target()

    def make() -> None:
        with suppress(RefusedError):
            subscribe(receiver.url, asker=Client("somebody"))

    at_once(*[make] * 6)

    assert Subscription.objects.count() == 2


def test_a_webhook_deleted_in_the_middle_of_a_call_is_gone(receiver: Receiver) -> None:
    make_target()
    made = subscribe(receiver.url)
    under_way, may_go_on = threading.Event(), threading.Event()

    def wait(handler: Handler, told: dict[str, Any]) -> None:
        under_way.set()
        may_go_on.wait(5)
        confirms(handler, told)

    receiver.answer = wait

    def delete() -> None:
        under_way.wait(5)
        made.subscription.delete()
        may_go_on.set()

    assert at_once(delivering.deliver, delete) == [1, None]
    assert not Subscription.objects.exists() and not Delivery.objects.exists()
