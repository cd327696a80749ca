"""Statistics, status and incidents in a real browser: charts with tables, dark colours, parts that stay fresh."""

from tests.browser.conftest import Open
from tests.browser.eyes import NARROW
from tests.e2e.service import Server

WISH = {
    "version": "25.04.0",
    "target": "demo/generic",
    "profile": "acme_lighthouse-ac",
    "packages": ["demo-editor", "-luci"],
}
_TELL = """
from stats.models import Incident
Incident.objects.create(title="The power is out", severity="notice")
"""


def test_what_was_built_is_drawn_with_its_table_in_dark_on_a_phone(open_page: Open, server: Server) -> None:
    server.build(WISH)

    eyes = open_page("/statistics/?days=7", size=NARROW, theme="dark")
    charts = eyes.page.locator("section.chart")
    packages = charts.filter(has_text="Most asked packages")
    packages.get_by_text("As a table").click()

    assert charts.count() >= 8
    assert packages.get_by_role("cell", name="demo-editor").is_visible()
    assert eyes.page.get_by_role("img", name="Builds per day").is_visible()
    fill = "element => getComputedStyle(element).fill"
    assert eyes.page.locator(".drawn .one").first.evaluate(fill) == "rgb(102, 203, 196)"
    assert eyes.broken_rules() == []
    assert not eyes.is_wider_than_the_window()


def test_the_status_keeps_itself_fresh_and_leaves_what_is_open_alone(open_page: Open, server: Server) -> None:
    eyes = open_page("/status/")
    page = eyes.page
    page.locator("[data-part=workers]").wait_for()
    page.evaluate("document.title = 'old'; document.querySelector('[data-part=mirrors]').id = 'same'")

    server.manage("shell", "-c", _TELL)
    page.get_by_role("link", name="The power is out").wait_for(timeout=40_000)

    assert page.title() != "old"
    assert page.locator("#same").count() == 1  # the page was not loaded again
    page.get_by_role("link", name="The power is out").click()
    assert page.get_by_role("heading", level=1).inner_text() == "The power is out"
    assert eyes.broken_rules() == []
