"""Whose directory a phone gets that keeps one itself: ours as a start, then its own, or ours alone (F5, D14)."""

from __future__ import annotations

import re

import pytest

from provisioner.boot import Booter
from provisioner.store import Store
from provisioner.things import Account, Book, Contact, Device, Line
from provisioner.vocabulary import setting
from provisioner.wire import PhoneRequest, Reply
from tests import recorded
from tests.samples import another

MAC, NAME = "0004f2123456", "0004f2123456-directory.xml"
OWN = b"<directory><item_list><item><fn>Mum</fn><ct>99</ct></item></item_list></directory>"


@pytest.fixture(autouse=True)
def phone(store: Store) -> None:
    with store.change("test", "test") as tx:
        tx.put_device(Device(MAC, "poly", "VVX450"))


def ask(booter: Booter) -> Reply:
    return booter.answer(PhoneRequest(NAME, "127.0.0.1", "http"))


def say(store: Store, name: str, value: str) -> None:
    with store.change("test", "test") as tx:
        tx.say(f"device:{MAC}", {name: setting(name).read(value)})


def add_contact(store: Store) -> None:
    with store.change("test", "test") as tx:
        tx.put_contact(Contact("default", "Anna", (("work", "213"),)))


def test_without_contacts_there_is_none_so_that_the_phone_keeps_what_it_has(booter: Booter) -> None:
    assert ask(booter).outcome == "missing"


def test_ours_is_a_start_until_the_phone_sends_its_own(booter: Booter, store: Store) -> None:
    add_contact(store)
    assert b"<ct>213</ct>" in ask(booter).body
    assert booter.receive(PhoneRequest(NAME.upper(), "127.0.0.1", "http"), OWN).outcome == "uploaded"
    assert ask(booter).body == OWN


def test_where_changes_are_not_kept_ours_is_the_whole(booter: Booter, store: Store) -> None:
    add_contact(store)
    booter.receive(PhoneRequest(NAME, "127.0.0.1", "http"), OWN)
    say(store, "keep_user_changes", "off")
    assert b"<ct>213</ct>" in ask(booter).body


def test_where_no_phone_book_is_wanted_the_phone_has_its_own(booter: Booter, store: Store) -> None:
    add_contact(store)
    say(store, "phonebook", "off")
    assert ask(booter).outcome == "missing"
    booter.receive(PhoneRequest(NAME, "127.0.0.1", "http"), OWN)
    assert ask(booter).body == OWN


@pytest.mark.parametrize(("firmware", "names"), [("10.1.54.13", {"Anna"}), ("10.1.141.0", {"Anna", "Bob"})])
def test_a_phone_that_reads_the_providers_contacts_itself_is_given_those_of_its_site_alone(booter: Booter, store: Store, firmware: str, names: set[str]) -> None:
    add_contact(store)
    with store.change("test", "test") as tx:
        tx.put_site(another(store.site("default"), public_url="http://192.0.2.1:8080"))
        tx.put_device(Device("000413000765", "snom", "D765", firmware=firmware))
        tx.put_account(Account("1@sip.example.com", password="pw", xcap_root="https://xcap.example.com/root"))
        tx.put_line(Line("000413000765", 1, "1@sip.example.com"))
        tx.put_book(Book("1@sip.example.com", (Contact("", "Bob", (("work", "214"),)),)))

    said = recorded.parse_as("snom", booter.preview("000413000765", "snomD765-000413000765.htm", reveal=True))

    assert {value for name, value in said.items() if re.fullmatch(r"tbook\[\d+\]\.name", name)} == names
