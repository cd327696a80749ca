"""manage.py sync: the catalogue of one distribution, or of all, from their mirrors."""

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from packages import audit
from packages.models import Distribution, SyncRun
from packages.sync import journal

WIDTH = 24  # columns of the bar


class Bar:
    """Progress on stderr: a bar on a terminal, else one line for every tenth part."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty()
        self._last = ("", -1)

    def __call__(self, what: str, done: int, total: int) -> None:
        if self._is_terminal:
            filled = WIDTH * done // total if total else 0
            amount = f"{100 * done // total:3d}%" if total else "    "
            self._stream.write(f"\r\x1b[K[{'#' * filled}{'.' * (WIDTH - filled)}] {amount} {what[:70]}")
            self._stream.flush()
        elif total:
            tenth = (what if done == total else "", 10 * done // total)
            if tenth != self._last:
                self._last = tenth
                self._stream.write(f"{what}: {done} of {total}\n")

    def close(self) -> None:
        """Leave the line to others."""
        if self._is_terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()


class Command(BaseCommand):
    """Exit status 1 when a mirror failed; what was there before stays and says since when it is stale."""

    help = "Bring the catalogue up to date with the mirrors. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("distribution", nargs="?", default="", help="name; default: all that are enabled")
        parser.add_argument("--release", default="", help="only this release")
        parser.add_argument("--target", default="", metavar="T/S", help="complete this target, e.g. ath79/generic")
        parser.add_argument("--full", action="store_true", help="complete every target, not only those in use")

    def handle(self, *args: Any, **options: Any) -> None:
        name = options["distribution"]
        rows = Distribution.objects.filter(name=name) if name else Distribution.objects.filter(is_enabled=True)
        if not rows:
            known = ", ".join(Distribution.objects.values_list("name", flat=True)) or "none yet"
            raise CommandError(
                f"There is no distribution {name!r} (known: {known}). Add it with: manage.py add_distribution"
                if name
                else "There is no distribution yet. Add one with: manage.py add_distribution openwrt"
            )
        errors = [error for row in rows for error in self._sync(row, options)]
        if errors:
            raise CommandError("\n".join(errors))

    def _sync(self, row: Distribution, options: dict[str, Any]) -> list[str]:
        bar = Bar(sys.stderr)
        try:
            run = journal.ask(
                row,
                release=options["release"],
                target=options["target"],
                is_full=options["full"],
                origin=SyncRun.Origin.COMMAND,
            )
            report = journal.carry_out(run, progress=bar)
        finally:
            bar.close()
        if report is None:
            return [run.message]
        for note in report.notes:
            self.stdout.write(f"Note: {note}")
        self.stdout.write(f"{row.name}: {report.summary()}")
        if report.has_changes:  # the runs themselves are told under Syncs; here, what came of somebody's doing
            audit.by_command([row], f"Synced: {report.summary()}")
        return report.errors
