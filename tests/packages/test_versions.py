"""Order and channels of versions."""

import pytest

from packages.versions import channel_of, is_pre_release, newest_first


def test_versions_sort_by_numbers_with_candidates_below_the_final() -> None:
    versions = ["24.10.0-rc10", "9.2", "24.10.10", "24.10.0", "SNAPSHOT", "24.10.9", "24.10.0-rc9", "24.10-SNAPSHOT"]

    assert newest_first(versions) == [
        *("SNAPSHOT", "24.10.10", "24.10.9", "24.10.0", "24.10.0-rc10", "24.10.0-rc9", "24.10-SNAPSHOT", "9.2")
    ]


def test_a_suffix_that_is_no_candidate_sorts_above() -> None:
    assert newest_first(["2024.1", "2024.1-ow23.05.5", "2024.1-ow22.03.7"])[0] == "2024.1-ow23.05.5"


@pytest.mark.parametrize(
    ("version", "channel"),
    [
        *(("24.10.2", "24.10"), ("24.10.0-rc1", "24.10"), ("24.10-SNAPSHOT", "24.10"), ("15.05", "15.05")),
        *(("SNAPSHOT", "SNAPSHOT"), ("snapshot", "SNAPSHOT"), ("2024.1-ow23.05.5", "2024.1"), ("v7", "v7")),
    ],
)
def test_the_channel_begins_the_version(version: str, channel: str) -> None:
    assert channel_of(version) == channel
    assert version.upper().startswith(channel.upper())


@pytest.mark.parametrize(("version", "expected"), [("24.10.0-rc1", True), ("SNAPSHOT", True), ("24.10.0", False)])
def test_candidates_are_no_stable_versions(version: str, expected: bool) -> None:
    assert is_pre_release(version) is expected
