"""How an agent reaches the queue. Two thin ways share one agent: `local` here, `http` for other machines."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from builders.spec import BuildFailedError, BuildResult, BuildSpec
from builders.states import Phase


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on one build until the lease runs out; `epoch` tells this lease from any other."""

    build_id: int
    epoch: int
    spec_hash: str
    spec: BuildSpec
    seconds: int  # how long a beat keeps the lease alive


class LeaseLostError(Exception):
    """Somebody else has the build now, or nobody may. Stop, clean up, change nothing."""


class TransportError(Exception):
    """The queue cannot be reached just now. Nothing is known about what became of the call; it may be repeated."""


class Transport(Protocol):
    """What an agent may ask of the queue.

    Each call under a lease raises LeaseLostError when the lease is stale; each call raises TransportError when the
    queue is away. `beat` is called from a thread of its own.
    """

    def lease(self) -> Lease | None:
        """The next build for this worker, or None."""
        ...

    def beat(self, lease: Lease, phase: Phase, progress: int | None = None) -> bool:
        """Keep the lease, tell the phase. False: stop working on it (cancelled)."""
        ...

    def finish(self, lease: Lease, result: BuildResult, folder: Path) -> None:
        """The build is done; `folder` holds exactly the files that `result.files` declares."""
        ...

    def fail(self, lease: Lease, failure: BuildFailedError) -> None:
        """The build failed for a named reason."""
        ...

    def give_back(self, lease: Lease) -> None:
        """Back into the queue, without counting the attempt: the worker is told to stop."""
        ...

    def close(self) -> None:
        """The calling thread is done with the queue: let its connection go."""
        ...
