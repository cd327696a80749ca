"""Finishes the root file system: the user's files, the packages' scripts, the services that start."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from .tree import BuildError, Tree, typed

START = re.compile(rb"^START=([0-9]{1,2})", re.MULTILINE)
STOP = re.compile(rb"^STOP=([0-9]{1,2})", re.MULTILINE)


def prepare(tree: Tree) -> None:
    """Everything between the last package and the first image."""
    sys.stdout.write("\nFinalizing root filesystem...\n")
    _overlay(tree)
    if typed("ADD_LOCAL_KEY"):
        key = tree.local_key()
        folder = tree.root / "etc/opkg/keys"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / key.fingerprint).write_text(key.public_text(), encoding="ascii")
    _run_postinst(tree)
    _switch_services(tree, set(typed("DISABLED_SERVICES").split()))
    for file in (tree.root / "usr/lib/opkg/info").glob("*.postinst"):
        file.unlink()
    shutil.rmtree(tree.root / "tmp", ignore_errors=True)
    (tree.root / "tmp").mkdir()
    (tree.root / "tmp").chmod(0o1777)


def _overlay(tree: Tree) -> None:
    given = typed("FILES")
    if not given:
        return
    folder = tree.top / given
    if not folder.is_dir():
        raise BuildError(f"FILES: no such folder: {given}")
    shutil.copytree(folder, tree.root, symlinks=True, dirs_exist_ok=True)


def _run_postinst(tree: Tree) -> None:
    """Run with IPKG_INSTROOT set, so that a script can tell it is not on a device."""
    failed = []
    for script in sorted((tree.root / "usr/lib/opkg/info").glob("*.postinst")):
        relative = f"./{script.relative_to(tree.root).as_posix()}"
        sys.stdout.flush()
        status = subprocess.run(
            ["/bin/sh", relative], cwd=tree.root, env=_environment(tree), stdin=subprocess.DEVNULL, check=False
        ).returncode
        if status:
            failed.append(f"postinst script {relative} has failed with exit code {status}")
    if failed:
        raise BuildError("\n".join(failed))


def _environment(tree: Tree) -> dict[str, str]:
    return {"IPKG_INSTROOT": str(tree.root), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}


def _switch_services(tree: Tree, disabled: set[str]) -> None:
    """Links in etc/rc.d for what starts at boot: read from the scripts, which are not run for it."""
    links = tree.root / "etc/rc.d"
    links.mkdir(parents=True, exist_ok=True)
    for script in sorted((tree.root / "etc/init.d").glob("*")):
        text = script.read_bytes()
        start, stop = START.search(text), STOP.search(text)
        if not start and not stop:
            continue
        wanted = [(b"S", start), (b"K", stop)]
        names = [(letter + found.group(1)).decode("ascii") + script.name for letter, found in wanted if found]
        sys.stdout.write(f"{'Disabling' if script.name in disabled else 'Enabling'} {script.name}\n")
        for name in names:
            _link(links / name, script, present=script.name not in disabled)


def _link(link: Path, script: Path, *, present: bool) -> None:
    link.unlink(missing_ok=True)
    if present:
        link.symlink_to(f"../init.d/{script.name}")
