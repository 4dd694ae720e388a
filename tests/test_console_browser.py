"""The console in a browser, as a person meets it: from the link that the server prints to signing out, by light and by dark."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from provisioner.admin import operators
from tests.browser import axe, chromium, page
from tests.console import PASSWORD, admin_of, running
from tests.test_server import MAC, Server, furnish

__all__ = ["axe", "chromium", "page"]
pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    furnish(tmp_path / "state", mac_is_enough=True)
    with running(tmp_path / "state") as server:
        yield server


def test_from_the_first_link_to_signing_out(server: Server, page: Page, axe: Callable[[Page], None]) -> None:
    with admin_of(server.config.state) as admin:
        link = operators.first_link(admin)
    base = f"http://127.0.0.1:{server.port('admin')}"
    page.goto(f"{base}/")
    expect(page).to_have_title("Sign in · provisioner")
    axe(page)
    page.goto(f"{base}/setup/{link}")
    axe(page)
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password", exact=False).first.fill(PASSWORD)
    page.get_by_label("Password once more").fill(PASSWORD)
    page.get_by_role("button", name="Set up").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    axe(page)

    server.get(f"/{MAC}.cfg")
    expect(page.locator("#feed")).to_contain_text(f"{MAC}.cfg")  # by itself
    page.get_by_role("link", name="Phones").click()
    axe(page)
    page.get_by_label("Search").fill("no such phone")
    expect(page.locator("#list")).to_contain_text("0 phones")
    page.get_by_label("Search").fill("5ec0d57")
    expect(page.locator("#list")).to_contain_text(MAC)
    assert "search=5ec0d57" in page.url
    page.get_by_role("link", name=MAC).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Yealink T46U")
    axe(page)
    page.get_by_role("button", name="Show secrets").click()
    expect(page.locator("#secrets")).to_contain_text("/p/")
    assert page.url.endswith(MAC)  # in the same page
    axe(page)

    page.get_by_role("link", name="anna").click()
    axe(page)
    page.get_by_label("Language").select_option("pt")
    page.get_by_role("button", name="Keep").click()
    expect(page.locator("html")).to_have_attribute("lang", "pt")
    page.get_by_role("button", name="Terminar sessão", exact=True).click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(f"{base}/phones")
    expect(page).to_have_title("Sign in · provisioner")


def test_a_page_that_is_not_there_says_so_and_can_be_read_by_all(server: Server, page: Page, axe: Callable[[Page], None]) -> None:
    base = f"http://127.0.0.1:{server.port('admin')}"
    page.goto(f"{base}/setup/used-already")
    expect(page.get_by_role("alert")).to_contain_text("this link was used")
    axe(page)
    page.goto(f"{base}/api/v1/")
    expect(page.get_by_role("heading", name="provisioner API")).to_be_visible()
    axe(page)


def test_a_narrow_screen_is_never_pushed_sideways(server: Server, page: Page) -> None:
    with admin_of(server.config.state) as admin:
        link = operators.first_link(admin)
        operators.settle(admin, link, "anna", PASSWORD)
    page.set_viewport_size({"width": 360, "height": 640})
    base = f"http://127.0.0.1:{server.port('admin')}"
    page.goto(f"{base}/sign-in")
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    for path in ("/", "/phones", f"/phones/{MAC}", "/you"):
        page.goto(base + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
