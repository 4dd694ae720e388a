"""The pages about phones, over real HTTP: letting in, scanning in, many at once, and everything of one phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from provisioner.admin import accounts, devices, groups, keys, settings, sites
from tests.console import Client, admin_of, running, settled
from tests.test_server import MAC, Server, furnish, until

SECOND, THIRD, WAITS, NEW = "805ec0d57d73", "805ec0d57d74", "805ec0d57dee", "805ec0d57d99"
HOSTILE = "<script>alert(1)</script>\"'><b>{{7*7}}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of this file; each uses phones and accounts of its own."""
    state = tmp_path_factory.mktemp("phones") / "state"
    furnish(state, mac_is_enough=True)
    with admin_of(state) as admin:
        settled(admin)
        settled(admin, "ben", "helpdesk")
        settled(admin, "rui", "reader", language="pt")
        sites.add(admin, "north", {"public_url": "http://192.0.2.9:8080"})
        sites.change(admin, "default", {"unknown_phones": "hold"})
        for n in range(300, 306):
            accounts.add(admin, f"{n}@sip.example.com", {"password": "s3cret-of-one"})
        devices.add(admin, SECOND, "yealink/T46U", {"name": HOSTILE[:60], "notes": HOSTILE})
        devices.add(admin, THIRD, "yealink/T46U", {})
        keys.put(admin, f"device:{SECOND}", 1, "blf", "301", HOSTILE[:60])
    with running(state) as server:
        server.get(f"/{MAC}.cfg")
        yield server


@pytest.fixture
def anna(server: Server) -> Client:
    client = Client(server.port("admin"))
    assert client.sign_in().status == 303
    return client


def version(text: str) -> str:
    found = re.search(r'name="version" value="([\w-]+)"', text)
    assert found
    return found[1]


def stored(server: Server, mac: str) -> dict[str, object]:
    with admin_of(server.config.state) as admin:
        return devices.shown(admin, admin.device(mac))


def test_every_page_of_a_phone_is_there_and_what_was_typed_is_text(anna: Client) -> None:
    for mac in (MAC, SECOND):
        for path in ("", "/keys", "/settings", "/settings?every=1", "/settings?search=lang", "/settings/language", "/files", "/boots", "/history", "/handout.html"):
            answer = anna.get(f"/phones/{mac}{path}")
            assert answer.status == 200 and "<script>alert" not in answer.text and "<b>" not in answer.text, (path, answer.words[:500])
            assert len(answer.body) < 200_000
    assert anna.get(f"/phones/{MAC}/handout.pdf").body.startswith(b"%PDF")
    assert f"{MAC}.cfg" in anna.get(f"/phones/{MAC}/boots").words


def test_phones_are_found_by_group_and_by_the_address_they_were_seen_at(server: Server, anna: Client) -> None:
    with admin_of(server.config.state) as admin:
        groups.add(admin, "default/hall")
        devices.change(admin, THIRD, {"group": "hall"})
    Client(server.port("http")).get(f"/{MAC}.cfg", **{"User-Agent": f"Yealink SIP-T46U 108.86.0.20 {MAC}"})
    text = anna.get("/phones?group=default/hall").text
    assert THIRD in text and SECOND not in text
    assert SECOND not in wait_for(anna, "/phones?search=127.0.0", f"/phones/{MAC}")


def test_the_help_desk_and_readers_get_no_form_that_they_may_not_send_and_no_secret(server: Server) -> None:
    for name, may in (("ben", True), ("rui", False)):
        client = Client(server.port("admin"))
        client.sign_in(name)
        for path in ("", "/keys", "/settings/language", "/files"):
            text = client.get(f"/phones/{MAC}{path}").text
            assert "s3cret" not in text and f"/phones/{MAC}/export" not in text and f"/phones/{MAC}/files/secrets" not in text
            assert f'action="/phones/{MAC}/lines"' not in text and f'action="/phones/{MAC}/settings/language"' not in text
        assert (f'action="/phones/{MAC}/keys"' in client.get(f"/phones/{MAC}/keys").text) is may
        assert client.post(f"/phones/{MAC}/files/secrets", name=f"{MAC}.cfg").status == 403
        assert client.post(f"/phones/{MAC}/settings/language", value="it").status == 403
        assert client.post("/phones/many/do", mac=MAC, verb="remove").status == 403


def test_a_waiting_phone_comes_in_with_its_account_in_one_form(server: Server, anna: Client) -> None:
    Client(server.port("http")).get(f"/{WAITS}.cfg", **{"User-Agent": f"Yealink SIP-T46U 108.86.0.20 {WAITS}"})
    page = wait_for(anna, "/phones?state=waiting", WAITS)
    assert f'action="/phones/waiting/{WAITS}"' in page
    wrong = anna.post(f"/phones/waiting/{WAITS}", account="999", site="north")
    assert wrong.status == 422 and "no account '999'" in wrong.words and 'value="999"' in wrong.text
    done = anna.post(f"/phones/waiting/{WAITS}", account="305", site="north")
    assert done.status == 303 and "305@sip.example.com on line 1" in anna.get(done.headers["Location"]).words
    assert stored(server, WAITS)["site"] == "north" and stored(server, WAITS)["firmware"] == "108.86.0.20"


def wait_for(client: Client, path: str, word: str) -> str:
    """Return the page once it has a word, for events come to the store a moment later."""
    return str(until(lambda: text if word in (text := client.get(path).text) else ""))


def test_scanning_tells_a_wrong_scan_and_loses_nothing(server: Server, anna: Client) -> None:
    page = anna.get("/phones/scan")
    assert page.status == 200 and "autofocus" in page.text
    first = anna.post("/phones/scan", mac="80:5E:C0:D5:7D:99", account="", model="yealink/T46U", site="")  # without a script: the first Enter
    assert first.status == 200 and "is new here" in first.words and re.search(r'name="account"[^>]*autofocus', first.text) and 'value="80:5E:C0:D5:7D:99"' in first.text
    wrong = anna.post("/phones/scan", mac=NEW, account="999", model="yealink/T46U", site="")
    assert wrong.status == 422 and 'value="999"' in wrong.text and NEW in wrong.text and "no account '999'" in wrong.words
    done = anna.post("/phones/scan", mac=NEW, account="304", model="yealink/T46U", site="")
    assert "304@sip.example.com on line 1" in done.words and re.search(r'name="mac" value=""[^>]*autofocus', done.text) and 'value="yealink/T46U"' in done.text
    row = anna.post("/phones/scan", {"HX-Request": "true"}, mac="no MAC", account="304", model="", site="")
    assert row.status == 200 and "<html" not in row.text and 'value="no MAC"' in row.text and "is not a MAC address" in row.words
    assert "with 304@sip.example.com" in anna.get(f"/phones/scan/look?mac={NEW}").words


def test_many_phones_are_changed_after_a_look_and_not_where_one_was_changed_meanwhile(server: Server, anna: Client) -> None:
    assert f'value="{SECOND}"' in anna.get("/phones").text
    asked = anna.post("/phones/many", mac=f"{SECOND} {THIRD}")
    assert asked.status == 200 and "2 phones" in asked.words
    looked = anna.post("/phones/many", mac=f"{SECOND} {THIRD}", verb="say", setting="language", value="pt")
    assert "set language = pt for 2 phones" in looked.words and "2 phones change" in looked.words and "0 could lose the network" in looked.words
    assert stored(server, THIRD)["settings"] == {}
    with admin_of(server.config.state) as admin:
        settings.say(admin, f"device:{THIRD}", {"timezone": "Europe/Lisbon"})
    said = {"mac": f"{SECOND} {THIRD}", "verb": "say", "setting": "language", "value": "pt"}
    late = anna.post("/phones/many/do", **said, version=version(looked.text))
    assert late.status == 422 and "was changed since" in late.words and stored(server, SECOND)["settings"] == {}
    done = anna.post("/phones/many/do", **said, version=version(late.text))
    assert done.status == 303 and "done" in anna.get(done.headers["Location"]).words
    assert stored(server, SECOND)["settings"] == {"language": "pt"}
    assert anna.post("/phones/many", mac=SECOND, verb="say", setting="languag", value="pt").status == 422
    assert "no phone is chosen" in anna.post("/phones/many").words
    every = anna.post("/phones/many", every="on", search=SECOND, verb="move", to_site="north")
    assert "1 phone changes" in every.words and "1 could lose the network" in every.words


def test_the_second_of_two_who_change_one_phone_is_told_and_keeps_what_he_typed(server: Server, anna: Client) -> None:
    seen = version(anna.get(f"/phones/{THIRD}").text)
    said = {"name": "of the second", "site": "default", "location": ""}
    with admin_of(server.config.state) as admin:
        devices.change(admin, THIRD, {"location": "by the first"})
    told = anna.post(f"/phones/{THIRD}/change", **said, version=seen)
    assert told.status == 409 and "Somebody else has changed this phone" in told.words and 'value="of the second"' in told.text
    assert stored(server, THIRD)["name"] == ""
    assert anna.post(f"/phones/{THIRD}/change", name="of both", version=version(told.text)).status == 303
    assert (stored(server, THIRD)["name"], stored(server, THIRD)["location"]) == ("of both", "by the first")


def test_lines_settings_and_a_copy_are_said_and_taken_back(server: Server, anna: Client) -> None:
    def sent(path: str, **fields: str) -> str:
        answer = anna.post(f"/phones/{THIRD}{path}", version=version(anna.get(f"/phones/{THIRD}").text), **fields)
        assert answer.status == 303, answer.words
        return anna.get(answer.headers["Location"]).words

    assert "assigned 302@sip.example.com to line 1" in sent("/lines", account="302")
    assert "set registration_expiry" in sent("/settings/registration_expiry?line=1", value="600") and "line 1" in anna.get(f"/phones/{THIRD}/settings?line=1").words
    assert "took 302@sip.example.com off line 1" in sent("/lines/remove", line="1")
    assert "changed name, model" in sent("/change", name="in the hall", as_model="yealink/T48U") and stored(server, THIRD)["model"] == "T48U"
    assert "set language = it" in sent("/settings/language", value="it")
    assert "took back language" in sent("/settings/language", unsay="1")
    assert "copied" in sent("/copy", source=SECOND) and stored(server, THIRD)["keys"]
    page = anna.get(f"/phones/{THIRD}").text
    number = re.findall(r'name="change" value="(\d+)"', page)[0]
    assert "took back change" in sent("/undo", change=number) and not stored(server, THIRD)["keys"]
    assert anna.post(f"/phones/{THIRD}/settings/language", value="Klingon").status == 422
    ringing = anna.post(f"/phones/{THIRD}/ring", verb="resync")
    assert ringing.status == 422 and "has not been seen yet" in ringing.words
    steps = anna.post(f"/phones/{THIRD}/replace", new="805ec0d57d55", model="")
    assert steps.status == 200 and "805ec0d57d55" in steps.words and "nothing was written" in steps.words
    assert "retiring" in sent("/state", verb="retire") and "approved" in sent("/state", verb="approve")


def test_keys_are_typed_and_moved_by_their_position(server: Server, anna: Client) -> None:
    page = anna.get(f"/phones/{MAC}/keys").text
    assert 'data-key="27"' in page and "<svg" in page

    def row(at: int, to: int, **said: str) -> list[tuple[str, str]]:
        return [("at", str(at)), (f"to-{at}", str(to)), *((f"{name}-{at}", value) for name, value in said.items())]
    def send(*rows: list[tuple[str, str]]) -> int:
        seen = version(anna.get(f"/phones/{MAC}/keys").text)
        body = urlencode([("csrf", anna.token), ("version", seen), ("module", "0"), *(pair for one in rows for pair in one)])
        return anna.ask("POST", f"/phones/{MAC}/keys", body, {"Content-Type": "application/x-www-form-urlencoded"}).status

    assert send(row(2, 2, type="blf", value="301", label="Anna"), row(3, 3, type="speed-dial", value="302", label="Berta")) == 303
    assert send(row(2, 3, type="blf", value="301", label="Anna"), row(3, 3, type="speed-dial", value="302", label="Berta")) == 303
    with admin_of(server.config.state) as admin:
        assert [(key.position, key.label) for key in admin.store.keys_of(f"device:{MAC}")] == [(2, "Berta"), (3, "Anna")]
    assert send(row(2, 99, type="blf", value="301")) == 422
    assert "Anna" in anna.get(f"/phones/{MAC}/keys").text


def test_files_are_compared_with_what_the_phone_fetched_and_secrets_are_on_record(server: Server, anna: Client) -> None:
    server.get(f"/{MAC}.cfg")
    page = wait_for(anna, f"/phones/{MAC}/files?name={MAC}.cfg", "nchanged since it fetched it last")
    assert "s3cret" not in page
    with admin_of(server.config.state) as admin:
        settings.say(admin, f"device:{MAC}", {"language": "it"})
        number = admin.store.changes(1)[0].id
    assert "Changed since it fetched it last" in anna.get(f"/phones/{MAC}/files?name={MAC}.cfg").text
    compared = anna.get(f"/phones/{MAC}/files?name={MAC}.cfg&before={number}")
    assert "Italian" in "".join(re.findall(r"<ins>(.*?)</ins>", compared.text))
    shown = anna.post(f"/phones/{MAC}/files/secrets", name=f"{MAC}.cfg")
    assert "s3cret" in shown.text and shown.headers["Cache-Control"] == "no-store"
    assert anna.post(f"/phones/{MAC}/export").body.startswith(b"PK")
    with admin_of(server.config.state) as admin:
        assert [(change.noun, change.who, (change.after or {})["what"]) for change in admin.store.changes(2)] == [("reveal", "anna", "all files"), ("reveal", "anna", f"{MAC}.cfg")]
    assert "reveal" in anna.get(f"/phones/{MAC}/history").words
