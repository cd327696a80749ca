"""What holds for every page that everybody may see: rules of accessibility, no errors, no scrolling sideways."""

import pytest

from tests.browser.conftest import Open
from tests.browser.eyes import NARROW, WIDE

PAGES = ["/", "/images/", "/network-profiles/", "/status/", "/docs/", "/about/", "/statistics/"]
LOOKS = [(WIDE, "light"), (NARROW, "dark")]


@pytest.mark.parametrize("address", PAGES)
def test_a_page_keeps_the_rules_in_each_look(open_page: Open, address: str) -> None:
    for size, theme in LOOKS:
        eyes = open_page(address, size=size, theme=theme)

        assert eyes.broken_rules() == []
        assert not eyes.is_wider_than_the_window()
