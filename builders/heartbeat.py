"""Keeps a lease alive from a thread of its own while a build runs, and hears whether to go on."""

import logging
import threading
import time
from typing import Self

from builders.states import Phase
from builders.transports.base import DismissedError, Lease, LeaseLostError, Transport, TransportError

logger = logging.getLogger(__name__)

MAX_INTERVAL = 5.0  # seconds: how late a worker hears that its build was cancelled
# Quick changes are told together: a phase almost at once, mere progress about once a second.
SETTLE_PHASE = 0.05
SETTLE_PROGRESS = 1.0
RETRY = 0.5  # seconds until a beat that did not reach the queue is tried again
MOST_UNSAID = 256 * 1024  # characters of a log that wait to be told; of more the beginning is left out


class Heartbeat:
    """While the context lasts, the lease does.

    `is_lost`: somebody else may have the build by now, change nothing. `is_cancelled`: the queue said not to go on.
    """

    def __init__(self, transport: Transport, lease: Lease) -> None:
        self.is_lost = False
        self.is_cancelled = False
        self._is_away = False
        self._transport = transport
        self._lease = lease
        self._now: tuple[Phase, int | None] = (Phase.INIT, None)
        self._told: tuple[Phase, int | None] = self._now
        self._unsaid: list[str] = []
        self._something_new = threading.Event()
        self._ended = threading.Event()
        self._deadline = time.monotonic() + lease.seconds
        self._thread = threading.Thread(target=self._run, name=f"heartbeat-{lease.build_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._something_new.set()
        self._thread.join()

    def report(self, phase: Phase, progress: int | None = None) -> None:
        """What the build does now; progress in percent of the phase."""
        if (phase, progress) != self._now:
            self._now = (phase, progress)
            self._something_new.set()

    def say(self, text: str) -> None:
        """What the build says; told in pieces, now and then."""
        self._unsaid.append(text)
        self._something_new.set()

    def _run(self) -> None:
        interval = min(self._lease.seconds / 3, MAX_INTERVAL)
        pause = interval
        try:
            while True:
                if self._something_new.wait(pause):
                    self._ended.wait(SETTLE_PHASE if self._now[0] != self._told[0] else SETTLE_PROGRESS)
                if self._ended.is_set() or self.is_lost:
                    return
                pause = interval if self._beat() else RETRY
        finally:
            self._transport.close()

    def _beat(self) -> bool:
        self._something_new.clear()
        now, begun = self._now, time.monotonic()
        try:
            if not self._transport.beat(self._lease, *now):
                self.is_cancelled = True
            self._told, self._deadline, self._is_away = now, begun + self._lease.seconds, False
            self._tell_unsaid()
        except (LeaseLostError, DismissedError):
            self.is_lost = True
        except TransportError as error:
            if not self._is_away:
                logger.warning("build %s goes on unheard: %s", self._lease.spec_hash[:12], error)
            self._is_away = True
            # Nobody takes the build before the lease has run out; after that, all bets are off.
            self.is_lost = time.monotonic() >= self._deadline
            return False
        return True

    def _tell_unsaid(self) -> None:
        """A log that does not arrive costs no lease: the whole of it comes with the result."""
        if text := self._take_unsaid():
            try:
                self._transport.log(self._lease, text)
            except TransportError as error:
                logger.info("build %s: a piece of its log got lost: %s", self._lease.spec_hash[:12], error)

    def _take_unsaid(self) -> str:
        count = len(self._unsaid)  # the build goes on adding to the end
        text = "".join(self._unsaid[:count])
        del self._unsaid[:count]
        return text[-MOST_UNSAID:]
