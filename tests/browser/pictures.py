"""Pictures of pages of a running server, wide and narrow, light and dark, to be looked at.

python -m tests.browser.pictures http://localhost:8000 FOLDER / /status/ ...
"""

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser.eyes import NARROW, WIDE, launch, opened, picture


def main(base: str, folder: str, *addresses: str) -> None:
    """One file for each page and look."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for size, width in ((WIDE, "wide"), (NARROW, "narrow")):
            for theme in ("light", "dark"):
                with opened(browser, base, size=size, theme=theme) as eyes:
                    for address in addresses:
                        eyes.page.goto(address, wait_until="load")
                        name = address.strip("/").replace("/", "-").replace("?", "-")[:80] or "home"
                        picture(eyes, Path(folder, f"{name}-{width}-{theme}.png"))
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
