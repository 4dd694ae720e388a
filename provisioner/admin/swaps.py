"""One phone in place of another: what the old one was given here, laid out on the new one (F22)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from provisioner import coverage, raw
from provisioner.admin import Admin, Done, devices, did, events, keys, words
from provisioner.changes import Transaction
from provisioner.errors import BadValue, Conflict
from provisioner.families import Family, Model
from provisioner.mac import parse, pretty
from provisioner.things import Device, Group, Key, Line

_OF_PLACE = ("site", "group", "name", "location", "notes")  # what is said of where a phone stands and whose it is; the rest is of the hardware
_Place = tuple[int, int]  # module and position


@dataclass(frozen=True)
class Swap:
    """What a new phone takes over.

    lines: (old line, new line); keys: (old key, the key on the new phone); layers: what is said of the phone and, by its number, of each line.
    left: what the new phone cannot have, each a sentence; notes: what to look at.
    """

    old: Device
    new: Device
    lines: tuple[tuple[Line, Line], ...]
    keys: tuple[tuple[Key, Key], ...]
    layers: Mapping[str, Mapping[str, Any]]
    left: tuple[str, ...]
    notes: tuple[str, ...]

    def diff(self) -> Iterator[str]:
        """Yield a sentence for each thing that would be there, moved or left out."""
        where = f"site {self.new.site}{f', group {self.new.group}' if self.new.group else ''}{f', as {self.new.name}' if self.new.name else ''}"
        yield f"add {self.new.mac} ({self.new.family}/{self.new.model}) to {where}"
        yield from (f"line {_moved(str(old.n), str(new.n))}: {new.sip_address}" for old, new in self.lines)
        yield from (f"key {_moved(keys.place(old), keys.place(new))}: {new.type}{f' {new.value}' if new.value else ''}" for old, new in self.keys)
        yield from (f"set {name} = {words.text(words.said(name, value))} for {scope}" for scope, layer in self.layers.items() for name, value in sorted(layer.items()))
        yield from (f"left out: {sentence}" for sentence in self.left)
        yield f"retire {self.old.mac} ({self.old.family}/{self.old.model})"


def _moved(old: str, new: str) -> str:
    return old if old == new else f"{old} -> {new}"


def plan(admin: Admin, old: str, new: str, model: str = "") -> Swap:
    """Return what a new phone would take over from an old one; the old one's model where neither `model` nor the new phone itself says another.

    Raises NotHere, UnknownName, Conflict where the new phone has accounts, keys or settings of its own.
    """
    before, mac = admin.device(old), parse(new)
    if mac == before.mac:
        raise BadValue(f"{pretty(mac)} cannot take its own place; write the MAC of the new phone second")
    family, known = admin.catalog.model(model or _model_of(admin, mac) or f"{before.family}/{before.model}")
    after = _made(admin, before, mac, family, known)
    lines, left = _lines(admin, before, after, known)
    moved, more = _keys(admin, before, after, family, known, {line.n: other.n for line, other in lines})
    layers = {after.scope: admin.store.layer(before.scope), **{other.scope: admin.store.layer(line.scope) for line, other in lines}}
    foreign = [name for name in layers[after.scope] if name.startswith(raw.PREFIX) and not name.startswith(f"{raw.PREFIX}{family.slug}.")]
    layers[after.scope] = {name: value for name, value in layers[after.scope].items() if name not in foreign}
    left += [f"{name}: the new phone is of {family.slug}" for name in foreign]
    notes = [*devices.doubts(admin, after), *_untaken(admin, before, after, family, known, layers)]
    if after.modules:
        notes.append(f"the new phone is taken to have {words.count(after.modules, 'expansion module')} as the old one; `provisioner device change {mac} --modules N` says another number")
    return Swap(before, after, tuple(lines), tuple(moved), {scope: layer for scope, layer in layers.items() if layer}, (*left, *more), tuple(notes))


def _model_of(admin: Admin, mac: str) -> str:
    """Return what the new phone is by the inventory, or by what it said when it asked; empty where neither knows."""
    here = admin.store.device(mac)
    if here:
        return f"{here.family}/{here.model}"
    waits = next((one for one in events.waiting(admin) if one["mac"] == mac), None)
    return f"{waits['family']}/{waits['model']}" if waits and waits["family"] and waits["model"] else ""


def _made(admin: Admin, before: Device, mac: str, family: Family, model: Model) -> Device:
    """Return the new phone in the old one's place."""
    here = admin.store.device(mac)
    if here and (admin.store.lines_of(mac) or admin.store.keys_of(here.scope) or admin.store.layer(here.scope)):
        raise Conflict(f"phone {admin.named(here)} has accounts, keys or settings of its own; `provisioner device remove {mac}` first, or take another phone")
    facts: dict[str, Any] = {name: getattr(before, name) for name in _OF_PLACE}
    if here is None and (before.family, before.model) == (family.slug, model.name):  # counts that a phone states for itself (F24)
        facts |= {"lines": before.lines, "keys": before.keys}
    modules = min(before.modules, model.modules)
    fresh = here or Device(mac, family.slug, model.name)
    return replace(fresh, family=family.slug, model=model.name, state="approved", modules=max(fresh.modules, modules), **facts)


def _lines(admin: Admin, before: Device, after: Device, model: Model) -> tuple[list[tuple[Line, Line]], list[str]]:
    """Return the lines at their old places, those beyond at the first free ones; and what has no line to be on."""
    count = after.lines if after.lines is not None else model.lines
    every = admin.store.lines_of(before.mac)
    free = [n for n in range(1, (count or 0) + 1) if n not in [line.n for line in every]]
    laid, left = [], []
    for line in every:
        n = line.n if count is None or line.n <= count else free.pop(0) if free else 0
        if n:
            laid.append((line, Line(after.mac, n, line.sip_address)))
        else:
            left.append(f"{line.sip_address} of line {line.n}: a {model.name} has {words.count(count or 0, 'line')}; the account stays on no phone")
    return laid, left


def _keys(admin: Admin, before: Device, after: Device, family: Family, model: Model, lines: Mapping[int, int]) -> tuple[list[tuple[Key, Key]], list[str]]:
    """Return the keys at their old places, those beyond at the first free ones; and what the new phone cannot have."""
    count = after.keys if after.keys is not None else model.keys
    every = admin.store.keys_of(before.scope)
    group = admin.store.keys_of(Group(after.site, after.group).scope) if after.group else []
    places: list[_Place] = [(0, n) for n in range(1, (count or 0) + 1)] + [(module, n) for module in range(1, after.modules + 1) for n in range(1, model.module_keys + 1)]
    stays = {(key.module, key.position) for key in every if (key.module, key.position) in places or (count is None and not key.module)}
    free = [place for place in places if place not in stays and place not in {(key.module, key.position) for key in group}]
    laid, left = [], []
    for key in every:
        what = f"key {keys.place(key)} ({key.type}{f' {key.value}' if key.value else ''})"
        place = (key.module, key.position) if (key.module, key.position) in stays else None
        if key.type != keys.NONE and key.type not in family.maps.get("key", {}):
            left.append(f"{what}: {family.name} have no key of type {key.type}")
        elif key.line and lines.get(key.line, 0 if key.line in [line.n for line in admin.store.lines_of(before.mac)] else key.line) == 0:
            left.append(f"{what}: the new phone has no line for it")
        elif place is None and key.type == keys.NONE:
            continue  # an empty key that the new phone does not have
        elif place is None and not free:
            left.append(f"{what}: no key of the new phone is free")
        else:
            module, position = place or free.pop(0)
            laid.append((key, replace(key, scope=after.scope, module=module, position=position, line=lines.get(key.line, key.line))))
    return laid, left


def _untaken(admin: Admin, before: Device, after: Device, family: Family, model: Model, layers: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a sentence for each setting that goes along and that the new model has no parameter for."""
    if (before.family, before.model) == (after.family, after.model):
        return
    lacks = {row.name: row.why for row in family.lacks(model.name, after.firmware)}
    for name in sorted({name for layer in layers.values() for name in layer if not name.startswith(raw.PREFIX)}):
        if name in lacks or not coverage.takes(admin.booter.renderer, family, model, name):
            yield f"a {model.name} cannot take {name}: {lacks.get(name, 'no file of it says it')}"


def carry_out(admin: Admin, swap: Swap, days: int = devices.RETIRE_DAYS, dry: bool = False) -> Done:
    """Make the new phone and retire the old one, in one change; the files of both are tried first. dry: nothing is written.

    Raises Unfit where one of them could not get its files; then nothing was written.
    """
    old, new = swap.old, swap.new

    def work(tx: Transaction) -> bool:
        tx.put_device(new)
        bare = not admin.store.keys_of(old.scope) and not (old.group and admin.store.keys_of(Group(old.site, old.group).scope))
        for line in admin.store.lines_of(old.mac):
            tx.remove_line(old.mac, line.n)
            if bare:  # the keys on which its lines sit by themselves have to be emptied (F5)
                tx.put_key(Key(old.scope, line.n, keys.NONE))
        for _, line in swap.lines:
            tx.put_line(line)
        for _, key in swap.keys:
            tx.put_key(key)
        for scope, layer in swap.layers.items():
            tx.say(scope, layer)
        tx.put_device(devices.retiring(admin, old, days))
        return True

    counts = ", ".join(words.count(len(some), what) for some, what in ((swap.lines, "line"), (swap.keys, "key"), ([name for layer in swap.layers.values() for name in layer], "setting")))
    left = f"; left out: {len(swap.left)}" if swap.left else ""
    if dry:
        admin.try_change(work, [old, new])
        return Done(f"nothing was written; it would be: {counts} to {admin.named(new)}{left}", changed=False, notes=swap.notes)
    _, notes = admin.change(work, [old, new])
    then = f"{admin.named(old)} is retiring: an hour after it has fetched its last files, or after {words.count(days, 'day')}, it gets nothing more"
    return did(True, f"{admin.named(new)} takes the place of {admin.named(old)}: {counts}{left}", (*(f"left out: {one}" for one in swap.left), *swap.notes, *notes, then))
