"""Lengths of time in buckets, and what they tell: median, 95th percentile. Pure."""

from bisect import bisect_left
from collections.abc import Mapping

# Upper ends in seconds; the last bucket has none.
BOUNDS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400)
KEYS = tuple(f"{number:02}" for number in range(len(BOUNDS) + 1))


def bucket(seconds: float) -> str:
    """The key of the bucket that a length of time falls into."""
    return KEYS[bisect_left(BOUNDS, seconds)]


def ends(key: str) -> tuple[int, int | None]:
    """From and to, in seconds; to None: open."""
    number = KEYS.index(key)
    return (BOUNDS[number - 1] if number else 0), (BOUNDS[number] if number < len(BOUNDS) else None)


def percentile(counts: Mapping[str, int], share: float) -> float | None:
    """Which length `share` of all are below, as if they were spread evenly within a bucket; None: there are none.

    In the last bucket its lower end: "at least".
    """
    total = sum(counts.get(key, 0) for key in KEYS)
    if not total:
        return None
    left = total * share
    for key in KEYS:
        count = counts.get(key, 0)
        if count and left <= count:
            low, high = ends(key)
            return float(low) if high is None else low + (high - low) * left / count
        left -= count
    return float(BOUNDS[-1])
