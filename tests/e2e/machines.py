"""Other machines, as far as a folder and an environment with nothing in them go, and what they built."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from builders.runners.workdir import remove_tree
from tests.e2e.service import Server

BARE = (sys.executable, "-I", "-S")  # a Python with nothing but its standard library


class Machine:
    """A folder and an environment with nothing in them: as good as another machine."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def join(self, name: str, *options: str) -> None:
        """The one command."""
        _, _, program = self.server.ask("GET", "/worker/asu-worker.pyz")
        (self.folder / "asu-worker.pyz").write_bytes(program)
        address = f"http://127.0.0.1:{self.server.port}"
        self.process = subprocess.Popen(
            [*BARE, "asu-worker.pyz", "--server", address, "--name", name, *options],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"]},
            stdout=(self.folder / "log").open("wb"),
            stderr=subprocess.STDOUT,
        )

    def wait_for_word(self, sentence: str) -> None:
        """Until it has said this."""
        self.server.wait(lambda: sentence in (self.folder / "log").read_text(), 60)

    def is_off(self) -> bool:
        return self.process is None or self.process.poll() is not None

    def switch_off(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        remove_tree(self.folder)


@contextmanager
def started_empty(server: Server) -> Iterator[Machine]:
    folder = Path(tempfile.mkdtemp(prefix="asu-machine-"))
    folder.chmod(0o755)  # the user that builds has to get in
    machine = Machine(server, folder)
    try:
        yield machine
    finally:
        machine.switch_off()


def attempts(server: Server, *hashes: str) -> list[Any]:
    """[worker, how it ended] of each attempt to build these."""
    code = (
        "import json; from builders.models import Attempt; "
        f"rows = Attempt.objects.filter(build__spec_hash__in={hashes!r}).order_by('pk'); "
        "print(json.dumps(list(rows.values_list('worker_name', 'outcome'))))"
    )
    found: list[Any] = json.loads(server.manage("shell", "-v0", "-c", code))
    return found
