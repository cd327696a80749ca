"""Releases with apk (25.12 and later): packages.adb is signed inside itself."""

import base64
import hashlib
from pathlib import Path

import pytest

from packages import catalogue, index_cache
from packages.exceptions import MirrorError, SignatureError
from packages.models import Distribution, DistributionKey, Feed, Target
from packages.sync import complete_target, sync_distribution
from tests.packages.mirrors import MirrorFolder

pytestmark = pytest.mark.django_db
# Made by apk itself, signed by key.pem.
DATA = Path(__file__).resolve().parents[1] / "data" / "apk"
INDEX = base64.b64decode((DATA / "packages.adb.b64").read_text())
RELEASE = "releases/25.12.5"
CORE = f"{RELEASE}/targets/ath79/generic/packages"


@pytest.fixture
def target(distribution: Distribution, folder: MirrorFolder) -> Target:
    """A release whose only feed is an apk index."""
    folder.versions("25.12.5")
    folder.targets(RELEASE, ath79__generic="mips_24kc")
    folder.target(RELEASE, "25.12.5")
    folder.write(f"{CORE}/packages.adb", INDEX)
    sync_distribution(distribution)
    return Target.objects.get(release__version="25.12.5")


def pin(target: Target, text: str) -> None:
    DistributionKey.objects.create(distribution=target.release.distribution, kind="apk", text=text)


def test_an_index_signed_by_the_pinned_key_is_taken(target: Target) -> None:
    pin(target, (DATA / "key.pem").read_text())

    complete_target(target)

    feed = Feed.objects.get(path=CORE)
    assert (feed.format, feed.index_sha256) == ("apk", hashlib.sha256(INDEX).hexdigest())
    assert index_cache.load(feed.index_sha256) == INDEX
    found = catalogue.find("openwrt", "25.12.5", "ath79/generic")
    assert found.package_manager == "apk"
    assert found.packages["hello20240101"] == found.packages["hello"] == "1.2.3-r4"
    assert found.packages["hello-any"] == ""


def test_an_index_signed_by_another_key_is_refused(target: Target) -> None:
    pin(target, OTHER_KEY)

    with pytest.raises(SignatureError, match=r"packages\.adb"):
        complete_target(target)

    assert not Target.objects.get(pk=target.pk).is_complete


def test_a_damaged_index_is_refused_even_without_keys(target: Target, folder: MirrorFolder) -> None:
    folder.write(f"{CORE}/packages.adb", INDEX[: len(INDEX) // 2])

    with pytest.raises(MirrorError, match=r"packages\.adb"):
        complete_target(target)


def test_an_unchanged_index_is_not_sent_again(target: Target, distribution: Distribution) -> None:
    complete_target(target)

    report = sync_distribution(distribution, release="25.12.5")

    assert (report.feeds, report.unchanged, report.errors) == (0, 1, [])


# The public half of a P-256 key made for this test.
OTHER_KEY = """-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEaxfR8uEsQkf4vOblY6RA8ncDfYEt
6zOg9KE5RdiYwpZP40Li/hp/m47n60p8D54WK84zV2sxXs7LtkBoN79R9Q==
-----END PUBLIC KEY-----
"""


def only_index_json(target: Target, folder: MirrorFolder) -> None:
    (folder.root / CORE / "packages.adb").unlink()
    folder.write(f"{CORE}/index.json", {"version": 2, "architecture": "mips_24kc", "packages": {"vim": "9.1-r1"}})


def test_where_there_is_index_json_only_requests_can_be_checked(target: Target, folder: MirrorFolder) -> None:
    only_index_json(target, folder)

    complete_target(target)

    assert catalogue.find("openwrt", "25.12.5", "ath79/generic").packages["vim"] == "9.1-r1"


def test_index_json_is_not_enough_where_keys_are_pinned(target: Target, folder: MirrorFolder) -> None:
    only_index_json(target, folder)
    pin(target, (DATA / "key.pem").read_text())

    with pytest.raises(SignatureError, match=r"index\.json: not signed"):
        complete_target(target)
