"""Lines: which account sits where on a phone."""

from __future__ import annotations

from provisioner.admin import SAME, Admin, Done, did, scopes
from provisioner.context import said
from provisioner.errors import BadValue, Conflict
from provisioner.families import Model
from provisioner.mac import pretty
from provisioner.things import Device, Line


def assign(admin: Admin, mac: str, sip_address: str, n: int = 0, replace: bool = False) -> Done:
    """Put an account on a line, the first free one where none is said.

    replace: take the place of another account. Raises Conflict where the line is taken, or is
    beyond what the model has (F24).
    """
    device = admin.device(mac)
    address = scopes.account(admin, sip_address)
    taken = {line.n: line.sip_address for line in admin.store.lines_of(device.mac)}
    if not n and address in taken.values():
        return Done(SAME, changed=False)
    position = n or next(free for free in range(1, 1001) if free not in taken)
    notes = within(admin, device, position, asked=bool(n))
    other = taken.get(position)
    if other not in (None, address) and not replace:
        raise Conflict(f"line {position} of {pretty(device.mac)} has {other}; `provisioner unassign {device.mac} --line {position}` first, or add --replace")
    changed, more = admin.change(lambda tx: tx.put_line(Line(device.mac, position, address)), [device])
    return did(changed, f"assigned {address} to line {position} of {admin.named(device)}", (*notes, *more, *_zone_note(admin, device, address), *_cannot_notes(admin, device, address)))


def within(admin: Admin, device: Device, position: int, asked: bool) -> tuple[str, ...]:
    """Return what to look at where a position is beyond the phone's count of lines; raises Conflict where the count is sure."""
    found = admin.model_of(device)
    model = found[1] if found else None
    count = device.lines if device.lines is not None else model.lines if model else None
    if count is None or position <= count:
        return ()
    sure = device.lines is not None or bool(model and model.sure)
    has = f"{admin.named(device)} has {count} line{'s' if count != 1 else ''}"
    if sure and not asked:
        raise Conflict(f"{has}, and each has its account; `provisioner unassign {device.mac} --line N` frees one")
    if sure:
        raise Conflict(f"{has}, so there is no line {position}; if this phone really has more, `provisioner device change {device.mac} --lines {position}`")
    return (f"{has} by {_weak(model)}, and this is line {position}; check that the phone shows it",)


def _weak(model: Model | None) -> str:
    return "a single source" if model and model.confidence == "peer1" else "what is known without a document"


def _zone_note(admin: Admin, device: Device, address: str) -> tuple[str, ...]:
    account = admin.store.account(address)
    facts = admin.store.facts_for(device.mac)
    found = admin.model_of(device)
    if not (account and account.timezone and facts and found):
        return ()
    zone = said(*found, facts)["timezone"]
    if zone.value == account.timezone or zone.by == f"device:{device.mac}":
        return ()
    return (f"the account is in {account.timezone}, the phone in {zone.value}; `provisioner set device:{device.mac} timezone={account.timezone}` changes that",)


def _cannot_notes(admin: Admin, device: Device, address: str) -> tuple[str, ...]:
    """Return what this account says and this model has no parameter for."""
    account, found = admin.store.account(address), admin.model_of(device)
    if not (account and found):
        return ()
    return tuple(f"this phone cannot take the account's {row.name.replace('_', ' ')}: {row.why}" for row in found[0].lacks(found[1].name, device.firmware) if _says(account, row.name))


def _says(account: object, name: str) -> bool:
    value = getattr(account, name, "")
    return bool(value.host if hasattr(value, "host") else value)


def unassign(admin: Admin, mac: str, n: int = 0) -> Done:
    """Take the account off a line, with what was said of the line; the phone's only one where none is said."""
    device = admin.device(mac)
    taken = {line.n: line.sip_address for line in admin.store.lines_of(device.mac)}
    if not n and len(taken) > 1:
        raise BadValue(f"phone {pretty(device.mac)} has accounts on lines {', '.join(map(str, taken))}; say which with --line")
    position = n or next(iter(taken), 0)
    changed, notes = admin.change(lambda tx: tx.remove_line(device.mac, position), [device])
    return did(changed, f"took {taken.get(position)} off line {position} of {admin.named(device)}", notes)
