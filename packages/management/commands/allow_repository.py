"""manage.py allow_repository: addresses below which requests may name package repositories of their own."""

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from packages import audit, generation
from packages.management import arguments
from packages.models import AllowedRepository
from packages.web_addresses import repository


class Command(BaseCommand):
    """Repeating it changes what is given and leaves the rest."""

    help = (
        "Allow requests to name package repositories at an address or below it. Without any, only the feeds of the "
        "distributions can be named. Without an address: list what is allowed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("address", nargs="?", default="", help="e.g. https://feed.example.org/openwrt")
        parser.add_argument(
            "--distribution", default="", metavar="NAME", help="for its requests only (default: for all)"
        )
        parser.add_argument(
            "--key",
            action="append",
            default=[],
            metavar="FILE",
            help="public key (usign or PEM) of which one has to sign each index; repeatable. Without: the keys that a "
            "request brings, or the distribution's",
        )
        parser.add_argument(
            "--inside", action="store_true", help="the host may be this machine or in a private network"
        )
        parser.add_argument("--comment", default="")
        parser.add_argument("--remove", action="store_true", help="allow it no more")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["address"]:
            self._list()
            return
        owner = arguments.distribution(options["distribution"]) if options["distribution"] else None
        row = AllowedRepository(distribution=owner, address=_address(options["address"]))
        row = AllowedRepository.objects.filter(distribution=owner, address=row.address).first() or row
        if options["remove"]:
            self._remove(row)
            return
        row.keys = "\n".join(arguments.key(name) for name in options["key"]) or row.keys
        row.is_inside_allowed = options["inside"] or row.is_inside_allowed
        row.comment = options["comment"] or row.comment
        row.is_enabled = True
        try:
            row.full_clean()
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        row.save()
        audit.by_command([row], f"Allowed: {_described(row)}")
        generation.bump()
        self.stdout.write(f"Allowed: {_described(row)}")

    def _list(self) -> None:
        for row in AllowedRepository.objects.select_related("distribution"):
            self.stdout.write(_described(row) + ("" if row.is_enabled else ", disabled"))
        if not AllowedRepository.objects.exists():
            self.stdout.write("No repositories are allowed but the feeds of the distributions.")

    def _remove(self, row: AllowedRepository) -> None:
        if row.pk is None:
            raise CommandError(f"{row.address} is not on the list.")
        audit.by_command([row], "No longer allowed.", audit.DELETION)
        row.delete()
        generation.bump()
        self.stdout.write(f"No longer allowed: {row.address}")


def _described(row: AllowedRepository) -> str:
    whose = f"for {row.distribution.name}" if row.distribution else "for every distribution"
    count = len(row.key_list)
    signers = {0: "a key that the request brings", 1: "its key"}.get(count, f"one of its {count} keys")
    inside = ", may be inside" if row.is_inside_allowed else ""
    return f"{row.address} {whose}, signed by {signers}{inside}"


def _address(text: str) -> str:
    try:
        return str(repository(text))
    except ValueError as error:
        raise CommandError(f"The address of a repository {error}.") from error
