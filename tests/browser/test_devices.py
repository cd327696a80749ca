"""Finding a device while typing."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.eyes import NARROW

ROCKET = "/devices/demo/demo/generic/acme_rocket-2/"


def test_from_the_front_page_to_a_device_with_the_keyboard_alone(open_page: Open) -> None:
    eyes = open_page("/")
    page = eyes.page

    page.get_by_label("Name of your device").press_sequentially("rockt")
    expect(page.get_by_text("This is what “rocket” finds")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="2 devices")).to_be_visible()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("link", name="Acme Rocket 2")).to_be_focused()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(page.get_by_label("Name of your device")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert eyes.broken_rules() == []
    page.keyboard.press("Enter")

    page.wait_for_url(f"**{ROCKET}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Acme Rocket 2")


def test_the_address_keeps_step_and_late_answers_are_dropped(open_page: Open) -> None:
    page = open_page("/devices/", size=NARROW).page
    held = []
    page.route("**/devices/?q=au&*", lambda route: held.append(route))

    field = page.get_by_label("Name of the device")
    field.fill("au")
    page.wait_for_timeout(400)
    field.fill("nest")
    expect(page.get_by_role("link", name="Kestrel Nest mini")).to_be_visible()

    assert len(held) == 1
    expect(page).to_have_url(re.compile(r"/devices/\?q=nest$"))
    expect(page.locator(".devices li")).to_have_count(2)
    page.reload()
    expect(field).to_have_value("nest")
    expect(page.locator(".devices li")).to_have_count(2)


def test_without_scripts_a_form_does_it(open_page: Open) -> None:
    page = open_page("/", java_script_enabled=False).page

    page.get_by_label("Name of your device").fill("lighthouse")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="Acme Lighthouse AC").click()

    expect(page.get_by_role("link", name="Choose packages and build")).to_be_visible()
