"""One agent in the foreground, without the cluster: to look at, and for measurements."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from builders import tasks
from builders.transports.local import free_slot


class Command(BaseCommand):
    """See the module."""

    help = "Build what waits, in the foreground, until Ctrl-C or until nothing came for a while."

    def add_arguments(self, parser: CommandParser) -> None:
        """How long to stay."""
        parser.add_argument("--linger", type=float, default=settings.ASU_AGENT_LINGER, help="seconds to stay idle")

    def handle(self, *args: Any, **options: Any) -> None:
        """Take a slot and work."""
        with free_slot() as slot:
            if slot is None:
                raise CommandError("All slots are taken. Stop the cluster, or set ASU_LOCAL_WORKERS higher.")
            try:
                tasks.serve(slot, linger=options["linger"])
            except KeyboardInterrupt:
                self.stderr.write("Stopped; what was under way is back in the queue.")
