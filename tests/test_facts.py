"""Every fact of an account stands in the file of every model that has a line, at a parameter that its phones know, or the manifest says why not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from provisioner import families, known
from provisioner.boot import Booter
from provisioner.families import Catalog, Family
from provisioner.kinds import Endpoint
from provisioner.store import Store
from provisioner.things import Account, Device, Line
from tests import recorded
from tests.samples import another

FACTS: Mapping[str, tuple[str, ...]] = {  # fact -> texts, each of which must be said
    "username": ("7001",), "auth_username": ("sign7002",), "password": ("87003",), "domain": ("home7004.example",),
    "registrar": ("reg7005.example", "5066"), "outbound_proxy": ("out7006.example", "5077"), "display_name": ("Desk Seven",), "voicemail": ("*7097",),
}  # fmt: skip
WITH_REGISTRAR = Account(
    "7001@home7004.example", auth_username="sign7002", password="87003", display_name="Desk Seven", registrar=Endpoint("reg7005.example", 5066), voicemail="*7097"
)  # fmt: skip
WITH_PROXY = replace(WITH_REGISTRAR, registrar=Endpoint("home7004.example", 0), outbound_proxy=Endpoint("out7006.example", 5077))


def said(family: Family, mac: str, booter: Booter) -> dict[str, str]:
    """Return the parameters of the phone's files that its phones know."""
    found: dict[str, str] = {}
    for name, rule in booter.files_of(mac):
        if rule.scope == "phone":
            found.update(recorded.parse_as(family.slug, booter.preview(mac, name, reveal=True)))
    strange = set(known.unknown(family, found))
    return {name: value for name, value in found.items() if name not in strange}


def phones(family: Family) -> Iterator[tuple[str, str]]:
    """Yield every model, and with an old firmware too where that has a dialect of its own."""
    guarded = any(rule.guard.firmware for rule in family.files)
    for model in family.models.values():
        if model.lines != 0:
            yield model.name, ""
            if guarded:
                yield model.name, "0.0.0.1"
                yield model.name, "99.99.99.99"


@pytest.mark.parametrize("slug", sorted(families.load().families))
def test_every_fact_of_an_account_is_said_or_the_manifest_says_why_not(slug: str, store: Store, catalog: Catalog) -> None:
    family, booter = catalog.families[slug], Booter(store, catalog, lambda event: None)
    with store.change("test", "test") as tx:
        tx.put_site(another(store.site("default"), public_url="http://192.0.2.1:8080", tftp_public_url="tftp://192.0.2.1"))
    missing, needless = set(), set()
    for number, (model, firmware) in enumerate(phones(family)):
        mac = f"{(family.ouis or ('0a1b2c',))[0]}{number:06x}"
        values: dict[str, str] = {}
        for account in (WITH_REGISTRAR, WITH_PROXY):
            with store.change("test", "test") as tx:
                tx.put_device(Device(mac, slug, model, firmware=firmware, serial="1"))
                tx.put_account(account)
                tx.put_line(Line(mac, 1, account.sip_address))
            values[str(account.outbound_proxy)] = "\n".join(said(family, mac, booter).values())
        lacks = {row.name for row in family.lacks(model, firmware)}
        for fact, texts in FACTS.items():
            there = any(all(text in value for text in texts) for value in values.values())
            if not there and fact not in lacks:
                missing.add(f"{model} {firmware} says no {fact}".replace("  ", " "))
            if there and fact in lacks:
                needless.add(f"{model} says {fact}, which [cannot] denies")
    assert sorted(missing) == []
    assert sorted(needless) == []
