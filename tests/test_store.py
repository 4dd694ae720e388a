"""The contract of the store: what is put is got back, who is touched is revised, nothing is lost silently."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlite_utils
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioner import vocabulary
from provisioner.changes import Transaction
from provisioner.context import Secrets, context_for
from provisioner.errors import BadInput, BadValue, Conflict, NotHere, StoreTrouble, UnknownName
from provisioner.families import Catalog
from provisioner.kinds import (
    Address,
    Bool,
    Choice,
    Country,
    Dial,
    Endpoint,
    Host,
    HostPort,
    Int,
    Kind,
    Language,
    Many,
    Multicast,
    Password,
    Text,
    Url,
    Zone,
)
from provisioner.migrations import things as history
from provisioner.records import STAMP_FILE, sqlite3
from provisioner.seal import Seal
from provisioner.store import FILE, KEY_FILE, Store
from provisioner.things import Account, Contact, Device, Group, Key, Line, Network, Site
from tests import recorded

ONE, TWO, THREE = "80aabb000001", "80aabb000002", "80aabb000003"
ALICE = Account("alice@sip.example.com", password="S3cr3t-Canary-1", registrar=Endpoint("reg.example.com", 5061), display_name="Álice")
CANARIES = ("S3cr3t-Canary-1", "S3cr3t-Canary-2", "S3cr3t-Canary-3", "S3cr3t-Canary-4")


@pytest.fixture
def house(store: Store) -> Store:
    """Return a store with a site of two groups, and three phones: ONE in reception, TWO in the site, THREE elsewhere."""
    with store.change("anna", "cli") as tx:
        tx.put_site(Site("hq", "Head office", (Network("192.0.2.0/24", mac_is_enough=True),), "http://prov.example.com", country="PT"))
        tx.put_group(Group("hq", "reception"))
        tx.put_group(Group("hq", "lab"))
        tx.put_account(ALICE)
        tx.put_device(Device(ONE, "acme", "A100", site="hq", group="reception", factory_password="S3cr3t-Canary-2"))
        tx.put_device(Device(TWO, "acme", "A200", site="hq"))
        tx.put_device(Device(THREE, "other", "B1"))
        tx.put_line(Line(ONE, 1, ALICE.sip_address))
    return store


def do(store: Store, work: Callable[[Transaction], object]) -> set[str]:
    """Change something; return the MACs of the phones whose revision it raised."""
    before = {device.mac: device.revision for device in store.devices()}
    with store.change("anna", "cli") as tx:
        work(tx)
    after = {device.mac: device.revision for device in store.devices()}
    assert all(after[mac] > number for mac, number in before.items() if mac in after and after[mac] != number)
    return {mac for mac, number in after.items() if number != before.get(mac)}


def device(store: Store, mac: str = ONE) -> Device:
    """Return a device that is there."""
    found = store.device(mac)
    assert found
    return found


# Sentences in, frozen values out


def test_what_is_put_is_got_back_as_it_was(house: Store) -> None:
    assert house.account("alice@sip.example.com") == ALICE
    assert device(house).factory_password == "S3cr3t-Canary-2"
    assert house.site("hq") == Site("hq", "Head office", (Network("192.0.2.0/24", mac_is_enough=True),), "http://prov.example.com", country="PT")
    assert house.lines_of(ONE) == house.lines_with(ALICE.sip_address) == [Line(ONE, 1, ALICE.sip_address)]
    assert house.groups("hq") == [Group("hq", "lab"), Group("hq", "reception")]


def test_what_is_not_there_is_an_answer(house: Store) -> None:
    assert (house.device("80aabb0000ff"), house.account("bob@example.com"), house.site("nowhere"), house.revision("80aabb0000ff"), house.facts_for("80aabb0000ff")) == (None,) * 5
    assert (house.lines_of("80aabb0000ff"), house.keys_of("device:80aabb0000ff"), house.layer("site:nowhere"), house.contacts("x")) == ([], [], {}, [])


def test_a_new_store_has_the_default_site_with_loopback_in_it(store: Store) -> None:
    assert store.sites() == [Site("default", "Default site", (Network("127.0.0.0/8", True, True), Network("::1/128", True, True)))]


def test_a_store_that_is_opened_again_holds_what_was_put(house: Store, tmp_path: Path) -> None:
    house.close()
    again = Store.open(tmp_path / "state")

    assert again.account(ALICE.sip_address) == ALICE and device(again).group == "reception"


def example_of(kind: Kind) -> st.SearchStrategy[Any]:
    """Return values of a kind as people may write them."""
    words = {
        Bool: st.booleans(),
        Text: st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=16),
        Password: st.text(st.sampled_from(kind.of if isinstance(kind, Password) and kind.of else "aZ9 €\"'\\"), max_size=20),
        Host: st.sampled_from(["", "A.example.com", "192.0.2.1", "2001:db8::1"]),
        Address: st.sampled_from(["", "192.0.2.7", "255.255.255.0"]),
        Multicast: st.sampled_from(["239.0.0.1:10000", "224.0.1.75:5060"]),
        HostPort: st.sampled_from(["", "a.example.com", "a.example.com:5060", "[2001:db8::1]:5060", "192.0.2.1"]),
        Url: st.sampled_from(["", "http://a.example.com/x?y=1"]),
        Zone: st.sampled_from(["Europe/Lisbon", "utc", "America/St_Johns"]),
        Language: st.sampled_from(["en", "pt-br", "zh-Hant"]),
        Country: st.sampled_from(["pt", "US"]),
        Dial: st.sampled_from(["*xx", "x+", "+[1-9]x+", "112"]),
    }
    if isinstance(kind, Int):
        return st.integers(kind.least, kind.most)
    if isinstance(kind, Choice):
        return st.sampled_from(kind.words)
    if isinstance(kind, Many):
        return st.lists(example_of(kind.each) if not isinstance(kind.each, Text) else st.text("123*", min_size=1, max_size=3), max_size=3)
    return words[type(kind)]


@given(st.data())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_every_setting_comes_back_with_its_value_and_type(store: Store, data: st.DataObject) -> None:
    row = data.draw(st.sampled_from(vocabulary.SETTINGS))
    said = row.read(data.draw(example_of(row.kind)))
    do(store, lambda tx: tx.say("defaults", {row.name: said}))

    got = store.layer("defaults")[row.name]
    assert got == said and type(got) is type(said)


def test_a_setting_is_read_by_its_kind_so_that_no_boot_meets_one_it_cannot_read(house: Store) -> None:
    for values, error in (({"vlan_id": 5000}, BadValue), ({"vlan_id": None}, BadValue), ({"timezome": "UTC"}, UnknownName)):
        with pytest.raises(error):
            do(house, lambda tx, values=values: tx.say("site:hq", values))  # type: ignore[misc]


def test_account_and_line_say_only_what_is_for_one_line(house: Store) -> None:
    for scope in (f"account:{ALICE.sip_address}", f"line:{ONE}/1"):
        do(house, lambda tx, scope=scope: tx.say(scope, {"srtp": "required"}))  # type: ignore[misc]
        with pytest.raises(BadValue, match="timezone is one for the whole phone"):
            do(house, lambda tx, scope=scope: tx.say(scope, {"timezone": "UTC"}))  # type: ignore[misc]


def test_a_setting_that_this_release_does_not_know_is_ignored_and_reported_and_can_be_taken_back(house: Store) -> None:
    with house.writing() as connection:
        connection.execute("INSERT INTO settings VALUES ('site:hq', 'warp_speed', '9'), ('site:hq', 'vlan_id', '\"fast\"'), ('site:hq', 'language', '\"pt\"')")

    assert house.layer("site:hq") == {"language": "pt"}
    assert [fault.split(";")[0] for fault in house.faults if "warp" in fault] == ["site:hq says warp_speed, which this release does not know"]
    assert any("vlan_id: 'fast' is not a whole number" in fault for fault in house.faults)
    assert do(house, lambda tx: tx.unsay("site:hq", ["warp_speed", "vlan_id"])) == {ONE, TWO}


def test_a_boot_reads_everything_that_its_files_are_made_of_weakest_layer_first(house: Store) -> None:
    scopes = ["defaults", "family:acme", "model:acme/A100", "site:hq", "group:hq/reception", f"device:{ONE}"]
    with house.change("anna", "cli") as tx:
        for number, scope in enumerate(scopes):
            tx.say(scope, {"ring_volume": number})
        tx.say(f"account:{ALICE.sip_address}", {"srtp": "optional"})
        tx.say(f"line:{ONE}/1", {"srtp": "required"})
        tx.put_key(Key("group:hq/reception", 2, "blf", "213"))
        tx.put_key(Key(f"device:{ONE}", 1, "line", line=1))
        tx.put_contact(Contact("hq", "Anna", (("work", "201"),)))
        tx.say(f"device:{TWO}", {"ring_volume": 9})
    facts = house.facts_for(ONE)

    assert facts
    assert facts.layers == tuple((scope, {"ring_volume": number}) for number, scope in enumerate(scopes))
    assert facts.lines == ((Line(ONE, 1, ALICE.sip_address), ALICE, {"srtp": "optional"}, {"srtp": "required"}),)
    assert [(key.scope, key.position) for key in facts.keys] == [(f"device:{ONE}", 1), ("group:hq/reception", 2)]
    assert facts.contacts == (Contact("hq", "Anna", (("work", "201"),)),) and facts.site.slug == "hq" and facts.device == device(house)


def test_a_boot_scans_no_table(house: Store) -> None:
    asked: list[str] = []
    with house.reading():
        house._connection().set_trace_callback(asked.append)
        house.facts_for(ONE)
        house.device(ONE)
        house.revision(ONE)
        house._connection().set_trace_callback(None)
        plans = [row["detail"] for sql in asked if sql.startswith("SELECT") for row in house._connection().execute(f"EXPLAIN QUERY PLAN {sql}")]

    assert len(plans) >= 8
    assert [plan for plan in plans if plan.startswith("SCAN")] == []


def test_an_inventory_of_many_is_counted_paged_and_read_whole_in_the_order_of_macs(house: Store) -> None:
    do(house, lambda tx: [tx.put_device(Device(f"02ac0e{number:06x}", "acme", "A100", site="hq")) for number in range(1_500)])
    every = house.devices()
    macs = list(every.macs())

    assert len(every) == len(macs) == 1_503 and macs == sorted(macs) == [one.mac for one in every]
    assert [one.mac for one in every.page(2, after=macs[1_000])] == macs[1_001:1_003]
    assert every.tally("site") == {("hq",): 1_502, ("default",): 1}
    assert house.known([ONE, "02ac0e0005dc", macs[7]]) == sorted([ONE, macs[7]])


def test_phones_are_found_by_any_part_of_what_people_know_of_them(house: Store) -> None:
    do(house, lambda tx: tx.put_device(replace(device(house), name="Ünal's 50%_desk", serial="SN-77")))

    for text in ("80:AA:bb:00-00-01", "ünal", "ÜNAL", "50%_", "sn-77", "alice@", "álice", "a100"):
        assert [found.mac for found in house.devices(search=text)] == [ONE], text
    assert not house.devices(search="50%desk") and not house.devices(search="_x_")
    assert [found.mac for found in house.devices(site="hq")] == [ONE, TWO]
    assert not house.devices(site="hq", state="blocked")


def test_a_phone_that_nobody_knows_belongs_to_the_site_of_its_narrowest_network(house: Store) -> None:
    do(house, lambda tx: tx.put_site(Site("lab", networks=(Network("192.0.2.128/25"),))))

    sites = [found.slug for address in ("192.0.2.7", "192.0.2.200", "127.0.0.1", "198.51.100.1", "2001:db8::1", "") if (found := house.sites_now().of_address(address))]
    assert sites == ["hq", "lab", "default", "default", "default", "default"]


# Revisions: exactly those who are touched


@pytest.mark.parametrize(
    ("scope", "touched"),
    [
        ("defaults", {ONE, TWO, THREE}), ("family:acme", {ONE, TWO}), ("model:acme/A200", {TWO}), ("site:hq", {ONE, TWO}), ("group:hq/reception", {ONE}),
        ("group:hq/lab", set()), (f"device:{TWO}", {TWO}), (f"account:{ALICE.sip_address}", {ONE}), (f"line:{ONE}/1", {ONE}), ("family:nobody", set()),
    ],
)  # fmt: skip
def test_a_setting_revises_the_phones_that_its_layer_speaks_for_when_said_and_when_taken_back(house: Store, scope: str, touched: set[str]) -> None:
    assert do(house, lambda tx: tx.say(scope, {"codecs": ("pcma",)})) == touched
    assert do(house, lambda tx: tx.say(scope, {"codecs": ("pcma",)})) == set()
    assert do(house, lambda tx: tx.unsay(scope, ["codecs", "srtp"])) == touched
    assert do(house, lambda tx: tx.unsay(scope, ["codecs"])) == set()


@pytest.mark.parametrize(
    ("work", "touched"),
    [
        (lambda tx: tx.put_account(replace(ALICE, password="other")), {ONE}),
        (lambda tx: tx.put_account(Account("bob@example.com")), set()),
        (lambda tx: tx.put_line(Line(TWO, 1, ALICE.sip_address)), {TWO}),
        (lambda tx: tx.remove_line(ONE, 1), {ONE}),
        (lambda tx: tx.put_key(Key("group:hq/reception", 1, "blf", "213")), {ONE}),
        (lambda tx: tx.put_key(Key(f"device:{TWO}", 1, "blf", "213")), {TWO}),
        (lambda tx: tx.put_contact(Contact("hq", "Anna", (("work", "201"),))), {ONE, TWO}),
        (lambda tx: tx.put_site(Site("hq", "Head office", public_url="http://other.example.com")), {ONE, TWO}),
        (lambda tx: tx.put_site(Site("hq", "Other name", public_url="http://prov.example.com", country="PT", enrols=True)), set()),
        (lambda tx: tx.put_group(Group("default", "new")), set()),
        (lambda tx: tx.remove_group(Group("hq", "reception")), {ONE}),
        (lambda tx: tx.rotate_token(THREE), {THREE}),
        (lambda tx: tx.put_device(Device(TWO, "acme", "A200", site="hq", modules=1)), {TWO}),
    ],
)  # fmt: skip
def test_a_change_revises_exactly_the_phones_that_it_touches(house: Store, work: Callable[[Transaction], object], touched: set[str]) -> None:
    assert do(house, work) == touched


def test_what_is_in_no_phones_file_restarts_no_phone(house: Store) -> None:
    noted = replace(device(house), name="Front desk", location="2nd floor", asset_tag="A-1", notes="squeaks", state="blocked")

    assert do(house, lambda tx: tx.put_device(noted)) == set()
    assert do(house, lambda tx: tx.put_account(replace(ALICE, notes="from the e-mail of May", email="a@example.com"))) == set()
    assert device(house).location == "2nd floor"


def test_another_provider_is_a_revision_since_it_may_ship_settings_of_its_lines(house: Store) -> None:
    assert do(house, lambda tx: tx.put_account(replace(ALICE, provider="Acme"))) == {ONE}


def test_the_time_of_a_revision_never_goes_backwards(house: Store) -> None:
    before = device(house).revised_at
    house._now = lambda: recorded.AT - timedelta(days=400)
    do(house, lambda tx: tx.rotate_token(ONE))
    assert device(house).revised_at == before == "2026-01-02T03:04:05+00:00"

    house._now = lambda: recorded.AT + timedelta(seconds=1)
    do(house, lambda tx: tx.rotate_token(ONE))
    assert device(house).revised_at == "2026-01-02T03:04:06+00:00"


def test_another_firmware_is_a_revision_and_the_same_one_is_none(house: Store) -> None:
    before = house.revision(ONE) or 0
    house.seen(ONE, "192.0.2.7", "1.2.3")
    once = house.revision(ONE) or 0
    house.seen(ONE, "192.0.2.8", "1.2.3")

    assert before < once == house.revision(ONE)
    assert (device(house).firmware, device(house).last_address, device(house).last_seen_at) == ("1.2.3", "192.0.2.8", "2026-01-02T03:04:05+00:00")
    with pytest.raises(NotHere):
        house.seen("80aabb0000ff", "", "")


SCOPES = st.sampled_from(
    ["defaults", "family:acme", "model:acme/A100", "site:hq", "site:default", "group:hq/reception", "group:hq/lab", f"device:{ONE}", f"device:{TWO}", "account:a@example.com", f"line:{ONE}/1"]
)
PHONES, ACCOUNTS = st.sampled_from([ONE, TWO, THREE]), st.sampled_from(["a@example.com", "b@example.com"])
NAMES, WORDS = st.sampled_from(["srtp", "dtmf"]), {"srtp": ["off", "required"], "dtmf": ["info", "inband"]}
KEY_SCOPES = st.sampled_from([f"device:{ONE}", "group:hq/reception", "group:hq/lab"])
DEEDS = st.one_of(
    st.tuples(st.just("say"), SCOPES, NAMES.flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(WORDS[name])).map(lambda pair: dict([pair])))),
    st.tuples(st.just("unsay"), SCOPES, NAMES.map(lambda name: [name])),
    st.tuples(st.just("put_line"), st.builds(Line, PHONES, st.integers(1, 2), ACCOUNTS)),
    st.tuples(st.just("remove_line"), PHONES, st.integers(1, 2)),
    st.tuples(st.just("put_account"), st.builds(Account, ACCOUNTS, password=st.sampled_from(["", "x"]), transport=st.sampled_from(["udp", "tls"]), notes=st.sampled_from(["", "n"]))),
    st.tuples(st.just("remove_account"), ACCOUNTS),
    st.tuples(st.just("put_key"), st.builds(Key, KEY_SCOPES, st.integers(1, 2), st.sampled_from(["hold", "dnd", "none"]))),
    st.tuples(st.just("forget_key"), KEY_SCOPES, st.integers(1, 2)),
    st.tuples(st.just("put_contact"), st.builds(Contact, st.sampled_from(["hq", "default"]), st.just("Anna"), st.sampled_from([(("work", "1"),), (("work", "2"),)]))),
    st.tuples(st.just("remove_contact"), st.sampled_from(["hq", "default"]), st.just("Anna")),
    st.tuples(st.just("put_site"), st.builds(Site, st.just("hq"), name=st.sampled_from(["", "n"]), public_url=st.sampled_from(["", "http://a.example"]))),
    st.tuples(st.just("put_group"), st.builds(Group, st.just("hq"), st.sampled_from(["reception", "lab"]))),
    st.tuples(st.just("remove_group"), st.builds(Group, st.just("hq"), st.sampled_from(["reception", "lab"]))),
    st.tuples(st.just("put_device"), st.builds(Device, PHONES, st.just("acme"), st.sampled_from(["A100", "A200"]), st.just("hq"), st.sampled_from(["", "reception", "lab"]), notes=st.sampled_from(["", "n"]))),
    st.tuples(st.just("put_device"), st.builds(Device, PHONES, st.just("acme"), st.sampled_from(["A100", "A200"]), modules=st.integers(0, 1))),
    st.tuples(st.just("remove_device"), PHONES),
    st.tuples(st.just("rotate_token"), PHONES),
)  # fmt: skip


def seen_by_phones(store: Store, mac: str) -> object:
    """Return all that a phone's files are made of, without what is in none of them."""
    facts = store.facts_for(mac)
    if facts is None:
        return None
    bare = replace(facts.device, revision=0, revised_at="", notes="")
    lines = tuple((line, replace(account, notes=""), *layers) for line, account, *layers in facts.lines)
    return replace(facts, device=bare, site=replace(facts.site, name=""), lines=lines)


@given(st.lists(DEEDS, max_size=14))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_is_done_a_phone_is_revised_when_its_files_could_change_and_only_then(tmp_path_factory: pytest.TempPathFactory, deeds: list[Any]) -> None:
    store = recorded.open_store(tmp_path_factory.mktemp("state"))
    store._connection().execute("PRAGMA synchronous=OFF")
    do(store, lambda tx: (tx.put_site(Site("hq")), tx.put_group(Group("hq", "lab")), tx.put_account(Account("a@example.com")), tx.put_device(Device(ONE, "acme", "A100", "hq", "lab"))))
    do(store, lambda tx: tx.put_line(Line(ONE, 1, "a@example.com")))
    for deed, *words in deeds:
        before = {mac: seen_by_phones(store, mac) for mac in (ONE, TWO, THREE)}
        number = len(store.changes(1000))
        try:
            touched = do(store, lambda tx, deed=deed, words=words: getattr(tx, deed)(*words))  # type: ignore[misc]
        except BadInput:
            assert {mac: seen_by_phones(store, mac) for mac in before} == before and len(store.changes(1000)) == number
            continue
        changed = {mac for mac in before if (after := seen_by_phones(store, mac)) is not None and after != before[mac]}
        assert touched == changed
        assert changed == set() or number < len(store.changes(1000))
    store.close()


# Taken back (F5)


def test_a_setting_that_was_said_and_taken_back_is_cleared_until_it_is_said_again(house: Store) -> None:
    do(house, lambda tx: tx.say("site:hq", {"vlan_id": 20, "lldp": True}))
    assert device(house).cleared == frozenset()

    do(house, lambda tx: tx.unsay("site:hq", ["vlan_id", "lldp"]))
    assert device(house).cleared == device(house, TWO).cleared == {"vlan_id", "lldp"} and device(house, THREE).cleared == frozenset()

    do(house, lambda tx: tx.say(f"device:{ONE}", {"lldp": False}))
    assert device(house).cleared == {"vlan_id"} and device(house, TWO).cleared == {"vlan_id", "lldp"}


def test_what_a_phone_had_from_its_site_and_group_is_cleared_when_it_leaves_them(house: Store) -> None:
    do(house, lambda tx: (tx.say("site:hq", {"vlan_id": 20}), tx.say("group:hq/reception", {"dnd": True})))
    do(house, lambda tx: tx.put_device(replace(device(house), group="lab")))
    assert device(house).cleared == {"dnd"}

    do(house, lambda tx: tx.put_device(replace(device(house), site="default", group="")))
    assert device(house).cleared == {"dnd", "vlan_id"}


def test_what_a_line_had_from_its_account_is_cleared_when_the_account_leaves_it(house: Store) -> None:
    do(house, lambda tx: (tx.say(f"account:{ALICE.sip_address}", {"srtp": "required"}), tx.say(f"line:{ONE}/1", {"dnd": True})))
    do(house, lambda tx: tx.remove_line(ONE, 1))

    assert device(house).cleared == {"srtp", "dnd"} and house.layer(f"line:{ONE}/1") == {}


def test_a_group_that_is_taken_away_leaves_its_phones_in_the_site_with_its_words_taken_back(house: Store) -> None:
    do(house, lambda tx: (tx.say("group:hq/reception", {"dnd": True}), tx.put_key(Key("group:hq/reception", 3, "blf", "213"))))
    do(house, lambda tx: tx.remove_group(Group("hq", "reception")))
    facts = house.facts_for(ONE)

    assert facts and (facts.device.site, facts.device.group, facts.device.cleared) == ("hq", "", {"dnd"})
    assert facts.keys == () and facts.cleared_keys == ((0, 3),)
    assert house.keys_of("group:hq/reception") == [] and house.layer("group:hq/reception") == {}


def test_keys_of_a_group_are_emptied_on_a_phone_that_leaves_it_until_they_are_said_again(house: Store) -> None:
    do(house, lambda tx: [tx.put_key(Key("group:hq/reception", n, "blf", "213")) for n in (1, 2, 3)])
    do(house, lambda tx: tx.put_device(replace(device(house), group="")))
    assert house.facts_for(ONE).cleared_keys == ((0, 1), (0, 2), (0, 3))  # type: ignore[union-attr]

    do(house, lambda tx: tx.put_key(Key(f"device:{ONE}", 2, "dnd")))
    assert house.facts_for(ONE).cleared_keys == ((0, 1), (0, 3))  # type: ignore[union-attr]

    do(house, lambda tx: (tx.put_key(Key("group:hq/lab", 3, "hold")), tx.put_device(replace(device(house), group="lab"))))
    assert house.facts_for(ONE).cleared_keys == ((0, 1),)  # type: ignore[union-attr]


def test_a_template_sees_a_cleared_key_as_an_empty_one_and_lines_still_on_the_first(store: Store, catalog: Catalog) -> None:
    family, model = catalog.model("snom/D785")
    do(store, lambda tx: (tx.put_account(ALICE), tx.put_group(Group("default", "desk")), tx.put_device(Device(ONE, family.slug, model.name, group="desk"))))
    do(store, lambda tx: (tx.put_line(Line(ONE, 1, ALICE.sip_address)), tx.put_key(Key("group:default/desk", 3, "blf", "213"))))
    do(store, lambda tx: tx.put_device(replace(device(store), group="")))
    facts = store.facts_for(ONE)

    assert facts
    assert [key.type for key in context_for(family, model, facts, Secrets(bytes(32)))["keys"][:4]] == ["line", None, "none", None]


def test_a_key_is_cleared_and_stays_so_or_is_forgotten(house: Store) -> None:
    scope = f"device:{ONE}"
    do(house, lambda tx: tx.put_key(Key(scope, 1, "blf", "213", "Anna")))
    assert do(house, lambda tx: tx.clear_key(scope, 1)) == {ONE}
    assert house.keys_of(scope) == [Key(scope, 1, "none")]

    assert do(house, lambda tx: tx.forget_key(scope, 1)) == {ONE}
    assert house.keys_of(scope) == []
    assert do(house, lambda tx: tx.forget_key(scope, 1)) == set()


# Nothing is lost silently


def test_an_account_that_is_on_a_phone_is_not_removed_and_the_phones_are_named(house: Store) -> None:
    with pytest.raises(Conflict, match="80:aa:bb:00:00:01 line 1"):
        do(house, lambda tx: tx.remove_account(ALICE.sip_address))
    assert house.account(ALICE.sip_address)


@pytest.mark.parametrize(
    ("error", "sentence", "work"),
    [
        (Conflict, "taken in sip.example.com by alice@", lambda tx: tx.put_account(Account("alice2@sip.example.com", username="alice"))),
        (Conflict, "site hq has 2 phones", lambda tx: tx.remove_site("hq")),
        (Conflict, "default site stays", lambda tx: tx.remove_site("default")),
        (Conflict, "192.0.2.0/24 belongs to site hq", lambda tx: tx.put_site(Site("lab", networks=(Network("192.0.2.0/24"),)))),
        (NotHere, "there is no site 'x'", lambda tx: tx.put_device(Device("80aabb000009", "acme", "A100", site="x"))),
        (NotHere, "has no group 'x'", lambda tx: tx.put_device(Device("80aabb000009", "acme", "A100", site="hq", group="x"))),
        (NotHere, "no account bob@example.com", lambda tx: tx.put_line(Line(ONE, 2, "bob@example.com"))),
        (NotHere, "80:aa:bb:00:00:09 is not in the inventory", lambda tx: tx.put_line(Line("80aabb000009", 1, ALICE.sip_address))),
        (NotHere, "no site 'x'", lambda tx: tx.put_contact(Contact("x", "Anna", (("work", "1"),)))),
        (NotHere, "no site 'x'", lambda tx: tx.put_group(Group("x", "y"))),
        (NotHere, "no group 'hq/x'", lambda tx: tx.put_key(Key("group:hq/x", 1, "hold"))),
        (NotHere, "no account on line 2", lambda tx: tx.say(f"line:{ONE}/2", {"srtp": "off"})),
        (NotHere, "no site 'x'", lambda tx: tx.say("site:x", {"srtp": "off"})),
        (BadInput, "is no scope", lambda tx: tx.say("model:acme", {"srtp": "off"})),
        (BadInput, "is no scope", lambda tx: tx.say("planet:earth", {"srtp": "off"})),
        (BadInput, "is no scope", lambda tx: tx.say(f"line:{ONE}/x", {"srtp": "off"})),
        (BadInput, "not a MAC address", lambda tx: tx.say("device:80aa", {"srtp": "off"})),
    ],
)
def test_what_is_at_odds_with_what_is_stored_is_refused_and_all_of_the_change_is_taken_back(house: Store, error: type[Exception], sentence: str, work: Any) -> None:
    before = house.changes()
    with pytest.raises(error, match=sentence):
        do(house, lambda tx: (tx.say("defaults", {"language": "pt"}), work(tx)))

    assert house.changes() == before and house.layer("defaults") == {}


def test_usernames_that_differ_in_case_are_two(house: Store) -> None:
    do(house, lambda tx: tx.put_account(Account("Alice@sip.example.com")))

    assert {account.username for account in house.accounts()} == {"alice", "Alice"}


def test_scopes_are_kept_in_one_spelling(house: Store) -> None:
    do(house, lambda tx: (tx.say("device:80:AA:BB:00:00:01", {"language": "pt"}), tx.say("line:80-AA-BB-00-00-01/01", {"dnd": True})))

    assert house.layer(f"device:{ONE}") == {"language": "pt"} and house.layer(f"line:{ONE}/1") == {"dnd": True}


def test_a_phone_that_is_removed_takes_its_own_along_and_leaves_the_rest(house: Store) -> None:
    do(house, lambda tx: (tx.say(f"device:{ONE}", {"language": "pt"}), tx.put_key(Key(f"device:{ONE}", 1, "hold"))))
    house.put_upload(ONE, "x-own.acme", b"mine")
    do(house, lambda tx: tx.remove_device(ONE))

    assert house.device(ONE) is None and house.uploads_of(ONE) == {} and house.lines_with(ALICE.sip_address) == []
    assert house.account(ALICE.sip_address) == ALICE
    with house.change("anna", "cli") as tx:
        assert tx.remove_device(ONE) is False


def test_a_phone_that_comes_back_has_no_token_that_was_rotated_away(house: Store) -> None:
    here = device(house)
    do(house, lambda tx: tx.rotate_token(ONE))
    do(house, lambda tx: tx.remove_device(ONE))
    revision = do(house, lambda tx: tx.put_device(replace(here, generation=0)))

    assert revision == {ONE} and device(house).generation == 1


def test_a_put_does_not_say_what_is_the_stores_own(house: Store) -> None:
    do(house, lambda tx: tx.rotate_token(ONE))
    do(house, lambda tx: tx.put_device(Device(ONE, "acme", "A100", site="hq", group="reception", serial="7")))

    assert (device(house).generation, device(house).serial, device(house).revised_at) == (1, "7", "2026-01-02T03:04:05+00:00")


# History


def test_each_change_leaves_a_row_with_who_when_and_what_and_the_same_again_leaves_none(house: Store) -> None:
    do(house, lambda tx: tx.say("site:hq", {"language": "pt", "vlan_id": 5}))
    do(house, lambda tx: tx.say("site:hq", {"language": "en"}))
    last = house.changes(limit=1)[0]

    assert (last.at, last.who, last.door, last.noun, last.name) == ("2026-01-02T03:04:05+00:00", "anna", "cli", "setting", "site:hq")
    assert (last.before, last.after) == ({"language": "pt"}, {"language": "en"})
    number = len(house.changes())
    with house.change("anna", "cli") as tx:
        assert not any((tx.say("site:hq", {"language": "en"}), tx.put_account(ALICE), tx.put_device(device(house)), tx.put_site(house.site("hq")), tx.put_group(Group("hq", "lab"))))  # type: ignore[arg-type]
    assert len(house.changes()) == number
    assert [change.noun for change in house.changes(noun="line")] == ["line"] and house.changes(noun="device", name=TWO)[0].before is None


def test_history_shows_that_a_secret_changed_and_never_which(house: Store) -> None:
    do(house, lambda tx: (tx.put_account(replace(ALICE, password="S3cr3t-Canary-3")), tx.say("site:hq", {"admin_password": "S3cr3t-Canary-4", "language": "pt"})))
    setting, account = house.changes(limit=2)

    assert setting.after == {"admin_password": "*", "language": "pt"}
    assert account.before and account.after and (account.before["password"], account.after["password"], account.after["username"]) == ("*", "* changed", "alice")


def test_no_secret_is_in_the_files_nor_in_any_sentence_of_history(house: Store, tmp_path: Path) -> None:
    do(house, lambda tx: (tx.put_account(replace(ALICE, password="S3cr3t-Canary-3")), tx.say(f"device:{ONE}", {"admin_password": "S3cr3t-Canary-4"})))
    house.put_upload(ONE, "x-own.acme", b"password=S3cr3t-Canary-1")
    written = b"".join(file.read_bytes() for file in (tmp_path / "state").iterdir())

    assert b"Head office" in written and house.layer(f"device:{ONE}") == {"admin_password": "S3cr3t-Canary-4"}
    for canary in CANARIES:
        assert canary.encode() not in written and canary not in repr(house.changes(1000)) and canary not in repr(list(house.devices()))


# What phones send


@given(st.binary(max_size=300))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_a_phone_sent_is_given_back_byte_for_byte(house: Store, body: bytes) -> None:
    house.put_upload(ONE, "x-own.acme", body)

    assert house.upload(ONE, "x-own.acme") == body


def test_the_same_upload_again_writes_nothing_and_one_can_be_thrown_away(house: Store) -> None:
    assert house.put_upload(ONE, "x", b"a") and not house.put_upload(ONE, "x", b"a") and house.put_upload(ONE, "x", b"b")
    assert house.uploads_of(ONE) == {"x": "2026-01-02T03:04:05+00:00"}
    assert house.remove_upload(ONE, "x") and not house.remove_upload(ONE, "x")
    with pytest.raises(NotHere):
        house.put_upload("80aabb0000ff", "x", b"a")


def test_a_note_of_the_servers_own_is_kept(house: Store) -> None:
    do(house, lambda tx: tx.put_meta("started", "yes"))

    assert (house.meta("started"), house.meta("never")) == ("yes", "")


# Processes and threads


def test_threads_have_connections_of_their_own_which_later_ones_take_over(house: Store) -> None:
    found: list[Device | None] = []
    for _ in range(2):
        together = threading.Barrier(20)
        threads = [threading.Thread(target=lambda together=together: (found.append(house.device(ONE)), together.wait())) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [house.device(ONE)] * 40
    assert len(house._all) == 21


FOREIGN = """
import ctypes, sys
from pathlib import Path
from provisioner.store import Store

store = Store.open(Path(sys.argv[1]))
routine = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p)(lambda _: print(store.device(sys.argv[2]).mac, flush=True))
libc = ctypes.CDLL(None)
for _ in range(3):
    thread = ctypes.c_ulong()
    libc.pthread_create(ctypes.byref(thread), None, routine, None)
    libc.pthread_join(thread, None)
"""


def test_a_thread_that_python_did_not_make_may_end(house: Store, tmp_path: Path) -> None:
    """Those of the HTTP workers are Rust's, and leave after half a minute of rest; the worker aborted then, each time."""
    state = Path(house._path).parent
    run = subprocess.run([sys.executable, "-c", FOREIGN, str(state), ONE], capture_output=True, text=True, timeout=60, check=False)
    assert (run.returncode, run.stdout.split()) == (0, [ONE] * 3), run.stderr


def test_racing_changes_all_count(house: Store) -> None:
    def work() -> None:
        for _ in range(25):
            with house.change("anna", "api") as tx:
                tx.rotate_token(ONE)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert device(house).generation == 200


def _open_and_put(state: Path, number: int, start: Any) -> None:
    start.wait()
    store = Store.open(state)
    with store.change("process", "test") as tx:
        tx.put_account(Account(f"{number}@example.com"))
    store.close()


def test_processes_that_open_a_new_store_at_once_all_succeed(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    start = context.Barrier(6)
    processes = [context.Process(target=_open_and_put, args=(tmp_path / "new", number, start)) for number in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()

    assert [process.exitcode for process in processes] == [0] * 6
    assert len(Store.open(tmp_path / "new").accounts()) == 6


def _put_until_killed(state: Path, acknowledged: Any) -> None:
    store = Store.open(state)
    number = 0
    while True:
        with store.change("process", "test") as tx:
            tx.put_account(Account(f"{number}a@example.com"))
            tx.put_account(Account(f"{number}b@example.com"))
        acknowledged.send(number)
        number += 1


def test_a_killed_process_loses_nothing_that_was_acknowledged_and_leaves_nothing_half(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    reading, writing = context.Pipe(duplex=False)
    process = context.Process(target=_put_until_killed, args=(tmp_path / "state", writing))
    process.start()
    while reading.recv() < 25:
        pass
    os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    last = 25
    while reading.poll():
        last = reading.recv()
    kept = {account.username for account in Store.open(tmp_path / "state").accounts()}

    assert {f"{number}{half}" for number in range(last + 1) for half in "ab"} <= kept
    assert len(kept) % 2 == 0


# Trouble


def test_every_connection_is_safe_and_the_files_are_their_owners_alone(house: Store, tmp_path: Path) -> None:
    pragmas = {name: house._connection().execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys", "trusted_schema", "busy_timeout")}

    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "trusted_schema": 0, "busy_timeout": 5000}
    assert {file.name: oct(file.stat().st_mode & 0o777) for file in (tmp_path / "state").iterdir()} == dict.fromkeys((FILE, f"{FILE}-wal", f"{FILE}-shm", KEY_FILE, STAMP_FILE), "0o600")
    assert all(row["strict"] for row in house._connection().execute("PRAGMA table_list") if row["schema"] == "main" and not row["name"].startswith(("sqlite_", "_sqlite")))


@pytest.mark.parametrize("body", [b"this is no database at all, but a file of somebody's " * 40, b"SQLite format 3\0" + b"\xff" * 4080])
def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path, body: bytes) -> None:
    Seal.at(tmp_path / KEY_FILE)
    (tmp_path / FILE).write_bytes(body)

    with pytest.raises(StoreTrouble, match="left as it is: put back a backup") as refusal:
        Store.open(tmp_path)
    assert str(tmp_path / FILE) in str(refusal.value) and (tmp_path / FILE).read_bytes() == body


def test_another_programs_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    Seal.at(tmp_path / KEY_FILE)
    other = sqlite3.connect(tmp_path / FILE)
    other.execute("CREATE TABLE recipes (name TEXT)")
    other.close()
    body = (tmp_path / FILE).read_bytes()

    with pytest.raises(StoreTrouble, match="another program's database"):
        Store.open(tmp_path)
    assert (tmp_path / FILE).read_bytes() == body


def test_a_file_of_a_later_release_is_refused(house: Store, tmp_path: Path) -> None:
    with house.writing() as connection:
        connection.execute("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('provisioner', 'm999_warp', 'later')")
    house.close()

    with pytest.raises(StoreTrouble, match=r"written by a later release \(m999_warp\); upgrade"):
        Store.open(tmp_path / "state")


def test_a_step_of_the_schema_that_fails_is_taken_back_and_the_next_start_finishes(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    blocker = sqlite3.connect(state / FILE)
    blocker.executescript("CREATE TABLE _sqlite_migrations (id INTEGER PRIMARY KEY, migration_set TEXT, name TEXT, applied_at TEXT);")
    blocker.execute("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('provisioner', 'm001_things', 'x')")
    blocker.commit()  # says that the first step was made, so the second has nothing to stand on
    Seal.at(state / KEY_FILE)
    blocker.execute("CREATE TABLE cleared_keys (x)")
    blocker.commit()

    with pytest.raises(StoreTrouble):
        Store.open(state)
    assert [row[0] for row in blocker.execute("SELECT name FROM _sqlite_migrations")] == ["m001_things"]
    blocker.execute("DROP TABLE cleared_keys")
    blocker.execute("DROP TABLE _sqlite_migrations")
    blocker.commit()
    blocker.close()
    assert Store.open(state).sites()


def test_a_file_of_the_first_release_is_brought_up_to_date_with_all_that_is_in_it(tmp_path: Path) -> None:
    tmp_path.joinpath(KEY_FILE).write_bytes(recorded.KEY)
    tmp_path.joinpath(KEY_FILE).chmod(0o600)
    first = sqlite_utils.Database(tmp_path / FILE)
    history.apply(first, stop_before="m002_cleared_keys")
    first.execute("INSERT INTO settings VALUES ('defaults', 'stun_server', '[\"stun.example.com\", 3478]')")
    first.execute(
        "INSERT INTO devices (mac, family, model, site, grp, state, firmware, serial, name, location, asset_tag, notes, modules, factory_password, generation, revision, revised_at,"
        " cleared, last_seen_at, last_address, dated_year) VALUES (?, 'acme', 'A100', 'default', '', 'ready', '', '', 'Desk', 'Átrio', '', '', 0, '', 0, 1, '', '[]', '', '', 2026)", (TWO,),
    )  # fmt: skip
    first.close()

    store = Store.open(tmp_path)
    assert store.layer("defaults") == {"stun_server": Endpoint("stun.example.com", 3478)}
    assert [found.mac for found in store.devices(search="ÁTRIO")] == [TWO] and store.device(TWO)
    assert do(store, lambda tx: tx.put_device(Device(ONE, "acme", "A100"))) == {ONE} and store.facts_for(ONE)


def test_a_site_that_is_taken_away_leaves_the_history_of_all_that_was_in_it(house: Store) -> None:
    do(house, lambda tx: (tx.put_site(Site("lab")), tx.put_group(Group("lab", "desk")), tx.put_contact(Contact("lab", "Anna", (("work", "201"),)))))
    do(house, lambda tx: (tx.say("site:lab", {"language": "pt"}), tx.say("group:lab/desk", {"language": "en"})))
    do(house, lambda tx: tx.remove_site("lab"))

    gone = {(change.noun, change.name) for change in house.changes(10) if change.after is None}
    assert gone == {("site", "lab"), ("group", "group:lab/desk"), ("contact", "lab/Anna"), ("setting", "site:lab"), ("setting", "group:lab/desk")}
    assert house.site("lab") is None and house.layer("site:lab") == {}


def test_a_database_without_its_key_is_refused_before_another_is_made(house: Store, tmp_path: Path) -> None:
    house.close()
    (tmp_path / "state" / KEY_FILE).unlink()

    with pytest.raises(StoreTrouble, match=r"server\.key is missing"):
        Store.open(tmp_path / "state")
    assert not (tmp_path / "state" / KEY_FILE).exists()


def test_a_database_with_another_servers_key_is_refused_at_once(house: Store, tmp_path: Path) -> None:
    house.close()
    (tmp_path / "state" / KEY_FILE).write_bytes(b"k" * 32)

    with pytest.raises(StoreTrouble, match="put back the key"):
        Store.open(tmp_path / "state")


def test_while_another_process_holds_the_file_phones_are_answered_and_writers_told(house: Store, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "state" / FILE, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    house._connection().execute("PRAGMA busy_timeout=10")

    with pytest.raises(StoreTrouble, match="another process has held it"):
        do(house, lambda tx: tx.rotate_token(ONE))
    assert house.facts_for(ONE) and device(house).generation == 0
    assert device(Store.open(tmp_path / "state")).generation == 0
    other.execute("ROLLBACK")
    other.close()
    assert do(house, lambda tx: tx.rotate_token(ONE)) == {ONE}


def _fill(state: Path, most: int, result: Any) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = Store.open(state)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    number = 0
    try:
        while True:
            with store.change("process", "test") as tx:
                tx.put_account(Account(f"{number}a@example.com", notes="x" * 2000))
                tx.put_account(Account(f"{number}b@example.com", notes="x" * 2000))
            number += 1
    except StoreTrouble as why:
        read = len(store.accounts())
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        with store.change("process", "test") as tx:
            tx.put_account(Account("after@example.com"))
        result.send((number, read, str(why)))


def test_a_disk_that_takes_no_more_is_said_and_nothing_is_half_written_and_it_goes_on_once_there_is_room(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    reading, writing = context.Pipe(duplex=False)
    process = context.Process(target=_fill, args=(tmp_path / "state", 700_000, writing))
    process.start()
    written, read, sentence = reading.recv()
    process.join()

    assert process.exitcode == 0 and written > 5
    assert "Nothing was half-written" in sentence and str(tmp_path) in sentence
    assert read == 2 * written
    assert len(Store.open(tmp_path / "state").accounts()) == 2 * written + 1


@contextmanager
def somebody_else(folder: Path) -> Iterator[None]:
    """Be a user who may read a folder and write nothing in it; root may do all, and so becomes nobody for a while."""
    for file in (folder, *folder.iterdir()):
        file.chmod(0o555 if file.is_dir() else 0o444)
        if os.getuid() == 0:
            os.chown(file, 65534, 65534)
    (folder / KEY_FILE).chmod(0o400)
    if os.getuid() == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if os.getuid() == 0:
            os.seteuid(0)
        folder.chmod(0o755)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that any user may reach."""
    folder = Path(tempfile.mkdtemp(prefix="provisioner-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("ended", ["well", "badly"])
def test_from_a_disk_that_takes_no_write_phones_are_still_answered(open_folder: Path, ended: str) -> None:
    state = open_folder / "state"
    store = recorded.open_store(state)
    with store.change("anna", "cli") as tx:
        tx.put_device(Device(ONE, "acme", "A100"))
    if ended == "badly":  # the server was killed: its last words are still in the WAL
        copy = open_folder / "copy"
        shutil.copytree(state, copy)
        state = copy
    store.close()
    before = {file.name: file.read_bytes() for file in state.iterdir() if not file.name.endswith("-shm")}
    with somebody_else(state):
        readonly = Store.open(state)
        facts = readonly.facts_for(ONE)
        with pytest.raises(StoreTrouble, match="cannot be written.*phones are still answered"):
            do(readonly, lambda tx: tx.rotate_token(ONE))
        readonly.close()

    assert facts and facts.device.mac == ONE
    assert {file.name: file.read_bytes() for file in state.iterdir() if not file.name.endswith("-shm")} == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreTrouble, match="check that the folder is there and is yours"):
        Store.open(tmp_path / "file" / "state")


def test_the_version_of_sqlite_is_known_since_old_ones_can_damage_a_shared_file(house: Store) -> None:
    assert house.sqlite_version >= (3, 37)  # STRICT tables; the server warns below records.WANTED_SQLITE


def test_a_change_row_is_json_that_any_tool_reads(house: Store) -> None:
    rows = house._connection().execute("SELECT before, after FROM changes").fetchall()

    assert all(isinstance(json.loads(text), dict | None) for row in rows for text in row)
    assert datetime.fromisoformat(house.changes(1)[0].at).tzinfo == UTC
