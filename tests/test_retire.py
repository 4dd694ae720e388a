"""A phone that is taken away: in every family its files can be made, and hold nobody's account (F21)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner import families
from provisioner.boot import Booter
from provisioner.families import Catalog
from provisioner.store import Store
from provisioner.things import Account, Contact, Device, Line
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
