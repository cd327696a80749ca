"""A runner without walls for trees that the tests wrote themselves: a real make in a copy of the tree."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from builders.imagebuilder import Tree
from builders.runners.base import Outcome, Run
from builders.spec import BuildSpec, ImageBuilderSpec


class FakeRunner:
    """Keeps what it was asked to run. `kill` makes it end every run as if that limit had struck."""

    level = "process"
    detail = "a test"

    def __init__(self, kill: str = "") -> None:
        self.runs: list[Run] = []
        self.kill = kill

    def visible(self, inside: str, host: Path) -> str:
        return inside.removeprefix("/builder/") if inside.startswith("/builder/") else str(host)

    def run(self, run: Run, go_on: Callable[[], bool] = lambda: True) -> Outcome:
        self.runs.append(run)
        started = time.monotonic()
        with tempfile.TemporaryDirectory() as place:
            tree = Path(place) / "tree"
            shutil.copytree(run.tree, tree, symlinks=True)
            for inside, host in run.read_only.items():
                if inside.startswith("/builder/"):
                    (tree / inside.removeprefix("/builder/")).write_bytes(host.read_bytes())
            env = {"PATH": os.environ["PATH"], "LC_ALL": "C", **run.env}
            done = subprocess.run(run.argv, cwd=tree, env=env, capture_output=True, text=True, check=False, timeout=60)
        run.on_output(done.stdout + done.stderr)
        return Outcome(done.returncode, done.stdout, done.stderr, time.monotonic() - started, self.kill)


# What an ImageBuilder of today mentions in its Makefile, and images whose content shows what arrived.
HEAD = "# PROFILE PACKAGES FILES BIN_DIR EXTRA_IMAGE_NAME ROOTFS_PARTSIZE DISABLED_SERVICES manifest\n"
IMAGE = "x-1.0-board-sub-dev-squashfs-sysupgrade.bin"
GOOD = f"""{HEAD}
image:
\t@echo '$(PROFILE)|$(PACKAGES)|$(EXTRA_IMAGE_NAME)|$(ROOTFS_PARTSIZE)|$(DISABLED_SERVICES)' > "$(BIN_DIR)/{IMAGE}"
\t@echo 'busybox - 1' > "$(BIN_DIR)/x.manifest"
"""


def make_tree(folder: Path, makefile: str = GOOD, **files: str) -> Tree:
    """An ImageBuilder of the test's own; keys of `files` are paths with `__` for `/`."""
    path = folder / "tree"
    path.mkdir()
    for name, text in {"Makefile": makefile, **files}.items():
        place = path / name.replace("__", "/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return Tree(path, "0" * 64)


def make_spec(packages: Iterable[str] = (), **more: object) -> BuildSpec:
    """A spec for such a tree."""
    values: dict[str, object] = {
        "distribution": "test",
        "version": "1.0",
        "target": "board/sub",
        "profile": "dev",
        "packages": tuple(packages),
        "imagebuilder": ImageBuilderSpec("file:///nowhere/ib.tar.xz", "ib.tar.xz", "0" * 64),
    }
    return BuildSpec(**{**values, **more})  # type: ignore[arg-type]
