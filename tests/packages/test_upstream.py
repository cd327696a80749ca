"""Mirrors behind a real socket: what arrives whole and right is taken, everything else is a named failure."""

import gzip
import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from packages import upstream
from packages.exceptions import (
    BadDocumentError,
    ChecksumError,
    DownloadStoppedError,
    MirrorError,
    MirrorUnreachableError,
    NotOnMirrorError,
    TooLargeError,
)
from packages.upstream import Document, Mirror, check_url, gunzip
from tests.packages.mirrors import Handler, Server, serving

DATA = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Server]:
    root = tmp_path / "site"
    root.mkdir()
    (root / "big.bin").write_bytes(DATA)
    (root / "note.txt").write_text("hello")
    (root / "sub").mkdir()
    with serving(root) as running:
        yield running


@pytest.fixture(params=["http", "file"])
def mirror(request: pytest.FixtureRequest, site: Server) -> Mirror:
    """The same folder by both ways."""
    return Mirror(site.url if request.param == "http" else f"file://{site.root}")


def get(mirror: Mirror, path: str, **options: int) -> Document:
    document = mirror.get(path, **options)  # type: ignore[arg-type]
    assert document is not None
    return document


# -- documents ----------------------------------------------------------------------------------------------


def test_a_document_arrives_whole(mirror: Mirror) -> None:
    assert get(mirror, "note.txt").data == b"hello"


def test_an_unchanged_document_is_not_sent_again(mirror: Mirror) -> None:
    first = get(mirror, "note.txt")

    assert first.etag
    assert mirror.get("note.txt", etag=first.etag) is None


def test_a_changed_document_is_sent_in_spite_of_the_old_etag(mirror: Mirror, site: Server) -> None:
    first = get(mirror, "note.txt")
    (site.root / "note.txt").write_text("hello again")

    second = mirror.get("note.txt", etag=first.etag)

    assert second is not None and second.data == b"hello again"


def test_a_missing_document_is_named(mirror: Mirror) -> None:
    with pytest.raises(NotOnMirrorError, match=r"no/such\.json"):
        mirror.get("no/such.json")


def test_a_document_over_the_limit_is_refused(mirror: Mirror) -> None:
    with pytest.raises(TooLargeError):
        mirror.get("big.bin", max_bytes=1000)


def test_a_document_over_the_limit_without_announced_length_is_refused(site: Server) -> None:
    def endless(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.close_connection = True
        handler.wfile.write(DATA)

    site.faults["/endless"] = endless

    with pytest.raises(TooLargeError):
        Mirror(site.url).get("endless", max_bytes=1000)


def test_a_listing_names_files_and_folders(mirror: Mirror) -> None:
    assert mirror.listing("/") == ["big.bin", "note.txt", "sub/"]


def test_what_is_there_is_known_without_fetching_it(mirror: Mirror, site: Server) -> None:
    assert mirror.exists("note.txt") and mirror.exists("sub/")
    assert not mirror.exists("other.txt")
    assert "GET" not in {method for method, _, _ in site.seen}


def test_a_server_error_is_tried_three_times(site: Server) -> None:
    site.faults["/note.txt"] = lambda handler: handler.answer(503, b"busy")

    with pytest.raises(MirrorUnreachableError, match="503"):
        Mirror(site.url).get("note.txt")

    assert len(site.seen) == 3


def test_a_server_error_that_passes_is_forgotten(site: Server) -> None:
    def once(handler: Handler) -> None:
        del site.faults["/note.txt"]
        handler.answer(502, b"")

    site.faults["/note.txt"] = once

    assert get(Mirror(site.url), "note.txt").data == b"hello"


def test_a_refusal_is_not_tried_again(site: Server) -> None:
    site.faults["/note.txt"] = lambda handler: handler.answer(403, b"")

    with pytest.raises(MirrorError, match="403"):
        Mirror(site.url).get("note.txt")

    assert len(site.seen) == 1


def test_an_answer_that_ends_too_early_is_no_document(site: Server) -> None:
    def short(handler: Handler) -> None:
        handler.close_connection = True
        handler.answer(200, b"half", length=8)

    site.faults["/note.txt"] = short

    with pytest.raises(MirrorUnreachableError, match=r"note\.txt"):
        Mirror(site.url).get("note.txt")


def test_a_mirror_that_is_down_is_named() -> None:
    with pytest.raises(MirrorUnreachableError, match=r"no answer from 127\.0\.0\.1:1 \(connection refused\)"):
        Mirror("http://127.0.0.1:1").get("note.txt")


def test_a_silent_mirror_is_given_up(site: Server, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("packages.upstream.connections._pools", {})
    settings.ASU_HTTP_TIMEOUT = 0.1
    release = threading.Event()

    def wait(handler: Handler) -> None:
        handler.close_connection = True
        release.wait(10)

    site.faults["/note.txt"] = wait

    with pytest.raises(MirrorUnreachableError, match="timeout"):
        Mirror(site.url).get("note.txt")

    release.set()


# -- redirects ----------------------------------------------------------------------------------------------


def test_a_redirect_is_followed(site: Server) -> None:
    site.faults["/old"] = lambda handler: handler.answer(301, b"", Location="/note.txt")

    assert get(Mirror(site.url), "old").data == b"hello"


def test_redirects_in_a_circle_end(site: Server) -> None:
    site.faults["/loop"] = lambda handler: handler.answer(302, b"", Location="/loop")

    with pytest.raises(MirrorError, match="circles"):
        Mirror(site.url).get("loop")

    assert len(site.seen) < 10


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://example.org/x", "", "http://user@127.0.0.1/x"])
def test_a_redirect_to_no_web_address_is_refused(site: Server, location: str) -> None:
    site.faults["/away"] = lambda handler: handler.answer(302, b"", Location=location)

    with pytest.raises(MirrorError, match="no web address"):
        Mirror(site.url).get("away")


# -- downloads ----------------------------------------------------------------------------------------------


def test_a_download_is_verified_and_reported(mirror: Mirror, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    mirror.download(
        "big.bin",
        tmp_path / "out" / "big",
        sha256=SHA256,
        size=len(DATA),
        progress=lambda done, total: seen.append((done, total)),
    )

    assert (tmp_path / "out" / "big").read_bytes() == DATA
    assert seen[-1] == (len(DATA), len(DATA))
    assert not (tmp_path / "out" / "big.part").exists()


def test_a_download_goes_on_where_it_stopped(site: Server, tmp_path: Path) -> None:
    (tmp_path / "big.part").write_bytes(DATA[:500_000])

    Mirror(site.url).download("big.bin", tmp_path / "big", sha256=SHA256)

    assert (tmp_path / "big").read_bytes() == DATA
    assert site.paths(206) == ["/big.bin"]


def test_a_download_survives_a_broken_connection(site: Server, tmp_path: Path) -> None:
    def break_off(handler: Handler) -> None:
        del site.faults["/big.bin"]
        handler.close_connection = True
        handler.answer(200, DATA[:300_000], length=len(DATA))

    site.faults["/big.bin"] = break_off

    Mirror(site.url).download("big.bin", tmp_path / "big", sha256=SHA256)

    assert (tmp_path / "big").read_bytes() == DATA
    assert site.paths(206) == ["/big.bin"]


def test_a_wrong_checksum_leaves_nothing(mirror: Mirror, tmp_path: Path) -> None:
    with pytest.raises(ChecksumError, match=r"big\.bin"):
        mirror.download("big.bin", tmp_path / "big", sha256="0" * 64)

    assert list(tmp_path.glob("big*")) == []


def test_a_rotten_part_is_fetched_anew(site: Server, tmp_path: Path) -> None:
    (tmp_path / "big.part").write_bytes(b"x" * 1000)

    Mirror(site.url).download("big.bin", tmp_path / "big", sha256=SHA256)

    assert (tmp_path / "big").read_bytes() == DATA


def test_a_part_longer_than_the_file_is_fetched_anew(site: Server, tmp_path: Path) -> None:
    (tmp_path / "big.part").write_bytes(b"x" * (len(DATA) + 10))

    Mirror(site.url).download("big.bin", tmp_path / "big", sha256=SHA256)

    assert (tmp_path / "big").read_bytes() == DATA


def test_a_server_without_ranges_is_fine(site: Server, tmp_path: Path) -> None:
    (tmp_path / "big.part").write_bytes(DATA[:500_000])
    site.faults["/big.bin"] = lambda handler: handler.answer(200, DATA)

    Mirror(site.url).download("big.bin", tmp_path / "big", sha256=SHA256)

    assert (tmp_path / "big").read_bytes() == DATA


def test_more_bytes_than_announced_are_refused(mirror: Mirror, tmp_path: Path) -> None:
    with pytest.raises(TooLargeError):
        mirror.download("big.bin", tmp_path / "big", sha256=SHA256, size=1000)

    assert list(tmp_path.glob("big*")) == []


def test_a_stopped_download_keeps_its_part(site: Server, tmp_path: Path) -> None:
    chunks: list[int] = []

    with pytest.raises(DownloadStoppedError):
        Mirror(site.url).download(
            "big.bin",
            tmp_path / "big",
            sha256=SHA256,
            progress=lambda done, total: chunks.append(done),
            go_on=lambda: not chunks,
        )

    assert (tmp_path / "big.part").stat().st_size == chunks[-1]
    assert not (tmp_path / "big").exists()


def test_an_absolute_address_is_taken_apart(site: Server) -> None:
    mirror, path = Mirror.for_url(f"{site.url}/sub/../note.txt".replace("/sub/..", ""))

    assert get(mirror, path).data == b"hello"


# -- addresses and bounds -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://example.org", "example.org", "http://", "http://user:word@example.org", "http://example.org/?x=1"),
        *("http://example.org/#x", "file://host/folder", "file:relative", "http://exa mple.org", "http://a/../b"),
        *("http://example.org\n", "http://example.org:99999", "http://a/%2e%2e/b", "http://a\\b"),
    ],
)
def test_what_is_no_mirror_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        check_url(url)


@pytest.mark.parametrize("path", ["../secret", "a/../../secret", "a/./b", "a\nb", "a\\b"])
def test_a_path_cannot_leave_the_mirror(mirror: Mirror, path: str) -> None:
    with pytest.raises(ValueError, match="no path"):
        mirror.get(path)


def test_a_gzip_bomb_is_stopped_at_the_limit() -> None:
    with pytest.raises(TooLargeError):
        gunzip(gzip.compress(b"\0" * 10_000_000), 100_000)


@pytest.mark.parametrize(
    "data",
    [b"no gzip", gzip.compress(b"x" * 1000)[:-9], gzip.compress(b"x" * 1000)[:15]],
    ids=["noise", "cut", "start"],
)
def test_broken_gzip_is_a_bad_document(data: bytes) -> None:
    with pytest.raises(BadDocumentError):
        gunzip(data, 100_000)


def test_gzip_of_several_members_is_unpacked_whole() -> None:
    assert gunzip(gzip.compress(b"one") + gzip.compress(b"two"), 100) == b"onetwo"


# -- credentials --------------------------------------------------------------------------------------------


@pytest.fixture
def authorized(site: Server) -> Iterator[list[tuple[str, str | None]]]:
    """The path and the credential of each request; one is given for what lies below /sub."""
    seen: list[tuple[str, str | None]] = []

    def note(handler: Handler) -> None:
        seen.append((handler.path, handler.headers["Authorization"]))
        handler.answer(200, b"fine")

    site.faults |= dict.fromkeys(("/sub/a", "/subway", "/other", "/sub/b"), note)
    upstream.authorize(f"{site.url}/sub", "Bearer secret")
    yield seen
    upstream.authorize(f"{site.url}/sub", "")


def test_a_credential_goes_to_addresses_below_its_prefix_only(
    site: Server, authorized: list[tuple[str, str | None]]
) -> None:
    for path in ("sub/a", "subway", "other"):
        get(Mirror(site.url), path)
    upstream.authorize(f"{site.url}/sub/", "")
    get(Mirror(site.url), "sub/a")

    assert authorized == [("/sub/a", "Bearer secret"), ("/subway", None), ("/other", None), ("/sub/a", None)]


@pytest.mark.parametrize(
    ("location", "arrives"),
    [
        ("/other", ("/other", None)),
        ("b", ("/sub/b", "Bearer secret")),
        ("/sub/../other", ("/other", None)),
        ("{url}.example/sub/b", None),
    ],
)
def test_a_redirect_does_not_take_the_credential_elsewhere(
    site: Server, authorized: list[tuple[str, str | None]], location: str, arrives: tuple[str, str | None] | None
) -> None:
    site.faults["/sub/go"] = lambda handler: handler.answer(302, b"", Location=location.format(url=site.url))

    if arrives is None:
        with pytest.raises(MirrorError):
            get(Mirror(site.url), "sub/go")
    else:
        get(Mirror(site.url), "sub/go")

    assert authorized == ([arrives] if arrives else [])


def test_another_server_gets_no_credential(
    site: Server, authorized: list[tuple[str, str | None]], tmp_path: Path
) -> None:
    with serving(tmp_path) as other:
        site.faults["/sub/go"] = lambda handler: handler.answer(302, b"", Location=f"{other.url}/sub/a")
        other.faults["/sub/a"] = site.faults["/sub/a"]

        get(Mirror(site.url), "sub/go")

    assert authorized == [("/sub/a", None)]


def test_the_main_server_is_waited_for_while_it_is_started_again_and_a_mirror_is_not(
    site: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("packages.upstream.mirror.SERVER_PAUSES", (0.0,) * 9)
    away = iter(range(5))

    def restarting(handler: Handler) -> None:
        handler.answer(200 if next(away, None) is None else 503, b"fine")

    site.faults["/sub/a"] = restarting
    with pytest.raises(MirrorUnreachableError):
        get(Mirror(site.url), "sub/a")
    upstream.authorize(f"{site.url}/sub", "Bearer secret")
    try:
        assert get(Mirror(f"{site.url}/sub"), "a").data == b"fine"
    finally:
        upstream.authorize(f"{site.url}/sub", "")
