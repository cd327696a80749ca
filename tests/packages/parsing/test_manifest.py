"""Manifests: what is in an image."""

import pytest

from packages.exceptions import BadDocumentError
from packages.parsing import manifest
from tests.packages.parsing.shared import real


@pytest.mark.parametrize("line", ["libubox20230523 - 2023-05-23-75a3b870-1", "libubox20230523 2023-05-23-75a3b870-1"])
def test_lines_with_and_without_a_dash_are_read(line: str) -> None:
    assert manifest.parse(line + "\n") == {"libubox20230523": "2023-05-23-75a3b870-1"}


def test_versions_of_all_releases_are_read() -> None:
    text = "base-files - 1650~f5dae5ece4\nkernel - 6.6.119~87021ce8-r1\nkmod-x - 5.15.167-1\nChinaDNS - 1:2.0\n\n"

    assert manifest.parse(text) == {
        "base-files": "1650~f5dae5ece4",
        "kernel": "6.6.119~87021ce8-r1",
        "kmod-x": "5.15.167-1",
        "ChinaDNS": "1:2.0",
    }


@pytest.mark.parametrize("line", ["ERROR: something", "name", "name - ", "../x - 1", "a - b - c"])
def test_other_lines_are_refused(line: str) -> None:
    with pytest.raises(BadDocumentError, match="manifest, line 2"):
        manifest.parse(f"busybox - 1.36.1-1\n{line}\n")


@pytest.mark.parametrize("name", ["23.05.5-x86-64", "24.10.5-ath79-generic", "25.12.5-ath79-generic"])
def test_real_manifests_are_read_whole(name: str) -> None:
    data = real(f"imagebuilder-output/manifest/{name}.manifest")

    assert len(manifest.parse(data)) == len(data.splitlines())
