"""Reading files of an unpacked ImageBuilder. Others made it: no link is followed, nothing is read without a bound."""

import os
from pathlib import Path

TEXT_LIMIT = 4 * 1024 * 1024


def read_inside(tree: Path, name: str, limit: int = TEXT_LIMIT) -> bytes | None:
    """A small file of the tree by its relative name; None if there is none. No link is followed: others made it."""
    *parents, last = name.split("/")
    if ".." in (*parents, last):
        return None
    current = os.open(tree, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for parent in parents:
            inner = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=current)
            os.close(current)
            current = inner
        with open(os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=current), "rb") as file:
            return file.read(limit)
    except OSError:
        return None
    finally:
        os.close(current)
