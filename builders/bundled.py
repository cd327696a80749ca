"""The first thing that the one-file worker runs: puts its code where programs can be started from, and goes there.

This becomes `__main__.py` of the file, so it imports nothing of the project. The code lands in
`<data folder>/code/<hash of the file>`: a program of ours watches over each run (`builders/runners/keeper.py`), and
Python cannot start that out of a zip file.
"""

import errno
import fcntl
import hashlib
import importlib
import os
import secrets
import shutil
import site
import sys
import zipfile
from pathlib import Path

DATA_DIR = "asu-worker"  # in the current folder, where nothing else is said


def data_dir(arguments: list[str]) -> Path:
    """Where the worker keeps everything: `--data FOLDER`, ASU_DATA_DIR, or a folder here."""
    chosen = os.environ.get("ASU_DATA_DIR") or DATA_DIR
    for number, word in enumerate(arguments):
        if word == "--data" and number + 1 < len(arguments):
            chosen = arguments[number + 1]
        elif word.startswith("--data="):
            chosen = word.partition("=")[2]
    return Path(chosen).resolve()


def settle(archive: Path, data: Path) -> Path:
    """The folder with the unpacked code, whole. Older code that no worker runs from any more goes."""
    code = data / "code"
    code.mkdir(parents=True, exist_ok=True)
    folder = code / hashlib.sha256(archive.read_bytes()).hexdigest()[:16]
    while not _hold(folder):
        fresh = code / f".new-{secrets.token_hex(8)}"
        fresh.mkdir()
        _hold(fresh)  # the lock goes with the folder to its new name
        with zipfile.ZipFile(archive) as file:
            file.extractall(fresh)
        try:
            fresh.rename(folder)
        except OSError as error:
            shutil.rmtree(fresh)
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):  # those: another worker was first
                raise
    for other in code.iterdir():
        if other != folder:
            _remove_if_free(other)
    return folder


def _hold(folder: Path) -> bool:
    """Keep the folder for as long as this process lives; False when it is not there."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    fcntl.flock(lock, fcntl.LOCK_SH)
    try:
        return folder.stat().st_ino == os.fstat(lock).st_ino
    except FileNotFoundError:
        return False


def _remove_if_free(folder: Path) -> None:
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # First another name: half of it must not be taken for the whole.
        shutil.rmtree(folder.rename(folder.with_name(f".old-{secrets.token_hex(8)}")), ignore_errors=True)
    except (BlockingIOError, FileNotFoundError):
        pass  # another worker runs from it, or removes it too
    finally:
        os.close(lock)


def main(entry: str) -> int:
    """Unpack, and run `main()` of the module `entry`."""
    if sys.version_info < (3, 11):  # noqa: UP036 - here it is the user who chooses
        sys.exit(f"The worker needs Python 3.11 or later; this is {sys.version.partition(' ')[0]}.")
    data = data_dir(sys.argv[1:])
    archive = Path(sys.path[0])
    try:
        folder = settle(archive, data)
    except OSError as error:
        sys.exit(f"The worker cannot write to {data}: {error.strerror}. Choose another folder: --data FOLDER")
    # As `python -P -s` has it: nothing but our code, the standard library and what is installed for all.
    sys.path[:] = [str(folder), *(path for path in sys.path[1:] if path and path != site.getusersitepackages())]
    os.environ["ASU_DATA_DIR"] = str(data)
    # The settings are those of a worker, whatever else is set up in this shell.
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)
    return int(importlib.import_module(entry).main() or 0)
