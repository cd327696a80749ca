"""Settings from the environment: typed, and loud on nonsense."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from asu_site import env


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush\n")
    monkeypatch.setenv("X_FILE", str(tmp_path / "secret"))

    assert env.env_str("X") == "hush"


def test_a_file_that_cannot_be_read_stops_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("X_FILE", str(tmp_path / "missing"))

    with pytest.raises(ImproperlyConfigured, match="X_FILE"):
        env.env_str("X")


@pytest.mark.parametrize(("text", "value"), [("1", True), ("Yes", True), ("off", False), ("", False)])
def test_yes_and_no(monkeypatch: pytest.MonkeyPatch, text: str, value: bool) -> None:
    monkeypatch.setenv("X", text)

    assert env.env_bool("X") is value


def test_neither_yes_nor_no_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "maybe")

    with pytest.raises(ImproperlyConfigured, match="maybe"):
        env.env_bool("X")


@pytest.mark.parametrize("text", ["many", "1.5", "-1"])
def test_a_number_that_is_none_or_too_small_stops_the_start(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("X", text)

    with pytest.raises(ImproperlyConfigured, match="X="):
        env.env_int("X", 5)


def test_words_between_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "a, b,,c ")

    assert env.env_list("X") == ["a", "b", "c"]


def test_an_unknown_choice_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X", "paper")

    with pytest.raises(ImproperlyConfigured, match="auto, full"):
        env.env_choice("X", "auto", ("auto", "full"))


def test_a_secret_is_made_once_and_private(tmp_path: Path) -> None:
    place = tmp_path / "keys" / "secret"

    first = env.env_secret("UNSET_SECRET", place)
    second = env.env_secret("UNSET_SECRET", place)

    assert first == second
    assert len(first) > 40
    assert place.stat().st_mode & 0o077 == 0
