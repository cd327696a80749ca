"""From what a router prints to the image that is built of it."""

import json

from tests.browser.conftest import Open
from tests.browser.eyes import NARROW

BOARD = {
    "model": "Acme Lighthouse AC",
    "board_name": "acme,lighthouse-ac",
    "rootfs_type": "squashfs",
    "release": {
        "distribution": "Demo",
        "version": "24.04.2",
        "revision": "r1042-5d2a91c3e0",
        "target": "demo/generic",
    },
}
PACKAGES = (
    "luci - 23.051.1-1",
    "demo-suite - 3.1-1",
    "demo-legacy - 0.1-7",
    "demo-fetch - 0.9-1",
    "demo-alarm - 1.2-1",
)


def test_a_router_is_pasted_judged_and_built(open_page: Open) -> None:
    eyes = open_page("/updates/")
    page = eyes.page
    page.get_by_label("What it printed").fill(json.dumps(BOARD) + "\n" + "\n".join(PACKAGES))
    page.get_by_role("button", name="Look for updates").click()

    page.get_by_role("heading", name="Demo 25.04.0 is there for your router, which runs 24.04.2.").wait_for()
    changes = page.get_by_role("row").all_inner_texts()
    for words in (
        ("demo-suite", "split"),
        ("demo-legacy", "dropped"),
        ("demo-fetch", "renamed"),
        ("demo-alarm", "merged"),
    ):
        assert any(all(word in row for word in words) for row in changes), (words, changes)
    assert eyes.broken_rules() == []

    page.get_by_role("button", name="Build 25.04.0 with these packages").click()
    page.wait_for_url("**/images/*/")
    assert "Demo 25.04.0" in page.locator("main").inner_text()


def test_a_webhook_is_made_on_a_phone(open_page: Open) -> None:
    where = "distribution=demo&target=demo/generic&profile=acme_lighthouse-ac&version=24.04.2&packages=luci"
    eyes = open_page(f"/news/webhooks/?{where}", size=NARROW, theme="dark")
    page = eyes.page
    assert eyes.broken_rules() == [] and not eyes.is_wider_than_the_window()

    page.get_by_label("Address to call").fill("http://127.0.0.1:8299/router")
    page.get_by_role("button", name="Make the webhook").click()
    page.get_by_role("link", name="Go to its page").click()

    # Nothing is called on this machine, and the page says so.
    page.get_by_role("heading", name="Webhook", exact=True).wait_for()
    assert eyes.broken_rules() == [] and not eyes.is_wider_than_the_window()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("heading", name="Webhook deleted").wait_for()
