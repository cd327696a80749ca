"""A maintainer from a broken mirror to a healthy one, without a shell."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.eyes import Eyes
from tests.e2e.service import Server
from tests.packages import mirrors

SYNC_MS = 60_000


@pytest.fixture
def mirror(server: Server, tmp_path: Path) -> Iterator[mirrors.Server]:
    """A copy of the demo's mirror behind a web server."""
    shutil.copytree(server.data / "demo-mirror", tmp_path / "mirror")
    with mirrors.serving(tmp_path / "mirror") as running:
        yield running


def key_of(server: Server) -> str:
    """The public key that the demo's mirror is signed with, as its page would have it."""
    return server.manage(
        "shell", "-v", "0", "-c", "from packages.models import DistributionKey as K; print(K.objects.first().text)"
    )


def test_a_maintainer_gets_from_a_broken_mirror_to_a_healthy_one(
    admin_page: Page, server: Server, mirror: mirrors.Server
) -> None:
    page = admin_page
    eyes = Eyes(page, f"127.0.0.1:{server.port}")

    # Added by name, address and key; the mirror is tried before anything is saved.
    page.goto("/admin/packages/distribution/add/")
    page.get_by_label("Name", exact=True).fill("harbour")
    page.get_by_label("Title").fill("Harbour")
    page.get_by_label("Address of the mirror").fill(mirror.url)
    page.get_by_label("Public keys").fill(key_of(server))
    page.get_by_role("button", name="Try the mirror").click()
    expect(page.get_by_text("The mirror is fine, as far as was tried")).to_be_visible()
    expect(page.get_by_text("The sums are signed by the usign key")).to_be_visible()
    page.get_by_role("button", name="Add it and sync").click()
    expect(page.locator('[data-part="head"] .farm-badge')).to_have_text("done", timeout=SYNC_MS)
    expect(page.locator('[data-part="outcome"]')).to_contain_text("New releases")

    # The mirror loses its list of releases: what was there stays, and the page says what failed.
    (mirror.root / ".versions.json").write_text("<html>Sorry, we are moving.</html>")
    page.get_by_role("link", name="Harbour").first.click()
    page.get_by_role("button", name="Sync now", exact=True).click()
    expect(page.locator('[data-part="head"] .farm-badge')).to_have_text("the mirror failed", timeout=SYNC_MS)
    expect(page.locator('[data-part="outcome"]')).to_contain_text(".versions.json")
    expect(page.get_by_text("Everything that was read before is still on offer")).to_be_visible()
    assert eyes.broken_rules("#content-main") == []

    # Each step of a trial says how it went.
    page.get_by_role("link", name="Check the mirror").click()
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("The mirror fails")).to_be_visible()
    expect(page.locator(".cat-steps li", has_text="Releases")).to_contain_text("fails")
    assert eyes.broken_rules("#content-main") == []

    # Another mirror of the same files is fine: taken over, synced, healthy.
    shutil.copytree(server.data / "demo-mirror", mirror.root / "new")
    page.get_by_label("Address").fill(f"{mirror.url}/new")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_text("The mirror is fine, as far as was tried")).to_be_visible()
    page.get_by_role("button", name="Use this address and sync").click()
    expect(page.locator('[data-part="head"] .farm-badge')).to_have_text("done", timeout=SYNC_MS)
    page.get_by_role("link", name="Harbour").first.click()
    expect(page.get_by_text("The mirror is fine. Last good sync")).to_be_visible()
    assert eyes.broken_rules("#content-main") == []
    assert eyes.wrong == []

    # Nobody else's tests see it.
    page.get_by_role("button", name="Disable", exact=True).first.click()
    expect(page.get_by_role("heading", name="What hangs on it")).to_be_visible()
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_text("Disabled: Harbour.")).to_be_visible()
