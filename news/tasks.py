"""Queue entries of news; each may run twice, and at the same time."""

from news import delivering, keeping, looking


def go() -> None:
    """Each minute: what is new is found and told."""
    keeping.tidy()
    looking.look()
    delivering.deliver()


def deliver() -> None:
    """Somebody waits for a call: a confirmation, a test."""
    if delivering.deliver():
        # A webhook that was confirmed just now is told what is newer already.
        looking.look()
        delivering.deliver()
