"""Once a year, some phones need new DST dates (F8): those that take no rule, in zones that need one.

The dates are a revision like any other, so that the same state always gives the same bytes;
and it is staggered over January, so that a company does not restart in one night.
"""

from __future__ import annotations

import hashlib
from datetime import datetime

from provisioner import layers
from provisioner.context import device_layers
from provisioner.families import Catalog
from provisioner.store import Store

DAYS = 28


def due(store: Store, catalog: Catalog, now: datetime) -> list[str]:
    """Return the MACs of the phones whose turn has come: their files would hold other dates.

    now: UTC. A phone's day in January comes from its MAC; one that was missed is due at once.
    """
    wanting = {
        (family.slug, zone)
        for zone in {"UTC", *store.values_said("timezone")}
        for family in catalog.families.values()
        if any(family.time_of(zone, model, "", year).dated for model in family.models for year in (now.year - 1, now.year))  # last year's may have to go
    }
    if not wanting:
        return []
    waiting = [device for device in store.dated_before(now.year) if any(device.family == slug for slug, _ in wanting)]
    return [device.mac for device in waiting if _day(device.mac) <= now.timetuple().tm_yday and (device.family, _zone(store, catalog, device.mac)) in wanting]


def redate(store: Store, catalog: Catalog, now: datetime) -> int:
    """Give every phone that is due the dates of the running year; return how many there were."""
    macs = due(store, catalog, now)
    if macs:
        with store.change("server", "housekeeper") as tx:
            for mac in macs:
                tx.redate(mac)
    return len(macs)


def _day(mac: str) -> int:
    return 1 + hashlib.sha256(f"dates:{mac}".encode()).digest()[0] % DAYS


def _zone(store: Store, catalog: Catalog, mac: str) -> str:
    facts = store.facts_for(mac)
    family = catalog.families.get(facts.device.family) if facts else None
    model = family.model(facts.device.model) if facts and family else None
    return str(layers.values(device_layers(family, model, facts))["timezone"]) if facts and family and model else ""
