"""Workers that fail what others can build are suspended: a broken machine must not spoil build after build."""

import logging

from django.db.models import F

from builders.models import Attempt, Build, Worker
from builders.queue.moves import GIVEN_BACK, NOT_TAKEN
from builders.states import Reason, State

logger = logging.getLogger(__name__)

MOST_STRIKES = 3


def judge(build: Build, winner: Worker) -> None:
    """`winner` built what others may have failed at: three such failures in a row suspend a worker.

    Within the transaction that finishes the build.
    """
    losers = _losers(build, winner) if build.epoch > 1 and not has_packages_of_strangers(build) else []
    # In one order: two builds that end at once may each have been failed by the worker that built the other.
    for worker in Worker.objects.filter(pk__in=[*losers, winner.pk]).order_by("pk"):
        if worker.pk == winner.pk:
            Worker.objects.filter(pk=worker.pk, strikes__gt=0).update(strikes=0)
        else:
            _strike(worker)


def has_packages_of_strangers(build: Build) -> bool:
    """Who runs a repository could answer one worker and not the other, until that is suspended; and say in logs what
    he likes.
    """
    return any(feed["kind"] == "extra" for feed in build.spec["feeds"])


def _losers(build: Build, winner: Worker) -> list[int]:
    """Who failed it since it was built the last time."""
    earlier = Attempt.objects.filter(build=build, epoch__lt=build.epoch)
    last_time = earlier.filter(outcome=State.DONE).order_by("-epoch").values_list("epoch", flat=True).first()
    failed = (
        earlier.filter(epoch__gt=last_time or 0, worker__isnull=False)
        .exclude(worker=winner)
        .exclude(outcome__in=("", GIVEN_BACK, NOT_TAKEN, Reason.CANCELLED))
    )
    return list(failed.order_by().values_list("worker_id", flat=True).distinct())


def _strike(worker: Worker) -> None:
    Worker.objects.filter(pk=worker.pk).update(strikes=F("strikes") + 1)
    if worker.strikes + 1 >= MOST_STRIKES:
        _suspend(worker)


def _suspend(worker: Worker) -> None:
    why = f"It failed {MOST_STRIKES} builds in a row that others then built."
    if Worker.objects.filter(pk=worker.pk, standing=Worker.Standing.APPROVED).update(
        standing=Worker.Standing.SUSPENDED, standing_why=why
    ):
        logger.warning("worker %s is suspended. %s", worker.name, why)
