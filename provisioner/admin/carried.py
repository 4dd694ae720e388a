"""What a bundle carries for another server: its phones with their accounts, lines, keys and settings, sealed with a passphrase (passphrase.py).

Form: {"format": "provisioner import", "version": 1, "sites": [{"slug", "name", "country"}], "groups": ["hq/desk"],
"accounts": [{column: text}], "devices", "assignments", "keys": the rows of `export csv`, "settings": [{"scope", "name", "value"}]}.
Every part is there; nothing else is. What rules a whole server or a network stays at home: defaults, families' and models' settings,
networks and public URLs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from provisioner import bundle, vocabulary
from provisioner.admin import Admin, Done, bulk, did, words
from provisioner.bundle import Body
from provisioner.changes import Transaction
from provisioner.errors import BadInput, BadValue, NotHere, nearest
from provisioner.mac import pretty
from provisioner.passphrase import sealed, unsealed
from provisioner.things import Device, Group, Site

NAME = "import.sealed"
FORMAT, VERSION = "provisioner import", 1
LARGEST = 50_000_000  # bytes, opened
MOST = 20_000  # things of one kind
_MOST_TOLD = 100
_MOST_NOTES = 10
_LONGEST = 4000  # characters of one text
_LISTS = ("sites", "groups", "accounts", "devices", "assignments", "keys", "settings")
_SITE = ("slug", "name", "country")


def packed(admin: Admin, devices: Sequence[Device], passphrase: str) -> bytes:
    """Return what another server needs of these phones, sealed with a passphrase."""
    return sealed(json.dumps(_said(admin, devices), ensure_ascii=True).encode(), passphrase)


def _said(admin: Admin, devices: Sequence[Device]) -> dict[str, Any]:
    store = admin.store
    lines = [line for device in devices for line in store.lines_of(device.mac)]
    accounts = [account for address in dict.fromkeys(line.sip_address for line in lines) if (account := store.account(address))]
    sites = [site for slug in dict.fromkeys(device.site for device in devices) if (site := store.site(slug))]
    groups = list(dict.fromkeys(Group(device.site, device.group) for device in devices if device.group))
    owners = [*(group.scope for group in groups), *(device.scope for device in devices)]
    scopes = [*(site.scope for site in sites), *owners, *(f"account:{account.sip_address}" for account in accounts), *(line.scope for line in lines)]
    rows: dict[str, Sequence[Any]] = {"accounts": accounts, "devices": devices, "assignments": lines, "keys": [key for scope in owners for key in store.keys_of(scope)]}
    return {
        "format": FORMAT, "version": VERSION,
        "sites": [{name: getattr(site, name) for name in _SITE} for site in sites],
        "groups": [f"{group.site}/{group.slug}" for group in groups],
        **{noun: [dict(bulk.FORMS[noun].cells(thing)) for thing in things] for noun, things in rows.items()},
        "settings": [{"scope": scope, "name": name, "value": value} for scope in scopes for name, value in sorted(store.layer(scope).items())],
    }  # fmt: skip


def carried_by(files: Mapping[str, Body], passphrase: str, trusted: Collection[str], now: datetime) -> dict[str, Any]:
    """Return what a bundle carries: whole, signed by a trusted key, not expired, its form checked.

    trusted: public keys; now: UTC. Raises NotHere where it carries nothing, BadValue with what is wrong of it.
    """
    verdict = bundle.verify(files, trusted)
    if not verdict.whole:
        raise BadValue(f"the bundle is not as it was written: {', '.join(verdict.faults()[:5])}; make it again")
    if verdict.manifest.about.expired(now):
        raise BadValue(f"the bundle expired on {verdict.manifest.about.expires_at}; make a new one")
    if NAME not in verdict.manifest.files:
        raise NotHere(f"this bundle carries nothing for another server: it has no {NAME}; export it again with --passphrase-file")
    return opened(files, passphrase)


def opened(files: Mapping[str, Body], passphrase: str) -> dict[str, Any]:
    """Return what is in the sealed part of a bundle, its form checked; raises BadValue."""
    body = files[NAME]
    raw = body if isinstance(body, bytes) else body.read_bytes() if body.stat().st_size <= LARGEST else b""
    if not passphrase:
        raise BadValue(f"{NAME} is sealed; give the passphrase of the export with --passphrase-file")
    return checked(unsealed(raw, passphrase, NAME))


def checked(text: bytes) -> dict[str, Any]:
    """Return what was said in JSON where its form is ours; raises BadValue."""
    try:
        return _checked(json.loads(text))
    except (ValueError, RecursionError) as why:
        raise BadValue(f"{NAME}: {why}") from None


def _checked(said: Any) -> dict[str, Any]:
    """Return what was said where its form is ours: every part, of its type, none unknown, none too large. Raises ValueError."""
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise ValueError("it is not what a server carries; export it again")
    if said.get("version") != VERSION or isinstance(said["version"], bool):
        raise ValueError(f"it is of version {str(said.get('version'))[:20]}, and this server reads {VERSION}; use the server that wrote it, or a newer one")
    unknown = set(said) - {"format", "version", *_LISTS}
    if unknown:
        name = sorted(unknown)[0]
        raise ValueError(f"it has {name[:40]!r}, which nobody knows{nearest(name, _LISTS)}")
    for name in _LISTS:
        if not isinstance(said.get(name), list) or len(said[name]) > MOST:
            raise ValueError(f"{name} must be a list of at most {MOST:,}")
    for name, columns in (("sites", _SITE), *((noun, bulk.FORMS[noun].columns) for noun in bulk.FORMS)):
        for number, row in enumerate(said[name], 1):
            if not isinstance(row, dict) or set(row) != set(columns) or not all(isinstance(cell, str) and len(cell) <= _LONGEST for cell in row.values()):
                raise ValueError(f"{name}: entry {number} must say {', '.join(columns)}, each a text, and nothing else")
    if not all(isinstance(name, str) and len(name) <= _LONGEST for name in said["groups"]):
        raise ValueError("groups must be a list of text")
    for number, row in enumerate(said["settings"], 1):
        if not isinstance(row, dict) or set(row) != {"scope", "name", "value"} or not isinstance(row["scope"], str) or not isinstance(row["name"], str):
            raise ValueError(f"settings: entry {number} must say scope, name and value, and nothing else")
    return said


# Bringing it in: all of it in one change, or nothing.


@dataclass
class Plan:
    """What was found while it was brought in.

    steps: a sentence for each thing added or changed; phones: those that were there and are touched; new: those that were not.
    """

    steps: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    phones: dict[str, Device] = field(default_factory=dict)
    new: dict[str, Device] = field(default_factory=dict)
    same: int = 0


class _Dry(Exception):
    """Makes a transaction write nothing."""


def plan(admin: Admin, said: Mapping[str, Any]) -> Plan:
    """Return what bringing it in would do, nothing of it written; raises BadValue with everything that cannot be."""
    found = Plan()
    try:
        with admin.writing() as tx:
            _bring(admin, tx, said, found)
            raise _Dry
    except _Dry:
        return found


def carry_out(admin: Admin, said: Mapping[str, Any], found: Plan, dry: bool) -> Done:
    """Bring it in, in one change, where the phones that were there can still get their files; dry: try all of it, and write nothing.

    Of new phones that cannot get theirs yet, such as for want of their site's URL, the notes tell.
    """

    def work(tx: Transaction) -> bool:
        _bring(admin, tx, said, Plan())
        return True

    if not found.steps:
        return Done(f"nothing to change: {words.count(found.same, 'thing')} as carried", changed=False, notes=tuple(found.notes))
    phones = list(found.phones.values())
    numbers = f"{len(found.steps):,} added or changed, {found.same:,} unchanged"
    if dry:
        admin.try_change(work, phones)
        return Done(f"nothing was written; it would be: {numbers}", changed=False, notes=tuple(found.notes))
    _, notes = admin.change(work, phones)
    faults = admin.troubles(list(found.new.values())[:_MOST_NOTES])
    return did(True, f"imported: {numbers}", (*found.notes, *notes, *(f"phone {pretty(mac)} gets no file yet: {why}" for mac, why in faults.items())))


def _bring(admin: Admin, tx: Transaction, said: Mapping[str, Any], found: Plan) -> None:
    """Write all that was said, and note in `found` what that did; raises BadValue with all faults."""
    faults: list[str] = []
    new_sites = set(_sites(admin, tx, said, found, faults))
    there = [name for name in said["groups"] if name.partition("/")[0] not in new_sites and name in _groups(admin)]
    for noun in bulk.FORMS:
        _rows(admin, tx, noun, said[noun] if noun != "keys" else [row for row in said[noun] if row["scope"].removeprefix("group:") not in there], found, faults)
    kept = {*(f"group:{name}" for name in there), *(f"site:{row['slug']}" for row in said["sites"] if row["slug"] not in new_sites)}
    allowed = {
        *(f"site:{row['slug']}" for row in said["sites"]), *(f"group:{name}" for name in said["groups"]), *(f"account:{row['sip_address']}" for row in said["accounts"]),
        *(f"device:{_mac(row)}" for row in said["devices"]), *(f"line:{_mac(row)}/{row['line']}" for row in said["assignments"]),
    }  # fmt: skip
    _settings(admin, tx, [row for row in said["settings"] if row["scope"] not in kept], allowed, found, faults)
    if faults:
        many = [f"and {len(faults) - _MOST_TOLD} more faults"] if len(faults) > _MOST_TOLD else []
        raise BadValue("\n  ".join([f"{NAME}: nothing was written, for", *faults[:_MOST_TOLD], *many]))


def _mac(row: Mapping[str, str]) -> str:
    return row["mac"].replace(":", "").lower()


def _groups(admin: Admin) -> set[str]:
    return {f"{group.site}/{group.slug}" for group in admin.store.groups()}


def _sites(admin: Admin, tx: Transaction, said: Mapping[str, Any], found: Plan, faults: list[str]) -> Iterator[str]:
    """Add the sites and groups that are not there; yield the new sites. One that is there stays as it is, and what was said in it too."""
    kept = []
    for row in said["sites"]:
        if admin.store.site(row["slug"]) is not None:
            kept.append(f"site {row['slug']}")
        elif _tried(f"site {row['slug']}", faults, _add_site, tx, row):
            found.steps.append(f"add site {row['slug']}")
            found.notes.append(f"site {row['slug']} has neither networks nor a public URL yet; `provisioner site change {row['slug']} --public-url URL` and `provisioner site network add {row['slug']} NETWORK` give it them")
            yield row["slug"]
    for name in said["groups"]:
        if name in _groups(admin):
            kept.append(f"group {name}")
        elif _tried(f"group {name}", faults, _add_group, tx, name):
            found.steps.append(f"add group {name}")
    if kept:
        found.notes.append(f"{', '.join(kept[:10])}{' and more' if len(kept) > 10 else ''}: there already, so that their own settings and keys stay as they are here")


def _rows(admin: Admin, tx: Transaction, noun: str, rows: Iterable[Mapping[str, str]], found: Plan, faults: list[str]) -> None:
    """Add or change things of one noun, each read as a row of a CSV file is."""
    form = bulk.FORMS[noun]
    for number, row in enumerate(rows, 1):
        place = f"{noun}, entry {number}"
        wish = _tried(place, faults, form.wish, admin, row)
        if wish is None:
            continue
        if noun == "devices" and wish.before is None:
            found.new[wish.after.mac] = wish.after
        found.phones |= {device.mac: device for device in form.phones(admin, wish) if device.mac not in found.new}
        if wish.before == wish.after:
            found.same += 1
        elif _tried(place, faults, form.put, tx, wish.after):
            found.steps += bulk.Plan("", form, ((number, wish),)).diff()
            found.notes += wish.notes


def _settings(admin: Admin, tx: Transaction, rows: Iterable[Mapping[str, Any]], allowed: set[str], found: Plan, faults: list[str]) -> None:
    for row in rows:
        scope, name, value = row["scope"], row["name"], row["value"]
        place = f"settings, {name[:60]} of {scope[:80]}"
        if scope not in allowed:
            faults.append(f"{place}: the bundle does not carry whom it is for")
            continue
        known = admin.store.layer(scope)
        read = _tried(place, faults, _value, name, value)
        if read is None:
            continue
        if name in known and known[name] == read[0]:
            found.same += 1
        elif _tried(place, faults, tx.say, scope, {name: value}):
            shown = words.text(words.said(name, read[0]))
            found.steps.append(f"set {name} = {shown} for {scope}")


def _add_site(tx: Transaction, row: Mapping[str, str]) -> bool:
    return tx.put_site(Site(row["slug"], name=row["name"], country=row["country"]))


def _add_group(tx: Transaction, name: str) -> bool:
    return tx.put_group(Group(*name.partition("/")[::2]))


def _value(name: str, value: object) -> tuple[Any]:
    return (vocabulary.setting(name).read(value),)


def _tried(place: str, faults: list[str], work: Callable[..., Any], *arguments: Any) -> Any:
    """Return what a step gives, or None with its fault noted; values of a strange type are a fault like any other."""
    try:
        return work(*arguments)
    except BadInput as why:
        faults.append(f"{place}: {why}")
    except (TypeError, ValueError, AttributeError, KeyError) as why:
        faults.append(f"{place}: {type(why).__name__}, for its value is of another type; export it again")
    return None
