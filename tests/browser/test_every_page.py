"""What holds for every page that everybody may see: rules of accessibility, no errors, no scrolling
sideways, and a budget of bytes, requests and movement."""

import pytest

from tests.browser.conftest import Open
from tests.browser.eyes import NARROW, WIDE

DEVICE_PAGES = ["/devices/?q=rocket", "/devices/demo/demo/generic/acme_rocket-2/", "/devices/demo/x/y/acme_rocket/"]
PAGES = [
    "/",
    *DEVICE_PAGES,
    "/updates/",
    "/images/",
    "/compare/",
    "/network-profiles/",
    "/statistics/",
    "/status/",
    "/about/",
    "/docs/",
]
MOST_BYTES = 100_000
MOST_REQUESTS = 8
LOOKS = [(WIDE, "light"), (NARROW, "dark")]


@pytest.mark.parametrize("address", PAGES)
def test_a_page_keeps_the_rules_in_each_look(open_page: Open, address: str) -> None:
    for size, theme in LOOKS:
        eyes = open_page(address, size=size, theme=theme)

        assert eyes.broken_rules() == []
        assert not eyes.is_wider_than_the_window()


@pytest.mark.parametrize("address", PAGES)
def test_a_page_keeps_its_budget(open_page: Open, address: str) -> None:
    eyes = open_page(address, size=NARROW)
    eyes.page.wait_for_timeout(200)

    assert eyes.weight() < MOST_BYTES
    assert len(eyes.answers) <= MOST_REQUESTS
    # Browsers call up to 0.1 good; a table that is laid out while it arrives moves by some hundred-thousandths.
    assert [shift for shift in eyes.shifts() if float(str(shift[0])) > 0.001] == []
