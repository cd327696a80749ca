"""The programs that a build needs, looked for once in each unpacked tree."""

from __future__ import annotations

import shutil
import sys

from .tree import BuildError, Tree, typed

PROGRAMS = ("sh", "make", "python3", "mksquashfs")


def _present(program: str) -> bool:
    return shutil.which(program) is not None


def check(tree: Tree) -> None:
    """Print one line a check and leave the marker; BuildError when something is missing and FORCE is not given."""
    missing = []
    for program in PROGRAMS:
        found = _present(program)
        sys.stdout.write(f"Checking '{program}'... {'ok' if found else 'failed'}.\n")
        if not found:
            missing.append(program)
    python_is_old = sys.version_info < (3, 9)
    sys.stdout.write(f"Checking 'python3-version'... {'failed' if python_is_old else 'ok'}.\n")
    sys.stdout.flush()
    if (missing or python_is_old) and not typed("FORCE"):
        wanted = "".join(f"\n    Please install {program}" for program in missing)
        raise BuildError(f"\nBuild dependency:{wanted}\n\nPrerequisite check failed. Use FORCE=1 to override.")
    marker = tree.top / "staging_dir/host/.prereq-build"
    marker.parent.mkdir(parents=True, exist_ok=True)
    marker.touch()
