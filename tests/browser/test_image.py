"""A person watches an image being built, gets it, and compares it; and one whose image fails finds the way out."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.eyes import NARROW
from tests.e2e.service import Server

WISH = {"version": "25.04.0", "target": "demo/generic", "profile": "acme_lighthouse-ac"}
BUILD_MS = 120_000


def test_the_page_of_an_image_becomes_that_of_its_files_by_itself(open_page: Open, server: Server) -> None:
    request_hash = server.request({**WISH, "packages": ["luci", "demo-sniff"]})
    eyes = open_page(f"/images/{request_hash}/", size=NARROW)
    page = eyes.page
    assert eyes.broken_rules() == []
    page.evaluate("window.wasNotLoadedAnew = true")
    page.get_by_role("link", name="Images", exact=True).first.focus()

    expect(page.get_by_role("heading", name="Files")).to_be_visible(timeout=BUILD_MS)

    assert page.evaluate("window.wasNotLoadedAnew")
    assert page.evaluate("document.activeElement.textContent") == "Images"
    expect(page.get_by_role("status").first).to_have_text("The image is ready.")
    assert page.title().startswith("Ready: Acme Lighthouse AC")
    assert any(answer.url.endswith("/events") for answer in eyes.answers)
    assert not eyes.is_wider_than_the_window()
    assert eyes.broken_rules() == []

    page.get_by_role("searchbox", name="Find a package in this image").fill("sniff")
    expect(page.locator("#manifest li:visible")).to_have_count(1)
    page.get_by_role("link", name="demo 24.04.2").click()
    expect(page.get_by_role("heading", name=re.compile("as it comes"))).to_be_visible()
    assert eyes.broken_rules() == []
    assert not eyes.is_wider_than_the_window()


def test_without_a_place_for_a_stream_the_page_asks(open_page: Open, server: Server) -> None:
    request_hash = server.request({**WISH, "packages": ["demo-greeting"]})
    eyes = open_page("/images/")
    eyes.page.route("**/events", lambda route: route.fulfill(status=204))
    eyes.page.goto(f"/images/{request_hash}/")

    expect(eyes.page.get_by_role("heading", name="Files")).to_be_visible(timeout=BUILD_MS)

    assert any(answer.url.endswith("/live") for answer in eyes.answers)


def test_a_failed_build_leads_to_its_remedy(open_page: Open, server: Server) -> None:
    request_hash = server.request({**WISH, "packages": ["luci", "demo-failing"]})
    eyes = open_page(f"/images/{request_hash}/", size=NARROW, theme="dark")
    page = eyes.page

    expect(page.get_by_role("heading", name="This image could not be built")).to_be_visible(timeout=BUILD_MS)

    expect(page.get_by_role("region", name="What the log says")).to_contain_text("demo-failing")
    remedy = page.get_by_role("link", name="Leave out demo-failing")
    address = remedy.get_attribute("href") or ""
    assert address.startswith("/devices/demo/demo/generic/acme_lighthouse-ac/choose/?")
    assert "packages=luci" in address and "demo-failing" not in address
    assert eyes.broken_rules() == []
    assert not eyes.is_wider_than_the_window()
