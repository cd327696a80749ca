"""The worker's loop: lease, build, hand in. The same code whichever way leads to the queue.

The build runs in the thread that calls `run`, since sandboxed programs die with the thread that started them. A second
thread keeps the lease alive meanwhile and hears whether to go on.
"""

import logging
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from typing import Protocol

from builders.failures import cancelled, from_os
from builders.heartbeat import Heartbeat
from builders.spec import BuildFailedError, BuildResult, BuildSpec
from builders.states import Phase, Reason
from builders.transports.base import DismissedError, Lease, LeaseLostError, Transport, TransportError
from packages.conf import settings

logger = logging.getLogger(__name__)

Report = Callable[[Phase, int | None], None]
GoOn = Callable[[], bool]
Say = Callable[[str], None]

POLL = 1.0  # seconds between two questions to the queue while nothing wakes us
BACKOFF = (0.2, 0.5, 1.0, 2.0)  # seconds to wait for a queue that is away; the last one again and again


class Workshop(Protocol):
    """What builds: `builders.workshop.Workshop.build`. Raises BuildFailedError; leaves the result's files in `out`."""

    def __call__(self, spec: BuildSpec, out: Path, report: Report, go_on: GoOn, say: Say) -> BuildResult: ...


def run(
    transport: Transport,
    workshop: Workshop,
    *,
    linger: float,
    stop: Callable[[], bool],
    enough: Callable[[], bool] = lambda: False,
) -> None:
    """Build what waits, until nothing came for `linger` seconds, or `stop()` or `enough()` says so.

    `stop` is asked many times a second, also while a build runs: that build is then given back. After `enough` the
    build that runs is finished, and no other begun.
    """
    idle_until = time.monotonic() + linger
    try:
        is_away = False
        while not stop() and not enough():
            lease, is_away = _lease(transport, is_away)
            if lease is not None:
                _work(lease, transport, workshop, stop)
                idle_until = time.monotonic() + linger
            elif time.monotonic() < idle_until:
                transport.doze(min(POLL, linger), stop)
            else:
                return
    finally:
        transport.close()


def upload_folder(lease: Lease) -> Path:
    """Where the files of this lease lie until the queue has them; the epoch keeps it from ever being shared."""
    return Path(settings.ASU_UPLOAD_DIR) / f"{lease.build_id}-{lease.epoch}"


def _lease(transport: Transport, was_away: bool) -> tuple[Lease | None, bool]:
    """The next build, and whether the queue is away; said when that changes, not each second."""
    try:
        lease = transport.lease()
    except TransportError as error:
        if not was_away:
            logger.warning("the queue cannot be reached: %s; trying again and again", error)
        return None, True
    if was_away:
        logger.info("the queue can be reached again")
    return lease, False


def _work(lease: Lease, transport: Transport, workshop: Workshop, stop: Callable[[], bool]) -> None:
    folder = upload_folder(lease)
    logger.info("build %s: begun (epoch %s)", lease.spec_hash[:12], lease.epoch)
    try:
        with Heartbeat(transport, lease) as heart:
            try:
                outcome = _build(
                    lease, workshop, folder, heart, lambda: not (heart.is_lost or heart.is_cancelled or stop())
                )
                _hand_in(outcome, lease, transport, heart, folder, stop)
            except (KeyboardInterrupt, SystemExit):  # Ctrl-C, or the time limit of the queue
                with suppress(TransportError, LeaseLostError, DismissedError):
                    transport.give_back(lease)
                raise
    except DismissedError:
        raise
    except LeaseLostError:
        logger.warning("build %s: the lease under epoch %s is lost", lease.spec_hash[:12], lease.epoch)
    except Exception:
        # The build stays leased and is tried again when the lease has run out; this agent goes on with others.
        logger.exception("build %s could not be handed in", lease.spec_hash[:12])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _build(
    lease: Lease, workshop: Workshop, folder: Path, heart: Heartbeat, go_on: GoOn
) -> BuildResult | BuildFailedError:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return workshop(lease.spec, folder, heart.report, go_on, heart.say)
    except BuildFailedError as failure:
        return failure
    except Exception as error:
        logger.exception("build %s crashed", lease.spec_hash[:12])
        return _crash(error)


def _crash(error: Exception) -> BuildFailedError:
    if isinstance(error, OSError):
        return from_os(error)
    return BuildFailedError(
        Reason.CRASH,
        f"The worker stumbled over an error of its own ({type(error).__name__}). It is in the server's log. Try again "
        "later, or tell the maintainers of this server.",
    )


def _hand_in(
    outcome: BuildResult | BuildFailedError,
    lease: Lease,
    transport: Transport,
    heart: Heartbeat,
    folder: Path,
    stop: Callable[[], bool],
) -> None:
    if heart.is_lost:
        raise LeaseLostError(lease.spec_hash)
    if isinstance(outcome, BuildResult):
        call = partial(transport.finish, lease, outcome, folder)
    elif stop():
        call = partial(transport.give_back, lease)
    elif heart.is_cancelled:
        call = partial(transport.fail, lease, cancelled(outcome))
    else:
        call = partial(transport.fail, lease, outcome)
    _insist(call, lambda: heart.is_lost or stop())
    logger.info("build %s: %s", lease.spec_hash[:12], _word(call.func.__name__))


def _word(call: str) -> str:
    return {"finish": "done", "fail": "failed", "give_back": "given back"}.get(call, "handed in")


def _insist(call: Callable[[], None], give_up: Callable[[], bool]) -> None:
    """A queue that is away for a moment must not cost a finished build."""
    for number, pause in enumerate(chain(BACKOFF, repeat(BACKOFF[-1]))):
        try:
            call()
        except TransportError as error:
            if give_up():
                raise
            if number == 0:
                logger.warning("not handed in yet: %s; trying again and again", error)
            time.sleep(pause)
        else:
            return
