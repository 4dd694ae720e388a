"""Pages of accounts, sites and operators over real HTTP: who is second is told, who is bound sees his own, and what is wrong comes back with what was typed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from provisioner.admin import accounts, devices, lines, phonebook, sites
from tests.console import Client, admin_of, running, settled
from tests.test_server import MAC, Server, furnish

NORTH = "805ec0d57d75"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of this file."""
    state = tmp_path_factory.mktemp("places") / "state"
    furnish(state)
    with admin_of(state) as admin:
        settled(admin)
        settled(admin, "ines", "reader")
        sites.add(admin, "north", {"public_url": "http://192.0.2.9:8080"})
        settled(admin, "nora", "admin", sites=("north",))
        accounts.add(admin, "310@sip.example.com", {"password": "s3cret-310"})
        devices.add(admin, NORTH, "yealink/T46U", {"site": "north"})
        lines.assign(admin, NORTH, "310@sip.example.com")
        phonebook.add(admin, "default", "Somebody elsewhere", ["213"])
    with running(state) as server:
        yield server


def client(server: Server, name: str = "anna") -> Client:
    signed = Client(server.port("admin"))
    assert signed.sign_in(name).status == 303
    return signed


def version(text: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', text)
    assert found
    return found[1]


@pytest.mark.parametrize(("page", "action", "field"), [("/accounts/310@sip.example.com", "/accounts/310@sip.example.com/change", "display_name"), ("/sites/north", "/sites/north/change", "name")])
def test_the_second_of_two_is_told_and_keeps_what_he_typed(server: Server, page: str, action: str, field: str) -> None:
    first, second = client(server), client(server)
    seen = version(second.get(page).text)
    assert first.post(action, version=version(first.get(page).text), **{field: "First"}).status == 303
    told = second.post(action, version=seen, **{field: "Second"})
    assert told.status == 409 and "Somebody else has changed it" in told.words and 'value="Second"' in told.text
    assert "First" in first.get(page).text
    assert second.post(action, version=version(told.text), **{field: "Second"}).status == 303
    assert "Second" in first.get(page).text


def test_who_is_bound_to_a_site_sees_no_other_place(server: Server) -> None:
    nora = client(server, "nora")
    told = nora.get("/sites").words
    assert "north" in told and "default" not in told
    assert {nora.get(path).status for path in ("/sites/default", "/sites/default/dhcp", "/phonebooks/default", "/phonebooks/default/export.csv", "/accounts/212@sip.example.com", f"/phones/{MAC}/boot")} == {404}
    assert "212@sip" not in nora.get("/accounts").text and "310@sip" in nora.get("/accounts").text
    assert MAC not in nora.get("/audit/export").text and NORTH in nora.get("/audit/export").text
    nora.get("/sites/north")
    assert nora.post("/sites/north/change", name="Mine").status == 403  # a site's facts are an owner's
    assert nora.post("/sites/north/settings", setting="language", value="pt").status == 303
    assert nora.post("/operators", name="eve", role="owner").status == 403
    assert nora.get("/server").status == 403


def test_who_reads_changes_nothing(server: Server) -> None:
    ines = client(server, "ines")
    ines.get("/accounts")
    for path in ("/accounts/new", "/accounts/mail", "/accounts/310@sip.example.com/change", "/accounts/310@sip.example.com/check", "/sites", "/phonebooks/default", "/operators", "/operators/ines/change", "/audit/1/undo", f"/phones/{MAC}/boot", "/start/site", "/start/phone"):
        assert ines.post(path, name="x", slug="x").status == 403, path
    assert "<form method=\"post\" action=\"/sites" not in ines.get("/sites").text


def test_what_cannot_be_comes_back_with_what_was_typed_but_for_the_password(server: Server) -> None:
    anna = client(server)
    anna.get("/accounts/new")
    told = anna.post("/accounts/new", sip_address="not an address", password="s3cret-typed", display_name="Anna")
    assert told.status == 422 and 'value="not an address"' in told.text and 'value="Anna"' in told.text and "s3cret-typed" not in told.text
    told = anna.post("/sites", slug="Not A Slug", public_url="http://192.0.2.1")
    assert told.status == 422 and 'value="Not A Slug"' in told.text
    told = anna.post("/accounts/310@sip.example.com/change", outbound_proxy="a b", email="anna@example.com")
    assert told.status == 422 and 'value="a b"' in told.text


def test_a_password_is_offered_and_counts_once_it_is_sent(server: Server) -> None:
    anna = client(server)
    anna.get("/accounts/310@sip.example.com")
    offered = re.search(r'name="password" value="([a-z2-9]{20})"', anna.post("/accounts/310@sip.example.com/password").text)
    assert offered
    with admin_of(server.config.state) as admin:
        assert accounts.one(admin, "310@sip.example.com").password == "s3cret-310"


def test_what_a_verb_did_is_told_to_who_asked_for_it_alone(server: Server) -> None:
    anna, ines = client(server), client(server, "ines")
    anna.get("/sites/north")
    where = anna.post("/sites/north/groups", group="reception").headers["Location"]
    assert "added group reception to site north" in anna.get(where).words
    assert "added group" not in ines.get(where).words and "added group" not in anna.get("/sites/north?told=guessed").words


def test_a_page_of_many_accounts_is_small(server: Server) -> None:
    with admin_of(server.config.state) as admin:
        accounts.add_all(admin, [(f"u{number:05}@many.example.com", {"password": "s3cret", "display_name": f"Name {number}"}) for number in range(300)])
    anna = client(server)
    first = anna.get("/accounts?search=many.example")
    assert len(first.body) < 200_000 and first.text.count("@many.example.com</a>") == 50
    after = re.search(r'href="(/accounts\?after=[^"]*)"', first.text)
    assert after and "u00050@many" in anna.get(after[1].replace("&amp;", "&")).text
