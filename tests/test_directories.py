"""Whose directory a phone gets that keeps one itself: ours as a start, then its own, or ours alone (F5, D14)."""

from __future__ import annotations

import pytest

from provisioner.boot import Booter
from provisioner.store import Store
from provisioner.things import Contact, Device
from provisioner.vocabulary import setting
from provisioner.wire import PhoneRequest, Reply

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
