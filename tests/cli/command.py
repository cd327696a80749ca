"""The command `asu` as a user starts it, in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60


@dataclass(frozen=True, slots=True)
class Done:
    """How it ended and what it wrote."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """stdout, which is one JSON document and nothing else."""
        return json.loads(self.out)


class Asu:
    """Starts `asu` in a folder of its own, with a home of its own, for one server."""

    def __init__(self, folder: Path, server: str = "", **environment: str) -> None:
        self.folder = folder
        self.home = folder.parent / f"{folder.name}-home"
        for path in (self.folder, self.home):
            path.mkdir(exist_ok=True)
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "LANG")}
        self.environment = {
            **kept,
            "HOME": str(self.home),
            "PYTHONPATH": str(ROOT / "cli"),
            "COLUMNS": "110",
            **({"ASU_SERVER": server} if server else {}),
            **environment,
        }

    def command(self, *words: str | Path) -> list[str]:
        return [sys.executable, "-W", "error", "-m", "asu_cli", *map(str, words)]

    def start(self, *words: str | Path) -> "subprocess.Popen[str]":
        """In the background."""
        return subprocess.Popen(
            self.command(*words),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *words: str | Path, stdin: str | None = None, more: Mapping[str, str] | None = None) -> Done:
        done = subprocess.run(
            self.command(*words),
            cwd=self.folder,
            env={**self.environment, **(more or {})},
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def files(self) -> list[str]:
        """What lies in the folder."""
        return sorted(path.name for path in self.folder.iterdir())
