"""One run over a distribution: its mirror, its keys, and what was looked at already."""

from functools import cached_property

from django.db import transaction
from django.utils import timezone

from packages import generation
from packages.exceptions import MirrorError
from packages.models import Distribution, Synced, mark_stale, mark_synced
from packages.sync.report import Progress, SyncReport, silent
from packages.sync.trust import Trust
from packages.upstream import Mirror


class Run:
    """Passed along within one sync. Feeds shared by many targets are asked for once (`feeds_seen`).

    Of a flavour: `asks_base` says that what comes from the base is looked at as well, where it is here already.
    """

    def __init__(
        self, distribution: Distribution, progress: Progress | None = None, *, asks_base: bool = False
    ) -> None:
        self.distribution = distribution
        self.asks_base = asks_base
        self.trust = Trust(distribution)
        self.report = SyncReport()
        self.progress = progress or silent
        self.feeds_seen: set[int] = set()

    @cached_property
    def mirror(self) -> Mirror:
        """Of a flavour: where its feeds are."""
        return Mirror(self.distribution.url)

    @cached_property
    def base(self) -> "Run":
        """The run over what the distribution is built on."""
        run = Run(self.distribution.base, self.progress)
        run.report.notes = self.report.notes
        return run

    def etag(self, row: Synced, document: str) -> str:
        """For a conditional request: "" when the row was read from another mirror or under other keys."""
        if row.etags.get("trust") != self.trust.fingerprint:
            return ""
        return str(row.etags.get(document, ""))

    def etags(self, **documents: str) -> dict[str, str]:
        """What to keep in a row for the next time."""
        return {"trust": self.trust.fingerprint, **documents}

    def more_etags(self, row: Synced, **documents: str) -> dict[str, str]:
        """The same beside what the row has of other documents, if those were read from here too."""
        kept = row.etags if row.etags.get("trust") == self.trust.fingerprint else {}
        return {**kept, **self.etags(**documents)}

    def synced(self, row: Synced, *fields: str) -> None:
        """Note that the row is what the mirror has, and save it with `fields`."""
        mark_synced(row, timezone.now())
        row.save(update_fields=["synced_at", "stale_since", "sync_error", *fields])

    def failed(self, row: Synced, error: MirrorError) -> None:
        """Note that the mirror failed this row; everything else in it stays."""
        row.save(update_fields=list(mark_stale(row, timezone.now(), str(error))))


def announce_change() -> None:
    """Answers made of the old rows are no longer good, as soon as the transaction is in."""
    transaction.on_commit(generation.bump)
