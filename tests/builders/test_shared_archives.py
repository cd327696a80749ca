"""ImageBuilders are fetched from a mirror once for a whole farm, whoever needs them first."""

import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from builders import archives
from builders.archives import SharedSources
from builders.models import Worker
from builders.spec import ImageBuilderSpec
from builders.transports import local
from packages.exceptions import DownloadStoppedError, NotOnMirrorError
from tests.factories import make_worker
from tests.packages.mirrors import Server, serving

pytestmark = pytest.mark.django_db

ARCHIVE = b"an ImageBuilder" * 1000
SHA256 = hashlib.sha256(ARCHIVE).hexdigest()
ANOTHER = "e" * 64


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / "ib.tar.xz").write_bytes(ARCHIVE)
    with serving(folder) as running:
        yield running


@pytest.fixture
def farm(settings: Settings) -> Worker:
    """A worker elsewhere, beside this machine's own."""
    settings.ASU_LOCAL_WORKERS = 1
    make_worker(local.name_of(0), is_local=True)
    return make_worker("elsewhere", is_local=False)


def fetch(mirror: Server, target: Path, *, goes_on: bool = True) -> None:
    """What the server's own set-up of an ImageBuilder does."""
    wanted = ImageBuilderSpec(f"{mirror.url}/ib.tar.xz", "ib.tar.xz", SHA256)
    SharedSources().imagebuilder(wanted, target, lambda done, total: None, lambda: goes_on)


def test_what_the_server_fetched_for_itself_is_there_for_the_workers(
    farm: Worker, mirror: Server, tmp_path: Path
) -> None:
    fetch(mirror, tmp_path / "got")

    supply = archives.supply(SHA256, f"{mirror.url}/ib.tar.xz")
    assert supply.path is not None
    assert supply.path.read_bytes() == (tmp_path / "got").read_bytes() == ARCHIVE
    assert mirror.paths(200) == ["/ib.tar.xz"]


def test_what_was_fetched_for_the_workers_the_server_takes_too(farm: Worker, mirror: Server, tmp_path: Path) -> None:
    archives.fetch(SHA256, f"{mirror.url}/ib.tar.xz")

    fetch(mirror, tmp_path / "got")
    (tmp_path / "got").unlink()  # unpacked

    assert archives.supply(SHA256, "").path is not None
    assert mirror.paths(200) == ["/ib.tar.xz"]


def test_a_server_without_workers_of_its_own_shares_before_the_first_one_joins(
    settings: Settings, mirror: Server, tmp_path: Path
) -> None:
    settings.ASU_LOCAL_WORKERS = 0

    fetch(mirror, tmp_path / "got")

    assert archives.supply(SHA256, "").path is not None


def test_a_server_that_is_alone_keeps_no_archive(farm: Worker, mirror: Server, tmp_path: Path) -> None:
    farm.delete()

    fetch(mirror, tmp_path / "got")

    assert (tmp_path / "got").read_bytes() == ARCHIVE
    assert archives.supply(SHA256, f"{mirror.url}/ib.tar.xz").path is None


def test_a_server_that_shall_keep_none_keeps_none(
    farm: Worker, mirror: Server, settings: Settings, tmp_path: Path
) -> None:
    settings.ASU_ARCHIVE_CACHE_GB = 0

    fetch(mirror, tmp_path / "got")

    assert (tmp_path / "got").read_bytes() == ARCHIVE
    assert "keeps no ImageBuilders" in archives.supply(SHA256, f"{mirror.url}/ib.tar.xz").failure


def test_a_mirror_without_it_is_named_to_the_server_and_to_the_workers(
    farm: Worker, mirror: Server, tmp_path: Path
) -> None:
    (mirror.root / "ib.tar.xz").unlink()

    with pytest.raises(NotOnMirrorError):
        fetch(mirror, tmp_path / "got")

    assert "no such file" in archives.supply(SHA256, f"{mirror.url}/ib.tar.xz").failure


def test_a_fetch_that_the_server_broke_off_is_no_failure_for_the_workers(
    farm: Worker, mirror: Server, tmp_path: Path
) -> None:
    with pytest.raises(DownloadStoppedError):
        fetch(mirror, tmp_path / "got", goes_on=False)

    assert archives.supply(SHA256, f"{mirror.url}/ib.tar.xz") == archives.Supply()


def told(settings: Settings, sha256: str, seconds_ago: float) -> None:
    """The server said of an archive, so long ago, that it is on its way."""
    state = Path(settings.ASU_CACHE_DIR) / "archives" / f"{sha256}.state"
    state.parent.mkdir(parents=True, exist_ok=True)
    state.write_text(json.dumps({"at": time.time() - seconds_ago, "percent": 40}))


def test_an_archive_whose_turn_has_not_come_is_waited_for(mirror: Server, settings: Settings) -> None:
    told(settings, SHA256, 60)
    told(settings, ANOTHER, 1)

    assert archives.supply(SHA256, f"{mirror.url}/ib.tar.xz") == archives.Supply()


def test_when_nothing_goes_on_the_workers_are_sent_to_the_mirror(mirror: Server, settings: Settings) -> None:
    told(settings, SHA256, 60)
    told(settings, ANOTHER, 60)

    assert "ask the mirror" in archives.supply(SHA256, f"{mirror.url}/ib.tar.xz").failure


def test_a_copy_is_made_where_links_are_impossible(
    farm: Worker, mirror: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("another file system")

    monkeypatch.setattr(os, "link", refuse)

    fetch(mirror, tmp_path / "got")

    assert (tmp_path / "got").read_bytes() == ARCHIVE
    assert mirror.paths(200) == ["/ib.tar.xz"]
