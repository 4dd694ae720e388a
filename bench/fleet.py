"""Phones of every family that there is, for a storm; the long one and the one of the tests alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from provisioner.families import Catalog, Family
from provisioner.simulator import Phone
from provisioner.store import Store
from provisioner.things import Account, Device, Line
from tests import recorded


def firmware_of(family: Family) -> str:
    """Return a firmware that phones of this family have, from a recorded boot; empty where none says one."""
    for case in recorded.cases(family.slug):
        agent = case.table["request"].get("user_agent", "")
        for pattern in family.user_agents:
            if agent and (caught := pattern.match(agent)) and caught.get("firmware"):
                return caught["firmware"]
        if case.table["device"].get("firmware"):
            return str(case.table["device"]["firmware"])
    return ""


def fleet(catalog: Catalog, count: int) -> list[Phone]:
    """Return phones of every family in turn, each family's models in turn, with MACs of the family's own."""
    phones = []
    every = sorted(catalog.families.values(), key=lambda family: family.slug)
    firmware = {family.slug: firmware_of(family) for family in every}
    for number in range(count):
        family = every[number % len(every)]
        models = list(family.models)
        model = models[number // len(every) % len(models)]
        oui = family.ouis[0] if family.ouis else "0a1b2c"
        phones.append(Phone(family, model, f"{oui}{number:06x}", firmware[family.slug], serial=f"SN{number:08}"))
    return phones


def add(store: Store, phones: Sequence[Phone], public_url: str, tftp_public_url: str = "") -> None:
    """Put the phones into the store, each with an account of its own on its first line, in one change."""
    site = store.site("default")
    assert site
    with store.change("storm", "console") as tx:
        tx.put_site(replace(site, public_url=public_url, tftp_public_url=tftp_public_url))
        for number, phone in enumerate(phones):
            tx.put_device(Device(phone.mac, phone.family.slug, phone.model, firmware=phone.firmware, serial=phone.serial))
            tx.put_account(Account(f"{1000 + number}@sip.example.com", password=f"secret-{phone.mac}", display_name=f"Desk {number}"))
            tx.put_line(Line(phone.mac, 1, f"{1000 + number}@sip.example.com"))
