"""Queue entries; the services do the work. Each may run twice."""

from images import old_logs, preparing, retention, room, tallies
from packages.sync import extra


def prepare(target_id: int) -> None:
    """Gets the documents of a target that somebody asked for."""
    # Here, not above: it brings the sync and the sandbox with it, which `tidy` does without.
    from images import settling

    settling.prepare(target_id)


def tidy() -> None:
    """Every few minutes: lost tasks of waiting requests, old refusals, images and logs that nobody wants any more."""
    preparing.resume_lost()
    preparing.forget_refused()
    retention.expire_unused()
    retention.expire_replaced()
    room.keep_limits()
    old_logs.shorten()
    tallies.forget_old()
    extra.forget_unused()
