"""Phones in a browser: a waiting one approved, keys dragged, many changed after a look, a change undone, two at one phone; read by everybody, by light and by dark, in both languages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from provisioner.admin import accounts, devices, keys, settings, sites
from tests.browser import axe, chromium, page
from tests.console import PASSWORD, Client, admin_of, running, settled
from tests.test_server import MAC, Server, furnish, until

__all__ = ["axe", "chromium", "page"]
pytestmark = pytest.mark.xdist_group("browser")
OTHER, WAITS = "805ec0d57d73", "805ec0d57dee"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    state = tmp_path / "state"
    furnish(state, mac_is_enough=True)
    with admin_of(state) as admin:
        settled(admin)
        settled(admin, "rui", "admin", language="pt")
        sites.add(admin, "north", {})
        sites.change(admin, "default", {"unknown_phones": "hold"})
        for n in (300, 301, 302):
            accounts.add(admin, f"{n}@sip.example.com", {"password": "s3cret"})
        devices.add(admin, OTHER, "yealink/T46U", {})
        keys.put(admin, f"device:{MAC}", 1, "line", label="Me")
        keys.put(admin, f"device:{MAC}", 2, "blf", "300", "Anna")
        keys.put(admin, f"device:{MAC}", 3, "speed-dial", "301", "Berta")
    with running(state) as server:
        yield server


@pytest.fixture
def base(server: Server, page: Page) -> str:
    """Return the console's address, anna being signed in."""
    base = f"http://127.0.0.1:{server.port('admin')}"
    sign_in(page, base, "anna")
    return base


def sign_in(page: Page, base: str, name: str) -> None:
    page.goto(f"{base}/sign-in")
    page.locator("input[name=name]").fill(name)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("main button[type=submit]").click()
    page.wait_for_url(f"{base}/")


def laid(server: Server) -> list[tuple[int, str]]:
    with admin_of(server.config.state) as admin:
        return [(key.position, key.label) for key in admin.store.keys_of(f"device:{MAC}")]


def test_a_waiting_phone_is_approved_with_account_and_site(server: Server, page: Page, base: str, axe: Callable[[Page], None]) -> None:
    Client(server.port("http")).get(f"/{WAITS}.cfg", **{"User-Agent": f"Yealink SIP-T46U 108.86.0.20 {WAITS}"})
    row = page.get_by_role("row", name=WAITS)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.goto(f"{base}/phones?state=waiting")
    until(lambda: page.reload() and row.count())  # events come to the store a moment later
    axe(page)
    page.get_by_label(f"Account of {WAITS}").fill("300")
    page.get_by_label(f"Site of {WAITS}").select_option("north")
    row.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("status")).to_contain_text("300@sip.example.com on line 1")
    with admin_of(server.config.state) as admin:
        assert (admin.device(WAITS).site, [line.sip_address for line in admin.store.lines_of(WAITS)]) == ("north", ["300@sip.example.com"])


def test_keys_change_places_by_dragging_and_go_back_by_undo(server: Server, page: Page, base: str, axe: Callable[[Page], None]) -> None:
    page.goto(f"{base}/phones/{MAC}/keys")
    axe(page)
    drag(page, 2, 3)
    expect(page.get_by_role("status")).to_contain_text("set 2 keys")
    assert laid(server) == [(1, "Me"), (2, "Berta"), (3, "Anna")]
    drag(page, 3, 7)
    expect(page.get_by_role("status")).to_contain_text("7")
    assert laid(server) == [(1, "Me"), (2, "Berta"), (7, "Anna")]
    page.get_by_label("Label of key 7").fill("Dr. Anna")
    page.get_by_role("button", name="Keep the keys").click()
    expect(page.locator("svg")).to_contain_text("Dr. Anna")

    page.get_by_role("link", name="History").click()
    axe(page)
    page.get_by_role("button", name="Undo change").first.click()
    expect(page.get_by_role("status")).to_contain_text("took back change")
    assert laid(server) == [(1, "Me"), (2, "Berta"), (7, "Anna")]
    expect(page.locator("svg")).not_to_contain_text("Dr. Anna")


def drag(page: Page, at: int, to: int) -> None:
    here, there = (page.locator(f"svg [data-key='{n}'] rect").bounding_box() for n in (at, to))
    assert here and there
    page.mouse.move(here["x"] + 20, here["y"] + 10)
    page.mouse.down()
    page.mouse.move(there["x"] + 30, there["y"] + 12, steps=4)
    page.mouse.up()


def test_many_are_changed_after_a_look_at_what_it_costs(server: Server, page: Page, base: str, axe: Callable[[Page], None]) -> None:
    page.goto(f"{base}/phones")
    page.get_by_label(f"Choose {MAC}").check()
    page.get_by_label(f"Choose {OTHER}").check()
    page.get_by_role("button", name="Change the chosen phones").click()
    axe(page)
    page.get_by_role("combobox", name="Setting To say").fill("vlan_id")
    page.get_by_label("Its value").fill("20")
    page.get_by_role("button", name="Show what it would do").click()
    expect(page.locator("#cost")).to_contain_text("2 phones change")
    expect(page.locator("#cost")).to_contain_text("2 could lose the network")
    axe(page)
    page.get_by_role("button", name="Do it").click()
    expect(page.get_by_role("status")).to_contain_text("set vlan_id = 20 for 2 phones")
    with admin_of(server.config.state) as admin:
        assert [admin.store.layer(f"device:{mac}") for mac in (MAC, OTHER)] == [{"vlan_id": 20}] * 2


def test_of_two_at_one_phone_the_second_is_told(server: Server, page: Page, base: str) -> None:
    page.goto(f"{base}/phones/{MAC}/keys")
    page.get_by_label("Label of key 2", exact=True).fill("of the second")
    with admin_of(server.config.state) as admin:
        settings.say(admin, f"device:{MAC}", {"language": "it"})
    page.get_by_role("button", name="Keep the keys").click()
    expect(page.get_by_role("alert")).to_contain_text("Somebody else has changed this phone")
    expect(page.get_by_label("Label of key 2", exact=True)).to_have_value("of the second")
    assert (2, "Anna") in laid(server)
    page.get_by_role("button", name="Keep the keys").click()
    expect(page.get_by_role("status")).to_contain_text("set 1 key")
    assert (2, "of the second") in laid(server)


def test_a_shipment_is_scanned_without_touching_the_mouse(server: Server, page: Page, base: str, axe: Callable[[Page], None]) -> None:
    page.goto(f"{base}/phones/scan")
    page.get_by_label("Model, where the phone does not say it").fill("yealink/T46U")
    page.locator("input[name=mac]").first.focus()
    for mac, extension in (("805EC0D57D01", "301"), ("805EC0D57D02", "999"), ("805EC0D57D03", "302")):  # faster than the answers come
        page.keyboard.type(mac)
        page.keyboard.press("Enter")
        page.keyboard.type(extension)
        page.keyboard.press("Enter")
    expect(page.locator("#scanned > li")).to_have_count(3)
    expect(page.locator("#scan input[name=mac]")).to_be_focused()
    wrong = page.locator("#scanned .missed")
    expect(wrong).to_contain_text("no account '999'")
    axe(page)
    wrong.get_by_label("Extension or SIP address").fill("300")
    wrong.get_by_role("button", name="Once more").click()
    expect(page.locator("#scanned .missed")).to_have_count(0)
    with admin_of(server.config.state) as admin:
        assert [admin.store.lines_of(f"805ec0d57d0{n}")[0].sip_address for n in (1, 2, 3)] == [f"{n}@sip.example.com" for n in (301, 300, 302)]


def test_every_page_can_be_read_by_all_in_portuguese_too(server: Server, page: Page, axe: Callable[[Page], None]) -> None:
    base = f"http://127.0.0.1:{server.port('admin')}"
    server.get(f"/{MAC}.cfg")
    sign_in(page, base, "rui")
    for path in ("", "/keys", "/settings?every=1", "/settings/vlan_id", "/files", "/boots", "/history"):
        page.goto(f"{base}/phones/{MAC}{path}")
        expect(page.locator("html")).to_have_attribute("lang", "pt")
        axe(page)
    page.goto(f"{base}/phones/{MAC}/files")
    page.get_by_role("button", name="Mostrar segredos").first.click()
    expect(page.locator("#file")).to_contain_text("s3cret")
    axe(page)
    page.set_viewport_size({"width": 360, "height": 640})
    for path in ("/phones/scan", "/phones?state=waiting", "/phones", f"/phones/{MAC}/keys", f"/phones/{MAC}/files", f"/phones/{MAC}/settings"):
        page.goto(base + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
