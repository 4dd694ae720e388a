"""The API's page in a browser: people can read it, by light and by dark, and find their way in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from provisioner.api.door import BASE
from tests.browser import axe, chromium, page
from tests.console import running
from tests.test_server import Server

__all__ = ["axe", "chromium", "page"]
pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path / "state") as server:
        yield server


def test_the_page_of_the_api_is_read_and_walked_through(server: Server, page: Page, axe: Callable[[Page], None]) -> None:
    page.goto(f"http://127.0.0.1:{server.port('admin')}{BASE}/")
    axe(page)
    page.get_by_role("navigation").get_by_role("link", name="accounts").click()
    expect(page.get_by_role("heading", name="Accounts", exact=True)).to_be_in_viewport()
    page.get_by_role("link", name="AccountFacts").first.click()
    expect(page.locator("#AccountFacts")).to_be_in_viewport()
    page.set_viewport_size({"width": 360, "height": 700})
    wide = page.evaluate("[...document.querySelectorAll('*')].filter(one => one.getBoundingClientRect().right > innerWidth + 1).map(one => one.outerHTML.slice(0, 120))")
    assert wide == []
