"""The feeds of a flavour: believed when its own key signed them, and no other."""

import pytest
from django.core.exceptions import ValidationError

from packages.exceptions import BadDocumentError, NotOnMirrorError, SignatureError
from packages.models import Distribution, Feed, SeriesFeed, Target
from packages.signatures import UsignKey
from packages.sync import complete_target, sync_distribution
from tests.packages.flavours import LIME_FEED, TARGET, read, target_of
from tests.packages.mirrors import MirrorFolder, Server

pytestmark = pytest.mark.django_db


def spoiled(flavour: Distribution) -> Target:
    sync_distribution(flavour)
    return target_of(flavour)


def test_without_a_key_nothing_is_taken_from_its_feeds(flavour: Distribution) -> None:
    flavour.keys.all().delete()

    with pytest.raises(SignatureError, match="No usign key is pinned for lime"):
        complete_target(spoiled(flavour))

    assert not target_of(flavour).is_complete
    assert "add_distribution lime --key FILE" in target_of(flavour).sync_error


@pytest.mark.parametrize("key", [None, UsignKey.generate("somebody")])
def test_a_feed_that_its_key_did_not_sign_is_refused(
    flavour: Distribution, feeds: MirrorFolder, key: UsignKey | None
) -> None:
    (feeds.root / f"{LIME_FEED}/Packages.sig").unlink()
    feeds.key = key
    feeds.sign(f"{LIME_FEED}/Packages")

    with pytest.raises(SignatureError):
        complete_target(spoiled(flavour))

    assert not Feed.objects.filter(kind="flavour").exists()


def test_the_key_of_the_base_vouches_for_no_feed_of_the_flavour(flavour: Distribution, feeds: MirrorFolder) -> None:
    base_key = UsignKey.generate("base")
    Distribution.objects.get(name="openwrt").keys.create(kind="usign", text=base_key.public_text(), is_enabled=False)
    feeds.key = base_key
    feeds.sign(f"{LIME_FEED}/Packages")

    with pytest.raises(SignatureError):
        complete_target(spoiled(flavour))


def test_a_missing_feed_keeps_the_target_back_unless_it_is_optional(flavour: Distribution, feeds: MirrorFolder) -> None:
    extra = flavour.series.get().feeds.create(name="profiles", path="profiles/openwrt-{base_channel}/x86_64")

    with pytest.raises(NotOnMirrorError):
        complete_target(spoiled(flavour))

    SeriesFeed.objects.filter(pk=extra.pk).update(is_optional=True)
    complete_target(target_of(flavour))
    assert target_of(flavour).is_complete


def test_feeds_that_come_to_the_same_folder_are_one(flavour: Distribution) -> None:
    flavour.series.get().feeds.create(name="again", path="{series}/openwrt-24.10/mips_24kc")

    target = read(flavour)

    assert [feed.name for feed in target.feeds.filter(kind="flavour")] == ["lime"]


def test_a_feed_of_the_other_package_manager_is_refused(flavour: Distribution, feeds: MirrorFolder) -> None:
    for name in ("Packages", "Packages.gz", "Packages.sig"):
        (feeds.root / LIME_FEED / name).unlink()
    feeds.write(
        f"{LIME_FEED}/index.json", {"version": 2, "architecture": "mips_24kc", "packages": {"lime-system": "1"}}
    )

    with pytest.raises((SignatureError, BadDocumentError)):
        complete_target(spoiled(flavour))


def test_when_its_feed_is_away_the_target_stays_as_it_was(flavour: Distribution, lime_server: Server) -> None:
    before = read(flavour).state_hash
    lime_server.faults[f"/{LIME_FEED}/Packages.gz"] = lambda handler: handler.answer(500, b"")

    report = sync_distribution(flavour)

    assert report.errors
    target = target_of(flavour)
    assert (target.is_complete, target.state_hash, target.stale_since is not None) == (True, before, True)

    del lime_server.faults[f"/{LIME_FEED}/Packages.gz"]
    assert sync_distribution(flavour).errors == []
    assert target_of(flavour).stale_since is None


def test_feeds_need_an_address_that_they_are_below(flavour: Distribution) -> None:
    Distribution.objects.filter(pk=flavour.pk).update(url="")
    flavour.refresh_from_db()

    with pytest.raises(NotOnMirrorError, match="no address that they are below"):
        complete_target(spoiled(flavour))
    with pytest.raises(ValidationError, match="Say first where the feeds are"):
        SeriesFeed(series=flavour.series.get(), name="more", path="more").full_clean()


def test_a_target_that_is_read_again_asks_the_mirror_of_the_base_too(
    flavour: Distribution, folder: MirrorFolder
) -> None:
    before = read(flavour)
    folder.sums(TARGET, **{before.imagebuilder_file: "b" * 64})

    complete_target(target_of(flavour))

    assert target_of(flavour).imagebuilder_sha256 == "b" * 64
