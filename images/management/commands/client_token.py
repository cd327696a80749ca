"""Makes a token by which a client is known wherever it calls from."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from images import client_tokens
from images.models import ClientToken
from packages import audit
from packages.management import arguments

_MOST = 80  # characters


class Command(BaseCommand):
    """See the module."""

    help = "Print the token of the client NAME (a former token of it ends). It is enabled, and trusted if you say so."

    def add_arguments(self, parser: CommandParser) -> None:
        """Whose."""
        parser.add_argument("name", help="who has it: a community, a maintainer")
        parser.add_argument("--trusted", action="store_true", help="without the limit of new images in an hour")
        parser.add_argument("--organisation", default="", metavar="ORG", help="whose private things it opens")

    def handle(self, *args: Any, **options: Any) -> None:
        """Prints the token and nothing else, for scripts."""
        name: str = options["name"].strip()
        if not 0 < len(name) <= _MOST or not name.isprintable():
            raise CommandError(f"NAME: one line of at most {_MOST} characters.")
        organisation = arguments.organisation(options["organisation"])
        token = client_tokens.issue(name, is_trusted=options["trusted"], organisation=organisation)
        audit.by_command(ClientToken.objects.filter(name=name), "Made a token; a former one ended.")
        self.stdout.write(token)
