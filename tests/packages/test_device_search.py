"""Finding a device by what people type."""

import pytest

from packages import device_index, device_search, generation
from packages.models import Distribution, FlavourDevice, Organisation, Release, Target
from packages.visibility import MAINTAINER, PUBLIC, Viewer
from tests.images.factories import DEVICE, make_target
from tests.packages.devices import TITLES, make_listing

pytestmark = pytest.mark.django_db


def find(text: str, viewer: Viewer = PUBLIC) -> list[str]:
    return [hit.device.profile for hit in device_search.search(text, device_index.sections(viewer)).hits]


@pytest.fixture
def shop() -> None:
    make_listing(*TITLES)


@pytest.mark.parametrize(
    ("text", "profile"),
    [
        ("wr841 v9", "tplink_tl-wr841-v9"),
        ("V9 WR841", "tplink_tl-wr841-v9"),
        ("tl-wr841nd", "tplink_tl-wr841-v9"),
        ("archer c7v2", "tplink_archer-c7-v2"),
        ("tplink,archer-c7-v2", "tplink_archer-c7-v2"),
        ("c7 (v2)", "tplink_archer-c7-v2"),
        ("fritz!box", "avm_fritzbox-7530"),
        ("Fritz Box 7530", "avm_fritzbox-7530"),
        ("fritzbox7530", "avm_fritzbox-7530"),
        ("nightha", "netgear_r7800"),
        ("NIGHTHAWK/r7800", "netgear_r7800"),
        ("Ｒ７８００", "netgear_r7800"),  # noqa: RUF001 (full-width letters)
    ],
)
@pytest.mark.usefixtures("shop")
def test_words_in_any_order_and_spelling_find_it(text: str, profile: str) -> None:
    assert find(text) == [profile]


@pytest.mark.parametrize(
    ("text", "profile", "instead"),
    [
        ("netgaer r7800", "netgear_r7800", "netgear r7800"),
        ("zyxl", "zyxel_nr7101", "zyxel"),
        ("nighthwk", "netgear_r7800", "nighthawk"),
        ("fritzbax", "avm_fritzbox-7530", "fritzbox"),
    ],
)
@pytest.mark.usefixtures("shop")
def test_a_small_mistake_is_forgiven_and_told(text: str, profile: str, instead: str) -> None:
    found = device_search.search(text, device_index.sections())

    assert [hit.device.profile for hit in found.hits] == [profile]
    assert found.instead == instead


@pytest.mark.usefixtures("shop")
def test_what_is_written_rightly_is_not_corrected() -> None:
    assert device_search.search("archer", device_index.sections()).instead == ""
    # Numbers tell devices apart: the one that was typed is not there.
    assert find("v3 c7") == []


@pytest.mark.parametrize(
    "text", ["nothing like it", "\0", "\ud800", "%", "'; --", "🛜" * 90, "a" * 100_000, "(?:x+)+y", "²"]
)
@pytest.mark.usefixtures("shop")
def test_any_text_is_only_a_search(text: str) -> None:
    assert isinstance(find(text), list)


@pytest.mark.usefixtures("shop")
def test_without_words_all_devices_are_there_by_their_titles() -> None:
    assert (
        find("")
        == find(" !? ")
        == [
            "avm_fritzbox-7530",
            "netgear_r7800",
            "tplink_archer-c7-v2",
            "tplink_archer-c7-v5",
            "tplink_tl-wr841-v9",
            "zyxel_nr7101",
        ]
    )


def test_the_whole_title_comes_first_then_whole_words_then_beginnings() -> None:
    titles = ["Acme Rocket 10", "Acme Rocket 1 Pro", "Acme Rocket 1", "Super Acme Rocket 1"]
    for number, title in enumerate(titles):
        make_listing(f"device-{number}", titles=[{"title": title}])

    assert find("acme rocket 1") == ["device-2", "device-1", "device-3", "device-0"]


def test_of_equals_those_in_newer_releases_come_first() -> None:
    make_listing("acme_old", version="23.05.5", titles=[{"title": "Acme A"}])
    make_listing("acme_new", version="24.10.2", titles=[{"title": "Acme B"}])
    make_listing("acme_snapshot", version="SNAPSHOT", titles=[{"title": "Acme C"}])

    assert find("acme")[-1] == "acme_old"


def test_the_id_a_board_and_the_target_are_found_too() -> None:
    make_target(profiles=({**DEVICE, "supported_devices": ["acme,strange-board"]},))
    make_listing("netgear_r7800", target="ipq806x/generic")

    assert find("strange-board") == ["tplink_archer-c7-v2"]
    assert find("ipq806x") == ["netgear_r7800"]
    assert find("tplink_archer") == ["tplink_archer-c7-v2"]


def test_a_device_of_many_releases_is_one_with_the_newest_title_first() -> None:
    make_listing("netgear_r7800", version="23.05.5", titles=[{"title": "Old name"}])
    make_listing("netgear_r7800", version="24.10.2", titles=[{"title": "New name"}])

    [hit] = device_search.search("name", device_index.sections()).hits

    assert hit.device.titles == ("New name", "Old name")
    assert [offer.version for offer in hit.device.offers] == ["24.10.2", "23.05.5"]
    assert find("old name") == ["netgear_r7800"]


def test_what_is_not_on_offer_is_not_found() -> None:
    target = make_listing("netgear_r7800")
    make_listing("zyxel_nr7101", target="ramips/mt7621")
    Target.objects.filter(pk=target.pk).update(is_enabled=False)
    generation.bump()

    assert find("") == ["zyxel_nr7101"]

    Release.objects.update(is_enabled=False)
    generation.bump()

    assert find("") == []


def test_the_documents_of_a_target_count_more_than_the_list() -> None:
    make_target()
    make_listing("netgear_r7800", "tplink_archer-c7-v2")

    assert find("") == ["tplink_archer-c7-v2"]


def test_a_private_distribution_is_searched_by_its_members_only() -> None:
    meadow = Organisation.objects.create(name="meadow")
    make_listing("netgear_r7800", distribution="secretnet", organisation=meadow)

    assert find("r7800") == find("netgaer") == find("r7800", Viewer(organisation=meadow.pk + 1)) == []
    assert find("r7800", Viewer(organisation=meadow.pk)) == find("r7800", MAINTAINER) == ["netgear_r7800"]


def test_a_disabled_distribution_is_gone_at_once() -> None:
    make_listing("netgear_r7800")
    assert find("r7800")

    Distribution.objects.update(is_enabled=False)

    assert find("r7800") == []


def test_two_distributions_with_the_same_device_are_one_hit_and_the_default_one_leads() -> None:
    make_listing("netgear_r7800", distribution="another")
    make_listing("netgear_r7800")

    [hit] = device_search.search("r7800", device_index.sections()).hits

    assert hit.section.name == "openwrt"
    assert [section.name for section in hit.also] == ["another"]


@pytest.fixture
def flavour() -> Distribution:
    """Built on 24.10.2, of which one target is read and one only listed; it offers the first."""
    base = make_target()
    make_listing("zyxel_nr7101", target="ramips/mt7621")
    row = Distribution.objects.create(name="lime", built_on=base.release.distribution)
    channel = row.channels.create(name="x")
    release = Release.objects.create(distribution=row, channel=channel, version="x-24.10.2", built_on=base.release)
    for target in Target.objects.filter(release=base.release):
        Target.objects.create(release=release, name=target.name, built_on=target)
    Distribution.objects.filter(name="openwrt").update(is_enabled=False)
    generation.bump()
    return row


def test_a_flavour_has_the_devices_of_its_base(flavour: Distribution) -> None:
    assert set(find("")) == {"tplink_archer-c7-v2", "zyxel_nr7101"}

    [section] = device_index.sections()
    [offer] = section.shelf.by_key["ramips/mt7621", "zyxel_nr7101"].offers
    assert offer.version == "x-24.10.2"


def test_a_flavour_may_have_those_of_its_list_only(flavour: Distribution) -> None:
    assert len(find("")) == 2
    FlavourDevice.objects.create(distribution=flavour, profile="zyxel_nr7101")
    Distribution.objects.filter(pk=flavour.pk).update(offers_listed_devices_only=True)
    generation.bump()

    assert find("") == ["zyxel_nr7101"]


def test_a_shelf_is_read_again_only_when_its_own_rows_changed() -> None:
    make_listing("netgear_r7800")
    make_listing("zyxel_nr7101", distribution="another")
    before = {section.name: section.shelf for section in device_index.sections()}
    make_listing("tplink_archer-c7-v5", distribution="another")

    after = {section.name: section.shelf for section in device_index.sections()}

    assert after["openwrt"] is before["openwrt"]
    assert after["another"] is not before["another"]


def test_a_search_costs_one_question_to_the_database(django_assert_num_queries: object) -> None:
    make_listing(*TITLES)
    find("archer")

    with django_assert_num_queries(1):  # type: ignore[operator]
        assert find("archer")
