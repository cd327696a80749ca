"""Queue entries of news; each may run twice, and at the same time."""

from news import keeping
from news.models import Subscription


def go() -> None:
    """Each minute: what is new is found and told."""
    keeping.tidy()
    if Subscription.objects.exists():
        # Here, not above: most servers have no webhooks, and their queue does without what these bring with them.
        from news import delivering, looking

        looking.look()
        delivering.deliver()


def deliver() -> None:
    """Somebody waits for a call: a confirmation, a test."""
    from news import delivering, looking

    if delivering.deliver():
        # A webhook that was confirmed just now is told what is newer already.
        looking.look()
        delivering.deliver()
