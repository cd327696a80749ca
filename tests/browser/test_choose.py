"""A person chooses packages with the keyboard, sees what they bring, and has the image built."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.eyes import NARROW

PAGE = "/devices/demo/demo/generic/borealis_aurora-10/choose/"


def test_with_the_keyboard_from_a_word_to_the_page_of_the_image(open_page: Open) -> None:
    eyes = open_page(PAGE)
    page = eyes.page
    page.get_by_label("Search by name or description").focus()

    page.keyboard.type("shows pack")
    expect(page.locator("#results li")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("button", name="Add demo-sniff")).to_be_focused()
    page.keyboard.press("Enter")

    # What it brings and the size, told at once; the focus stays with the package, the address says the same.
    selection = page.locator("#selection")
    expect(selection).to_contain_text("brings 1 more")
    expect(selection).to_contain_text("2 packages more than usual")
    expect(page.locator("#results").get_by_role("button", name="Remove demo-sniff")).to_be_focused()
    expect(page.get_by_role("status")).to_contain_text("2 packages more than usual.")
    expect(page).to_have_url(re.compile(r"packages=demo-sniff.*q=shows\+pack"))
    assert eyes.broken_rules() == []

    page.get_by_role("button", name="Build this image").focus()
    page.keyboard.press("Enter")

    page.wait_for_url(re.compile(r"/images/[0-9a-f]{64}/"))
    expect(page.locator("h1")).to_contain_text("Borealis Aurora 10")


def test_a_link_opens_the_same_selection_on_a_phone_with_all_that_is_wrong(open_page: Open) -> None:
    query = "?packages=dnsmasq-full+demo-edtor+-busybox&q=demo"
    eyes = open_page(PAGE + query, size=NARROW, theme="dark")
    page = eyes.page

    assert eyes.broken_rules() == [] and not eyes.is_wider_than_the_window()
    page.get_by_role("button", name="demo-editor", exact=True).click()
    page.get_by_role("button", name="Leave out dnsmasq", exact=True).click()
    page.locator("#selection").get_by_role("button", name="Put back busybox").click()

    expect(page.get_by_role("button", name="Build this image")).to_be_visible()
    expect(page.locator("input[name=packages]")).to_have_value("dnsmasq-full demo-editor -dnsmasq")


def test_all_of_it_works_without_javascript(open_page: Open) -> None:
    page = open_page(PAGE, java_script_enabled=False).page

    page.get_by_label("Search by name or description").fill("shows packets")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Add demo-sniff").click()
    expect(page.locator("#selection")).to_contain_text("brings 1 more")
    page.get_by_label("Release", exact=True).select_option("24.04.2")
    page.get_by_role("button", name="Show").click()

    expect(page.locator(".lead")).to_contain_text("24.04.2")
    expect(page.locator("#selection")).to_contain_text("demo-sniff")
