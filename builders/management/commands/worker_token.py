"""Makes a token for a worker: for one that is approved at once, or for one machine that is to join."""

import re
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from builders import tokens, workers
from builders.models import JoinToken, Worker
from packages import audit

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,73}")


class Command(BaseCommand):
    """See the module."""

    help = "Print the token of an approved worker NAME (a former token of it ends), or with --join a one-time token."

    def add_arguments(self, parser: CommandParser) -> None:
        """Which one."""
        parser.add_argument("name", nargs="?", default="", help="of the worker; with --join a note for the admin")
        parser.add_argument("--join", action="store_true", help="a token that lets one machine join, once")
        parser.add_argument("--hours", type=float, default=workers.JOIN_HOURS, help="how long a join token is good")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prints the token and nothing else, for scripts."""
        name: str = options["name"]
        if options["join"]:
            if not 0 < options["hours"] <= 24 * 365:
                raise CommandError("--hours: more than 0 and at most 8760.")
            secret = workers.new_join_token(name, options["hours"])
            made = JoinToken.objects.filter(token_hash=tokens.digest(secret))
            audit.by_command(made, "Made a token to join with.", audit.ADDITION)
            self.stdout.write(secret)
            return
        if not _NAME.fullmatch(name):
            raise CommandError("NAME: letters, digits, dots and dashes, at most 74; or --join.")
        if name.startswith(workers.LOCAL):
            raise CommandError(f"{name} is a worker of this server's own, as its name says; it needs no token.")
        token = workers.new_worker_token(name)
        audit.by_command(Worker.objects.filter(name=name), "Made a token; a former one ended.")
        self.stdout.write(token)
