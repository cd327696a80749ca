"""What a fault run did and found, as a table."""

import sys
from collections.abc import Iterator

from django.db import connection

from builders.models import Build
from builders.queue import CRASHED, GIVEN_BACK, LOST
from builders.states import State
from images.models import Image
from tests.faults import invariants
from tests.faults.run import Run
from tests.faults.strikes import KILLS

_MOST_EVIDENCE = 10


def show(run: Run) -> int:
    """Prints it; 1 when an invariant is broken."""
    for line in _lines(run):
        sys.stdout.write(line + "\n")
    return 1 if run.tally.broken else 0


def _lines(run: Run) -> Iterator[str]:
    tally, outcomes = run.tally, invariants.outcomes()
    yield f"fault run on {connection.vendor}, seed {run.plan.seed}, {tally.seconds:.0f} s"
    yield _row("kill -9", tally.kills)
    for name in KILLS:
        yield _row(f"  {name}", tally.strikes[name])
    yield _row("other faults", sum(tally.strikes.values()) - tally.kills)
    for name, count in sorted(tally.strikes.items()):
        if name not in KILLS:
            yield _row(f"  {name}", count)
    yield _row("wishes", run.ledger.wishes)
    yield _row("  distinct, accepted", len(run.ledger.accepted))
    yield _row("builds done", Build.objects.filter(state=State.DONE).count())
    yield _row("images", Image.objects.count())
    yield _row("attempts", sum(outcomes.values()))
    for outcome in (State.DONE.value, LOST, CRASHED, GIVEN_BACK):
        yield _row(f"  {outcome}", outcomes.pop(outcome, 0))
    for outcome, count in sorted(outcomes.items()):
        yield _row(f"  {outcome or 'open'}", count)
    yield _row("parked, then released", tally.released)
    yield _row("workers suspended, then approved", tally.approved)
    yield _row("leftovers of crashes, invisible, mended", tally.left_by_crashes)
    answers = ", ".join(f"{count} x {word}" for word, count in sorted(run.ledger.statuses.items()))
    yield f"answers: {answers}"
    yield from _verdict(run)


def _verdict(run: Run) -> Iterator[str]:
    broken = run.tally.broken
    names = [invariant.__name__.replace("_", " ") for invariant in invariants.ALL]
    for name in [*names, *(broken.keys() - set(names))]:
        evidence = broken.get(name, [])
        yield f"{'BROKEN' if evidence else 'holds '}  {name}"
        yield from (f"        {line}" for line in evidence[:_MOST_EVIDENCE])
        if len(evidence) > _MOST_EVIDENCE:
            yield f"        and {len(evidence) - _MOST_EVIDENCE} more"
    lost = len(broken.get("nothing accepted is lost", []))
    double = len(broken.get("nothing is built into two images", []))
    yield f"{run.tally.kills} kills, {lost} lost, {double} double"


def _row(name: str, count: int) -> str:
    return f"{name:<42}{count:>6}"
