"""Audit: who changed what, from which door, before and after; and how to take a change back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

from provisioner.admin import Admin, Done, did, scopes, words
from provisioner.changes import Transaction
from provisioner.errors import Conflict, NotHere
from provisioner.kinds import Endpoint
from provisioner.rights import LOOK
from provisioner.store import Store
from provisioner.things import SECRET, SECRET_CHANGED, Account, Change, Contact, Device, Group, Key, Line, Network, Site

CHANGED = "changed"  # what stands for a secret that was said or is another one now
_PAGE = 1000
_ENDPOINTS = ("registrar", "outbound_proxy")
Facts = dict[str, Any]
_Seen = TypeVar("_Seen")


def listed(admin: Admin, noun: str = "", name: str = "", who: str = "", limit: int = 50, below: int = 0) -> list[dict[str, Any]]:
    """Return the last changes, the newest first; of a noun, a name or a person where one is said. below: the number behind which they begin."""
    admin.rights.need(LOOK)
    return [shown(change) for change in admin.store.changes(limit, noun, name, who, below)]


def of_phone(admin: Admin, mac: str, limit: int = 50, below: int = 0) -> list[dict[str, Any]]:
    """Return the last changes of a phone with its lines, keys and settings, the newest first."""
    admin.rights.need(LOOK)
    device = admin.device(mac)
    return [shown(change) for change in admin.store.changes_of_phone(device.mac, limit, below)]


def version(admin: Admin, noun: str, name: str) -> str:
    """Return what is another one whenever a thing was changed: the number of the last change that its history has."""
    last = admin.whole.changes(1, noun, name)
    return str(last[0].id if last else 0)


def exported(admin: Admin) -> Iterator[dict[str, Any]]:
    """Yield every change, the newest first."""
    below = 0
    while page := listed(admin, limit=_PAGE, below=below):
        yield from page
        below = page[-1]["id"]


def shown(change: Change) -> dict[str, Any]:
    """Return a change as JSON has it: `what` is what differs, (before, after) by name; a secret is *changed*."""
    names = [*(change.before or {}), *(name for name in change.after or {} if name not in (change.before or {}))]
    differs = {name: [_told(name, side.get(name)) if side else None for side in (change.before, change.after)] for name in names if (change.before or {}).get(name) != (change.after or {}).get(name)}
    verb = "added" if change.before is None else "removed" if change.after is None else "changed"
    return {
        "id": change.id, "batch": change.batch, "at": change.at, "who": change.who, "door": change.door, "noun": change.noun, "name": change.name, "verb": verb,
        "what": differs, "can_undo": change.noun in _KINDS,
    }  # fmt: skip


def _told(name: str, value: Any) -> Any:
    if name in _ENDPOINTS and isinstance(value, list | tuple) and len(value) == 2:
        return words.plain(Endpoint(*value))
    return CHANGED if value in (SECRET, SECRET_CHANGED) else value


# Taking back


@dataclass(frozen=True)
class _Kind:
    """How one noun of history is read as it is now, and written as it was. now: None where it is not there."""

    now: Callable[[Store, str], Facts | None]
    put: Callable[[Transaction, str, Facts], object]
    remove: Callable[[Transaction, str], object]
    scope: Callable[[str], str]  # whose phones get other files


def undo(admin: Admin, number: int) -> Done:
    """Take back a change and all that was changed with it, as a new change.

    Raises NotHere where there is none that this operator sees, Conflict where something of it was changed again since.
    """
    batch = _batch(admin, number)

    def work(tx: Transaction) -> bool:
        for change in reversed(batch):
            _take_back(admin.whole, tx, change)
        return True

    changed, notes = admin.change(work, _phones(admin, batch))
    first = batch[0]
    more = f" and {words.count(len(batch) - 1, 'change')} with it" if len(batch) > 1 else ""
    return did(changed, f"took back change {first.id} of {first.noun} {first.name} by {first.who}{more}", notes)


def _batch(admin: Admin, number: int) -> list[Change]:
    """Return the changes of one transaction, in their order; raises NotHere, and Conflict where one of them cannot be taken back."""
    seen = admin.store.changes(1, below=number + 1, above=number - 1)
    if not seen:
        raise NotHere(f"there is no change {number}; `provisioner audit list` has their numbers")
    batch = admin.whole.batch(number)
    for change in batch:
        if change.noun not in _KINDS:
            raise Conflict(f"a change of {change.noun} cannot be taken back; say what shall be there instead")
    return batch


def before(admin: Admin, number: int, look: Callable[[], _Seen]) -> _Seen:
    """Return what `look` sees where a change, and all that was changed with it, had not been made; nothing stays of it."""
    seen = list[_Seen]()
    batch = _batch(admin, number)

    def work(tx: Transaction) -> bool:
        for change in reversed(batch):
            _take_back(admin.whole, tx, change)
        seen.append(look())
        return True

    admin.try_change(work)
    return seen[0]


def _take_back(store: Store, tx: Transaction, change: Change) -> None:
    kind = _KINDS[change.noun]
    before, after, now = change.before, change.after, _plain(kind.now(store, change.name))
    touched = [name for name in {**(before or {}), **(after or {})} if (before or {}).get(name) != (after or {}).get(name)]
    if change.noun == "setting":  # what a scope does not say is None there
        after, now = {name: (after or {}).get(name) for name in touched}, {name: (now or {}).get(name) for name in touched}
    if "generation" in touched and before and after:
        raise Conflict(f"the token of {change.name} was made another one, and an old one never counts again")
    if (now is None) != (after is None):
        raise Conflict(f"{change.noun} {change.name} is {'not there any more' if now is None else 'there again'}, so change {change.id} cannot be taken back")
    again = [name for name in touched if now and after and now.get(name) != after.get(name)]
    if again:
        raise Conflict(f"{', '.join(again).replace('_', ' ')} of {change.noun} {change.name} was changed again since change {change.id}; take back the later change first")
    if before is None:
        kind.remove(tx, change.name)
    else:
        kind.put(tx, change.name, {**(now or {}), **{name: before.get(name) for name in (before if now is None else touched)}})


def _plain(facts: Facts | None) -> Facts | None:
    """Return facts as history has them: through JSON."""
    found: Facts | None = json.loads(json.dumps(facts, default=str))
    return found


def _phones(admin: Admin, batch: list[Change]) -> list[Device]:
    found: dict[str, Device] = {}
    for change in batch:
        where = _KINDS[change.noun].scope(change.name)
        try:
            found.update({device.mac: device for device in scopes.phones(admin, scopes.read(admin, where))} if where and len(found) < _PAGE else {})
        except NotHere:  # what was removed has no phones
            continue
    return list(found.values())


def _facts(thing: Any) -> Facts | None:
    return asdict(thing) if thing else None


def _device(facts: Mapping[str, Any]) -> Device:
    own = ("revision", "revised_at", "cleared", "last_seen_at", "last_address", "dated_year")
    return Device(**{name: value for name, value in facts.items() if name not in own})


def _account(facts: Mapping[str, Any]) -> Account:
    return Account(**{**facts, **{name: Endpoint(*facts[name]) for name in _ENDPOINTS}})


def _site(facts: Mapping[str, Any]) -> Site:
    return Site(**{**facts, "networks": tuple(Network(**one) for one in facts["networks"])})


def _line_now(store: Store, name: str) -> Facts | None:
    mac, _, n = name.partition("/")
    return next((_facts(line) for line in store.lines_of(mac) if line.n == int(n)), None)


def _key_place(name: str) -> tuple[str, int, int]:
    scope, _, place = name.rpartition(" ")
    module, _, position = place.partition("/")
    return scope, int(position), int(module)


def _key_now(store: Store, name: str) -> Facts | None:
    scope, position, module = _key_place(name)
    return next((_facts(key) for key in store.keys_of(scope) if (key.position, key.module) == (position, module)), None)


def _contact_now(store: Store, name: str) -> Facts | None:
    site, _, who = name.partition("/")
    return next((_facts(one) for one in store.contacts(site) if one.name == who), None)


def _group(name: str) -> Group:
    return Group(*name.partition(":")[2].split("/", 1))


def _say(tx: Transaction, scope: str, facts: Facts) -> None:
    tx.unsay(scope, [name for name, value in facts.items() if value is None])
    tx.say(scope, {name: value for name, value in facts.items() if value is not None})


def _remove_device(tx: Transaction, mac: str) -> None:
    tx.remove_device(mac)


_KINDS: Mapping[str, _Kind] = {
    "device": _Kind(
        lambda store, mac: _facts(store.device(mac)), lambda tx, mac, facts: tx.put_device(_device(facts)), _remove_device, lambda mac: f"device:{mac}",
    ),
    "account": _Kind(
        lambda store, name: _facts(store.account(name)), lambda tx, name, facts: tx.put_account(_account(facts)),
        lambda tx, name: tx.remove_account(name), lambda name: f"account:{name}",
    ),
    "line": _Kind(
        _line_now, lambda tx, name, facts: tx.put_line(Line(**facts)),
        lambda tx, name: tx.remove_line(name.partition("/")[0], int(name.partition("/")[2])), lambda name: f"device:{name.partition('/')[0]}",
    ),
    "key": _Kind(_key_now, lambda tx, name, facts: tx.put_key(Key(**facts)), lambda tx, name: tx.forget_key(*_key_place(name)), lambda name: name.rpartition(" ")[0]),
    "setting": _Kind(lambda store, scope: store.layer(scope), _say, lambda tx, scope: None, lambda scope: scope),
    "site": _Kind(
        lambda store, slug: _facts(store.site(slug)), lambda tx, slug, facts: tx.put_site(_site(facts)), lambda tx, slug: tx.remove_site(slug), lambda slug: f"site:{slug}",
    ),
    "group": _Kind(
        lambda store, name: _facts(_group(name)) if _group(name) in store.groups() else None, lambda tx, name, facts: tx.put_group(Group(**facts)),
        lambda tx, name: tx.remove_group(_group(name)), lambda name: name,
    ),
    "contact": _Kind(
        _contact_now, lambda tx, name, facts: tx.put_contact(Contact(facts["site"], facts["name"], tuple((kind, number) for kind, number in facts["numbers"]))),
        lambda tx, name: tx.remove_contact(*name.split("/", 1)), lambda name: f"site:{name.partition('/')[0]}",
    ),
}  # fmt: skip
