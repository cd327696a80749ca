"""Zstandard by the program, for workers that have not the module."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard
from django.conf import settings

from builders.runners import unzstd
from builders.runners.unzstd import Unzstd
from builders.spec import BuildFailedError
from builders.states import Reason
from packages.parsing.zstd import UnpackError
from tests.builders.test_archive import GOOD, tar
from tests.packages.parsing import adb_writer as writer

DATA = os.urandom(100) * 50_000


def packed(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def test_all_frames_come_out() -> None:
    with Unzstd(io.BytesIO(packed(DATA) + packed(b"end"))) as stream:
        assert stream.readall() == DATA + b"end"
        assert stream.read(1) == b""


@pytest.mark.parametrize("data", [packed(DATA)[:-20], b"no such thing", packed(DATA) + b"rubbish"])
def test_broken_data_is_named(data: bytes) -> None:
    with Unzstd(io.BytesIO(data)) as stream, pytest.raises(UnpackError, match=r"\w+"):
        stream.readall()


def test_a_stream_that_is_forgotten_leaves_no_process() -> None:
    stream = Unzstd(io.BytesIO(packed(DATA)))
    stream.read(10)
    process = stream._process

    del stream

    assert process.returncode is not None


def test_a_worker_without_the_program_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(unzstd, "PATH", str(tmp_path))

    with pytest.raises(BuildFailedError, match="neither the program zstd") as caught:
        Unzstd(io.BytesIO(packed(b"x"))).close()

    assert caught.value.reason == Reason.PREREQUISITE


WITHOUT_MODULE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from builders.archive import unpack
from packages.parsing import apk
folder = Path(sys.argv[2])
percents = []
unpack(folder / "ib.tar.zst", folder / "into", progress=percents.append)
assert percents[-1] == 100 and min(percents) >= 0, percents
index = apk.parse((folder / "adb").read_bytes())
print((folder / "into/ib/Makefile").read_text().strip(), *(entry.name for entry in index))
"""


def test_archives_and_indexes_are_unpacked_without_the_module(tmp_path: Path) -> None:
    (tmp_path / "ib.tar.zst").write_bytes(packed(tar(*GOOD)))
    adb = writer.Adb()
    index = writer.signed_index(writer.index(adb, [adb.package("vim")]), packing="zstd")
    (tmp_path / "adb").write_bytes(index)
    (tmp_path / "into").mkdir()

    command = [sys.executable, "-I", "-S", "-c", WITHOUT_MODULE, str(settings.BASE_DIR), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("info: vim\n", "")
