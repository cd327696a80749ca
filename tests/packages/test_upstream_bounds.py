"""A mirror that a stranger named is never left: not by a redirect, not by what a name server says."""

import hashlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from packages import upstream
from packages.exceptions import MirrorError, MirrorUnreachableError
from packages.upstream import Bounds, Mirror
from tests.packages.mirrors import Handler, Server, serving


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "site" / "feed").mkdir(parents=True)
    (tmp_path / "site" / "feed" / "note.txt").write_text("hello")
    (tmp_path / "site" / "other.txt").write_text("secret")
    with serving(tmp_path / "site") as running:
        yield running


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """What name servers say: for each host the answers, one after the other; the last one stays."""
    known: dict[str, list[list[str]]] = {}
    original = socket.getaddrinfo

    def answer(host: str, port: Any, *args: Any, **options: Any) -> Any:
        if host not in known:
            return original(host, port, *args, **options)
        found = known[host].pop(0) if len(known[host]) > 1 else known[host][0]
        kinds = {True: socket.AF_INET6, False: socket.AF_INET}
        return [(kinds[":" in number], socket.SOCK_STREAM, 6, "", (number, port or 0)) for number in found]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return known


def mirror(site: Server, *more: str, host: str = "127.0.0.1", is_inside_allowed: bool = True) -> Mirror:
    url = f"http://{host}:{site.server_port}/feed"
    return Mirror(url, Bounds((url, *more), is_inside_allowed))


def redirect(to: str) -> Callable[[Handler], None]:
    return lambda handler: handler.answer(302, b"", Location=to)


def text_of(found: Mirror, path: str = "note.txt") -> bytes:
    document = found.get(path)
    assert document is not None
    return document.data


def test_what_is_within_bounds_is_read(site: Server) -> None:
    assert text_of(mirror(site)) == b"hello"


def test_a_redirect_within_bounds_is_followed(site: Server) -> None:
    site.faults["/feed/moved.txt"] = redirect("note.txt")

    assert text_of(mirror(site), "moved.txt") == b"hello"


@pytest.mark.parametrize(
    "to",
    [
        *(
            "/other.txt",
            "../other.txt",
            "{0}/other.txt",
            "{0}/feed/../other.txt",
            "{0}/feed-evil/x",
            "//evil.example/x",
        ),
        *("{0}/feed/%2e%2e/other.txt", "{0}/feed/note.txt?x=1", "{0}/feed//note.txt", "{0}/feed/..;/other.txt"),
        *("http://127.1/feed/note.txt", "http://2130706433/", "http://[::ffff:127.0.0.1]/feed", "file:///etc/passwd"),
        "http://user@127.0.0.1/feed/note.txt",
    ],
)
def test_a_redirect_out_of_bounds_is_not_followed(site: Server, to: str) -> None:
    site.faults["/feed/moved.txt"] = redirect(to.format(site.url))

    with pytest.raises(MirrorError):
        mirror(site).get("moved.txt")

    assert site.paths(302) == ["/feed/moved.txt"]
    assert site.paths(200) == []


def test_a_file_is_not_downloaded_from_out_of_bounds_either(site: Server, tmp_path: Path) -> None:
    site.faults["/feed/moved.txt"] = redirect("/other.txt")

    with pytest.raises(MirrorError):
        mirror(site).download("moved.txt", tmp_path / "got", sha256=hashlib.sha256(b"secret").hexdigest())

    assert not (tmp_path / "got").exists()


def test_a_folder_that_the_operator_allows_too_is_within_bounds(site: Server) -> None:
    site.faults["/feed/moved.txt"] = redirect("/other.txt")

    assert text_of(mirror(site, f"{site.url}/other.txt"), "moved.txt") == b"secret"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_machine_is_out_of_bounds_unless_the_operator_allows_it(site: Server, host: str) -> None:
    with pytest.raises(MirrorError, match="private network"):
        mirror(site, host=host, is_inside_allowed=False).get("note.txt")

    assert site.seen == []


@pytest.mark.parametrize(
    "found",
    [
        *(["127.0.0.1"], ["10.0.0.7"], ["169.254.169.254"], ["::1"], ["fe80::1"], ["::ffff:127.0.0.1"], ["0.0.0.0"]),
        ["93.184.216.34", "127.0.0.1"],
    ],
)
def test_a_name_that_leads_inside_is_out_of_bounds(
    site: Server, names: dict[str, list[list[str]]], found: list[str]
) -> None:
    names["feed.example.org"] = [found]

    with pytest.raises(MirrorError, match="private network"):
        mirror(site, host="feed.example.org", is_inside_allowed=False).get("note.txt")

    assert site.seen == []


def test_a_name_server_that_changes_its_mind_leads_nowhere_else(
    site: Server, names: dict[str, list[list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    names["feed.example.org"] = [["93.184.216.34"], ["127.0.0.1"]]
    connected: list[str] = []

    def connect(self: socket.socket, address: Any) -> None:
        connected.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr("packages.upstream.mirror.PAUSES", ())

    with pytest.raises(MirrorUnreachableError):
        mirror(site, host="feed.example.org", is_inside_allowed=False).get("note.txt")

    # The address that was looked at, and no second question.
    assert connected == ["93.184.216.34"]
    assert names["feed.example.org"] == [["127.0.0.1"]]


def test_our_own_credentials_stay_at_home(site: Server) -> None:
    got: list[str | None] = []

    def keep(handler: Handler) -> None:
        got.append(handler.headers.get("Authorization"))
        handler.answer(200, b"x")

    site.faults["/feed/note.txt"] = keep
    upstream.authorize(site.url, "Bearer secret")
    try:
        mirror(site).get("note.txt")
    finally:
        upstream.authorize(site.url, "")

    assert got == [None]


def test_a_folder_of_this_machine_is_no_repository(tmp_path: Path) -> None:
    with pytest.raises(MirrorError):
        Mirror(tmp_path.as_uri(), Bounds((tmp_path.as_uri(),)))
