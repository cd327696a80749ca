"""How far ImageBuilders are set up, for others to see. Pure: `builders.ledger` writes it into rows."""

from typing import Protocol

from builders.spec import BuildSpec
from builders.states import Phase

Standing = tuple[Phase, int | None]  # what is done, percent of it


class Ledger(Protocol):
    """Where it is written down what became of ImageBuilders."""

    def downloading(self, spec: BuildSpec, done: int, total: int) -> None:
        """So many bytes have come; `total` 0: nobody knows of how many."""
        ...

    def unpacking(self, spec: BuildSpec, size: int) -> None:
        """The archive is here, so many bytes, and being unpacked and set up."""
        ...

    def ready(self, spec: BuildSpec, disk_bytes: int) -> None:
        """It is set up."""
        ...

    def used(self, spec: BuildSpec) -> None:
        """A build has taken it."""
        ...

    def failed(self, spec: BuildSpec, sentence: str, *, is_broken: bool) -> None:
        """It was not set up. `is_broken`: another try will not help."""
        ...

    def gone(self, sha256: str) -> None:
        """It is not on the disk any more."""
        ...

    def look(self, sha256: str) -> Standing | None:
        """How far whoever sets it up just now has come; None when nobody does, as far as is known."""
        ...

    def there(self) -> list[str]:
        """The SHA-256 of each that should be on the disk or on its way."""
        ...


class Notes:
    """A ledger in memory, for a worker: it has one process and tells the main server of each phase anyway."""

    def __init__(self) -> None:
        self._standing: dict[str, Standing | None] = {}  # None: ready

    def downloading(self, spec: BuildSpec, done: int, total: int) -> None:
        """See Ledger."""
        self._standing[spec.imagebuilder.sha256] = Phase.DOWNLOAD_IMAGEBUILDER, percent(done, total)

    def unpacking(self, spec: BuildSpec, size: int) -> None:
        """See Ledger."""
        self._standing[spec.imagebuilder.sha256] = Phase.UNPACK_IMAGEBUILDER, None

    def ready(self, spec: BuildSpec, disk_bytes: int) -> None:
        """See Ledger."""
        self._standing[spec.imagebuilder.sha256] = None

    def used(self, spec: BuildSpec) -> None:
        """See Ledger."""
        self._standing[spec.imagebuilder.sha256] = None

    def failed(self, spec: BuildSpec, sentence: str, *, is_broken: bool) -> None:
        """See Ledger."""
        self.gone(spec.imagebuilder.sha256)

    def gone(self, sha256: str) -> None:
        """See Ledger."""
        self._standing.pop(sha256, None)

    def look(self, sha256: str) -> Standing | None:
        """See Ledger."""
        return self._standing.get(sha256)

    def there(self) -> list[str]:
        """See Ledger."""
        return list(self._standing)


def percent(done: int, total: int) -> int | None:
    """How much of it; None when the whole is not known."""
    return min(100, 100 * done // total) if total else None
