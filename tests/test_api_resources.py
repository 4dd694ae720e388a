"""The API's resources over real HTTP: what the command line can do, programs can, in its words; many at once, errors by row, secrets asked for by name."""

from __future__ import annotations

import csv
import io
import json
import threading
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest

from provisioner.admin import apikeys, devices, sites
from provisioner.api.door import BASE
from provisioner.things import Event
from tests.console import Answer, Client, admin_of, running, settled
from tests.test_server import MAC, Server, furnish, until

ADDRESS = "212@sip.example.com"


@dataclass
class Program:
    """A program with an API key."""

    client: Client
    key: str

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, kind: str = "application/json") -> Answer:
        """Ask; body: what becomes JSON, or bytes as they are."""
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.client.ask(method, BASE + path, raw, {"Authorization": f"Bearer {self.key}", **({"Content-Type": kind} if raw else {}), **(headers or {})})

    def did(self, method: str, path: str, body: Any = None, status: int = 200, **more: Any) -> Any:
        """Ask what shall be answered with this status; return its JSON."""
        answer = self.ask(method, path, body, **more)
        assert answer.status == status, answer.text
        return answer.json


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of this file."""
    state = tmp_path_factory.mktemp("api") / "state"
    furnish(state, mac_is_enough=True)
    with admin_of(state) as admin:
        settled(admin)
        settled(admin, "ben", "helpdesk")
        settled(admin, "rita", "reader")
        sites.add(admin, "north", {"public_url": "http://192.0.2.2:8080"})
        settled(admin, "nora", "admin", sites=("north",))
    with running(state) as server:
        yield server


def program(server: Server, name: str = "anna", **facts: Any) -> Program:
    with admin_of(server.config.state) as admin:
        return Program(Client(server.port("admin")), apikeys.add(admin, "test", name, **facts)[1])


@pytest.fixture(scope="module")
def anna(server: Server) -> Program:
    return program(server)


# Phones


def test_a_waiting_phone_is_approved_blocked_let_in_again_retired_and_replaced(anna: Program, server: Server) -> None:
    mac, other = "001565bb0001", "001565bb0002"
    with admin_of(server.config.state) as admin:
        held = Event(0, admin.whole.now().isoformat(), mac, "yealink", "T46U", "http", "127.0.0.1", f"/{mac}.cfg", "", "unknown", "nobody added it", 404, 0, 0.1, "", known=False, held=("yealink",))
        admin.eventstore.log([held])
    assert [row["mac"] for row in anna.did("GET", "/waiting")["items"]] == [mac]
    assert anna.did("POST", f"/devices/{mac}/approve", {"site": "north"})["changed"]
    assert anna.did("GET", "/waiting")["items"] == [] and anna.did("GET", f"/devices/{mac}")["site"] == "north"
    for verb, state in (("block", "blocked"), ("approve", "approved"), ("retire", "retiring"), ("approve", "approved")):
        anna.did("POST", f"/devices/{mac}/{verb}", None if verb == "block" else {})
        assert anna.did("GET", f"/devices/{mac}")["state"] == state
    tried = anna.did("POST", f"/devices/{mac}/replace?dry_run=true", {"new": other})
    assert not tried["changed"] and tried["steps"][-1].startswith(f"retire {mac}") and anna.ask("GET", f"/devices/{other}").status == 404
    anna.did("POST", f"/devices/{mac}/replace", {"new": other})
    assert (anna.did("GET", f"/devices/{other}")["site"], anna.did("GET", f"/devices/{mac}")["state"]) == ("north", "retiring")


def test_accounts_are_put_on_lines_and_taken_off(anna: Program) -> None:
    mac = "001565bb0003"
    anna.did("PUT", f"/devices/{mac}", {"model": "yealink/T46U"}, 201)
    anna.did("PUT", "/accounts/301@sip.example.com", {"password": "s3cret-301"}, 201)
    anna.did("PUT", "/accounts/302@sip.example.com", {"password": "s3cret-302"}, 201)
    anna.did("POST", f"/devices/{mac}/lines", {"account": "301@sip.example.com"})
    assert anna.did("PUT", f"/devices/{mac}/lines/1", {"account": "302@sip.example.com"}, 409)["type"].endswith(":Conflict")
    anna.did("PUT", f"/devices/{mac}/lines/1", {"account": "302@sip.example.com", "replace": True})
    assert [(line["line"], line["account"]) for line in anna.did("GET", f"/devices/{mac}/lines")["items"]] == [(1, "302@sip.example.com")]
    assert anna.did("DELETE", "/accounts/302@sip.example.com", status=409)["detail"].startswith("302@sip.example.com")
    anna.did("DELETE", f"/devices/{mac}/lines/1")
    assert anna.did("GET", f"/devices/{mac}/lines")["items"] == []


def test_keys_are_set_emptied_and_forgotten(anna: Program) -> None:
    keys = f"/scopes/device:{MAC}/keys"
    anna.did("PUT", f"{keys}/0/2", {"type": "blf", "value": "213", "label": "Anna"})
    assert anna.did("GET", keys)["items"] == [{"scope": f"device:{MAC}", "module": 0, "position": 2, "type": "blf", "value": "213", "label": "Anna", "line": 0}]
    anna.did("POST", f"{keys}/0/2/clear")
    assert anna.did("GET", keys)["items"][0]["type"] == "none"
    anna.did("DELETE", f"{keys}/0/2")
    assert anna.did("GET", keys)["items"] == []
    assert anna.ask("GET", "/scopes/site:north/keys").status == 422


def test_a_setting_is_said_explained_and_taken_back(anna: Program) -> None:
    scope = f"/scopes/device:{MAC}/settings"
    tag = anna.ask("GET", scope).headers["ETag"]
    told = anna.did("PATCH", scope, {"timezone": "Europe/Lisbon", "admin_password": "s3cret-menu"}, headers={"If-Match": tag})
    assert "timezone = Europe/Lisbon" in told["sentence"] and "s3cret" not in json.dumps(told)
    assert anna.ask("PATCH", scope, {"timezone": "UTC"}, {"If-Match": tag}).status == 412
    found = anna.did("GET", f"/devices/{MAC}/explain/timezone")
    assert (found["value"], found["said_by"]) == ("Europe/Lisbon", f"device:{MAC}") and found["lines"]
    assert any(row["setting"] == "timezone" for row in anna.did("GET", f"/devices/{MAC}/explain")["settings"])
    assert "s3cret" not in anna.ask("GET", scope).text and anna.did("GET", f"{scope}?reveal=true")["admin_password"] == "s3cret-menu"
    anna.did("DELETE", f"{scope}/timezone")
    assert "timezone" not in anna.did("GET", scope)
    assert "did you mean" in anna.did("PATCH", scope, {"timezon": "UTC"}, 422)["detail"]
    assert anna.ask("DELETE", f"{scope}/timezon").status == 404


def test_files_are_shown_without_secrets(anna: Program) -> None:
    for nothing in ("nothing.cfg", "..%2f..%2fetc%2fpasswd", "%00"):
        assert anna.ask("GET", f"/devices/{MAC}/files/{nothing}").status == 404
    assert f"{MAC}.cfg" in anna.did("GET", f"/devices/{MAC}/files")["items"]
    shown = anna.ask("GET", f"/devices/{MAC}/files/{MAC}.cfg")
    assert shown.headers["Content-Type"].startswith("text/plain") and b"account.1" in shown.body and b"s3cret" not in shown.body


@pytest.mark.parametrize("path", ["token", "credentials"])
def test_a_phones_own_secrets_are_asked_for_by_name_and_right(anna: Program, server: Server, path: str) -> None:
    assert anna.ask("GET", f"/devices/{MAC}/{path}").status == 422
    first = anna.did("GET", f"/devices/{MAC}/{path}?reveal=true")
    assert first.get("password") or "/p/" in first["urls"][0]
    assert program(server, "ben").ask("GET", f"/devices/{MAC}/{path}?reveal=true").status == 403
    assert anna.did("POST", f"/devices/{MAC}/token?reveal=true")["urls"] and anna.did("GET", f"/devices/{MAC}/{path}?reveal=true") != first


def test_what_shows_a_secret_is_kept_for_no_repeated_ask(anna: Program, server: Server) -> None:
    once = {"Idempotency-Key": "a-key"}
    made = anna.did("POST", "/apikeys", {"label": "once"}, 201, headers=once)["key"]
    assert anna.did("POST", "/apikeys", {"label": "once"}, 409, headers=once)["detail"].startswith("this was done already")
    assert [row["label"] for row in anna.did("GET", "/apikeys?limit=500")["items"]].count("once") == 1
    assert all(made.encode() not in file.read_bytes() for file in server.config.state.glob("provisioner.db*"))


def test_an_ask_that_comes_twice_at_once_is_done_once(anna: Program) -> None:
    told: list[int] = []

    def ask() -> None:
        told.append(Program(Client(anna.client.port), anna.key).ask("POST", "/apikeys", {"label": "at once"}, {"Idempotency-Key": "at-once"}).status)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [201, *[409] * 5]
    assert [row["label"] for row in anna.did("GET", "/apikeys?limit=500")["items"]].count("at once") == 1


def test_a_phone_that_was_never_seen_is_not_rung(anna: Program) -> None:
    for verb in ("resync", "reboot"):
        assert "has not been seen" in anna.did("POST", f"/devices/{MAC}/{verb}", {"patience": 0.1}, 404)["detail"]


def test_a_handout_is_a_pdf_or_a_page_and_several_are_one(anna: Program, server: Server) -> None:
    assert anna.ask("GET", f"/devices/{MAC}/handout").body.startswith(b"%PDF-")
    page = anna.ask("GET", f"/devices/{MAC}/handout?kind=html&language=pt")
    assert page.headers["Content-Type"].startswith("text/html") and 'lang="pt"' in page.text and "/p/" not in page.text
    assert "/p/" in anna.ask("POST", "/handouts", {"macs": [MAC], "kind": "html", "secrets": True}).text
    assert program(server, "ben").ask("POST", "/handouts", {"macs": [MAC], "kind": "html", "secrets": True}).status == 403


def test_a_phone_comes_with_its_account_and_with_what_another_one_has(anna: Program) -> None:
    mac, other = "001565bb0010", "001565bb0011"
    anna.did("PUT", "/accounts/360@sip.example.com", {"password": "s3cret-360"}, 201)
    anna.did("POST", f"/devices/{mac}/enrol", {"account": "360", "model": "yealink/T46U"})
    assert [line["account"] for line in anna.did("GET", f"/devices/{mac}")["lines"]] == ["360@sip.example.com"]
    anna.did("PATCH", f"/scopes/device:{mac}/settings", {"language": "pt"})
    anna.did("PUT", f"/scopes/device:{mac}/keys/0", {"rows": [{"at": 2, "type": "blf", "value": "213"}, {"at": 3, "type": "line"}]})
    tag = {"If-Match": anna.ask("GET", f"/scopes/device:{mac}/keys").headers["ETag"]}
    swapped = {"rows": [{"at": 2, "to": 3, "type": "blf", "value": "213"}, {"at": 3, "to": 2, "type": "line"}]}
    anna.did("PUT", f"/scopes/device:{mac}/keys/0", swapped, headers=tag)
    assert anna.ask("PUT", f"/scopes/device:{mac}/keys/0", swapped, tag).status == 412
    assert [(key["position"], key["type"]) for key in anna.did("GET", f"/scopes/device:{mac}/keys")["items"]] == [(2, "line"), (3, "blf")]
    anna.did("POST", f"/devices/{other}/enrol", {"model": "yealink/T46U"})
    assert "copied 1 setting and 2 keys" in anna.did("POST", f"/devices/{other}/copy", {"source": mac})["sentence"]
    assert anna.did("GET", f"/scopes/device:{other}/settings") == {"language": "pt"}


def test_one_thing_is_done_to_many_phones_once_its_cost_is_known(anna: Program, server: Server) -> None:
    macs = ["001565bb0021", "001565bb0022"]
    for mac in macs:
        anna.did("PUT", f"/devices/{mac}", {"model": "yealink/T46U", "location": "Many"}, 201)
    order = {"verb": "say", "search": "Many", "setting": "timezone", "value": "Europe/Lisbon"}
    tried = anna.ask("POST", "/many?dry_run=true", order)
    assert (tried.json["phones"], tried.json["would_change"], tried.json["changed"]) == (2, 2, False)
    anna.did("PATCH", f"/devices/{macs[0]}", {"notes": "meanwhile"})
    assert anna.ask("POST", "/many", order, {"If-Match": tried.headers["ETag"]}).status == 412
    assert anna.did("POST", "/many", order)["changed"] and anna.did("GET", f"/devices/{macs[1]}")["settings"] == {"timezone": "Europe/Lisbon"}
    assert program(server, "ben").ask("POST", "/many", {"verb": "remove", "macs": macs}).status == 403
    assert anna.did("POST", "/many", {"verb": "remove", "macs": macs})["phones"] == 2 and anna.ask("GET", f"/devices/{macs[0]}").status == 404


def test_a_file_with_its_secrets_is_on_record_and_so_is_how_it_came_to_be(anna: Program, server: Server) -> None:
    file = f"/devices/{MAC}/files/{MAC}.cfg"
    assert b"s3cret" in anna.ask("GET", f"{file}?reveal=true").body
    assert anna.did("GET", f"/audit?noun=reveal&name={MAC}&limit=1")["items"][0]["what"]["what"][1] == f"{MAC}.cfg"
    packed = anna.ask("POST", f"/devices/{MAC}/files.zip").body
    assert b"s3cret" in zipfile.ZipFile(io.BytesIO(packed)).read(f"{MAC}.cfg")
    ben = program(server, "ben")
    assert ben.ask("GET", f"{file}?reveal=true").status == ben.ask("POST", f"/devices/{MAC}/files.zip").status == 403
    server.get(f"/{MAC}.cfg")
    assert until(lambda: anna.did("GET", f"/devices/{MAC}/fetched")["items"])[0]["same"] is True
    anna.did("PATCH", f"/scopes/device:{MAC}/settings", {"timezone": "Asia/Tokyo"})
    number = anna.did("GET", f"/audit?noun=setting&name=device:{MAC}&limit=1")["items"][0]["id"]
    lines = anna.did("GET", f"/devices/{MAC}/difference?file={MAC}.cfg&number={number}")["lines"]
    assert any(line.startswith("+") and "time_zone" in line for line in lines)
    assert anna.did("GET", f"/devices/{MAC}/fetched")["items"][0]["same"] is False


# Accounts


def test_an_account_is_added_changed_replaced_and_removed(anna: Program) -> None:
    where = "/accounts/310@sip.example.com"
    added = anna.ask("PUT", where, {"password": "s3cret-310", "display_name": "Hall"}, {"If-None-Match": "*"})
    assert added.status == 201 and added.json["display_name"] == "Hall" and "s3cret" not in added.text
    assert anna.ask("PUT", where, {}, {"If-None-Match": "*"}).status == 412
    assert anna.did("PATCH", where, {"voicemail": "*97"})["display_name"] == "Hall"
    assert anna.ask("PATCH", where, {"voicemail": "*98"}, {"If-Match": added.headers["ETag"]}).status == 412
    replaced = anna.did("PUT", where, {"voicemail": "*97", "transport": "tls"})
    assert (replaced["display_name"], replaced["transport"], replaced["password"] != "") == ("", "tls", True)
    assert anna.did("DELETE", where)["changed"] and anna.ask("GET", where).status == 404


def test_an_account_by_provider_and_username_gets_a_password_that_is_shown_once(anna: Program) -> None:
    added = anna.did("POST", "/accounts", {"provider": "sip2sip", "username": "alice", "password_generate": True}, 201)
    assert added["sip_address"] == "alice@sip2sip.info" and len(added["password"]) == 20
    assert added["password"] not in anna.ask("GET", "/accounts/alice@sip2sip.info").text
    anna.did("DELETE", "/accounts/alice@sip2sip.info")


def test_a_mail_is_tried_and_then_added(anna: Program, server: Server) -> None:
    mail = b"Subject: Your account\r\n\r\nSIP address: 320@sip.example.com\r\nUsername: 320\r\nPassword: s3cret-Mail1\r\nDomain: sip.example.com\r\nOutbound proxy: proxy.example.com:5060\r\nTransport: UDP\r\n"
    tried = anna.did("POST", "/accounts/from-mail?dry_run=true", mail, kind="message/rfc822")
    facts = {row["fact"]: row for row in tried["accounts"][0]}
    assert facts["username"]["value"] == "320" and tried["done"] is None and "s3cret" not in json.dumps(tried)
    assert "s3cret-Mail1" in anna.ask("POST", "/accounts/from-mail?dry_run=true&reveal=true", mail, kind="text/plain").text
    assert anna.ask("POST", "/accounts/from-mail", mail).status == 415
    said = anna.ask("POST", "/accounts/from-mail", mail, kind="message/rfc822")
    assert said.status == (422 if tried["ask"] else 200)


def test_accounts_come_in_pages(anna: Program) -> None:
    for number in range(330, 335):
        anna.did("PUT", f"/accounts/{number}@paged.example.com", {}, 201)
    seen, path = [], "/accounts?limit=2&cursor=33"
    while path:
        answer = anna.ask("GET", path)
        seen += [row["sip_address"] for row in answer.json["items"]]
        path = f"/accounts?limit=2&cursor={answer.json['next']}" if answer.json["next"] else ""
    assert [address for address in seen if "paged" in address] == [f"{number}@paged.example.com" for number in range(330, 335)] and len(seen) == len(set(seen))


def test_a_servers_answer_and_its_silence_are_told(anna: Program) -> None:
    anna.did("PUT", "/accounts/340@127.0.0.1", {"password": "x", "registrar": "127.0.0.1:9", "transport": "udp"}, 201)
    proof = anna.did("POST", "/accounts/check", {"sip_addresses": ["340@127.0.0.1"], "patience": 0.2})["items"][0]
    assert proof["verdict"] == "unreachable" and anna.did("GET", "/accounts/340@127.0.0.1")["check"]["verdict"] == "unreachable"
    assert "has no XCAP root" in anna.did("GET", "/accounts/340@127.0.0.1/xcap", status=409)["detail"]
    assert anna.did("POST", "/xcap/fetch")["items"] == []


# Sites, groups, phone books


def test_a_site_has_networks_groups_and_a_phone_book(anna: Program) -> None:
    site = anna.ask("PUT", "/sites/lab", {"name": "Lab", "public_url": "http://192.0.2.9:8080"})
    assert site.status == 201
    anna.did("PUT", "/sites/lab/networks/198.51.100.0/24", {"mac_is_enough": True})
    assert anna.did("GET", "/sites/lab")["networks"] == [{"network": "198.51.100.0/24", "mac_is_enough": True, "tftp_serves_secrets": False}]
    assert anna.ask("PATCH", "/sites/lab", {"country": "PT"}, {"If-Match": site.headers["ETag"]}).status == 412
    assert anna.did("PATCH", "/sites/lab", {"country": "PT"})["name"] == "Lab"
    anna.did("DELETE", "/sites/lab/networks/198.51.100.0/24")
    anna.did("PUT", "/groups/lab/bench")
    assert [row["group"] for row in anna.did("GET", "/groups?site=lab")["items"]] == ["lab/bench"] and anna.did("GET", "/groups/lab/bench")["phones"] == []
    anna.did("PUT", "/phonebooks/lab/contacts/Anna%20Silva", {"numbers": ["213", "mobile=+351912345678"]})
    people = anna.ask("GET", "/phonebooks/lab/export").body
    assert b"'+351912345678" in people
    anna.did("DELETE", "/phonebooks/lab/contacts/Anna%20Silva")
    assert "would have added 1 person" in anna.did("POST", "/phonebooks/lab/import?dry_run=true", people, kind="text/csv")["sentence"]
    anna.did("POST", "/phonebooks/lab/import", people, kind="text/csv")
    assert anna.did("GET", "/phonebooks/lab")["items"] == [{"name": "Anna Silva", "numbers": [{"kind": "work", "number": "213"}, {"kind": "mobile", "number": "+351912345678"}]}]
    assert b"BEGIN:VCARD" in anna.ask("GET", "/phonebooks/lab/export?format=vcard").body
    anna.did("DELETE", "/groups/lab/bench")
    anna.did("DELETE", "/sites/lab")
    assert "did you mean" in anna.did("GET", "/sites/nort", status=404)["detail"]


# Many at once


def test_many_phones_are_added_at_once_or_none_with_each_fault_by_row(anna: Program) -> None:
    rows = [{"mac": f"001565cc00{number:02x}", "model": "yealink/T46U", "name": f"Desk {number}"} for number in range(30)]
    bad = [*rows, {"mac": "001565cc0099", "model": "yealink/T46X"}, {"mac": "x", "model": "yealink/T46U"}, {"mac": "001565cc0001", "model": "yealink/T46U", "colour": "red"}]
    told = anna.did("POST", "/bulk/devices", {"rows": bad}, 422)
    assert [(row["row"], row["column"]) for row in told["rows"]] == [(31, "model"), (32, "mac"), (33, "")] and anna.ask("GET", "/devices/001565cc0000").status == 404
    tried = anna.did("POST", "/bulk/devices?dry_run=true", {"rows": rows})
    assert not tried["changed"] and len(tried["steps"]) == 30 and anna.ask("GET", "/devices/001565cc0000").status == 404
    assert anna.did("POST", "/bulk/devices", {"rows": rows})["changed"]
    again = anna.did("POST", "/bulk/devices", {"rows": [{**rows[0], "lines": 4, "name": None}]})
    assert again["changed"] and (anna.did("GET", "/devices/001565cc0000")["line_count"], anna.did("GET", "/devices/001565cc0000")["name"]) == (4, "")
    assert anna.ask("POST", "/bulk/phones", {"rows": rows}).status == 404


def test_a_csv_file_goes_out_and_comes_in(anna: Program, server: Server) -> None:
    out = anna.ask("GET", "/export/csv/accounts").body
    assert b"s3cret" not in out and ADDRESS.encode() in out
    open_ = anna.ask("GET", "/export/csv/accounts?reveal=true").body.decode()
    assert {row["sip_address"]: row["password"] for row in csv.DictReader(io.StringIO(open_))}[ADDRESS] == "s3cret"
    assert program(server, "ben").ask("GET", "/export/csv/accounts?reveal=true").status == 403
    assert anna.did("POST", "/import/csv", out, kind="text/csv")["changed"] is False
    told = anna.did("POST", "/import/csv", b"sip_address,transport\n350@sip.example.com,pigeon\n", 422, kind="text/csv")
    assert [(row["row"], row["column"]) for row in told["rows"]] == [(2, "transport")]


def test_a_stick_is_a_zip(anna: Program, server: Server) -> None:
    got = anna.ask("POST", "/export/usb", {"macs": [MAC], "clear": True, "made_for": "Rui"})
    assert got.status == 200 and any(MAC in name for name in zipfile.ZipFile(io.BytesIO(got.body)).namelist())
    assert anna.did("GET", "/export")["items"][0]["made_for"] == "Rui" and anna.did("GET", "/export/key")["key"].startswith("ed25519:")
    assert program(server, "ben").ask("POST", "/export/usb", {"macs": [MAC], "clear": True}).status == 403


def test_what_is_carried_on_a_stick_comes_in_all_of_it_or_nothing(anna: Program, server: Server) -> None:
    mac, phrase = "001565bb0030", "a phrase with ç in it"
    anna.did("PUT", "/accounts/370@sip.example.com", {"password": "s3cret-370"}, 201)
    anna.did("POST", f"/devices/{mac}/enrol", {"account": "370", "model": "yealink/T46U"})
    bundle = anna.ask("POST", "/export/usb", {"macs": [mac], "passphrase": phrase}).body
    anna.did("DELETE", f"/devices/{mac}")
    sealed: dict[str, Any] = {"kind": "application/zip", "headers": {"Passphrase": quote(phrase)}}
    assert anna.ask("POST", "/import/usb", bundle, kind="application/zip").status == 422
    assert f"add {mac}" in " ".join(anna.did("POST", "/import/usb?dry_run=true", bundle, **sealed)["steps"]) and anna.ask("GET", f"/devices/{mac}").status == 404
    assert anna.did("POST", "/import/usb", bundle, **sealed)["changed"]
    assert anna.did("GET", f"/devices/{mac}")["lines"][0]["account"] == "370@sip.example.com"
    assert program(server, "ben").ask("POST", "/import/usb", bundle, **sealed).status == 403
    assert anna.ask("POST", "/import/usb", b"PK\3\4nonsense", **sealed).status == 422


# People, history, the server


def test_operators_and_keys(anna: Program, server: Server) -> None:
    link = anna.did("POST", "/operators", {"name": "otto", "role": "admin", "sites": ["north"]}, 201)["link"]
    assert "A password for otto" in anna.client.get(link).words
    tag = anna.ask("GET", "/operators/otto").headers["ETag"]
    assert anna.did("PATCH", "/operators/otto", {"language": "pt"})["language"] == "pt"
    assert anna.ask("DELETE", "/operators/otto", headers={"If-Match": tag}).status == 412
    assert anna.did("POST", "/operators/otto/link")["link"] != link and anna.did("GET", "/operators/otto/sessions")["items"] == []
    made = anna.did("POST", "/apikeys", {"label": "for otto", "operator": "otto", "role": "helpdesk"}, 201)["key"]
    otto = Program(anna.client, made)
    assert otto.did("GET", "/me")["operator"] == "otto" and [row["operator"] for row in otto.did("GET", "/operators")["items"]] == ["otto"]
    assert otto.did("PATCH", "/me", {"language": "en", "timezone": "Europe/Lisbon"})["changed"]
    anna.did("DELETE", f"/apikeys/{'_'.join(made.split('_')[:2])}")
    assert otto.ask("GET", "/me").status == 401
    assert anna.did("DELETE", "/operators/anna", status=409)["detail"].startswith("anna is the last owner")
    anna.did("DELETE", "/operators/otto/sessions")
    anna.did("DELETE", "/operators/otto")


def test_a_key_of_less_makes_no_key_of_more(anna: Program, server: Server) -> None:
    for name, facts in (("anna", {"role": "admin"}), ("rita", {}), ("nora", {})):
        small = program(server, name, **facts)
        assert small.ask("POST", "/apikeys", {"label": "more"}).status == 403
        assert small.ask("DELETE", f"/apikeys/{anna.key[:11]}").status == small.ask("DELETE", f"/operators/{name}/sessions").status == 403
    bound = program(server, sites=("north",))
    more = Program(anna.client, bound.did("POST", "/apikeys", {"label": "more", "role": "owner"}, 201)["key"])
    assert more.ask("GET", f"/devices/{MAC}").status == bound.ask("GET", f"/devices/{MAC}").status == 404
    assert more.ask("GET", "/sites/north").status == 200 and more.ask("PATCH", "/sites/north", {"name": "mine"}).status == 403


def test_a_change_is_listed_exported_and_taken_back(anna: Program) -> None:
    mac = "001565bb0009"
    anna.did("PUT", f"/devices/{mac}", {"model": "yealink/T46U", "name": "Before"}, 201)
    anna.did("PATCH", f"/devices/{mac}", {"name": "After"})
    last = anna.did("GET", f"/audit?noun=device&name={mac}&limit=1")
    assert last["items"][0]["what"]["name"] == ["Before", "After"] and last["items"][0]["door"] == "api" and last["next"] == last["items"][0]["id"]
    assert anna.did("GET", f"/audit?noun=device&name={mac}&cursor={last['next']}")["items"][0]["verb"] == "added"
    anna.did("POST", f"/audit/{last['items'][0]['id']}/undo")
    assert anna.did("GET", f"/devices/{mac}")["name"] == "Before"
    lines = anna.ask("GET", "/audit/export").text.splitlines()
    assert len(lines) > 10 and all("s3cret" not in line and json.loads(line)["id"] for line in lines)


def test_events_are_followed_by_their_ids(anna: Program, server: Server) -> None:
    before = anna.did("GET", "/events?limit=1")["next"]
    server.get(f"/{MAC}.cfg")
    found = until(lambda: anna.did("GET", f"/events?after={before}&mac={MAC}")["items"])
    assert found[-1]["outcome"] == "served" and found[0]["id"] > before


def test_why_who_and_what_there_is(anna: Program) -> None:
    assert anna.did("GET", f"/why?what={MAC}.cfg&address=127.0.0.1")["outcome"] == "served"
    assert anna.did("GET", "/why?what=000000000001.cfg")["outcome"] == "unknown"
    assert anna.did("GET", "/identify?user_agent=Yealink%20SIP-T46U%20108.86.0.20%2080:5e:c0:d5:7d:72")["model"] == "T46U"
    assert anna.did("GET", "/families/yealink")["title"] and anna.ask("GET", "/families/yelink").status == 404
    assert anna.did("GET", "/families/norphonic/matrix")["items"]
    assert any(row["provider"] == "sip2sip" for row in anna.did("GET", "/providers?limit=500")["items"]) and anna.did("GET", "/providers/sip2sip")["name"]
    assert any(row["name"] == "timezone" for row in anna.did("GET", "/settings")["items"]) and any(row["type"] == "blf" for row in anna.did("GET", "/key-types")["items"])
    assert anna.did("GET", "/overview")["phones"] > 0
    assert any(row["option"] == "http_address" for row in anna.did("GET", "/config")["items"]) and isinstance(anna.did("GET", "/check")["items"], list)


# Problems


@pytest.mark.parametrize(
    ("method", "path", "body", "kind", "status"),
    [
        ("GET", "/nothing", None, "", 404), ("GET", "//devices", None, "", 404), ("PUT", "/devices", {}, "application/json", 405), ("PATCH", f"/devices/{MAC}", b"a=1", "application/x-www-form-urlencoded", 415),
        ("PATCH", f"/devices/{MAC}", b"{", "application/json", 400), ("PATCH", f"/devices/{MAC}", b"[" * 10_000, "application/json", 400),
        ("DELETE", f"/devices/{MAC}/lines/99999999999999999999", None, "", 405), ("PATCH", f"/devices/{MAC}", b'{"name": "\\ud800"}', "application/json", 422),
    ],
)  # fmt: skip
def test_every_error_is_a_problem(anna: Program, method: str, path: str, body: Any, kind: str, status: int) -> None:
    answer = anna.ask(method, path, body, kind=kind)
    assert answer.status == status and answer.headers["Content-Type"] == "application/problem+json", answer.text
    assert answer.json["status"] == status and answer.json["title"] and answer.json["detail"]
    assert status != 405 or answer.headers["Allow"]


def test_too_much_at_once_is_told_before_it_is_sent(anna: Program) -> None:
    answer = anna.ask("POST", "/import/csv", b"x", {"Content-Length": "16000001"}, "text/csv")
    assert answer.status == 413 and "at most 16,000,000 bytes" in answer.json["detail"]


def test_who_is_bound_to_a_site_reaches_no_other(server: Server) -> None:
    nora = program(server, "nora")
    for method, path, body in (
        ("GET", f"/devices/{MAC}/files", None), ("POST", f"/devices/{MAC}/block", None), ("PATCH", f"/scopes/device:{MAC}/settings", {"timezone": "UTC"}), ("GET", f"/accounts/{ADDRESS}", None),
        ("POST", f"/devices/{MAC}/lines", {"account": ADDRESS}), ("GET", "/sites/default", None), ("GET", "/phonebooks/default", None), ("POST", "/handouts", {"macs": [MAC]}),
    ):  # fmt: skip
        assert nora.ask(method, path, body).status == 404, path
    assert ADDRESS not in nora.ask("GET", "/export/csv/accounts").text and MAC not in nora.ask("GET", "/audit/export").text
    assert nora.ask("PATCH", "/scopes/defaults/settings", {"timezone": "UTC"}).status == 403


def test_a_reader_changes_nothing(server: Server) -> None:
    rita = program(server, "rita")
    for method, path, body in (
        ("POST", f"/devices/{MAC}/block", None), ("PUT", f"/scopes/device:{MAC}/keys/0/3", {"type": "none"}), ("PUT", "/phonebooks/default/contacts/X", {"numbers": ["1"]}), ("POST", "/bulk/devices", {"rows": [{"mac": MAC}]}),
        ("POST", "/audit/1/undo", None), ("PUT", "/sites/x", {}), ("POST", "/operators", {"name": "x"}), ("POST", "/accounts/check", {"sip_addresses": [ADDRESS]}),
    ):  # fmt: skip
        assert rita.ask(method, path, body).status == 403, path
    with admin_of(server.config.state) as admin:
        assert devices.shown(admin, admin.device(MAC))["state"] == "approved"


def test_the_page_tells_every_operation_and_asks_nothing_elsewhere(anna: Program) -> None:
    spec, page = anna.client.get(f"{BASE}/openapi.json").json, anna.client.get(f"{BASE}/")
    assert page.status == 200 and "http://" not in page.text and "https://" not in page.text
    for path, verbs in spec["paths"].items():
        assert path in page.words
        for verb, known in verbs.items():
            assert known["summary"] in page.words and "default" in known["responses"] and known["description"], f"{verb} {path}"
