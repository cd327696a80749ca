"""https: only to who can prove who it is, and never on to http."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.cli.command import Asu
from tests.cli.conftest import BUILD
from tests.cli.peer import SYSUPGRADE, Peer, Told, running


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for this machine, with its key, that nobody vouches for but itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tests")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2120, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


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
