"""Which build a worker gets: first come first served by turns, warm workers first for a moment."""

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet

from builders import labels
from builders.models import Attempt, Build, Holding, Worker
from builders.querysets import BuildQuerySet, from_now
from builders.queue.moves import GIVEN_BACK, NOT_TAKEN
from builders.states import State

# How attempts end that say nothing against the worker.
INNOCENT = ("", State.DONE.value, GIVEN_BACK, NOT_TAKEN)
_LOOKED_AT = 20  # of the builds that a worker failed at, at each of its questions


def next_for(worker: Worker) -> Build | None:
    """The build for this worker, locked; None when nothing waits that it may have."""
    waiting = Build.objects.queued().filter(labels.fitting(worker.labels))
    waiting = waiting.filter(_is_warm_for(worker) | ~_is_warm_elsewhere(worker) | _has_waited_long_enough())
    if _others_for(worker).exists():
        waiting = waiting.filter(~_failed_by(worker) | Q(pk__in=_left_to(worker, waiting)))
    return waiting.select_for_update(of=("self",), skip_locked=True).first()


def _left_to(worker: Worker, waiting: BuildQuerySet) -> list[int]:
    """Builds that it lost or spoilt, and that nobody else who is there could still try: better again than never."""
    failed = waiting.filter(_failed_by(worker)).defer("spec")[:_LOOKED_AT]
    return [build.pk for build in failed if not another_may_do_better(build, worker)]


def another_may_do_better(build: Build, worker: Worker) -> bool:
    """Whether somebody is there who has not tried this build since it was queued, and could."""
    place = labels.Place(build.distribution, build.target, build.arch)
    tried = set(
        Attempt.objects.filter(build=build, started_at__gte=build.queued_at)
        .exclude(outcome__in=INNOCENT)
        .values_list("worker_id", flat=True)
    )
    able = _others_for(worker).values_list("pk", "labels")
    return any(pk not in tried and labels.fits(words, place) for pk, words in able)


def _others_for(worker: Worker) -> QuerySet[Worker]:
    return Worker.objects.able().exclude(pk=worker.pk)


def _failed_by(worker: Worker) -> Exists:
    """Since it was queued. Whoever lost or spoilt a build gets it again only when nobody else is there."""
    tried = Attempt.objects.filter(build=OuterRef("pk"), worker=worker, started_at__gte=OuterRef("queued_at"))
    return Exists(tried.exclude(outcome__in=INNOCENT))


def _is_warm_for(worker: Worker) -> Q:
    return Q(Exists(Holding.objects.filter(worker=worker, sha256=OuterRef("imagebuilder"))))


def _is_warm_elsewhere(worker: Worker) -> Exists:
    """Whether a worker that has nothing to do has the ImageBuilder at hand."""
    busy = Build.objects.building().filter(worker=OuterRef("worker"))
    able = Worker.objects.able().exclude(pk=worker.pk)
    return Exists(Holding.objects.filter(~Exists(busy), sha256=OuterRef("imagebuilder"), worker__in=able))


def _has_waited_long_enough() -> Q:
    return Q(queued_at__lte=from_now(-settings.ASU_WARM_GRACE))
