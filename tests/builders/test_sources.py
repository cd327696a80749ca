"""A worker asks the main server for ImageBuilders and indexes, and the mirror for what that does not have."""

import gzip
import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from builders import sources
from builders.sources import API, ServerSources
from builders.spec import FeedSpec, ImageBuilderSpec
from packages.exceptions import ChecksumError, DownloadStoppedError, MirrorUnreachableError, NotOnMirrorError
from tests.packages.mirrors import Handler, Server, serving

ARCHIVE = bytes(range(256)) * 4000
INDEX = b"Package: luci\nVersion: 1\n"
SHA256, INDEX_SHA256 = hashlib.sha256(ARCHIVE).hexdigest(), hashlib.sha256(INDEX).hexdigest()
PATH = f"/{API}/imagebuilders/{SHA256}"


@pytest.fixture
def mirror(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / "ib.tar.xz").write_bytes(ARCHIVE)
    (folder / "Packages.gz").write_bytes(gzip.compress(INDEX))
    (folder / "Packages.sig").write_bytes(b"by the mirror")
    (folder / "packages.adb").write_bytes(INDEX)
    with serving(folder) as running:
        yield running


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """One that has everything."""
    monkeypatch.setattr(sources, "_POLL", 0.01)
    monkeypatch.setattr("packages.upstream.mirror.PAUSES", (0.01, 0.01))
    folder = tmp_path / "server" / API
    for name, data in {
        f"imagebuilders/{SHA256}": ARCHIVE,
        f"indexes/{INDEX_SHA256}": INDEX,
        f"indexes/{INDEX_SHA256}.sig": b"by the server",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    with serving(tmp_path / "server") as running:
        yield running


Fetch = Callable[..., list[tuple[int, int]]]


@pytest.fixture
def fetch(mirror: Server, server: Server, tmp_path: Path) -> Fetch:
    """Bring the archive; answers the progress that was told."""

    def fetch(go_on: Callable[[], bool] = lambda: True) -> list[tuple[int, int]]:
        told: list[tuple[int, int]] = []
        wanted = ImageBuilderSpec(f"{mirror.url}/ib.tar.xz", "ib.tar.xz", SHA256)
        ServerSources(f"{server.url}/").imagebuilder(
            wanted, tmp_path / "got", lambda done, total: told.append((done, total)), go_on
        )
        assert (tmp_path / "got").read_bytes() == ARCHIVE
        return told

    return fetch


def feed(mirror: Server, kind: str = "opkg") -> FeedSpec:
    return FeedSpec("base", "arch", kind, mirror.url, INDEX_SHA256)


def busy(*percents: int | None) -> Callable[[Handler], None]:
    """The server is itself fetching it, and has it after so many questions."""
    left = list(percents)

    def answer(handler: Handler) -> None:
        if not left:
            handler.send_file(ARCHIVE)
            return
        handler.answer(202, json.dumps({"status": 202, "progress": left.pop(0), "detail": "on its way"}).encode())

    return answer


def always(status: int, body: bytes = b"no") -> Callable[[Handler], None]:
    return lambda handler: handler.answer(status, body)


# -- ImageBuilders -----------------------------------------------------------------------------------------


def test_what_the_server_has_is_not_asked_of_the_mirror(fetch: Fetch, mirror: Server) -> None:
    told = fetch()

    assert told[-1] == (len(ARCHIVE), len(ARCHIVE))
    assert mirror.seen == []


def test_a_broken_off_download_goes_on_where_it_stopped(fetch: Fetch, server: Server, tmp_path: Path) -> None:
    (tmp_path / "got.part").write_bytes(ARCHIVE[:1000])

    fetch()

    assert server.paths(206) == [PATH]


def test_while_the_server_fetches_it_that_progress_is_told(fetch: Fetch, server: Server, mirror: Server) -> None:
    server.faults[PATH] = busy(None, 10, 55)

    told = fetch()

    assert told[:3] == [(0, 0), (10, 100), (55, 100)]
    assert server.paths(202) == [PATH] * 3
    assert mirror.seen == []


@pytest.mark.parametrize("body", [b"", b"[]", b'{"progress": "much"}', b'{"progress": 1000}', b"[" * 9000, b"\xff"])
def test_an_odd_word_about_the_progress_means_that_nothing_is_known(fetch: Fetch, server: Server, body: bytes) -> None:
    answers = iter([body])
    server.faults[PATH] = lambda handler: (
        handler.answer(202, found) if (found := next(answers, None)) is not None else handler.send_file(ARCHIVE)
    )

    assert fetch()[0] == (0, 0)


def test_a_build_that_is_cancelled_waits_no_longer(fetch: Fetch, server: Server, mirror: Server) -> None:
    server.faults[PATH] = busy(*[1] * 1000)
    answers = iter([True, True, True, True])

    with pytest.raises(DownloadStoppedError):
        fetch(lambda: next(answers, False))

    assert 1 < len(server.paths(202)) < 6
    assert mirror.seen == []


@pytest.mark.parametrize(
    "fault",
    [always(404), always(403), always(500), always(200, b"something else"), busy(*[7] * 1000)],
    ids=["404", "403", "500", "other bytes", "no progress"],
)
def test_what_the_server_does_not_give_comes_from_the_mirror(
    fetch: Fetch, server: Server, mirror: Server, fault: Callable[[Handler], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_PATIENCE", 0.1)
    server.faults[PATH] = fault

    fetch()

    assert mirror.paths(200) == ["/ib.tar.xz"]


def test_when_neither_has_it_the_word_of_the_mirror_counts(fetch: Fetch, server: Server, mirror: Server) -> None:
    server.faults[PATH] = always(500)
    mirror.faults["/ib.tar.xz"] = always(404)

    with pytest.raises(NotOnMirrorError):
        fetch()


def test_wrong_bytes_from_both_are_never_taken(fetch: Fetch, server: Server, mirror: Server, tmp_path: Path) -> None:
    server.faults[PATH] = mirror.faults["/ib.tar.xz"] = always(200, b"something else")

    with pytest.raises(ChecksumError):
        fetch()

    assert not (tmp_path / "got").exists()


# -- indexes -----------------------------------------------------------------------------------------------


def test_an_index_comes_with_its_signature(server: Server, mirror: Server) -> None:
    assert ServerSources(server.url).index(feed(mirror)) == (INDEX, b"by the server", "")
    assert mirror.seen == []


def test_an_index_may_have_no_signature(server: Server, mirror: Server) -> None:
    server.faults[f"/{API}/indexes/{INDEX_SHA256}.sig"] = always(404)

    assert ServerSources(server.url).index(feed(mirror)) == (INDEX, None, "")


def test_an_index_of_apk_has_its_signature_inside(server: Server, mirror: Server) -> None:
    assert ServerSources(server.url).index(feed(mirror, "apk")) == (INDEX, None, "")
    assert server.paths(200) == [f"/{API}/indexes/{INDEX_SHA256}"]


@pytest.mark.parametrize("fault", [always(404), always(500), always(200, b"another index"), always(202)])
def test_an_index_that_the_server_does_not_give_comes_from_the_mirror(
    server: Server, mirror: Server, fault: Callable[[Handler], None]
) -> None:
    server.faults[f"/{API}/indexes/{INDEX_SHA256}"] = fault

    assert ServerSources(server.url).index(feed(mirror)) == (INDEX, b"by the mirror", "")
    assert ServerSources(server.url).index(feed(mirror, "apk")) == (INDEX, None, "")


def test_a_server_that_is_away_leaves_the_mirror(mirror: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("packages.upstream.mirror.PAUSES", (0.01, 0.01))

    assert ServerSources("http://127.0.0.1:9").index(feed(mirror)) == (INDEX, b"by the mirror", "")
    with pytest.raises(MirrorUnreachableError):
        ServerSources("http://127.0.0.1:9").index(FeedSpec("base", "arch", "opkg", "http://127.0.0.1:9", INDEX_SHA256))
