"""Small trees and processes for the tests of the sandbox and of the ImageBuilders."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from builders.runners.walls import build_user


def give_to_builder(*paths: Path) -> None:
    """What unpacking does: the build user owns the tree."""
    if os.geteuid() == 0:
        for path in paths:
            os.chown(path, *build_user(settings.ASU_BUILD_UID))


def make_tree(path: Path, **files: str) -> Path:
    """A folder with text files, owned by the build user."""
    path.mkdir(parents=True)
    for name, text in files.items():
        (path / name).write_text(text)
        give_to_builder(path / name)
    give_to_builder(path)
    return path


def running(word: str) -> list[int]:
    """The processes that have this word among their arguments."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if word.encode() in words:
            found.append(int(entry.name))
    return found


def until(true: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Wait for it."""
    for _ in range(int(seconds / 0.05)):
        if true():
            return
        time.sleep(0.05)
    raise AssertionError(f"never happened: {what}")
