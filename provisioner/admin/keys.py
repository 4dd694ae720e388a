"""Keys: what the programmable keys of a phone, or of a group's phones, do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from provisioner.admin import Admin, Done, Phones, did, scopes, words
from provisioner.admin.scopes import Scope
from provisioner.changes import Transaction
from provisioner.context import context_for
from provisioner.errors import BadValue, Conflict
from provisioner.families import Model
from provisioner.mac import pretty
from provisioner.things import Device, Group, Key

NONE = "none"
_MOST_NOTES = 10
_MORE = 8  # places that are offered where nobody knows how many a phone has


def put(admin: Admin, scope: str, position: int, type: str, value: str = "", label: str = "", line: int = 0, module: int = 0) -> Done:
    """Set one key. module: 0 is the phone itself, 1 its first expansion module.

    For a phone, a type or position that it has not is refused; for a group it is a note per phone.
    """
    where = belongs(admin, scope)
    key = Key(str(where), position, type, value, label, line, module)
    touched = scopes.phones(admin, where)
    notes = fits(admin, where, key, touched)
    changed, more = admin.change(lambda tx: tx.put_key(key), touched)
    return did(changed, f"set key {place(key)} of {where} to {key.type}{f' {key.value}' if key.value else ''}", (*notes, *more))


def fits(admin: Admin, where: Scope, key: Key, touched: Phones) -> list[str]:
    """Return what to look at in a key of these phones; raises Conflict where it is for one phone, which surely has no such key (F24)."""
    notes = []
    for device in touched:
        fault, sure = _fault(admin, device, key)
        if fault and sure and where.kind == "device":
            raise Conflict(fault)
        if fault:
            notes.append(f"{pretty(device.mac)}: {fault}")
    if len(notes) > _MOST_NOTES:
        notes[_MOST_NOTES:] = [f"and {words.count(len(notes) - _MOST_NOTES, 'phone')} more that do not have this key"]
    if key.line and where.kind == "device" and key.line not in [one.n for one in admin.store.lines_of(where.name)]:
        notes.append(f"line {key.line} of {pretty(where.name)} has no account yet")
    return notes


@dataclass(frozen=True)
class Row:
    """A key as somebody edits it among others. at: its position until now; to: where it shall be; type: empty says nothing of it here."""

    at: int
    to: int
    type: str
    value: str = ""
    label: str = ""
    line: int = 0


def lay(admin: Admin, scope: str, rows: Iterable[Row], module: int = 0) -> Done:
    """Set, move and forget keys of the phone itself or of one module, in one change; those of which no row speaks stay.

    A key that is moved to where another one stays changes places with it.
    """
    where, said = belongs(admin, scope), list(rows)
    touched = scopes.phones(admin, where)
    there = {key.position: key for key in admin.store.keys_of(str(where)) if key.module == module}
    met = {row.to for row in said} - {row.at for row in said}  # keys that are met and were not edited
    wanted = _placed([*said, *(Row(at, at, key.type, key.value, key.label, key.line) for at, key in there.items() if at in met)])
    laid = [Key(str(where), row.to, row.type, row.value, row.label, row.line, module) for row in wanted if row.type]
    news = [key for key in laid if there.get(key.position) != key]
    gone = [row.to for row in wanted if not row.type and row.to in there]
    notes = [note for key in news for note in fits(admin, where, key, touched)]

    def work(tx: Transaction) -> bool:
        return any([*[tx.forget_key(str(where), position, module) for position in gone], *[tx.put_key(key) for key in news]])

    changed, more = admin.change(work, touched)
    what = ", ".join(place(key) for key in news[:_MOST_NOTES])
    sentences = [f"set {words.count(len(news), 'key')} of {where}: {what}{' and more' if len(news) > _MOST_NOTES else ''}"] if news else []
    sentences += [f"said nothing more of {words.count(len(gone), 'key')} of {where}"] if gone else []
    return did(changed, "; ".join(sentences), (*notes, *more))


def _placed(rows: list[Row]) -> list[Row]:
    """Return the rows, each at a place of its own: who stood where another one is moved to goes to where that one came from."""
    stay = {row.at: row for row in rows if row.at == row.to}
    found = {row.at: row for row in rows}
    for row in rows:
        other = stay.pop(row.to, None) if row.to != row.at else None
        if other:
            found[other.at] = replace(other, to=row.at)
    placed = dict[int, Row]()
    for row in found.values():
        if row.to in placed and row.type and placed[row.to].type:
            raise BadValue(f"position {row.to} would have two keys; give one of them another place")
        if row.type or row.to not in placed:
            placed[row.to] = row
    left = [Row(row.at, row.at, "") for row in rows if row.at not in placed]
    return [*placed.values(), *left]


def layout(admin: Admin, mac: str) -> list[dict[str, Any]]:
    """Return every key of a phone and its modules as the phone will have it, by module and position.

    said_by: device, group, or line for the line that sits there by itself; empty where nothing is said of the key. Where nobody
    knows how many keys the phone has, there is one for each that was set, and some more.
    """
    device = admin.device(mac)
    family, model, facts = admin.booter.facts(device.mac)
    own = {(key.module, key.position): key for key in admin.store.keys_of(device.scope)}
    group = {(key.module, key.position) for key in admin.store.keys_of(Group(device.site, device.group).scope)} if device.group else set()
    known = {(key.module, key.n): key for key in context_for(family, model, facts, replace(admin.booter.secrets, shown=False))["keys"]}
    last = max((position for module, position in own if not module), default=0)
    places = sorted({*known, *own, *((0, n) for n in range(1, last + _MORE + 1) if not any(not module for module, _ in known))})
    rows = []
    for place in places:
        key, mine = known.get(place), own.get(place)
        used = bool(key and key.used)
        rows.append({
            "module": place[0], "n": place[1], "type": key.type if key and used else mine.type if mine else "", "label": str(key.label) if key and used else mine.label if mine else "",
            "value": str(key.value) if key and used else mine.value if mine else "", "own": words.facts(mine) if mine else None,
            "said_by": "device" if mine else "group" if place in group else "line" if used else "",
        })  # fmt: skip
    return rows


def types(admin: Admin, mac: str) -> list[str]:
    """Return the types of key that a phone's family has, none among them: an empty key."""
    found = admin.model_of(admin.device(mac))
    return [NONE, *(name for name in found[0].maps.get("key", {}) if name != NONE)] if found else [NONE]


def clear(admin: Admin, scope: str, position: int, module: int = 0) -> Done:
    """Empty a key that was set here; it stays empty."""
    where, key = _existing(admin, scope, position, module)
    changed, notes = admin.change(lambda tx: tx.clear_key(str(where), position, module) if key else False, scopes.phones(admin, where))
    return did(changed, f"cleared key {position}{_on(module)} of {where}", notes)


def forget(admin: Admin, scope: str, position: int, module: int = 0) -> Done:
    """Say nothing of a key any more: its group's word counts, or what the phone's user puts there."""
    where, key = _existing(admin, scope, position, module)
    changed, notes = admin.change(lambda tx: tx.forget_key(str(where), position, module) if key else False, scopes.phones(admin, where))
    return did(changed, f"forgot key {position}{_on(module)} of {where}", notes)


def listed(admin: Admin, scope: str) -> list[dict[str, Any]]:
    """Return the keys of a scope, by module and position."""
    return [words.facts(key) for key in admin.store.keys_of(str(belongs(admin, scope)))]


def _existing(admin: Admin, scope: str, position: int, module: int) -> tuple[Scope, Key | None]:
    where = belongs(admin, scope)
    return where, next((key for key in admin.store.keys_of(str(where)) if (key.position, key.module) == (position, module)), None)


def belongs(admin: Admin, text: str) -> Scope:
    """Return the scope of keys that was meant."""
    where = scopes.read(admin, text)
    if where.kind not in ("device", "group"):
        raise BadValue(f"keys belong to a phone or a group, not to {where}; write device:MAC or group:SITE/GROUP")
    return where


def _fault(admin: Admin, device: Device, key: Key) -> tuple[str, bool]:
    """Return why this phone cannot have this key, or nothing; and whether that is sure (F24)."""
    found = admin.model_of(device)
    if found is None:
        return f"the family {device.family} cannot be used; `provisioner check` says why", True
    family, model = found
    codes = family.maps.get("key", {})
    if key.type != NONE and key.type not in codes:
        has = ", ".join(codes) or "none"
        return f"{family.name} have no key of type {key.type}; they have {has}", True
    if key.module > device.modules:
        if key.module > model.modules and model.sure:
            return f"a {model.name} takes {words.count(model.modules, 'expansion module')}", True
        cure = f"`provisioner device change {device.mac} --modules {key.module}` says that it is plugged in"
        return f"{admin.named(device)} has {words.count(device.modules, 'expansion module')}; {cure}", True
    count = (model.module_keys or None) if key.module else device.keys if device.keys is not None else model.keys
    if count is None or key.position <= count:
        return _line_fault(admin, device, model, key.line)
    what = f"module {key.module}" if key.module else admin.named(device)
    sure = model.sure or (device.keys is not None and not key.module)
    if not sure:
        return f"{what} has {words.count(count, 'key')} by what is known without a document, and this is key {key.position}; check that the phone shows it", False
    cure = "" if key.module else f"; if this phone really has more, `provisioner device change {device.mac} --keys {key.position}`"
    return f"{what} has {words.count(count, 'key')}, so there is no key {key.position}{cure}", True


def _line_fault(admin: Admin, device: Device, model: Model, line: int) -> tuple[str, bool]:
    """Return why this phone cannot have a key of this line, or nothing; and whether that is sure (F24)."""
    count = device.lines if device.lines is not None else model.lines
    if count is None or line <= count:
        return "", True
    has = f"{admin.named(device)} has {words.count(count, 'line')}"
    if device.lines is not None or model.sure:
        return f"{has}, so there is no line {line}; if this phone really has more, `provisioner device change {device.mac} --lines {line}`", True
    return f"{has} by what is known without a document, and this is line {line}; check that the phone shows it", False


def place(key: Key) -> str:
    """Return a key's place as sentences name it: 2 on module 1."""
    return f"{key.position}{_on(key.module)}"


def _on(module: int) -> str:
    return f" on module {module}" if module else ""
