"""A maintainer finds a failed build by its reason, looks at its log, and has it built again."""

import re

from playwright.sync_api import Page, expect

from tests.e2e.service import Server

WISH = {
    "version": "25.04.0",
    "target": "demo/generic",
    "profile": "acme_lighthouse-ac",
    "packages": ["demo-red", "demo-blue"],
    "defaults": "# looked at by a maintainer",
}


def test_a_failed_build_is_found_by_its_reason_looked_at_and_built_again(server: Server, admin_page: Page) -> None:
    request_hash = server.request(WISH)
    server.wait(lambda: server.ask("GET", f"/demo/api/v1/build/{request_hash}")[0] == 500, 60)
    page = admin_page

    page.goto("/admin/builders/build/")
    filters = page.get_by_role("navigation", name="Filter")
    filters.get_by_text("Filter", exact=True).click()
    filters.get_by_text("By reason").click()
    filters.get_by_role("link", name="packages exclude each other").click()
    expect(page).to_have_url(re.compile("reason=package_conflict"))
    expect(filters.get_by_role("link", name="reason: packages exclude each other")).to_be_visible()
    page.get_by_role("link", name=request_hash[:12]).click()

    expect(page.get_by_role("heading", name="Log", exact=True)).to_be_visible()
    page.get_by_role("navigation", name="Messages").get_by_role("link").filter(has_text="conflict").first.click()
    expect(page.locator(".farm-line:target")).to_contain_text("conflict")
    page.get_by_label("Search the log").fill("demo-blue")
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator("mark").first).to_have_text("demo-blue")
    expect(page.get_by_role("link", name="Public page")).to_have_attribute("href", f"/images/{request_hash}/")

    page.get_by_role("button", name="Build again").click()
    expect(page.get_by_text("1 build queued again")).to_be_visible()
    # It waits, is built and fails anew by itself: the page shows it without being loaded again.
    expect(page.locator("[data-part=attempts] tbody tr")).to_have_count(2, timeout=60_000)
