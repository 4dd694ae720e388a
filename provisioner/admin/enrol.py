"""A phone and its account in one step: as a waiting phone is let in, and as a shipment is unpacked, one MAC after the other."""

from __future__ import annotations

from dataclasses import replace

from provisioner.admin import Admin, Done, devices, did, lines, scopes
from provisioner.errors import BadValue, NotHere
from provisioner.mac import parse, pretty
from provisioner.things import Line

_MOST_NAMED = 5


def enrol(admin: Admin, mac: str, account: str = "", model: str = "", site: str = "") -> Done:
    """Have a phone in the inventory, approved, with an account on its first free line; both in one change.

    account: SIP address, or the part before the @ where one account alone has it (an extension); empty is none.
    model:   FAMILY/MODEL of a phone that is new here and did not say itself which it is.
    site:    of a phone that is new here; else the one whose network it asked from.
    Raises BadMAC, BadValue, NotHere, UnknownName, Conflict; nothing was written then.
    """
    wanted = parse(mac)
    here = admin.store.device(wanted)
    if here:
        device = replace(here, state="approved")
    else:
        said, facts = devices.arriving(admin, wanted, model)
        device = devices.made(admin, wanted, said, {**facts, **({"site": site} if site else {})})
    address = known(admin, account) if account else ""
    taken = {line.n: line.sip_address for line in admin.store.lines_of(wanted)}
    line = Line(wanted, next(free for free in range(1, 1001) if free not in taken), address) if address and address not in taken.values() else None
    notes = [*lines.within(admin, device, line.n, asked=False), *_elsewhere(admin, line)] if line else []

    changed, more = admin.change(lambda tx: any([tx.put_device(device), tx.put_line(line) if line else False]), [device] if here else [])
    if changed and not here:
        notes += [*devices.doubts(admin, device), *devices.trouble(admin, device)]
    who = f"approved {admin.named(device)} in site {device.site}" if here is None or here.state != "approved" else admin.named(device)
    return did(changed, f"{who}{' with' if who.startswith('approved') else ' has'} {address} on line {line.n}" if line else who, (*notes, *more))


def look(admin: Admin, mac: str, model: str = "") -> str:
    """Return a sentence of what is known of a phone before it is enrolled; raises BadMAC, NotHere, UnknownName as `enrol` would."""
    wanted = parse(mac)
    here = admin.store.device(wanted)
    if here:
        has = ", ".join(line.sip_address for line in admin.store.lines_of(wanted))
        return f"{admin.named(here)} is in site {here.site}{f', {here.name}' if here.name else ''}, with {has or 'no account'}"
    said, facts = devices.arriving(admin, wanted, model)
    device = devices.made(admin, wanted, said, facts)
    return f"{admin.named(device)} is new here" if not facts else f"{admin.named(device)} waits, in site {device.site}"


def _elsewhere(admin: Admin, line: Line) -> list[str]:
    """Return a note where another phone has the account already: what a label scanned twice looks like."""
    others = [pretty(other.mac) for other in admin.store.lines_with(line.sip_address) if other.mac != line.mac]
    return [f"{line.sip_address} is on {', '.join(others[:_MOST_NAMED])}{' and more' if len(others) > _MOST_NAMED else ''} as well"] if others else []


def known(admin: Admin, text: str) -> str:
    """Return the SIP address of an account by the address, or by its part before the @ where one account alone has it."""
    wanted = text.strip()
    if "@" in wanted:
        return scopes.account(admin, wanted)
    found = [address for address in admin.store.addresses(f"{wanted}@") if address.partition("@")[0].casefold() == wanted.casefold()] if wanted else []
    if not found:
        raise NotHere(f"there is no account {wanted!r}; add it with `provisioner account add`, or write its whole SIP address")
    if len(found) > 1:
        raise BadValue(f"{wanted} is {' and '.join(found[:_MOST_NAMED])}; write the whole SIP address of the one that is meant")
    return found[0]
