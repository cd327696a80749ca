"""Signatures: with a key pinned, unsigned or wrongly signed means refused."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from packages.exceptions import SignatureError
from packages.models import Distribution, DistributionKey, Target
from packages.signatures import UsignKey
from packages.sync import complete_target, sync_distribution
from packages.sync.trust import Trust
from packages.upstream import Mirror
from tests.packages.conftest import fill
from tests.packages.mirrors import Handler, MirrorFolder, Server, serving
from tests.packages.test_signatures import MESSAGE

pytestmark = pytest.mark.django_db
TARGET = "releases/24.10.2/targets/ath79/generic"
BASE = "releases/24.10.2/packages/mips_24kc/base"


@pytest.fixture
def key() -> UsignKey:
    return UsignKey.generate("test key")


@pytest.fixture
def signed(tmp_path: Path, key: UsignKey) -> MirrorFolder:
    mirror = MirrorFolder(tmp_path / "signed", key)
    fill(mirror)
    return mirror


@pytest.fixture
def signed_server(signed: MirrorFolder) -> Iterator[Server]:
    with serving(signed.root) as running:
        yield running


@pytest.fixture
def pinned(signed_server: Server, key: UsignKey) -> Distribution:
    """A distribution whose key is pinned, names synced."""
    row = Distribution.objects.create(name="openwrt", url=signed_server.url)
    pin(row, key)
    sync_distribution(row)
    return row


def pin(row: Distribution, key: UsignKey) -> DistributionKey:
    return DistributionKey.objects.create(distribution=row, kind="usign", text=key.public_text())


def target() -> Target:
    return Target.objects.get(release__version="24.10.2", name="ath79/generic")


def test_a_mirror_signed_by_the_pinned_key_is_taken(pinned: Distribution) -> None:
    complete_target(target())

    assert target().is_complete


def test_missing_signature_of_the_sums_is_refused(pinned: Distribution, signed: MirrorFolder) -> None:
    (signed.root / TARGET / "sha256sums.sig").unlink()

    with pytest.raises(SignatureError, match="sha256sums: not signed"):
        complete_target(target())

    assert not target().is_complete
    assert "not signed" in target().sync_error


def test_sums_changed_after_signing_are_refused(pinned: Distribution, signed: MirrorFolder) -> None:
    sums = signed.root / TARGET / "sha256sums"
    sums.write_text(sums.read_text() + f"{'d' * 64} *evil\n")

    with pytest.raises(SignatureError, match=r"sha256sums\.sig"):
        complete_target(target())


def test_sums_signed_by_another_key_are_refused(pinned: Distribution, signed: MirrorFolder) -> None:
    signed.key = UsignKey.generate("other")
    signed.sign(f"{TARGET}/sha256sums")

    with pytest.raises(SignatureError):
        complete_target(target())


def test_no_sums_at_all_are_refused(pinned: Distribution, signed: MirrorFolder) -> None:
    (signed.root / TARGET / "sha256sums").unlink()

    with pytest.raises(SignatureError, match="not there"):
        complete_target(target())


def test_an_unsigned_index_is_refused(pinned: Distribution, signed: MirrorFolder) -> None:
    (signed.root / BASE / "Packages.sig").unlink()

    with pytest.raises(SignatureError, match="Packages: not signed"):
        complete_target(target())


def test_an_index_with_a_wrong_signature_is_refused(pinned: Distribution, signed: MirrorFolder) -> None:
    signed.sign(f"{BASE}/Packages", signed=f"{TARGET}/sha256sums")

    with pytest.raises(SignatureError, match=r"Packages\.sig"):
        complete_target(target())


def test_an_index_that_moves_between_file_and_signature_is_read_once_more(
    pinned: Distribution, signed: MirrorFolder, signed_server: Server, key: UsignKey
) -> None:
    good = (signed.root / BASE / "Packages.sig").read_bytes()

    def old_signature(handler: Handler) -> None:
        signed_server.faults.clear()
        handler.answer(200, key.sign(b"the index of yesterday").encode())

    signed_server.faults[f"/{BASE}/Packages.sig"] = old_signature

    complete_target(target())

    assert target().is_complete
    assert (signed.root / BASE / "Packages.sig").read_bytes() == good


def test_a_disabled_key_counts_for_nothing(pinned: Distribution) -> None:
    DistributionKey.objects.update(is_enabled=False)
    pin(pinned, UsignKey.generate("another"))

    with pytest.raises(SignatureError):
        complete_target(target())


def test_pinning_a_key_later_checks_what_was_taken_unsigned(distribution: Distribution, key: UsignKey) -> None:
    report = sync_distribution(distribution, release="24.10.2", target="ath79/generic")
    assert any("unsigned" in note for note in report.notes)
    before = target().state_hash
    pin(distribution, key)

    report = sync_distribution(distribution, release="24.10.2")

    assert "not signed" in report.errors[0]
    assert target().state_hash == before
    assert target().stale_since is not None


# -- OpenPGP ------------------------------------------------------------------------------------------------

GPG = Path(__file__).resolve().parents[1] / "data" / "gpg"
needs_gpgv = pytest.mark.skipif(shutil.which("gpgv") is None, reason="gpgv is not installed")


def check(folder: MirrorFolder, *kinds_and_keys: tuple[str, str], signature: str = "") -> None:
    """Whether the fixed message that the test key has signed passes as sums."""
    row = Distribution.objects.create(name="gpg", url=f"file://{folder.root}")
    for kind, text in kinds_and_keys:
        DistributionKey.objects.create(distribution=row, kind=kind, text=text)
    if signature:
        folder.write("sums.asc", (GPG / signature).read_bytes())
    Trust(row).check_sums(Mirror(row.url), "sums", MESSAGE)


def gpg_key(name: str) -> tuple[str, str]:
    return "gpg", (GPG / f"{name}.pub.asc").read_text()


@needs_gpgv
def test_openpgp_alone_is_enough(folder: MirrorFolder) -> None:
    check(folder, gpg_key("tests"), signature="tests.sig.asc")


@needs_gpgv
def test_openpgp_stands_in_for_a_missing_usign_signature(folder: MirrorFolder, key: UsignKey) -> None:
    check(folder, ("usign", key.public_text()), gpg_key("tests"), signature="tests.sig.asc")


@needs_gpgv
def test_an_openpgp_signature_by_another_key_is_refused(folder: MirrorFolder) -> None:
    with pytest.raises(SignatureError, match=r"sums\.asc"):
        check(folder, gpg_key("other"), signature="tests.sig.asc")


def test_a_missing_openpgp_signature_is_refused(folder: MirrorFolder) -> None:
    with pytest.raises(SignatureError, match="not signed"):
        check(folder, gpg_key("tests"))


def test_an_apk_key_says_nothing_about_sums(folder: MirrorFolder) -> None:
    check(folder, ("apk", "pem"))
