"""Queue entries of the catalogue: a few lines each, safe to run twice."""

import fcntl
import logging

from django.conf import settings

from packages.exceptions import MirrorError
from packages.models import Distribution, SyncRun, Target
from packages.sync import complete_target, journal

log = logging.getLogger(__name__)


def sync_all() -> None:
    """Bring every enabled distribution up to date; nothing when another sync is still at it."""
    lock = settings.ASU_RUN_DIR / "sync.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            log.info("A sync is running already.")
            return
        for distribution in Distribution.objects.filter(is_enabled=True):
            run = journal.open_run(distribution) or journal.ask(distribution)
            if run.state == SyncRun.State.QUEUED:
                _carry_out(run)


def sync_one(distribution_id: int, release: str = "") -> None:
    """Sync one distribution, or one release of it."""
    distribution = Distribution.objects.filter(pk=distribution_id).first()
    if distribution is not None:
        _carry_out(journal.ask(distribution, release=release))


def run_sync(run_id: int) -> None:
    """A sync that was asked for in the admin."""
    run = SyncRun.objects.select_related("distribution__built_on").filter(pk=run_id).first()
    if run is not None and not run.is_over:
        _carry_out(run)


def complete(target_id: int) -> None:
    """Read the documents of a target that somebody asked for. A failure is in its row."""
    target = Target.objects.select_related("release__channel", "release__distribution").filter(pk=target_id).first()
    if target is None:
        return
    try:
        complete_target(target)
    except MirrorError as error:
        log.warning("%s: %s", target, error)


def _carry_out(run: SyncRun) -> None:
    report = journal.carry_out(run)
    if report is None:
        log.info("%s: %s", run, run.message or "Another sync is under way; this one waits.")
        return
    log.info("%s: %s", run, report.summary())
    for sentence in report.notes:
        log.info("%s", sentence)
    for sentence in report.errors:
        log.warning("%s", sentence)
