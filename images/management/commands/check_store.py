"""Looks whether the store and the database tell the same."""

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from images import repair
from packages import audit


class Command(BaseCommand):
    help = "Find files without rows and images without files, as a crash may leave them; --repair mends them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--repair", action="store_true", help="remove orphans, expire incomplete images")
        parser.add_argument("--idle", action="store_true", help="the server is not running: count young leftovers too")

    def handle(self, *args: Any, **options: Any) -> None:
        findings = repair.inspect(is_idle=options["idle"])
        for path in findings.orphans:
            self.stdout.write(f"without rows: {path.name}")
        for image in findings.incomplete:
            self.stdout.write(f"without files: {image.request.request_hash}")
        if not findings:
            return
        if not options["repair"]:
            raise CommandError("The store needs repair: manage.py check_store --repair")
        repair.mend(findings)
        audit.by_command(findings.incomplete, "Expired by check_store: files of it were missing.")
        if findings.orphans:
            audit.of_server(f"check_store removed {len(findings.orphans)} folders and files that no row names.")
        self.stdout.write(f"repaired: {len(findings.orphans)} removed, {len(findings.incomplete)} expired")
