"""A phone that is taken away: in every family its files can be made, and hold nobody's account (F21)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from provisioner import families
from provisioner.admin import Admin, devices
from provisioner.boot import Booter
from provisioner.families import Catalog
from provisioner.store import Store
from provisioner.things import Account, Contact, Device, Line
from provisioner.wire import PhoneRequest
from tests.acme import MAC
from tests.recorded import AT
from tests.samples import another


@pytest.mark.parametrize("slug", sorted(families.load().families))
def test_the_files_of_a_phone_that_retires_hold_no_account(slug: str, store: Store, catalog: Catalog) -> None:
    family, booter = catalog.families[slug], Booter(store, catalog, lambda event: None)
    mac, model = f"{next(iter(family.ouis), '02ac0e')}000001", next(iter(family.models))
    device = Device(mac, slug, model, firmware="99.99.99.99", serial="1")
    with store.change("test", "test") as tx:
        tx.put_site(another(store.site("default"), public_url="http://192.0.2.1:8080", tftp_public_url="tftp://192.0.2.1"))
        tx.put_device(device)
        tx.put_account(Account("u7777@sip.example.com", password="zq8secretzq", display_name="Xaver Quint"))
        tx.put_line(Line(mac, 1, "u7777@sip.example.com"))
        tx.put_contact(Contact("default", "Zenobia Quirk", (("work", "55512345"),)))
    names = [name for name, rule in booter.files_of(mac) if rule.scope == "phone"]
    before = b"".join(booter.preview(mac, name, reveal=True) for name in names)

    with store.change("test", "test") as tx:
        tx.put_device(replace(device, state="retiring"))

    after = b"".join(booter.preview(mac, name, reveal=True) for name in names)
    words = (b"u7777", b"zq8secretzq", b"Xaver", b"Zenobia", b"55512345")
    assert [word for word in words if word in after] == []
    assert b"u7777" in before, "a phone that does not retire has its account"


@pytest.fixture
def clock(admin: Admin, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return the time of a store with a phone that is retiring, as a list of one that a test may change."""
    now = [AT]
    monkeypatch.setattr(admin.store, "_now", lambda: now[0])
    devices.add(admin, MAC, "acme/Two", {})
    assert "after 7 days, it gets nothing more" in devices.retire(admin, MAC, 7).notes[0]
    return now  # type: ignore[return-value]


def ask(admin: Admin) -> str:
    """Return what became of the phone's own request."""
    return admin.booter.answer(PhoneRequest(f"{MAC}.acme", "127.0.0.1", "http")).outcome


def state(admin: Admin) -> str:
    """Return the phone's state as the list has it."""
    return str(devices.listed(admin)[0]["state"])


def test_an_hour_after_its_first_file_a_phone_that_retires_gets_nothing_more(admin: Admin, clock: list[object]) -> None:
    assert ask(admin) == "served"
    clock[0] = AT + timedelta(minutes=59)
    assert (ask(admin), state(admin)) == ("served", "retiring")

    clock[0] = AT + timedelta(minutes=60)

    reply = admin.booter.answer(PhoneRequest(f"{MAC}.acme", "127.0.0.1", "http"))
    assert (reply.status, reply.body) == (404, b"")
    assert f"was retired and has had its last files; `provisioner device remove {MAC}`" in reply.sentence
    assert state(admin) == "retired"


def test_a_phone_that_never_came_gets_nothing_after_the_days(admin: Admin, clock: list[object]) -> None:
    clock[0] = AT + timedelta(days=7, seconds=-1)
    assert state(admin) == "retiring"
    clock[0] = AT + timedelta(days=7)
    assert (state(admin), ask(admin)) == ("retired", "refused")


def test_a_retired_phone_is_taken_back(admin: Admin, clock: list[object]) -> None:
    clock[0] = AT + timedelta(days=8)
    devices.approve(admin, MAC)
    assert (state(admin), ask(admin)) == ("approved", "served")
    assert admin.store.device(MAC).serves_until == ""  # type: ignore[union-attr]


def test_the_last_files_are_told_with_their_end(admin: Admin, clock: list[object]) -> None:
    assert admin.booter.answer(PhoneRequest(f"{MAC}.acme", "127.0.0.1", "http")).sentence.endswith("it gets nothing more after 2026-01-02T04:04:05+00:00")
    assert admin.booter.answer(PhoneRequest(f"{MAC}.acme", "127.0.0.1", "http")).repeat is None
