"""Answers kept in memory: bounded, and never other than what is worked out anew."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from werkzeug.test import Client

from provisioner.answers import Answer, Kept
from provisioner.boot import Booter
from provisioner.changes import Transaction
from provisioner.families import Catalog
from provisioner.repeats import Repeats
from provisioner.store import Store
from provisioner.things import Account, Contact, Device, Event, Group, Key, Line
from provisioner.web.phones import Door
from provisioner.wire import PhoneRequest
from tests import recorded
from tests.samples import another
from tests.test_server import serving
from tests.test_tftp import fetch
from tests.wires import raw

PHONES = {
    "805ec0d57d72": ("yealink", "T46U", "805ec0d57d72.cfg"), "000b82112233": ("grandstream", "GXP2170", "cfg000b82112233.xml"),
    "0004f2123456": ("poly", "VVX450", "0004f2123456-user.cfg"), "000413a11fa7": ("snom", "D785", "snomD785-000413A11FA7.htm"),
    "0c383e07e16c": ("fanvil", "X4U", "0c383e07e16c.cfg"), "00562b043615": ("cisco-mpp", "8841", "00562b043615.xml"),
}  # fmt: skip
ADDRESSES = ("1@sip.example.com", "2@sip.example.com")


def test_what_was_asked_longest_ago_makes_room() -> None:
    kept: Kept[int] = Kept(4000)
    for number in range(10):
        kept.put(number, number, 1000)
        kept.get(0)

    assert len(kept) == 4 and [kept.get(number) for number in (0, 1, 6, 7, 8, 9)] == [0, None, None, 7, 8, 9]
    kept.put(0, 0, 10_000)
    assert len(kept) == 0
    assert "secret" not in repr(Answer(b"secret", "e"))


def test_as_many_as_fit_stay_when_all_are_asked_in_turn() -> None:
    kept: Kept[int] = Kept(10_000)
    for number in range(10):
        kept.put(number, number, 1000)

    assert [kept.get(number) for _ in range(3) for number in range(10)] == 3 * list(range(10))


@pytest.fixture
def fleet(store: Store) -> Store:
    """Return the store with a phone of some families, two accounts and a group."""
    return a_fleet(store)


def a_fleet(store: Store) -> Store:
    """Fill a store; return it."""
    with store.change("test", "test") as tx:
        tx.put_site(another(store.site("default"), public_url="http://192.0.2.1:8080"))
        tx.put_group(Group("default", "desk"))
        for address in ADDRESSES:
            tx.put_account(Account(address, password="pw"))
        for mac, (family, model, _) in PHONES.items():
            tx.put_device(Device(mac, family, model))
            tx.put_line(Line(mac, 1, ADDRESSES[0]))
    return store


def a_deed(dice: random.Random, tx: Transaction, store: Store) -> None:
    """Change one thing that some phone's bytes may depend on."""
    mac = dice.choice(list(PHONES))
    family, model, _ = PHONES[mac]
    address = dice.choice(ADDRESSES)
    scope = dice.choice(["defaults", f"family:{family}", f"model:{family}/{model}", "site:default", "group:default/desk", f"device:{mac}", f"account:{ADDRESSES[0]}"])
    per_line = {"registration_expiry": dice.randrange(60, 9999), "call_waiting": dice.random() < 0.5}
    settings = {**per_line, "timezone": dice.choice(["Europe/Lisbon", "Asia/Tokyo"]), "phone_name": f"Name {dice.random()}", "vlan_id": dice.randrange(4095)}
    deeds = [
        lambda: tx.say(scope, per_line if scope.startswith("account") else settings),
        lambda: tx.unsay(scope, dice.sample(list(settings), 2)),
        lambda: tx.put_account(Account(address, password=f"pw{dice.random()}", display_name=f"Name {dice.random()}")),
        lambda: tx.put_line(Line(mac, dice.choice([1, 2]), address)),
        lambda: tx.remove_line(mac, 2),
        lambda: tx.put_key(Key(dice.choice([f"device:{mac}", "group:default/desk"]), dice.randrange(1, 4), "blf", f"2{dice.randrange(99)}", line=1)),
        lambda: tx.clear_key(f"device:{mac}", dice.randrange(1, 4)),
        lambda: tx.put_contact(Contact("default", "Anna", (("work", str(dice.randrange(999))),))),
        lambda: tx.put_site(another(store.site("default"), public_url=f"http://192.0.2.{dice.randrange(1, 9)}:8080", country=dice.choice(["PT", "US"]))),
        lambda: tx.put_device(replace(store.device(mac) or Device(mac, family, model), group=dice.choice(["", "desk"]), lines=dice.choice([None, 2]))),
        lambda: tx.rotate_token(mac),
    ]
    dice.choice(deeds)()


def a_gate(dice: random.Random, tx: Transaction, store: Store) -> None:
    """Open or close what some phone comes through."""
    mac = dice.choice(list(PHONES))
    device, site = store.device(mac), store.site("default")
    assert device and site
    deeds = [
        lambda: tx.put_device(replace(device, state=dice.choice(["approved", "blocked"]))),
        lambda: tx.put_site(replace(site, networks=tuple(replace(entry, mac_is_enough=dice.random() < 0.8, tftp_serves_secrets=True) for entry in site.networks))),
    ]
    dice.choice(deeds)()


@pytest.mark.parametrize("seed", range(4))
def test_a_reply_is_given_again_only_where_a_cold_one_would_be_the_same(fleet: Store, catalog: Catalog, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    rows: list[str] = []
    events: list[Event] = []
    door = Client(Door(Booter(fleet, catalog, events.append), Repeats(fleet, rows.append)))
    cold = Client(Door(Booter(recorded.open_store(tmp_path / "state"), catalog, lambda event: None, kept_bytes=0)))
    asked = 0

    for _ in range(40):
        if dice.random() < 0.7:
            with fleet.change("test", "test") as tx:
                dice.choice([a_deed, a_gate])(dice, tx, fleet)
        for _, _, path in PHONES.values():
            headers = {"Accept-Encoding": dice.choice(["gzip", "identity"]), **({"X-Forwarded-Server": "x"} if dice.random() < 0.1 else {})}
            got, wanted = (client.get(path, headers=headers, environ_base={"REMOTE_ADDR": "127.0.0.1"}) for client in (door, cold))
            assert (got.status, list(got.headers), got.data) == (wanted.status, list(wanted.headers), wanted.data)
            asked += 1

    assert len(rows) > 20 and len(rows) + len(events) == asked
    assert all(Event.of_row(json.loads(row)).outcome == "served" for row in rows)


@pytest.mark.parametrize("seed", range(6))
def test_after_any_change_a_kept_answer_is_what_a_cold_one_would_be(fleet: Store, catalog: Catalog, tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    kept = Booter(fleet, catalog, lambda event: None)
    cold = Booter(recorded.open_store(tmp_path / "state"), catalog, lambda event: None, kept_bytes=0)  # another connection, as another process has

    for _ in range(40):
        with fleet.change("test", "test") as tx:
            a_deed(dice, tx, fleet)
        for mac, (_, _, path) in PHONES.items():
            for firmware in ("", "99.1.1.1"):
                agent = f"Yealink SIP-T46U {firmware} {mac}" if firmware and mac.startswith("805ec0") else ""
                request = PhoneRequest(path, "127.0.0.1", "http", agent)
                first, again, anew = kept.answer(request), kept.answer(request), cold.answer(request)
                assert (first.outcome, first.body, first.etag) == (again.outcome, again.body, again.etag) == (anew.outcome, anew.body, anew.etag)
    assert len(kept._answers) > len(PHONES) and not len(cold._answers)


def test_an_answer_is_kept_for_the_families_folder_that_made_it(fleet: Store, catalog: Catalog) -> None:
    booter = Booter(fleet, catalog, lambda event: None)
    request = PhoneRequest("805ec0d57d72.cfg", "127.0.0.1", "http")
    before = booter.answer(request)
    family = catalog.families["yealink"]
    booter.catalog = replace(catalog, families={**catalog.families, "yealink": replace(family, fingerprint="another", maps={**family.maps, "dtmf": {**family.maps["dtmf"], "rfc4733": 3}})})

    after = booter.answer(request)

    assert before.body != after.body


@pytest.mark.parametrize("seed", range(2))
def test_a_change_is_seen_by_the_next_request_on_every_wire_and_in_every_process(tmp_path: Path, catalog: Catalog, seed: int) -> None:
    dice = random.Random(seed)
    state = tmp_path / "state"
    fleet = a_fleet(recorded.open_store(state))
    cold = Booter(fleet, catalog, lambda event: None, kept_bytes=0)
    with serving(state, PROVISIONER_HTTP_WORKERS="2", PROVISIONER_TFTP_WORKERS="2") as server:
        for _ in range(12):
            with fleet.change("test", "test") as tx:
                dice.choice([a_deed, a_gate])(dice, tx, fleet)
            for mac, (_, _, path) in dice.sample(sorted(PHONES.items()), 3):
                wanted = cold.answer(PhoneRequest(path, "127.0.0.1", "http"))
                over_http = [raw(server.port("http"), f"GET /{path} HTTP/1.0\r\n\r\n".encode()) for _ in range(4)]  # each of the two workers gets some
                assert {(answer.code, answer.body) for answer in over_http} == {(wanted.status, wanted.body)}, wanted.sentence
                if wanted.body:
                    assert {fetch(server.port("tftp"), path, "blksize", 1428, block=1428) for _ in range(3)} == {wanted.body}, mac
