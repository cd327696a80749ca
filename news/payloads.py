"""The bodies of calls: JSON, and one version of its form until this number changes."""

import hashlib
import json
from typing import Any

from images import device_links
from images.api import check
from images.questions import Question
from news.models import Delivery, Subscription
from packages.upgrades import Reach, Verdict, in_words

FORMAT = 1


def subject_of(verdict: Verdict) -> str:
    """What the news is: the same as long as there is nothing newer still."""
    told = (
        *(verdict.distribution, verdict.version, verdict.version_code if verdict.is_newer else ""),
        *(verdict.target, verdict.profile, sorted(verdict.updates.items())),
    )
    return hashlib.sha256(repr(told).encode()).hexdigest()


def news(delivery: Delivery, verdict: Verdict) -> str:
    """There is something newer: all that /api/v1/check says, and where to go on."""
    subscription = delivery.subscription
    question = Question(device=subscription.device, reach=Reach(subscription.reach))
    said = check.said(question, verdict)
    return _body(
        delivery,
        sentence=said["detail"],
        release={"from": subscription.version, "to": verdict.version, "is_newer": verdict.is_newer},
        page=_choose(subscription, verdict),
        check=said,
    )


def test(delivery: Delivery) -> str:
    """Somebody pressed a button."""
    return _body(delivery, sentence="This is a test: nothing is newer.")


def confirmation(delivery: Delivery, challenge: str) -> str:
    """Before anything else: whoever answers with the challenge wants to be called."""
    sentence = "Answer with status 200 and the challenge in the body to be told of news for this device."
    return _body(delivery, sentence=sentence, challenge=challenge)


def _body(delivery: Delivery, *, sentence: str, **more: Any) -> str:
    subscription = delivery.subscription
    told = {
        "format": FORMAT,
        "event": delivery.event,
        "delivery": str(delivery.delivery_id),
        "created": delivery.created_at.isoformat(timespec="seconds"),
        "server": subscription.base,
        "detail": sentence,
        "device": {
            "distro": subscription.distribution,
            "version": subscription.version,
            "target": subscription.target,
            "profile": subscription.profile,
            "packages": subscription.packages,
        },
        **more,
    }
    return json.dumps(told, ensure_ascii=True)


def _choose(subscription: Subscription, verdict: Verdict) -> str:
    where = verdict.distribution, verdict.target, verdict.profile or subscription.profile, verdict.version
    return subscription.base + device_links.choose(*where, in_words(verdict, subscription.viewer))
