"""The worker's command line. A placeholder: it only says what this file can do so far."""

import sys

from builders.notes import Notes
from builders.runners import sandbox
from builders.sources import ServerSources
from builders.workshop import Workshop

__all__ = ["Notes", "ServerSources", "Workshop", "main"]


def main(argv: list[str] | None = None) -> int:
    """Say at which level this machine can build."""
    probe = sandbox.probe()
    sys.stderr.write(f"This machine can build at sandbox level {probe.level or 'none'}: {probe.detail}\n")
    return 0 if probe.level else 1
