"""Walks through the console in a browser: the first visit, an account from its e-mail, every page by who may see what, in both languages, by light and by dark."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from provisioner.admin import accounts, demo, devices, groups, lines, operators, phonebook, sites
from provisioner.things import Event
from tests.browser import axe, chromium, page
from tests.console import PASSWORD, admin_of, running, settled
from tests.test_server import MAC, Server, furnish
from tests.wires import raw

__all__ = ["axe", "chromium", "page"]
pytestmark = pytest.mark.xdist_group("browser")

PICTURES = Path(__file__).parent.parent / "docs/screenshots"
HOSTILE = "<script>window.taken=1</script><img src=x onerror=taken=1>"
CELL = "=cmd|'/C calc'!A0"
OTHER = "805ec0d57d73"
PAGES = (
    "/", "/accounts", "/accounts/new", "/accounts/mail", "/accounts/212@sip.example.com", "/sites", "/sites/default", "/sites/default/groups/reception", "/sites/default/dhcp",
    "/phonebooks/default", "/families", "/families/yealink", "/providers", "/events", f"/why?what={MAC}.cfg", "/assets", "/operators", "/operators/anna", "/apikeys", "/audit",
    "/start", f"/phones/{MAC}/boot",
)  # fmt: skip
OWNERS = ("/server", "/server/check")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server on which hostile people have left what they could."""
    state = tmp_path / "state"
    furnish(state, mac_is_enough=True)
    with admin_of(state) as admin:
        settled(admin)
        settled(admin, "ben", "helpdesk")
        groups.add(admin, "default/reception")
        phonebook.add(admin, "default", HOSTILE, ["213"])
        phonebook.add(admin, "default", CELL, ["214"])
        sites.change(admin, "default", {"name": HOSTILE})
        accounts.add(admin, "299@sip.example.com", {"password": "s3cret-299", "display_name": HOSTILE, "notes": HOSTILE})
        devices.add(admin, OTHER, "yealink/T46U", {"name": HOSTILE, "location": HOSTILE, "factory_password": "s3cret-factory"})
        lines.assign(admin, OTHER, "299@sip.example.com")
        folder = admin.config.assets_folder
        for asked in {rule.asset for family in admin.catalog.families.values() for rule in family.files if rule.asset}:
            (folder / asked).mkdir(parents=True)
            (folder / asked / "<img src=x onerror=alert(1)>.rom").write_bytes(b"x")
        at = admin.store.now().isoformat(timespec="milliseconds")
        admin.eventstore.log([Event(0, at, OTHER, "yealink", "T46U", "http", "192.0.2.7", f"{HOSTILE}.cfg", "", "refused", HOSTILE, 404, 0, 1.0, "", firmware=HOSTILE[:20], known=True)])
    with running(state) as server:
        yield server


def base(server: Server) -> str:
    return f"http://127.0.0.1:{server.port('admin')}"


def sign_in(server: Server, page: Page, name: str = "anna") -> None:
    page.goto(f"{base(server)}/sign-in")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Overview")


def picture(page: Page, name: str) -> None:
    """Keep a picture of the page for the docs, where one is asked for."""
    if os.environ.get("PICTURES"):
        PICTURES.mkdir(exist_ok=True)
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page.mouse.move(0, 0)
        page.wait_for_timeout(500)  # until no colour is on its way
        page.screenshot(path=PICTURES / f"{name}.png", animations="disabled")


def test_the_first_visit_ends_with_a_phone_that_has_booted(tmp_path: Path, page: Page, axe: Callable[[Page], None]) -> None:
    with running(tmp_path / "state") as server:
        with admin_of(server.config.state) as admin:
            link = operators.first_link(admin)
        page.goto(f"{base(server)}/setup/{link}")
        page.get_by_label("Name").fill("anna")
        page.get_by_label("Password", exact=False).first.fill(PASSWORD)
        page.get_by_label("Password once more").fill(PASSWORD)
        page.get_by_role("button", name="Set up").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("First steps")
        axe(page)
        page.get_by_label("Name of the site").fill("Lisbon")
        page.get_by_label("Public URL").fill("http://192.0.2.1:8080")
        page.get_by_label("Network of the phones").fill("192.0.2.0/24")
        page.get_by_role("button", name="Keep").click()
        expect(page.locator("pre").first).to_have_text('dhcp-option=66,"http://192.0.2.1:8080/"\ndhcp-option=160,"http://192.0.2.1:8080/"\ndhcp-option=150,192.0.2.1')
        for name in ("ISC dhcpd", "Kea", "MikroTik", "Windows Server", "OPNsense"):
            expect(page.get_by_text(name, exact=True)).to_be_visible()
        axe(page)
        picture(page, "first-steps")
        page.get_by_label("SIP address").fill("212@sip.example.com")
        page.get_by_label("Password").fill("s3cret-212")
        page.get_by_role("button", name="Add", exact=True).click()
        page.get_by_label("MAC", exact=False).first.fill("80:5e:c0:d5:7d:72")
        page.get_by_label("Model").fill("yealink/T46U")
        page.get_by_label("Whose is it?").fill("Anna")
        page.get_by_role("button", name="Add", exact=True).click()
        expect(page.get_by_role("status")).to_contain_text("added 805ec0d57d72")
        axe(page)
        page.get_by_role("button", name="Boot it").click()
        expect(page.locator("#booted")).to_contain_text("It booted and is at rest")
        expect(page.locator("#booted")).to_contain_text("805ec0d57d72.cfg")
        axe(page)
        page.get_by_role("link", name="Overview").last.click()
        expect(page.locator("#feed")).to_contain_text("805ec0d57d72.cfg")
        assert "s3cret" not in page.content()


def test_an_account_comes_from_its_e_mail_and_what_is_in_doubt_is_asked(server: Server, page: Page, axe: Callable[[Page], None]) -> None:
    sign_in(server, page)
    page.get_by_role("link", name="Accounts").first.click()
    page.get_by_role("button", name="From a provider's e-mail").click()
    page.get_by_label("The whole e-mail").fill(
        "Dear customer,\n\nyour account is ready.\n\nSIP username: ext204\nPassword: L0ngxY7xY7xY7\nSIP domain: voice.acme-tel.example\nOutbound proxy: edge.acme-tel.example:5080\n"
    )
    page.get_by_role("button", name="Read it").click()
    expect(page.get_by_label("Username", exact=True)).to_have_value("ext204")
    expect(page.get_by_label("Outbound proxy", exact=True)).to_have_value("edge.acme-tel.example:5080")
    expect(page.locator("article").first).to_contain_text("sure: SIP username: ext204")  # the words that say so
    expect(page.get_by_label("Password", exact=True)).to_have_value("")
    axe(page)
    picture(page, "account-from-mail")
    page.get_by_label("Username", exact=True).fill("ext205")
    page.get_by_label("SIP address", exact=True).fill("ext205@voice.acme-tel.example")
    page.get_by_role("button", name="Add this account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("ext205@voice.acme-tel.example")
    with admin_of(server.config.state) as admin:
        account = accounts.one(admin, "ext205@voice.acme-tel.example")
    assert (account.username, account.password, str(account.outbound_proxy)) == ("ext205", "L0ngxY7xY7xY7", "edge.acme-tel.example:5080")


def test_what_an_e_mail_leaves_open_is_marked_and_stays_with_what_was_typed(server: Server, page: Page, axe: Callable[[Page], None]) -> None:
    sign_in(server, page)
    page.goto(f"{base(server)}/accounts/mail")
    page.get_by_label("The whole e-mail").fill("Dear customer,\n\nyour account is ready.\n\nSIP username: ext206\nSIP domain: voice.acme-tel.example\n")
    page.get_by_role("button", name="Read it").click()
    expect(page.locator("label.asked", has_text="Password")).to_contain_text("asked")
    axe(page)
    page.get_by_role("button", name="Add this account").click()
    expect(page.get_by_role("alert")).to_contain_text("nothing was added")
    page.locator("[name='0-password']").fill("typed by hand 9")
    page.get_by_role("button", name="Add this account").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("ext206@voice.acme-tel.example")


@pytest.mark.parametrize("language", ["en", "pt"])
def test_everybody_can_use_every_page_and_nothing_that_was_typed_runs(server: Server, page: Page, axe: Callable[[Page], None], language: str) -> None:
    with admin_of(server.config.state) as admin:
        operators.change(admin, "anna", {"language": language})
    page.goto(f"{base(server)}/sign-in")
    page.locator("[name=name]").fill("anna")
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("article button").click()
    page.wait_for_url(f"{base(server)}/")
    for path in (*PAGES, *OWNERS):
        page.goto(base(server) + path)
        expect(page.locator("html")).to_have_attribute("lang", language)
        assert page.locator("main h1").count() == 1, path
        assert page.evaluate("window.taken") is None and not page.locator("main img, main script").count(), path
        axe(page)


def test_what_a_phone_sends_is_text_where_it_is_shown(server: Server, page: Page) -> None:
    for path, agent in ((f"/{quote(HOSTILE)}/{MAC}.cfg", HOSTILE), (f"/{MAC}-{quote(HOSTILE)}.cfg", f"Yealink SIP-T46U {HOSTILE} 80:5e:c0:d5:7d:72"), (f"/001565aabbcc{quote(HOSTILE)}.cfg", HOSTILE)):
        raw(server.port("http"), f"GET {path} HTTP/1.0\r\nUser-Agent: {agent}\r\n\r\n".encode())
    sign_in(server, page)
    for path in ("/events", "/", "/phones", "/phones?state=waiting", f"/phones/{MAC}", f"/phones/{OTHER}", f"/why?what={quote(HOSTILE)}&user_agent={quote(HOSTILE)}", f"/events?mac={quote(HOSTILE)}"):
        page.goto(base(server) + path)
        expect(page.locator("main h1")).to_be_visible()
        assert page.evaluate("window.taken") is None and not page.locator("main img, main script, main b").count(), path
    page.goto(f"{base(server)}/events")
    expect(page.locator("#feed")).to_contain_text(HOSTILE)


def test_the_help_desk_finds_no_secret_on_any_page(server: Server, page: Page) -> None:
    with admin_of(server.config.state) as admin:
        urls, credentials = devices.token(admin, MAC)[0], devices.credentials(admin, MAC)[0]
    secrets = ["s3cret", *(url.rstrip("/").rpartition("/")[2] for url in urls), credentials["password"]]
    sign_in(server, page, "ben")
    for path in ("/accounts", "/accounts/299@sip.example.com", *(path for path in PAGES if path not in ("/accounts/new", "/accounts/mail", "/operators/anna")), "/phones", f"/phones/{MAC}", f"/phones/{OTHER}", "/operators/ben"):
        page.goto(base(server) + path)
        assert page.locator("main h1").count() == 1 and not [secret for secret in secrets if secret in page.content()], path
    for path in ("/accounts/new", "/accounts/mail", "/server", "/server/check", "/operators/anna"):
        page.goto(base(server) + path)
        expect(page.get_by_role("alert")).to_contain_text("may not")


def test_what_is_wrong_is_looked_for_when_somebody_asks(server: Server, page: Page, axe: Callable[[Page], None]) -> None:
    sign_in(server, page)
    page.goto(f"{base(server)}/server/check")
    expect(page.get_by_role("table")).to_have_count(0)
    page.get_by_role("button", name="Look now").click()
    expect(page.get_by_role("table")).to_contain_text("warning")
    axe(page)


def test_a_phone_book_as_a_table_runs_nothing_in_a_spreadsheet(server: Server, page: Page) -> None:
    sign_in(server, page)
    page.goto(f"{base(server)}/phonebooks/default")
    with page.expect_download() as coming:
        page.get_by_role("link", name="As CSV").click()
    text = Path(coming.value.path()).read_text("utf-8")
    assert f"'{CELL}" in text.replace('"', "") and not [line for line in text.splitlines() if line.lstrip('"').startswith(("=", "+", "@"))]
    page.get_by_label("CSV or vCard").set_input_files({"name": f"{HOSTILE}.csv", "mimeType": "text/csv", "buffer": f"name,work\n\"{HOSTILE} 2\",215\n".encode()})
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_role("status")).to_contain_text("added 1 person")
    assert page.evaluate("window.taken") is None


def test_a_key_and_a_link_are_shown_once(server: Server, page: Page, axe: Callable[[Page], None]) -> None:
    sign_in(server, page)
    page.goto(f"{base(server)}/apikeys")
    page.get_by_label("Which program has it").fill("monitoring")
    page.get_by_role("button", name="Add").click()
    key = page.locator("#once").inner_text()
    axe(page)
    page.get_by_role("link", name="Go on").click()
    expect(page.locator("table")).to_contain_text("monitoring")
    assert key.startswith("pk_") and key not in page.content()
    page.goto(f"{base(server)}/operators")
    page.get_by_label("Name").fill("eva")
    page.get_by_role("button", name="Add").click()
    link = page.locator("#once").inner_text()
    page.get_by_role("button", name="Sign out").click()
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("A password for eva")


def test_a_change_is_read_and_taken_back_in_the_audit_log(server: Server, page: Page) -> None:
    sign_in(server, page)
    page.goto(f"{base(server)}/accounts/299@sip.example.com")
    page.locator("[name=password]").fill("another s3cret-300")
    page.locator("[name=outbound_proxy]").fill("proxy.example.com:5061")
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_role("status")).to_contain_text("changed password, outbound proxy of 299@sip.example.com; 1 phone will get it")
    page.goto(f"{base(server)}/audit?noun=account")
    row = page.locator("tbody tr").first
    expect(row).to_contain_text("changed account 299@sip.example.com")
    assert "s3cret" not in page.content()
    picture(page, "audit")
    row.get_by_role("button", name="Take back").click()
    expect(page.get_by_role("status")).to_contain_text("took back change")
    with admin_of(server.config.state) as admin:
        account = accounts.one(admin, "299@sip.example.com")
    assert (account.password, account.outbound_proxy.host) == ("s3cret-299", "")


def test_a_setting_is_said_for_a_site_and_taken_back(server: Server, page: Page) -> None:
    sign_in(server, page)
    page.goto(f"{base(server)}/sites/default")
    page.get_by_label("Setting").fill("volume_of_everything")
    page.get_by_role("button", name="Say it").click()
    expect(page.get_by_role("alert")).to_contain_text("volume_of_everything")
    page.get_by_label("Setting").fill("language")
    page.get_by_label("Value").fill("pt")
    page.get_by_role("button", name="Say it").click()
    expect(page.get_by_role("status")).to_contain_text("set language = pt for site:default")
    page.get_by_role("button", name="Take back language").click()
    expect(page.get_by_role("status")).to_contain_text("took back language")


def test_no_page_is_pushed_sideways_on_a_phones_screen(server: Server, page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 640})
    sign_in(server, page)
    for path in (*PAGES, *OWNERS):
        page.goto(base(server) + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path


@pytest.mark.skipif(not os.environ.get("PICTURES"), reason="pictures of the docs are taken on demand: PICTURES=1")
def test_pictures_of_the_docs(tmp_path: Path, page: Page) -> None:
    state = tmp_path / "state"
    with admin_of(state) as admin:
        settled(admin)
        phone = ""
        for device in demo.arrange(admin, "http://192.0.2.1:8080", "tftp://192.0.2.1"):
            phone = device.mac if device.family == "yealink" else phone
        now = admin.store.now()
        for number, device in reversed(list(enumerate(admin.store.devices()))):
            at = (now - timedelta(minutes=number * 23 % 1400)).isoformat(timespec="milliseconds")
            admin.eventstore.log([Event(0, at, device.mac, device.family, device.model, "http", "192.0.2.7", f"{device.mac}.cfg", f"{device.mac}.cfg", "served", "the phone's file", 200, 9000, 3.0, "", known=True)])
    with running(state) as server:
        sign_in(server, page)
        picture(page, "overview")
        for path, name in (("/why?what=nothing.cfg&user_agent=Yealink+SIP-T46U+108.86.0.20+80:5e:c0:d5:7d:72", "why"), (f"/phones/{phone}", "phone")):
            page.goto(base(server) + path)
            picture(page, name)
