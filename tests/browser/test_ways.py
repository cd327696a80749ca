"""The whole way of a person, from the name of a device to an image that is downloaded and verified; and no link on the
way, nor any other that a page shows, leads nowhere.
"""

import hashlib
import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Open

BUILD_MS = 120_000
SUM = re.compile(r"SHA-256 ([0-9a-f]{64})")
LINK = re.compile(r'href="([^"]+)"')
MOST_PAGES = 150


def test_from_the_name_of_a_device_to_a_verified_image(open_page: Open) -> None:
    page = open_page("/").page
    page.get_by_label("Name of your device").press_sequentially("nest lte")
    page.get_by_role("link", name="Kestrel Nest LTE").click()
    page.get_by_role("link", name="Choose packages and build").click()
    page.get_by_label("Search by name or description").fill("demo-editor")
    page.get_by_role("button", name="Add demo-editor").click()
    expect(page.locator("#selection")).to_contain_text("demo-editor")

    page.get_by_role("button", name="Build this image").click()
    expect(page.get_by_role("heading", name="Files")).to_be_visible(timeout=BUILD_MS)
    name, told, content = _download(page)

    assert "kestrel_nest-lte" in name
    assert hashlib.sha256(content).hexdigest() == told


def _download(page: Page) -> tuple[str, str, bytes]:
    """What a click on the first button brings: the name of the file, the sum that the page tells of it, its bytes."""
    file = page.locator("li.file").first
    told = SUM.search(file.inner_text())
    assert told
    with page.expect_download() as found:
        file.get_by_role("link", name="Download").click()
    return found.value.suggested_filename, told[1], found.value.path().read_bytes()
