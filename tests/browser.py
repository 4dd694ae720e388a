"""A real browser: Debian's chromium, driven by Playwright. One for each worker; tests that use it run one after another.

A test marks itself `pytestmark = pytest.mark.xdist_group("browser")` and takes the fixtures `page` and `axe`
(`from tests.browser import axe, chromium, page`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

WHERE = "/usr/bin/chromium"
WAIT = 15_000  # milliseconds until something is given up
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

_RUNNING: list[Browser] = []


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Return a browser, which all tests of this worker share: each file has this fixture as one of its own, and Playwright runs once in a process."""
    if _RUNNING:
        yield _RUNNING[0]
        return
    with sync_playwright() as player:
        _RUNNING.append(player.chromium.launch(executable_path=WHERE, args=["--no-sandbox", "--disable-dev-shm-usage"]))
        yield _RUNNING[0]
        _RUNNING.pop().close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """Return a page of somebody who was never here; what it complains of on its console fails the test."""
    context = chromium.new_context(locale="en-GB", timezone_id="Europe/Lisbon", viewport={"width": 1200, "height": 800})
    context.set_default_timeout(WAIT)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda why: said.append(str(why)))
    yield page
    context.close()
    assert not [text for text in said if "Failed to load resource" not in text], said  # a page that answers 422 is one that says so


@pytest.fixture
def axe() -> Callable[[Page], None]:
    """Return what fails a test where axe-core finds that some people cannot use the page, by light or by dark."""
    core = Axe()

    def check(page: Page) -> None:
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # a colour that is still on its way is none
            found = core.run(page, options=RULES).response["violations"]
            assert not found, (page.url, scheme, [shown(one) for one in found])

    return check


def shown(violation: dict[str, Any]) -> str:
    """Return a violation of axe in a line."""
    return f"{violation['id']}: {violation['help']}: " + "; ".join(f"{node['target']} {node.get('failureSummary', '')}" for node in violation["nodes"][:4])
