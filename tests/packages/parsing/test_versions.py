"""What a mirror says it has: versions, targets, devices."""

import json

import pytest

from packages.exceptions import BadDocumentError
from packages.parsing.versions import OverviewEntry, parse_overview, parse_targets, parse_versions
from tests.packages.parsing.shared import real


def test_versions_keep_the_order_of_the_mirror() -> None:
    data = {
        "stable_version": "25.12.5",
        "oldstable_version": "24.10.8",
        "upcoming_version": "",
        "versions_list": ["25.12.5", "25.12.0-rc1", "24.10.8", "17.01.7", "25.12.5"],
        "image_url_override": "https://downloads.example.org",
    }

    versions = parse_versions(json.dumps(data).encode())

    assert versions.versions == ["25.12.5", "25.12.0-rc1", "24.10.8", "17.01.7"]
    assert (versions.stable, versions.oldstable, versions.upcoming) == ("25.12.5", "24.10.8", "")


def test_the_real_list_is_read_whole() -> None:
    data = real("openwrt-versions.json")

    versions = parse_versions(data)

    assert versions.versions == json.loads(data)["versions_list"]
    assert versions.stable in versions.versions


def test_names_that_are_no_version_are_left_out() -> None:
    data = b'{"versions_list": ["24.10.1", "../../etc", "a b", "", "24.10.0"], "stable_version": "../x"}'

    versions = parse_versions(data)

    assert versions.versions == ["24.10.1", "24.10.0"]
    assert versions.stable == ""


@pytest.mark.parametrize(
    "data", [b"[]", b"{}", b'{"versions_list": "24.10.1"}', b'{"versions_list": [1]}', b'{"versions_list": {}}']
)
def test_a_document_without_a_list_of_versions_is_refused(data: bytes) -> None:
    with pytest.raises(BadDocumentError, match=r"\.versions\.json"):
        parse_versions(data)


def test_a_list_of_versions_without_end_is_refused() -> None:
    data = json.dumps({"versions_list": [str(number) for number in range(5001)]})

    with pytest.raises(BadDocumentError, match="5000"):
        parse_versions(data)


def test_targets_come_with_their_package_architecture() -> None:
    data = b'{"ath79/generic": "mips_24kc", "x86/64": "x86_64", "../x": "evil", "note": "not a target"}'

    assert parse_targets(data) == {"ath79/generic": "mips_24kc", "x86/64": "x86_64"}


def test_an_architecture_that_is_no_text_is_refused() -> None:
    with pytest.raises(BadDocumentError, match="ath79/generic"):
        parse_targets(b'{"ath79/generic": 5}')


def test_an_overview_tells_which_device_is_of_which_target() -> None:
    data = b"""{"release": "24.10.1", "profiles": [
        {"id": "tplink_archer-c7-v2", "target": "ath79/generic",
         "titles": [{"vendor": "TP-Link", "model": "Archer C7", "variant": "v2"}]},
        {"id": "generic", "target": "x86/64", "titles": [{"title": "Generic x86/64"}]},
        {"id": "../evil", "target": "x86/64"}]}"""

    entries = parse_overview(data)

    assert entries == [
        OverviewEntry(
            "tplink_archer-c7-v2", "ath79/generic", [{"vendor": "TP-Link", "model": "Archer C7", "variant": "v2"}]
        ),
        OverviewEntry("generic", "x86/64", [{"title": "Generic x86/64"}]),
    ]
