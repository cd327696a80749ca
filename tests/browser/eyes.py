"""A page in a real browser, and what must never happen on any: errors, other hosts, broken rules."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Request, Response

# Debian's; Playwright's own is not fetched.
CHROMIUM = "/usr/bin/chromium"
_FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--font-render-hinting=none"),
)
WIDE, NARROW = (1280, 900), (390, 844)
_TIMEOUT = 20_000  # milliseconds
GRAVE = ("serious", "critical")
# How far what was already shown has jumped, as browsers add it up for their reports.
_COUNT_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) {
    const moved = entry.sources.map((source) => source.node?.outerHTML?.slice(0, 120));
    if (!entry.hadRecentInput) window.shifts.push([entry.value, ...moved]);
  }
}).observe({type: "layout-shift", buffered: true});
"""


def launch(playwright: Playwright) -> Browser:
    """Debian's Chromium, without a window."""
    return playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))


class Eyes:
    """Watches a page, and gathers what is wrong with it in `wrong`."""

    def __init__(self, page: Page, host: str) -> None:
        self.page = page
        self.wrong: list[str] = []
        self.answers: list[Response] = []
        self._host = host
        page.add_init_script(_COUNT_SHIFTS)
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.wrong.append(f"{page.url}: {error}"))
        page.on("request", self._on_request)
        page.on("response", self._on_response)

    def _on_console(self, message: ConsoleMessage) -> None:
        # The browser writes what the Content-Security-Policy stopped here too.
        if message.type in ("error", "warning") and not _is_about_status(message.text):
            self.wrong.append(f"{self.page.url}: console {message.type}: {message.text}")

    def _on_request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc != self._host:
            self.wrong.append(f"{self.page.url}: asks another host: {request.url}")

    def _on_response(self, response: Response) -> None:
        self.answers.append(response)
        if response.status >= 500:
            self.wrong.append(f"{response.url}: {response.status}")

    def broken_rules(self, within: str | None = None) -> list[str]:
        """Rules of accessibility (axe-core) that the page as it stands breaks gravely: `rule: where`."""
        options: dict[str, Any] = {"resultTypes": ["violations"]}
        found = Axe().run(self.page, context=within, options=options)
        return [
            f"{self.page.url} {rule['id']}: {node['target']} {node.get('failureSummary', '')}"
            for rule in found.response["violations"]
            if rule["impact"] in GRAVE
            for node in rule["nodes"]
        ]

    def weight(self) -> int:
        """Bytes of the page and of all that it loaded but pictures, without compression."""
        return sum(len(answer.body()) for answer in self.answers if answer.ok and not _is_picture(answer))

    def shifts(self) -> list[list[object]]:
        """What moved after it was shown, and by how much."""
        found: list[list[object]] = self.page.evaluate("window.shifts")
        return found

    def is_wider_than_the_window(self) -> bool:
        """Whether the page as a whole has to be scrolled sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth + 1"))


def _is_picture(answer: Response) -> bool:
    return answer.headers.get("content-type", "").startswith("image/")


def _is_about_status(text: str) -> bool:
    """Answers of 4xx are told in the console too; a test that wants none looks at the status itself."""
    return "Failed to load resource: the server responded with a status of 4" in text


@contextmanager
def opened(
    browser: Browser, base: str, *, size: tuple[int, int] = WIDE, theme: str = "light", **options: Any
) -> Iterator[Eyes]:
    """A fresh browser profile with one page; at the end nothing may have gone wrong on it."""
    context = browser.new_context(
        base_url=base,
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if theme == "dark" else "light",
        reduced_motion="reduce",
        **options,
    )
    context.set_default_timeout(_TIMEOUT)
    try:
        eyes = Eyes(context.new_page(), urlsplit(base).netloc)
        yield eyes
        assert eyes.wrong == []
    finally:
        context.close()


def picture(eyes: Eyes, path: Path) -> None:
    """The whole page as a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    eyes.page.screenshot(path=path, full_page=True)
