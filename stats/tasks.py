"""Queue entries; the services do the work. Each may run twice."""

from datetime import timedelta

from django.utils import timezone

from stats import periods, recount, room_use, watch


def watch_over() -> None:
    """Each minute: how long the queue is, and whether anything is amiss."""
    watch.look()


def tidy() -> None:
    """Every hour, though there is something to do only once a day: days that are over are looked at once more."""
    today = timezone.now().date()
    for ago in (2, 1):
        recount.day(today - timedelta(days=ago))
    periods.refresh(today)
    periods.compact(today)


def measure() -> None:
    """Now and then: what takes the room on the disks."""
    room_use.measure()
