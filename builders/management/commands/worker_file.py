"""Writes the worker as one file, to be copied to any machine with Python."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from builders import bundle


class Command(BaseCommand):
    help = "Write the worker as one file that needs nothing but Python 3.11 and the programs of an ImageBuilder."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", nargs="?", default="asu-worker.pyz", help="default: asu-worker.pyz")

    def handle(self, *args: Any, **options: Any) -> None:
        path, data = Path(options["path"]), bundle.build()
        try:
            path.write_bytes(data)
            path.chmod(0o755)
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
        self.stdout.write(
            f"{path}: {len(data) // 1024} KB. Copy it to a machine and run it: python3 {path.name} --help"
        )
