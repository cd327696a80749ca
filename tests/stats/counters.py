"""Counters of many days, as a server would have them."""

from collections import Counter
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from builders.states import Reason
from stats import histogram, ledger
from stats.tallies import BUILDS, CLIENT, DEVICE, DOWNLOADS, FAILED, PACKAGE, REASON, RELEASE, TARGET, TOOK, WAIT, Tally


def fill(days: int, distributions: list[str], *, keys: int = 60) -> None:
    """So many days up to today, the more frequent keys first."""
    with transaction.atomic():
        for ago in range(days):
            counts: Counter[Tally] = Counter()
            for number, name in enumerate(distributions):
                counts += _day(name, 200 // (number + 1) + 10 * (ago % 7) + 5, keys)
            ledger.add(timezone.now().date() - timedelta(days=ago), counts)


def _day(where: str, builds: int, keys: int) -> Counter[Tally]:
    named = {
        RELEASE: ["25.12.0", "24.10.5", "24.10.4", "23.05.6", "SNAPSHOT"],
        TARGET: [f"target{number}/generic" for number in range(keys // 2)],
        DEVICE: [f"ath79/generic/vendor_model-v{number}" for number in range(keys)],
        PACKAGE: [f"package-{number}" for number in range(keys)],
        CLIENT: ["owut", "LuCI", "firmware-selector", "auc", "asu", "curl", "browser"],
        REASON: Reason.values(),
        WAIT: histogram.KEYS,
        TOOK: histogram.KEYS,
    }
    found = Counter(
        {Tally(BUILDS, where): builds, Tally(FAILED, where): builds // 9, Tally(DOWNLOADS, where): builds * 2}
    )
    for name, words in named.items():
        found.update({Tally(name, where, 0, word): max(1, builds // (place + 2)) for place, word in enumerate(words)})
    return found
