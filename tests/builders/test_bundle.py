"""The worker as one file: complete, small, the same each time, and it builds what the server would."""

import io
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from builders import bundle
from builders.ledger import DatabaseLedger
from builders.runners.workdir import remove_tree
from builders.workshop import Workshop
from tests.builders import demo_mirror

BARE = ("-I", "-S")  # nothing but the standard library
BUILD = "tests.builders.bundled_build"
NOBODY = 65534


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user can reach."""
    path = Path(tempfile.mkdtemp(prefix="asu-worker-"))
    path.chmod(0o755)
    yield path
    remove_tree(path)


def start(*words: object, python: Path = Path(sys.executable), **options: Any) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], **options.pop("env", {})}
    return subprocess.run(
        [python, *BARE, *map(str, words)], capture_output=True, text=True, check=False, env=env, **options
    )


def test_the_same_code_gives_the_same_bytes_and_few_of_them() -> None:
    first = bundle.build()
    bundle.build.cache_clear()

    assert bundle.build() == first
    assert first.startswith(b"#!/usr/bin/env python3\n")
    assert len(first) < 1_000_000


def test_nothing_of_the_server_is_in_it() -> None:
    found = set(bundle.modules())

    assert {"asu_site.settings", "builders.workshop", "builders.runners.keeper", "packages.upstream"} <= found
    assert not {name for name in found if name.endswith((".models", ".admin", ".ledger", ".queue", ".tasks"))}


IMPORT_ALL = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except ImportError as error:
        sys.exit(f"{name} needs {error.name}")
"""


def test_whatever_it_holds_needs_only_the_standard_library(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(bundle.build())) as archive:
        archive.extractall(tmp_path)

    done = start("-c", IMPORT_ALL, tmp_path, *bundle.modules())

    assert (done.returncode, done.stderr) == (0, "")


def test_a_module_from_outside_is_named(tmp_path: Path) -> None:
    (tmp_path / "sneaky.py").write_text("import django\n")

    done = start("-c", IMPORT_ALL, tmp_path, "sneaky")

    assert done.stderr == "sneaky needs django\n"


def test_the_command_writes_a_file_that_can_be_run(tmp_path: Path) -> None:
    call_command("worker_file", tmp_path / "worker", stdout=io.StringIO())

    assert (tmp_path / "worker").read_bytes() == bundle.build()
    assert os.access(tmp_path / "worker", os.X_OK)


# -- where the code goes -----------------------------------------------------------------------------------


@pytest.fixture
def worker(place: Path) -> Path:
    path = place / "worker.pyz"
    path.write_bytes(bundle.build(BUILD))
    return path


def code_folders(data: Path) -> list[Path]:
    return sorted((data / "code").iterdir())


@pytest.mark.parametrize("how", ["--data D", "--data=D", "environment", "nothing said"])
def test_the_data_folder_can_be_chosen(worker: Path, place: Path, how: str) -> None:
    words = {"--data D": ["--data", "d"], "--data=D": ["--data=d"]}.get(how, [])
    env = {"ASU_DATA_DIR": "d"} if how == "environment" else {}

    start(worker, *words, "no such spec", "out", cwd=place, env=env)

    assert len(code_folders(place / ("asu-worker" if how == "nothing said" else "d"))) == 1


def test_a_folder_that_cannot_be_written_is_a_clear_sentence(worker: Path, place: Path) -> None:
    (place / "d").write_text("a file")

    done = start(worker, "--data", place / "d")

    assert done.returncode == 1
    assert (
        done.stderr == f"The worker cannot write to {place}/d: Not a directory. Choose another folder: --data FOLDER\n"
    )


def test_code_of_an_older_worker_goes_and_half_unpacked_code_too(worker: Path, place: Path) -> None:
    for name in ("0123456789abcdef", ".new-0123456789abcdef"):
        (place / "d/code" / name).mkdir(parents=True)

    start(worker, "--data", place / "d", "no such spec", "out")

    [folder] = code_folders(place / "d")
    assert (folder / "builders/workshop.py").is_file()


def test_code_that_a_worker_runs_from_stays(worker: Path, place: Path) -> None:
    hold = "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_SH); print(1); input()"
    older = place / "d/code/0123456789abcdef"
    older.mkdir(parents=True)
    with subprocess.Popen(
        [sys.executable, *BARE, "-c", hold, str(older)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()

        start(worker, "--data", place / "d", "no such spec", "out")

        assert older.is_dir()


# -- builds ------------------------------------------------------------------------------------------------


def build_with(worker: Path, place: Path, spec: Path, **options: Any) -> dict[str, Any]:
    done = start(worker, "--data", place / "d", spec, place / "out", **options)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.django_db(transaction=True)
def test_it_builds_what_the_server_would(worker: Path, place: Path, tmp_path: Path) -> None:
    spec = demo_mirror.spec_for("demo/generic", "acme_rocket-1", ("demo-sniff",), defaults="echo hello\n")
    (place / "spec.json").write_text(json.dumps(replace(spec, keys=()).to_json()))

    here = Workshop(DatabaseLedger()).build(spec, tmp_path / "out", lambda phase, percent: None, lambda: True)
    there = build_with(worker, place, place / "spec.json")

    assert there["files"] == {file.name: file.sha256 for file in here.files}
    assert there["manifest"] == here.manifest
    assert not {"django", "cryptography", "zstandard"} & set(there["modules"])
    assert sorted(path.name for path in (place / "d").iterdir()) == ["cache", "code", "imagebuilders", "work"]
    # What was said while it ran is what the log says in the end.
    assert sorted(there["said"].splitlines()) == sorted((there["stdout"] + there["stderr"]).splitlines())
    assert str(place) not in there["said"]


@pytest.fixture
def system_python() -> Path:
    """One that every user may start; ours may lie in somebody's home."""
    path = Path("/usr/bin/python3")
    if not path.exists() or not re.search(r" 3\.1[1-9]", subprocess.check_output([path, "-V"], text=True)):
        pytest.skip("the system has no Python 3.11")
    return path


def test_it_builds_for_a_user_without_rights(root: None, system_python: Path, worker: Path, place: Path) -> None:
    spec = demo_mirror.spec_for("demo/generic", "acme_rocket-1")
    (place / "spec.json").write_text(json.dumps(replace(spec, keys=()).to_json()))
    demo_mirror.mirror().parent.chmod(0o755)
    for name in ("d", "out"):
        (place / name).mkdir()
        os.chown(place / name, NOBODY, NOBODY)

    there = build_with(
        worker, place, place / "spec.json", python=system_python, user=NOBODY, group=NOBODY, extra_groups=[], cwd=place
    )

    assert there["files"]
