"""Each system check strikes when it should, and only then."""

from pathlib import Path

import pytest
from django.core.checks import CheckMessage
from pytest_django import Settings

from asu_site import checks
from builders.runners.sandbox import LEVELS, probe


def ids(messages: list[CheckMessage]) -> list[str | None]:
    assert all(message.hint for message in messages)
    return [message.id for message in messages]


def test_the_settings_as_shipped_are_fine(settings: Settings) -> None:
    found = [
        *checks.check_data_dir(None),
        *checks.check_base_url(None),
        *checks.check_default_distribution(None),
        *checks.check_accel_prefix(None),
        *checks.check_sandbox(None),
    ]

    assert found == []


def test_a_data_folder_below_a_file_is_an_error(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings.ASU_DATA_DIR = tmp_path / "file" / "data"

    assert ids(checks.check_data_dir(None)) == ["asu.E001"]


def test_a_data_folder_that_is_not_there_yet_is_fine(settings: Settings, tmp_path: Path) -> None:
    settings.ASU_DATA_DIR = tmp_path / "not" / "yet"

    assert checks.check_data_dir(None) == []


@pytest.mark.parametrize("url", ["asu.example.org", "ftp://x", "https://", "https://a@b.org", "https://x/?q=1"])
def test_a_base_address_that_is_none_is_an_error(settings: Settings, url: str) -> None:
    settings.ASU_BASE_URL = url

    assert ids(checks.check_base_url(None)) == ["asu.E002"]


@pytest.mark.parametrize("url", ["https://asu.example.org", "http://10.0.0.1:8000/asu"])
def test_base_addresses(settings: Settings, url: str) -> None:
    settings.ASU_BASE_URL = url

    assert checks.check_base_url(None) == []


@pytest.mark.parametrize("name", ["", "Open Wrt", "store", "api"])
def test_a_default_distribution_that_cannot_be_one_is_an_error(settings: Settings, name: str) -> None:
    settings.ASU_DEFAULT_DISTRIBUTION = name

    assert ids(checks.check_default_distribution(None)) == ["asu.E003"]


def test_a_default_distribution_nobody_added_yet_is_fine(settings: Settings) -> None:
    settings.ASU_DEFAULT_DISTRIBUTION = "nobody-added-it"

    assert checks.check_default_distribution(None) == []


def test_a_location_that_is_none_is_an_error(settings: Settings) -> None:
    settings.ASU_X_ACCEL_PREFIX = "protected"

    assert ids(checks.check_accel_prefix(None)) == ["asu.E004"]


def test_a_demanded_sandbox_is_compared_with_what_the_machine_reaches(settings: Settings) -> None:
    reached = LEVELS.index(probe().level)

    for number, level in enumerate(LEVELS):
        settings.ASU_SANDBOX = level
        assert ids(checks.check_sandbox(None)) == ([] if number <= reached else ["asu.W001"])


def test_a_machine_without_walls_is_told_what_to_install(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    probe.cache_clear()
    settings.ASU_SANDBOX = "full"

    try:
        messages = checks.check_sandbox(None)
    finally:
        monkeypatch.undo()
        probe.cache_clear()

    assert ids(messages) == ["asu.W001"]
    assert "bubblewrap" in str(messages[0].hint)
