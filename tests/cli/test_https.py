"""https: only to who can prove who it is, and never on to http."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.certificates import self_signed
from tests.cli.command import Asu
from tests.cli.conftest import BUILD
from tests.cli.peer import SYSUPGRADE, Peer, Told, running


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def safe(certificate: Path) -> Iterator[Peer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with running(context) as peer:
        peer.states = ["done"]
        yield peer


@pytest.fixture
def asu(safe: Peer, certificate: Path, tmp_path: Path) -> Asu:
    return Asu(tmp_path / "here", safe.base, SSL_CERT_FILE=str(certificate))


def test_an_image_comes_by_https(asu: Asu) -> None:
    assert asu(*BUILD).code == 0
    assert asu.files() == [SYSUPGRADE]


def test_a_server_that_nobody_vouches_for_is_refused(safe: Peer, asu: Asu) -> None:
    del asu.environment["SSL_CERT_FILE"]

    done = asu(*BUILD)

    assert done.code == 6
    assert "cannot prove who it is" in done.err
    assert safe.seen == []


def test_nobody_is_led_from_https_to_http(peer: Peer, safe: Peer, asu: Asu) -> None:
    safe.answers("GET", safe.store(), Told(302, b"", {"Location": peer.base + peer.store()}))

    done = asu(*BUILD)

    assert done.code == 6
    assert "redirects from https to http" in done.err
    assert peer.seen == []
    assert asu.files() == []
