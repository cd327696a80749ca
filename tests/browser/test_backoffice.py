"""An operator signs in, sees the day, and lets a machine join; and what holds for each page of the admin."""

import json
import secrets
from http.client import HTTPConnection

from playwright.sync_api import Page, expect

from builders import tokens
from tests.browser.conftest import ACCOUNT, PASSWORD, Open
from tests.browser.eyes import NARROW, WIDE, Eyes
from tests.e2e.service import Server

PAGES = [
    *("/admin/", "/admin/admin/logentry/", "/admin/auth/user/", "/admin/auth/user/add/"),
    *("/admin/packages/distribution/", "/admin/packages/distribution/1/change/", "/admin/builders/build/"),
    *("/admin/builders/worker/", "/admin/password_change/", "/admin/builders/build/?q=nothing+like+it"),
    *("/admin/packages/release/", "/admin/packages/release/1/change/", "/admin/packages/release/1/history/"),
    *("/admin/packages/target/", "/admin/packages/syncrun/", "/admin/packages/allowedrepository/add/"),
    *("/admin/packages/distribution/add/", "/admin/packages/distribution/1/check/"),
    *("/admin/packages/distribution/2/delete/", "/admin/packages/packagechange/suggestions/"),
    *("/admin/packages/packagechange/", "/admin/packages/networkprofile/1/change/", "/admin/packages/package/"),
    *("/admin/images/clienttoken/", "/admin/images/imagefile/", "/admin/stats/incident/add/", "/admin/news/delivery/"),
]
# How far the table of a list is wider than its place.
TOO_WIDE = "[...document.querySelectorAll('.results')].map((e) => e.scrollWidth - e.clientWidth).filter((n) => n > 1)"
# Its label is a picture with the word "Search" for whom it is read to; the rule counts no pictures.
DJANGOS_OWN = "label-title-only: ['#searchbar']"


def ask_to_join(server: Server, name: str) -> None:
    token = tokens.new(tokens.WORKER)
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    body = json.dumps({"name": name, "instance": secrets.token_hex(16)})
    connection.request("POST", "/api/worker/v1/register", body, {"Authorization": f"Bearer {token}"})
    assert json.loads(connection.getresponse().read())["standing"] == "pending"
    connection.close()


def test_a_machine_that_asks_to_join_is_approved_from_the_first_page(admin_page: Page, server: Server) -> None:
    expect(admin_page.get_by_role("heading", name="Today", level=1)).to_be_visible()
    ask_to_join(server, "barn")

    # Without loading the page again: its parts stay fresh.
    entry = admin_page.get_by_role("listitem").filter(has_text="The worker barn from 127.0.0.1 asks to join.")
    entry.get_by_role("button", name="Approve").click()

    expect(admin_page.get_by_text("Worker barn: It is approved")).to_be_visible()
    expect(admin_page).to_have_url(f"http://127.0.0.1:{server.port}/admin/")
    expect(admin_page.get_by_text("barn from 127.0.0.1 asks to join")).to_have_count(0)
    admin_page.get_by_role("link", name="Audit").first.click()
    row = admin_page.get_by_role("row").filter(has_text="barn").first
    expect(row).to_contain_text(ACCOUNT)
    expect(row).to_contain_text("Approve.")


def test_pages_of_the_admin_keep_the_rules_in_each_look(open_page: Open) -> None:
    for size, theme in ((WIDE, "light"), (NARROW, "dark")):
        eyes = open_page("/admin/login/?next=/admin/", size=size, theme=theme)
        assert eyes.broken_rules() == []
        eyes.page.get_by_label("Username").fill(ACCOUNT)
        eyes.page.get_by_label("Password").fill(PASSWORD)
        eyes.page.get_by_role("button", name="Log in").click()
        eyes.page.wait_for_url("**/admin/")
        for address in PAGES:
            eyes.page.goto(address)
            assert [broken for broken in eyes.broken_rules() if DJANGOS_OWN not in broken] == []
            assert not eyes.is_wider_than_the_window(), address
            assert eyes.page.evaluate(TOO_WIDE) == [], address


def test_a_list_is_filtered_from_above_and_its_rows_are_cards_on_a_phone(open_page: Open) -> None:
    eyes: Eyes = open_page("/admin/login/?next=/admin/packages/release/", size=NARROW)
    page = eyes.page
    page.get_by_label("Username").fill(ACCOUNT)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    filters = page.get_by_role("navigation", name="Filter")

    filters.get_by_text("Filter", exact=True).focus()
    page.keyboard.press("Enter")
    filters.get_by_role("link", name="Demo", exact=True).click()

    chosen = filters.get_by_role("link", name="distribution: Demo")
    expect(chosen).to_be_visible()
    cell = page.locator("#result_list tbody tr").first.locator("td.field-distribution, td.field-distribution__title")
    expect(cell).to_have_attribute("data-label", "Distribution")
    expect(page.locator("#result_list thead")).to_be_hidden()
    above = chosen.bounding_box(), page.locator("#result_list").bounding_box()
    assert above[0] and above[1] and above[0]["y"] < above[1]["y"]
    chosen.click()
    expect(page.get_by_role("link", name="distribution: Demo")).to_have_count(0)


def test_a_phone_reaches_every_list_from_the_first_page(open_page: Open) -> None:
    eyes: Eyes = open_page("/admin/login/?next=/admin/", size=NARROW)
    eyes.page.get_by_label("Username").fill(ACCOUNT)
    eyes.page.get_by_label("Password").fill(PASSWORD)
    eyes.page.keyboard.press("Enter")

    eyes.page.get_by_role("navigation", name="All lists").get_by_role("link", name="Builds").click()

    expect(eyes.page.get_by_role("heading", name="Builds", level=1)).to_be_visible()
