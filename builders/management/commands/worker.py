"""A worker on this machine for a server elsewhere: `builders.remote`, which needs neither settings nor database."""

import os
import sys
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from builders import remote


class Command(BaseCommand):
    """See the module."""

    help = "Join a server and build for it, until Ctrl-C."
    requires_system_checks = []  # nothing of this checkout's server is used

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """The worker's own options."""
        parser = super().create_parser(prog_name, subcommand, **kwargs)
        remote.add_options(parser)
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        """See `create_parser`."""

    def handle(self, *args: Any, **options: Any) -> None:
        """Become the worker: a process of its own, as on a machine without Django."""
        environment = {name: text for name, text in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        words = sys.argv[sys.argv.index("worker") + 1 :]
        environment["PYTHONPATH"] = str(settings.BASE_DIR)
        os.execve(sys.executable, [sys.executable, "-m", "builders.remote", *words], environment)  # noqa: S606
