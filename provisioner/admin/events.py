"""Events: what became of each request; and the phones that asked and that nobody added."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

from provisioner.admin import Admin
from provisioner.errors import StoreTrouble
from provisioner.mac import maker, parse
from provisioner.rights import LOOK
from provisioner.things import Account, Check, Device, Event

_LOOK_EVERY = 0.3  # seconds between two looks of `follow`


def latest(admin: Admin, mac: str = "", limit: int = 50) -> list[dict[str, Any]]:
    """Return the last events, the oldest of them first; of one phone where its MAC is said."""
    return [shown(event) for event in admin.eventstore.events(mac=_mac(mac), limit=limit) if sees(admin, event)]


def later(admin: Admin, mac: str = "", after: int = 0, limit: int = 50) -> tuple[list[dict[str, Any]], int]:
    """Return the first events behind an id, or the last ones where it is 0, the oldest first; and the id behind which the next begin."""
    found = admin.eventstore.events(mac=_mac(mac), after=after, limit=limit)
    return [shown(event) for event in found if sees(admin, event)], found[-1].id if found else after


def follow(admin: Admin, mac: str = "", limit: int = 10) -> Iterator[dict[str, Any]]:
    """Yield the last events and then each new one; ends when the caller stops asking."""
    wanted = _mac(mac)
    last = 0
    events = admin.eventstore.events(mac=wanted, limit=limit)
    while True:
        for event in events:
            last = max(last, event.id)
            if sees(admin, event):
                yield shown(event)
        time.sleep(_LOOK_EVERY)
        events = admin.eventstore.events(mac=wanted, after=last, limit=1000)


def last_seen(admin: Admin, devices: Sequence[Device]) -> dict[str, tuple[str, str]]:
    """Return by MAC when (UTC, ISO 8601) and at which address each phone was last seen; empty where it never was.

    A boot writes nothing of its phone but a firmware that is new, so the events know better; where they are lost the device's word counts.
    """
    fetches: dict[str, tuple[str, str]] = {}
    with suppress(StoreTrouble):
        fetches = admin.eventstore.last_fetches([device.mac for device in devices])
    return {device.mac: max(fetches.get(device.mac, ("", "")), (device.last_seen_at, device.last_address)) for device in devices}


def _mac(text: str) -> str:
    return parse(text) if text else ""


def tell(admin: Admin, account: Account, wire: str, found: Check) -> None:
    """Keep what an account's server said as an event; where none can be kept nobody is stopped. wire: sip, or xcap."""
    at = admin.store.now().isoformat(timespec="milliseconds")
    event = Event(0, at, "", "", "", wire, "", account.sip_address, "", found.verdict, found.sentence, 0, 0, 0.0, "")
    try:
        admin.eventstore.log([event])
    except StoreTrouble:
        pass


def waiting(admin: Admin) -> list[dict[str, Any]]:
    """Return the phones that asked and that nobody added, the last seen first."""
    rows = []
    for row in admin.eventstore.waiting():
        if admin.whole.device(row.mac) is None:  # the list is written by another process, which may not know yet
            site = admin.whole.sites_now().of_address(row.address)
            rows.append({**asdict(row), "candidates": list(row.candidates), "maker": maker(row.mac), "state": "waiting", "site": site.slug if site else "default"})
    return [row for row in rows if admin.rights.may(LOOK, row["site"])]


def sees(admin: Admin, event: Event) -> bool:
    """Return True where an event is of a phone that this operator sees, or he sees all."""
    return not admin.rights.sites or bool(event.mac and admin.store.device(event.mac, with_secrets=False))


def shown(event: Event) -> dict[str, Any]:
    """Return an event as JSON has it."""
    return {name: value for name, value in asdict(event).items() if name != "held"}
