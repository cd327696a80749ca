"""One browser and one running server for all tests here: they share its demo distribution, so each asks for images of
its own and leaves what others look at alone.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.eyes import Eyes, launch, opened
from tests.e2e.service import Server, running

# Playwright's loop runs in the test's own thread, which Django takes for a coroutine.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

ACCOUNT, PASSWORD = "operator", "lighthouse keeper 7"  # of the operator, who may do everything

Open = Callable[..., Eyes]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process has the browser and the server."""
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.xdist_group("browser"))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = launch(playwright)
        yield found
        found.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`script/server` with the demo distribution and an operator's account."""
    with running(tmp_path_factory.mktemp("browser") / "data") as found:
        found.manage(
            *("createsuperuser", "--noinput", f"--username={ACCOUNT}", "--email=operator@example.org"),
            DJANGO_SUPERUSER_PASSWORD=PASSWORD,
        )
        yield found


@pytest.fixture
def open_page(browser: Browser, server: Server) -> Iterator[Open]:
    """Opens pages of the server: `open_page("/", size=NARROW, theme="dark")`. None may have logged an error."""
    with ExitStack() as stack:

        def open_it(address: str, **options: Any) -> Eyes:
            eyes = stack.enter_context(opened(browser, f"http://127.0.0.1:{server.port}", **options))
            eyes.page.goto(address)
            return eyes

        yield open_it


@pytest.fixture
def admin_page(open_page: Open) -> Page:
    """The admin's first page, signed in as the operator."""
    page = open_page("/admin/login/?next=/admin/").page
    page.get_by_label("Username").fill(ACCOUNT)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url("**/admin/")
    return page
