"""Trying a mirror out tells of each step how it went."""

import pytest

from packages.models import Distribution
from packages.signatures import UsignKey
from packages.sync import probing
from packages.sync.probing import Key, Outcome
from tests.packages.conftest import fill
from tests.packages.flavours import LIME_KEY
from tests.packages.mirrors import MirrorFolder, Server

KEY = UsignKey.generate("mirror")
PINNED = [Key("usign", KEY.public_text(), "ours")]
SUMS = "releases/24.10.2/targets/ath79/generic/sha256sums"


@pytest.fixture
def signed(folder: MirrorFolder) -> MirrorFolder:
    folder.key = KEY
    fill(folder)
    return folder


def steps(finding: probing.Finding) -> dict[str, Outcome]:
    return {step.name: step.outcome for step in finding.steps}


def sentence(finding: probing.Finding) -> str:
    return finding.steps[-1].sentence


def test_a_good_mirror_is_good_in_each_step(signed: MirrorFolder, server: Server) -> None:
    finding = probing.probe(server.url, PINNED)

    assert finding.is_good
    assert set(steps(finding).values()) == {Outcome.GOOD}
    assert list(steps(finding)) == [
        *("Reach", "Releases", "Targets", "Signature", "Devices", "ImageBuilder", "Packages")
    ]
    assert (finding.versions, finding.stable) == (["24.10.2", "23.05.5"], "24.10.2")
    assert any(KEY.fingerprint in step.sentence for step in finding.steps)


def test_without_keys_it_works_and_is_noted(folder: MirrorFolder, server: Server) -> None:
    finding = probing.probe(server.url)

    assert finding.is_good
    assert steps(finding)["Signature"] == Outcome.NOTE


def test_a_folder_works_as_well(signed: MirrorFolder) -> None:
    assert probing.probe(signed.root.as_uri(), PINNED).is_good


def test_a_mirror_of_listings_works(signed: MirrorFolder, server: Server) -> None:
    for path in (".versions.json", "releases/24.10.2/.targets.json"):
        (signed.root / path).unlink()

    finding = probing.probe(server.url, PINNED)

    assert finding.is_good
    assert "listing" in finding.steps[1].sentence


@pytest.mark.parametrize(
    ("url", "step"), [("http://127.0.0.1:1", "Reach"), ("ftp://example.org", "Address"), ("nonsense", "Address")]
)
def test_what_cannot_be_reached_fails_first(url: str, step: str) -> None:
    finding = probing.probe(url)

    assert steps(finding) == {step: Outcome.BAD}


@pytest.mark.parametrize(
    ("path", "content", "step"),
    [
        (".versions.json", "<html>", "Releases"),
        ("releases/24.10.2/.targets.json", "{", "Targets"),
        ("releases/24.10.2/targets/ath79/generic/profiles.json", "[]", "Devices"),
        (SUMS, "nonsense", "Signature"),
        ("releases/24.10.2/targets/ath79/generic/packages/Packages.gz", "nonsense", "Packages"),
    ],
)
def test_a_document_that_is_none_fails_its_step(
    folder: MirrorFolder, server: Server, path: str, content: str, step: str
) -> None:
    folder.write(path, content)

    finding = probing.probe(server.url)

    assert (finding.steps[-1].name, finding.steps[-1].outcome) == (step, Outcome.BAD)


def test_a_signature_by_another_key_names_both(signed: MirrorFolder, server: Server) -> None:
    other = UsignKey.generate("other")

    finding = probing.probe(server.url, [Key("usign", other.public_text())])

    assert not finding.is_good
    assert KEY.fingerprint in sentence(finding) and other.fingerprint in sentence(finding)


def test_sums_without_a_signature_fail_under_keys(signed: MirrorFolder, server: Server) -> None:
    (signed.root / f"{SUMS}.sig").unlink()

    assert "not signed" in sentence(probing.probe(server.url, PINNED))


@pytest.mark.django_db
def test_of_a_flavour_its_base_and_its_own_feeds_are_tried(flavour: Distribution, feeds: MirrorFolder) -> None:
    from tests.packages.flavours import read

    read(flavour)
    assert probing.probe_distribution(flavour).steps[-1].outcome == Outcome.GOOD
    assert LIME_KEY.fingerprint in sentence(probing.probe_distribution(flavour))

    (feeds.root / "2024.1/openwrt-24.10/mips_24kc/Packages").unlink()
    (feeds.root / "2024.1/openwrt-24.10/mips_24kc/Packages.gz").unlink()
    assert not probing.probe_distribution(flavour).is_good
