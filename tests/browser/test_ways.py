"""The whole way of a person, from the name of a device to an image that is downloaded and verified; and that no link
on a public page leads nowhere.
"""

import hashlib
import re
from collections import Counter
from html import unescape
from urllib.parse import urldefrag, urljoin, urlsplit

from django.urls import Resolver404, resolve
from playwright.sync_api import Page, expect

from tests.browser.conftest import Open
from tests.e2e.service import Server

BUILD_MS = 120_000
SUM = re.compile(r"SHA-256 ([0-9a-f]{64})")
LINK = re.compile(r'<(?:a|link)\s[^>]*?href="([^"]+)"')
OF_A_KIND = 5  # addresses of one view that are looked at


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


def test_no_link_of_a_public_page_leads_nowhere(server: Server) -> None:
    server.build({"version": "25.04.0", "target": "demo/generic", "profile": "acme_pebble"})
    dead: list[str] = []
    kinds: Counter[str] = Counter()
    todo, seen = ["/"], {"/"}
    while todo:
        address = todo.pop(0)
        status, headers, content = server.ask("GET", address)
        if status >= 400:
            dead.append(f"{address}: {status}")
        if "html" not in headers.get("content-type", ""):
            continue
        for link in _links(address, content.decode()):
            kind = _kind(link)
            if link not in seen and kinds[kind] < OF_A_KIND:
                kinds[kind] += 1
                seen.add(link)
                todo.append(link)

    assert dead == []
    assert {"images:choose", "images:compare", "images:updates", "news:webhooks", "stats:status"} <= set(kinds)


def _links(address: str, text: str) -> list[str]:
    """Where the page leads within this server; its style and pictures have a test of their own."""
    found = (urlsplit(urldefrag(urljoin(address, unescape(link)))[0]) for link in LINK.findall(text))
    return [
        part.path + (f"?{part.query}" if part.query else "")
        for part in found
        if (not part.netloc or part.hostname == "127.0.0.1") and not part.path.startswith("/static/")
    ]


def _kind(link: str) -> str:
    """The view that answers, so that not each of a hundred alike is asked."""
    try:
        return resolve(urlsplit(link).path).view_name
    except Resolver404:
        return link
