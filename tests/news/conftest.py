"""A catalogue with something newer in it, a receiver, and no queue but the tests' own hands."""

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django import Settings

from images.clients import NOBODY, Client
from images.questions import Question
from news import subscribing
from news.subscribing import Made
from packages.models import Target
from packages.upgrades import Device, Reach
from tests.images.factories import make_target
from tests.news.receivers import Receiver, receiving

DEVICE = {
    "distribution": "openwrt",
    "version": "24.10.1",
    "target": "ath79/generic",
    "profile": "tplink_archer-c7-v2",
}


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.ASU_WEBHOOKS_INSIDE = True
    with receiving() as found:
        yield found


@pytest.fixture
def releases(db: None) -> Target:
    make_target(version="24.10.1")
    return make_target()


def subscribe(url: str, *, asker: Client = NOBODY, packages: dict[str, str] | None = None, **device: Any) -> Made:
    question = Question(Device(**{**DEVICE, **device}, packages=packages), Reach.DISTRIBUTION)
    return subscribing.subscribe(question, url, "http://testserver", asker)
