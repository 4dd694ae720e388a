"""A phone that proves itself by user and password: what it gets, what it is asked, and that nobody else learns anything."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provisioner import credentials, families, tokens
from provisioner.admin import Admin, devices, sites, why
from provisioner.boot import Booter, Limits
from provisioner.records import sqlite3
from provisioner.server import health
from provisioner.store import FILE, Store
from provisioner.things import Account, Device, Event, Line, Network, Site
from provisioner.wire import PhoneRequest, Reply
from tests import acme, recorded
from tests.authority import issue
from tests.test_boot import MAC, MANIFEST, TEMPLATES, THERE, UNKNOWN, ask
from tests.test_certificates import options
from tests.test_credentials import basic, header
from tests.test_server import furnish, serving
from tests.wires import raw

LAN = "192.0.2.7"  # where a MAC is enough
OTHER = "80aabb000003"  # a phone that is blocked


@pytest.fixture
def house(tmp_path: Path, store: Store, events: list[Event]) -> Booter:
    """Return a booter whose store holds a phone with an account, and a site that asks for passwords."""
    folder = tmp_path / "phones" / "acme"
    folder.mkdir(parents=True)
    for name, text in {"family.toml": MANIFEST, **TEMPLATES}.items():
        (folder / name).write_text(text)
    with store.change("test", "test") as tx:
        tx.put_site(Site("default", public_url="http://192.0.2.1:8080", passwords="digest", networks=(Network("192.0.2.0/24", mac_is_enough=True),)))
        tx.put_site(Site("quiet", networks=(Network("203.0.113.0/24"),)))
        tx.put_account(Account("212@sip.example.com", password="s3cret"))
        tx.put_device(Device(MAC, "acme", "A100"))
        tx.put_device(Device(OTHER, "acme", "A100", state="blocked"))
        tx.put_line(Line(MAC, 1, "212@sip.example.com"))
    return Booter(store, families.load([tmp_path / "phones"]), events.append, assets=tmp_path / "assets", limits=Limits(100, 2))


def change_site(house: Booter, **facts: Any) -> None:
    site = house.store.site("default")
    assert site
    with house.store.change("test", "test") as tx:
        tx.put_site(replace(site, **facts))


def secret(house: Booter, mac: str = MAC) -> str:
    device = house.store.device(mac)
    assert device
    return house.password_of(device)


def nonce_of(reply: Reply) -> str:
    found = re.search('nonce="(.*?)"', reply.challenges[0])
    assert found
    return found[1]


def challenged(house: Booter, **more: Any) -> str:
    """Return a nonce that a phone got by asking for its file."""
    return nonce_of(house.answer(ask(address=THERE, **more)))


def proving(house: Booter, file: str = f"{MAC}.acme", mac: str = MAC, **more: Any) -> str:
    return header(challenged(house), **{"user": mac, "secret": secret(house, mac), "uri": f"/{file}", **more})


def test_a_phone_without_a_proof_is_asked_for_its_password_and_then_gets_its_file(house: Booter, events: list[Event]) -> None:
    asked = house.answer(ask(address=THERE))
    served = house.answer(ask(address=THERE, authorization=header(nonce_of(asked), user=MAC, secret=secret(house), uri=f"/{MAC}.acme")))

    assert (asked.status, asked.body, len(asked.challenges)) == (401, b"", 2)
    assert (served.status, served.challenges) == (200, ()) and b"password.1 = s3cret" in served.body
    assert [(event.outcome, event.status) for event in events] == [("refused", 401), ("served", 200)]


def test_the_password_counts_as_much_as_a_token_and_the_token_still_does(house: Booter) -> None:
    token = tokens.token(house.store.server_key, MAC, 0)

    assert house.answer(ask(address=THERE, token=token)).status == 200
    assert house.answer(ask(address=THERE, token="a" * 26, authorization=proving(house))).status == 200
    assert house.answer(ask(address=THERE, token=token, authorization=proving(house, secret="guessed"))).status == 200
    assert house.answer(ask(address=LAN)).status == 200


def test_an_admitted_phone_is_asked_for_nothing_more(house: Booter) -> None:
    """What is missing for it is a 404 as ever: a phone that got its file must not think that its password is wrong."""
    for path in (f"{MAC}-own.acme", f"{MAC}.other"):
        assert house.answer(ask(path, address=LAN)).status == 404
        assert house.answer(ask(path, address=THERE, authorization=proving(house, path))).status == 404


_ALIKE: list[Callable[[Booter], PhoneRequest]] = [
    lambda _: ask(address=THERE),
    lambda _: ask(f"{UNKNOWN}.acme", address=THERE),
    lambda _: ask(f"{OTHER}.acme", address=THERE),
    lambda _: ask("nothing.at.all", address=THERE),
    lambda _: ask(f"{UNKNOWN}.other", address=LAN),
    lambda _: ask(f"SEP{MAC.upper()}.cnf.acme", address=THERE),
    lambda _: ask(address=THERE, token="a" * 26),
    lambda _: ask(address=""),
    lambda house: ask(address=THERE, authorization=proving(house, secret="guessed")),
    lambda house: ask(address=LAN, authorization=proving(house, secret="guessed")),
    lambda house: ask(address=THERE, authorization=proving(house, user=UNKNOWN)),
    lambda house: ask(f"{UNKNOWN}.acme", address=THERE, authorization=proving(house, uri=f"/{UNKNOWN}.acme")),
    lambda house: ask(f"{OTHER}.acme", address=THERE, authorization=proving(house, f"{OTHER}.acme", OTHER)),
    lambda house: ask(address=THERE, authorization=proving(house, uri="/other")),
    lambda _: ask(address=THERE, authorization=basic()),
    lambda _: ask(address=THERE, authorization="Nonsense"),
]


def test_unknown_refused_and_missing_are_one_401(house: Booter, events: list[Event]) -> None:
    """Same status, same headers but for the nonce (D12)."""
    replies = [house.answer(request(house)) for request in _ALIKE]

    assert {(reply.status, reply.body, reply.file, reply.media_type, reply.etag, reply.revised_at) for reply in replies} == {(401, b"", None, "", "", None)}
    assert len({tuple(one.replace(nonce_of(reply), "") for one in reply.challenges) for reply in replies}) == 1
    assert len({nonce_of(reply) for reply in replies}) == len(replies)
    assert all(event.status == 401 and secret(house) not in event.sentence for event in events)


def test_known_and_unknown_cost_the_same_look_up_and_the_same_digest(house: Booter, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counting(place: object, name: str) -> None:
        real = getattr(place, name)
        monkeypatch.setattr(place, name, lambda *a, **k: calls.append(name) or real(*a, **k))

    for name in ("device", "facts_for", "account", "layer", "keys_of", "sites_now"):
        counting(house.store, name)
    for name in ("digest", "password_of", "challenges"):
        counting(credentials, name)
    nonce = challenged(house)
    for authorization in ("", header(nonce, user=MAC, secret="guessed"), basic(MAC, "guessed")):
        seen = set()
        for path in (f"{MAC}.acme", f"{UNKNOWN}.acme", f"{OTHER}.acme", "nothing.at.all"):
            calls.clear()
            assert house.answer(ask(path, address=THERE, authorization=authorization)).status == 401
            seen.add(tuple(calls))
        assert len(seen) == 1 and ("facts_for" not in next(iter(seen)))


def test_whether_a_password_is_asked_for_depends_on_the_address_and_never_on_the_phone(house: Booter) -> None:
    with house.store.change("test", "test") as tx:
        tx.put_device(Device("80aabb000004", "acme", "A100", site="quiet"))

    for path in (f"{MAC}.acme", f"{UNKNOWN}.acme", "80aabb000004.acme", "nothing.at.all"):
        assert house.answer(ask(path, address=THERE)).status == 401
        assert house.answer(ask(path, address="203.0.113.7")).status == 404
        assert house.answer(ask(path, address=THERE, wire="tftp")).status == 404


def test_a_phone_of_a_site_that_takes_passwords_may_send_its_own_from_anywhere(house: Booter) -> None:
    assert house.answer(ask(address="203.0.113.7", authorization=proving(house))).status == 200


def test_a_site_without_passwords_takes_none_and_minds_none(house: Booter, events: list[Event]) -> None:
    sent = proving(house)
    change_site(house, passwords="off")

    assert house.answer(ask(address=LAN, authorization=sent)).status == 200  # what an earlier server left in the phone
    assert house.answer(ask(address=THERE, authorization=sent)).status == 404
    assert "--passwords digest" in events[-1].sentence


def test_files_for_everyone_stay_open(house: Booter) -> None:
    assert house.answer(ask("acme-common.cfg", address=THERE)).status == 200
    assert house.answer(ask("acme-common.cfg", address=THERE, authorization="Nonsense")).status == 200
    assert house.answer(ask("acme-new.cfg", address=THERE)).status == 404


def test_a_new_token_brings_a_new_password_at_once(house: Booter) -> None:
    old = secret(house)
    with house.store.change("test", "test") as tx:
        tx.rotate_token(MAC)

    assert secret(house) != old
    assert house.answer(ask(address=THERE, authorization=proving(house, secret=old))).status == 401
    assert house.answer(ask(address=THERE, authorization=proving(house))).status == 200


def test_a_replay_and_an_old_nonce_are_told_in_the_event_and_to_the_phone(house: Booter, events: list[Event]) -> None:
    sent = proving(house)
    assert house.answer(ask(address=THERE, authorization=sent)).status == 200
    again = house.answer(ask(address=THERE, authorization=sent))

    assert again.status == 401 and all("stale=true" in one for one in again.challenges)
    assert "replayed" in events[-1].sentence
    assert house.answer(ask(address=THERE, authorization=header(nonce_of(again), user=MAC, secret=secret(house), uri=f"/{MAC}.acme"))).status == 200


def test_basic_is_asked_for_and_taken_over_https_alone_unless_the_site_says_otherwise(house: Booter) -> None:
    sent = basic(MAC, secret(house))
    for way, over_http, over_https in (("digest", 401, 401), ("basic", 401, 200), ("basic-over-http", 200, 200)):
        change_site(house, passwords=way)
        for wire, status in (("http", over_http), ("https", over_https)):
            assert house.answer(ask(address=THERE, wire=wire, authorization=sent)).status == status
            asked = house.answer(ask(address=THERE, wire=wire))
            assert any(one.startswith("Basic") for one in asked.challenges) is (status == 200)


def test_what_a_phone_sends_us_is_taken_with_its_password(house: Booter) -> None:
    path = f"{MAC}-own.acme"
    refused = house.receive(ask(path, address=THERE, method="PUT"), b"x")
    taken = house.receive(ask(path, address=THERE, method="PUT", authorization=header(nonce_of(refused), user=MAC, secret=secret(house), uri=f"/{path}", method="PUT")), b"x")

    assert (refused.status, taken.status) == (401, 201)


def test_a_request_keeps_what_proves_a_phone_out_of_its_repr(house: Booter) -> None:
    assert "Digest" not in repr(ask(authorization=proving(house)))


# The wire.


def test_the_door_speaks_digest_as_curl_does_and_gives_nothing_twice_that_was_proven(tmp_path: Path) -> None:
    state = tmp_path / "state"
    mac = "805ec0d57d72"
    furnish(state)
    store = Store.open(state)
    with store.change("test", "test") as tx:
        tx.put_site(replace(store.site("default"), passwords="basic"))  # type: ignore[type-var]
    password = credentials.password_of(store.server_key, mac, 0)
    store.close()
    with serving(state, **options(*issue(tmp_path)), PROVISIONER_HTTP_WORKERS="2") as server:

        def curl(*more: str, scheme: str = "http") -> tuple[str, bytes]:
            url = f"{scheme}://127.0.0.1:{server.port(scheme)}/{mac}.cfg"
            found = subprocess.run(["curl", "-sk", "-o", str(tmp_path / "got"), "-w", "%{http_code}", *more, url], capture_output=True, text=True, check=True, timeout=30)
            return found.stdout, (tmp_path / "got").read_bytes()

        right = ("--user", f"{mac}:{password}")
        assert curl("--digest", *right)[0] == "200" and b"s3cret" in curl("--digest", *right)[1]
        assert curl("--digest", *right, scheme="https")[0] == "200"
        assert curl("--basic", *right, scheme="https")[0] == "200"
        assert curl("--basic", *right)[0] == "401"
        assert curl("--digest", "--user", f"{mac}:guessed")[0] == "401"
        assert curl()[0] == "401"
        asked = raw(server.port("http"), f"GET /{mac}.cfg HTTP/1.0\r\n\r\n".encode())
        assert [value.split()[0] for name, value in asked.headers if name == "www-authenticate"] == ["Digest", "Digest"]
        other = raw(server.port("http"), b"GET /nothing.at.all HTTP/1.0\r\n\r\n")
        assert [name for name, _ in asked.headers] == [name for name, _ in other.headers] and asked.status == other.status and asked.body == other.body == b""
        nonce = re.search('nonce="(.*?)"', asked["www-authenticate"])
        assert nonce
        sent = f"GET /{mac}.cfg HTTP/1.0\r\nAuthorization: {header(nonce[1], user=mac, secret=password, uri=f'/{mac}.cfg')}\r\n\r\n".encode()
        answers = [raw(server.port("http"), sent).code for _ in range(12)]  # of two workers
        assert sorted(answers) == [200] + [401] * 11
        assert [part for part, well, _ in health(server.config) if not well] == []


# What operators do.


def test_a_site_says_how_its_phones_prove_themselves(admin: Admin) -> None:
    done = sites.add(admin, "hq", {"public_url": "http://192.0.2.1:8080", "passwords": "basic"})
    assert [note.partition(";")[0] for note in done.notes if "http" in note] and any("default site asks too" in note for note in done.notes)
    assert sites.shown(admin, sites.one(admin, "hq"))["passwords"] == "basic"

    assert any("anybody on the way can read" in note for note in sites.change(admin, "hq", {"passwords": "basic-over-http"}).notes)
    assert sites.change(admin, "hq", {"passwords": "digest"}).changed
    assert sites.change(admin, "hq", {"passwords": ""}).changed
    assert sites.one(admin, "hq").passwords == "off"
    with pytest.raises(Exception, match="passwords: "):
        sites.change(admin, "hq", {"passwords": "some"})


def phone(admin: Admin) -> str:
    devices.add(admin, acme.MAC, "acme/Two", {})
    return acme.MAC


def test_phones_get_another_revision_where_their_files_change_and_only_there(admin: Admin) -> None:
    mac = phone(admin)
    revisions = [admin.store.revision(mac)]
    for way in ("digest", "basic", "off"):
        sites.change(admin, "default", {"passwords": way})
        revisions.append(admin.store.revision(mac))

    first, digest, basic_, off = revisions
    assert first and digest and off and first < digest == basic_ < off


def test_a_phones_user_and_password_are_shown_with_what_they_are_good_for(admin: Admin) -> None:
    mac = phone(admin)
    known, done = devices.credentials(admin, mac)
    assert known == {"user": mac, "password": credentials.password_of(admin.store.server_key, mac, 0)}
    assert "count for nothing yet" in done.notes[0]
    sites.change(admin, "default", {"passwords": "digest"})
    assert devices.credentials(admin, mac) == (known, replace(done, notes=()))


def test_why_says_that_a_password_is_asked_for(admin: Admin) -> None:
    mac = phone(admin)
    sites.change(admin, "default", {"passwords": "digest"})
    found = why.why(admin, f"{mac}.acme", source=THERE)

    assert found.outcome == "refused" and "401 instead of 404" in dict(found.steps)["password"]
    assert "password" not in dict(why.why(admin, f"{mac}.acme", source=THERE, wire="tftp").steps)


def test_a_store_of_an_earlier_release_opens_with_its_sites_and_no_passwords(tmp_path: Path) -> None:
    older = recorded.open_store(tmp_path / "older")
    older.close()
    database = sqlite3.connect(tmp_path / "older" / FILE)
    database.execute("ALTER TABLE sites DROP COLUMN passwords")
    database.execute("DELETE FROM _sqlite_migrations WHERE name = 'm003_passwords'")
    database.commit()
    database.close()

    store = Store.open(tmp_path / "older")
    site = store.site("default")
    assert site and site.passwords == "off" and len(site.networks) == 2


def test_a_preview_shows_the_password_only_when_asked_to(booter: Booter) -> None:
    mac = "805ec0d57d72"
    with booter.store.change("test", "test") as tx:
        tx.put_site(Site("default", public_url="http://192.0.2.1:8080", passwords="digest"))
        tx.put_device(Device(mac, "yealink", "T46U"))

    masked, shown = (booter.preview(mac, f"{mac}.cfg", reveal=reveal).decode() for reveal in (False, True))
    assert secret(booter, mac) in shown and secret(booter, mac) not in masked
    assert f"server.username = {mac}" in masked and f"server.username = {mac}" in shown
