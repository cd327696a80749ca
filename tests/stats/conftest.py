"""Each test meets a process that has not looked at anything yet."""

import pytest
from pytest_django import Settings

from stats import health, status, status_page
from stats.memory import Kept
from stats.readiness import Readiness


@pytest.fixture(autouse=True)
def new_process(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    settings.ASU_MIN_FREE_MB = 1
    monkeypatch.setattr(health, "_readiness", Readiness())
    monkeypatch.setattr(status, "kept", Kept(status.make, status.SECONDS))
    monkeypatch.setattr(status_page, "kept", Kept(status_page.make, status_page.RELOAD_SECONDS))
