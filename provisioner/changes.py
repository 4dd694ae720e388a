"""Writing things: all or nothing, a row of history for each, a new revision for whom it touches.

A write that says what is so already changes nothing: no row, no revision, no error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any

from provisioner import vocabulary
from provisioner.errors import BadInput, BadValue, Conflict, NotHere
from provisioner.mac import parse, pretty
from provisioner.records import SITES, Records, found_by, sqlite3
from provisioner.seal import Seal
from provisioner.things import Account, Book, Contact, Device, Group, Key, Line, Site, sip_address

_UNSEEN = ("serves_until", "name", "location", "asset_tag", "notes", "factory_password", "email")  # in no phone's file, so no phone is revised for them
_ASKED = ("username", "auth_username", "password", "domain", "registrar", "realm", "outbound_proxy", "transport")  # what an account's server was asked with
Judge = Callable[[str, str, Any, Any], None]  # noun, name, before, after
_OWN = ("revision", "revised_at", "cleared", "last_seen_at", "last_address", "dated_year", "generation")  # a put does not say these


class Transaction:
    """The verbs of one change; made by Store.change."""

    def __init__(
        self, store: Records, connection: sqlite3.Connection, seal: Seal, now: Callable[[], datetime], who: str, door: str, judge: Judge | None = None
    ) -> None:
        """connection: inside its write transaction; judge: asked before each change of a thing is written, raises where it may not be."""
        self._store, self._db, self._seal, self._now, self._who, self._door, self._judge = store, connection, seal, now, who, door, judge
        self._batch = 0  # the number of the first change of this transaction

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, for the room that keeps people; the things are this one's."""
        return self._db

    # Devices

    def put_device(self, device: Device) -> bool:
        """Add the device, or replace what was said of the one that has its MAC; True where that changed something."""
        before = self._store.device(device.mac)
        after = replace(device, **{name: getattr(before, name) for name in _OWN}) if before else device
        if after.state != "retiring":
            after = replace(after, serves_until="")
        if before == after:
            return False
        if self._store.site(device.site) is None:
            raise NotHere(f"there is no site {device.site!r}; add it with `provisioner site add {device.site}`")
        if device.group and Group(device.site, device.group) not in self._store.groups(device.site):
            raise NotHere(f"site {device.site} has no group {device.group!r}; add it with `provisioner group add {device.site}/{device.group}`")
        if before is None:  # a phone that comes back has the token that it left with, and none that was rotated away
            after = replace(after, generation=max(after.generation, int(self._store.meta(f"generation:{device.mac}") or 0)))
        self._write_device(after)
        self._history("device", device.mac, before, after)
        if before:
            self._moved(before, after)
        if before is None or _seen_by_phones(before, after):
            self._revise_where("mac = ?", device.mac)
        return True

    def _moved(self, before: Device, after: Device) -> None:
        """Record what a device had from layers and keys that speak for it no more (F5)."""
        left = [scope for scope in _above(before) if scope not in _above(after)]
        self._taken_back(after.mac, left)
        if (before.site, before.group) != (after.site, after.group):
            self._keys_left("mac = ?", (after.mac,), _above(before)[-1])
            self._keys_joined("mac = ?", (after.mac,), _above(after)[-1])

    def _taken_back(self, mac: str, scopes: list[str]) -> None:
        """Add what these scopes said to the settings that a device had once."""
        names = {name for scope in scopes for name in self._store.layer(scope)}
        if names:
            self._recleared("mac = ?", (mac,), lambda cleared: cleared | names)

    def _keys_left(self, condition: str, values: tuple[str, ...], scope: str) -> None:
        """Record the keys that devices had from a group, for they stay on the phones unless emptied."""
        self._db.execute(
            f"INSERT OR IGNORE INTO cleared_keys SELECT mac, module, position FROM (SELECT mac FROM devices WHERE {condition}), keys WHERE scope = ?", (*values, scope)
        )

    def _keys_joined(self, condition: str, values: tuple[str, ...], scope: str) -> None:
        """Forget that keys were cleared which are said again."""
        self._db.execute(
            "DELETE FROM cleared_keys WHERE (module, position) IN (SELECT module, position FROM keys WHERE scope = ?)"
            f" AND mac IN (SELECT mac FROM devices WHERE {condition})",
            (scope, *values),
        )

    def remove_device(self, mac: str) -> bool:
        """Take a device away, with its lines, keys, uploads and what was said of it."""
        before = self._store.device(mac)
        if before is None:
            return False
        for line in self._store.lines_of(mac):
            self.remove_line(mac, line.n)
        self._forget_scope(f"device:{mac}")
        if before.generation:
            self.put_meta(f"generation:{mac}", str(before.generation))
        self._db.execute("DELETE FROM devices WHERE mac = ?", (mac,))
        self._history("device", mac, before, None)
        return True

    def rotate_token(self, mac: str) -> int:
        """Make the device's token another one; return its new generation."""
        before = self._known_device(mac)
        self._db.execute("UPDATE devices SET generation = generation + 1 WHERE mac = ?", (mac,))
        self._history("device", mac, before, replace(before, generation=before.generation + 1))
        self._revise_where("mac = ?", mac)
        return before.generation + 1

    def redate(self, mac: str) -> None:
        """Give the device the DST dates of the running year: a revision like any other (F8)."""
        before = self._known_device(mac)
        self._revise_where("mac = ?", mac)
        self._history("dates", mac, {"year": before.dated_year}, {"year": self._now().year})

    def _known_device(self, mac: str) -> Device:
        device = self._store.device(mac)
        if device is None:
            raise NotHere(f"phone {pretty(mac)} is not in the inventory; add it with `provisioner device add {mac} --model FAMILY/MODEL`")
        return device

    def _write_device(self, device: Device) -> None:
        row = {("grp" if field.name == "group" else field.name): getattr(device, field.name) for field in fields(Device)}
        row["cleared"], row["found_by"] = json.dumps(sorted(device.cleared)), found_by(device)
        if device.factory_password:
            row["factory_password"] = self._seal.seal(device.factory_password, f"devices:{device.mac}:factory_password")
        self._upsert("devices", row, ("mac",))

    # Accounts and lines

    def put_account(self, account: Account) -> bool:
        """Add the account, or replace the one of its SIP address; a username taken in its domain is a Conflict."""
        before = self._store.account(account.sip_address)
        if before == account:
            return False
        other = self._store.account_of(account.username, account.domain)
        if other and other.sip_address != account.sip_address:
            raise Conflict(f"the username {account.username!r} is taken in {account.domain} by {other.sip_address}; change that one, or use another username")
        row: dict[str, Any] = {field.name: getattr(account, field.name) for field in fields(Account)}
        row["registrar"], row["outbound_proxy"], row["found_by"] = json.dumps(account.registrar), json.dumps(account.outbound_proxy), found_by(account)
        if account.password:
            row["password"] = self._seal.seal(account.password, f"accounts:{account.sip_address}:password")
        self._upsert("accounts", row, ("sip_address",))
        self._history("account", account.sip_address, before, account)
        if before and any(getattr(before, name) != getattr(account, name) for name in _ASKED):
            self._db.execute("DELETE FROM account_checks WHERE sip_address = ?", (account.sip_address,))
        if before and any(getattr(before, name) != getattr(account, name) for name in ("xcap_root", "auth_username", "password")):
            self._db.execute("DELETE FROM account_fetches WHERE sip_address = ?", (account.sip_address,))
        if before and before.xcap_root != account.xcap_root:  # what another server kept
            self._db.execute("DELETE FROM account_books WHERE sip_address = ?", (account.sip_address,))
        if before and _seen_by_phones(before, account):
            self._revise_where("mac IN (SELECT mac FROM lines WHERE sip_address = ?)", account.sip_address)
        return True

    def remove_account(self, sip_address: str) -> bool:
        """Take an account away; one that is still on a phone is a Conflict."""
        before = self._store.account(sip_address)
        if before is None:
            return False
        lines = self._store.lines_with(sip_address)
        if lines:
            where = ", ".join(f"{pretty(line.mac)} line {line.n}" for line in lines[:5])
            raise Conflict(f"{sip_address} is still on {where}{' and more' if len(lines) > 5 else ''}; `provisioner unassign` it there first")
        self._forget_scope(f"account:{sip_address}")
        self._db.execute("DELETE FROM accounts WHERE sip_address = ?", (sip_address,))
        self._history("account", sip_address, before, None)
        return True

    def put_line(self, line: Line) -> bool:
        """Put an account on a line; what was there is replaced."""
        self._known_device(line.mac)
        if self._store.account(line.sip_address) is None:
            raise NotHere(f"there is no account {line.sip_address}; add it with `provisioner account add {line.sip_address}`")
        before = next((one for one in self._store.lines_of(line.mac) if one.n == line.n), None)
        if before == line:
            return False
        self._upsert("lines", {"mac": line.mac, "n": line.n, "sip_address": line.sip_address}, ("mac", "n"))
        self._history("line", f"{line.mac}/{line.n}", before, line)
        if before:
            self._taken_back(line.mac, [f"account:{before.sip_address}"])
        self._revise_where("mac = ?", line.mac)
        return True

    def remove_line(self, mac: str, n: int) -> bool:
        """Take the account off a line, with what was said of the line."""
        before = next((one for one in self._store.lines_of(mac) if one.n == n), None)
        if before is None:
            return False
        self._forget_scope(before.scope)
        self._taken_back(mac, [f"account:{before.sip_address}"])
        self._db.execute("DELETE FROM lines WHERE mac = ? AND n = ?", (mac, n))
        self._history("line", f"{mac}/{n}", before, None)
        self._revise_where("mac = ?", mac)
        return True

    # Sites, groups, contacts

    def put_site(self, site: Site) -> bool:
        """Add the site with its networks, or replace the one of its name."""
        before = self._store.site(site.slug)
        if before == site:
            return False
        taken = {row["network"]: row["site"] for row in self._db.execute("SELECT network, site FROM networks WHERE site != ?", (site.slug,))}
        for entry in site.networks:
            if entry.network in taken:
                raise Conflict(f"the network {entry.network} belongs to site {taken[entry.network]} already; take it away there first")
        row = {name: getattr(site, name) for name in ("slug", "name", "public_url", "tftp_public_url", "country", "unknown_phones", "passwords")}
        self._upsert("sites", {**row, "enrols": int(site.enrols)}, ("slug",))
        self._db.execute("DELETE FROM networks WHERE site = ?", (site.slug,))
        for entry in site.networks:
            self._db.execute("INSERT INTO networks VALUES (?, ?, ?, ?)", (site.slug, entry.network, int(entry.mac_is_enough), int(entry.tftp_serves_secrets)))
        self.put_meta(SITES, str(self._history("site", site.slug, before, site)))
        if before and any(getattr(before, name) != getattr(site, name) for name in ("public_url", "tftp_public_url", "country", "asks_passwords")):
            self._revise_where("site = ?", site.slug)
        return True

    def remove_site(self, slug: str) -> bool:
        """Take a site away; one that has phones, and the default one, is a Conflict."""
        before = self._store.site(slug)
        if before is None:
            return False
        if slug == "default":
            raise Conflict("the default site stays: phones whose site is not known belong to it")
        phones = len(self._store.devices(site=slug))
        if phones:
            raise Conflict(f"site {slug} has {'1 phone' if phones == 1 else f'{phones} phones'}; move them with `provisioner device change MAC --site …` first")
        for group in self._store.groups(slug):
            self.remove_group(group)
        for contact in self._store.contacts(slug):
            self.remove_contact(slug, contact.name)
        self._forget_scope(before.scope)
        self._db.execute("DELETE FROM sites WHERE slug = ?", (slug,))
        self.put_meta(SITES, str(self._history("site", slug, before, None)))
        return True

    def put_group(self, group: Group) -> bool:
        """Add a group to its site."""
        if self._store.site(group.site) is None:
            raise NotHere(f"there is no site {group.site!r}; add it with `provisioner site add {group.site}`")
        if group in self._store.groups(group.site):
            return False
        self._db.execute("INSERT INTO groups VALUES (?, ?)", (group.site, group.slug))
        self._history("group", group.scope, None, group)
        return True

    def remove_group(self, group: Group) -> bool:
        """Take a group away; its phones stay in the site."""
        if group not in self._store.groups(group.site):
            return False
        members, values = self._touched_by(group.scope)
        self._keys_left(members, values, group.scope)
        self._forget_scope(group.scope)
        self._history("group", group.scope, group, None)
        self._revise_where(members, *values)
        self._db.execute(f"UPDATE devices SET grp = '' WHERE {members}", values)
        self._db.execute("DELETE FROM groups WHERE site = ? AND slug = ?", (group.site, group.slug))
        return True

    def put_contact(self, contact: Contact) -> bool:
        """Add a contact to its site's phone book, or replace the one of its name."""
        if self._store.site(contact.site) is None:
            raise NotHere(f"there is no site {contact.site!r}; add it with `provisioner site add {contact.site}`")
        before = next((one for one in self._store.contacts(contact.site) if one.name == contact.name), None)
        if before == contact:
            return False
        self._upsert("contacts", {"site": contact.site, "name": contact.name, "numbers": json.dumps(contact.numbers)}, ("site", "name"))
        self._history("contact", f"{contact.site}/{contact.name}", before, contact)
        self._revise_where("site = ?", contact.site)
        return True

    def put_contacts(self, site: str, contacts: Iterable[Contact], alone: bool = False) -> tuple[int, int, int]:
        """Put many contacts into a site's phone book at once, in place of those of the same names; `alone`: take out all others.

        Returns how many were added, replaced and taken out. History has the difference as one change.
        """
        if self._store.site(site) is None:
            raise NotHere(f"there is no site {site!r}; add it with `provisioner site add {site}`")
        old, new = {contact.name: contact for contact in self._store.contacts(site)}, {contact.name: contact for contact in contacts}
        gone = [contact for name, contact in old.items() if alone and name not in new]
        put = [contact for name, contact in new.items() if old.get(name) != contact]
        for contact in gone:
            self._db.execute("DELETE FROM contacts WHERE site = ? AND name = ?", (site, contact.name))
        for contact in put:
            self._upsert("contacts", {"site": site, "name": contact.name, "numbers": json.dumps(contact.numbers)}, ("site", "name"))
        replaced = [old[contact.name] for contact in put if contact.name in old]
        if put or gone:
            before, after = ({"contacts": [(one.name, one.numbers) for one in some]} for some in ([*replaced, *gone], put))
            self._history("contacts", site, before, after)
            self._revise_where("site = ?", site)
        return len(put) - len(replaced), len(replaced), len(gone)

    def remove_contact(self, site: str, name: str) -> bool:
        """Take a contact out of its site's phone book."""
        before = next((one for one in self._store.contacts(site) if one.name == name), None)
        if before is None:
            return False
        self._db.execute("DELETE FROM contacts WHERE site = ? AND name = ?", (site, name))
        self._history("contact", f"{site}/{name}", before, None)
        self._revise_where("site = ?", site)
        return True

    def put_book(self, book: Book) -> bool:
        """Keep the contacts of an account in place of those that were fetched before; True where they are others. History has the difference."""
        if self._store.account(book.sip_address) is None:
            raise NotHere(f"there is no account {book.sip_address}; add it with `provisioner account add {book.sip_address}`")
        before = self._store.book(book.sip_address)
        old, new = ({contact.name: contact.numbers for contact in one.contacts} if one else {} for one in (before, book))
        at = self._now().isoformat(timespec="seconds")
        contacts = json.dumps([(contact.name, contact.numbers) for contact in book.contacts])
        self._upsert("account_books", {"sip_address": book.sip_address, "contacts": contacts, "etag": book.etag, "at": at}, ("sip_address",))
        if old == new:
            return False
        gone, added = ({"contacts": [row for row in one.items() if row not in other.items()]} for one, other in ((old, new), (new, old)))
        self._history("account book", book.sip_address, gone, added)
        self._revise_where("mac IN (SELECT mac FROM lines WHERE sip_address = ?)", book.sip_address)
        return True

    # Keys

    def put_key(self, key: Key) -> bool:
        """Set a key of a device or group; one of type `none` is recorded as cleared (F5)."""
        self._known_scope(key.scope)
        before = next((one for one in self._store.keys_of(key.scope) if (one.module, one.position) == (key.module, key.position)), None)
        if before == key:
            return False
        row = {name: getattr(key, name) for name in ("scope", "module", "position", "type", "value", "label", "line")}
        self._upsert("keys", row, ("scope", "module", "position"))
        self._keys_joined(*self._touched_by(key.scope), key.scope)
        self._history("key", f"{key.scope} {key.module}/{key.position}", before, key)
        self._revise_scope(key.scope)
        return True

    def clear_key(self, scope: str, position: int, module: int = 0) -> bool:
        """Clear a key that was set here: the phone's key is emptied and stays so."""
        return self.put_key(Key(scope, position, "none", module=module))

    def forget_key(self, scope: str, position: int, module: int = 0) -> bool:
        """Say nothing of a key any more: what its user puts there stays."""
        before = next((one for one in self._store.keys_of(scope) if (one.module, one.position) == (module, position)), None)
        if before is None:
            return False
        self._db.execute("DELETE FROM keys WHERE scope = ? AND module = ? AND position = ?", (scope, module, position))
        self._history("key", f"{scope} {module}/{position}", before, None)
        self._revise_scope(scope)
        return True

    # Layers

    def say(self, scope: str, values: Mapping[str, Any]) -> bool:
        """Say settings in a scope; each value is read by its kind once more, so that none is kept which a boot cannot read."""
        scope = self._known_scope(scope)
        before = self._store.layer(scope)
        read = {name: vocabulary.setting(name).read(value) for name, value in values.items()}
        for name in read:
            if scope.startswith(("account:", "line:")) and vocabulary.setting(name).per != "line":
                raise BadValue(f"{name} is one for the whole phone, which {scope} cannot say; say it for a device, group, site, model or family, or in defaults")
        news = {name: value for name, value in read.items() if name not in before or before[name] != value}
        for name, value in news.items():
            text = json.dumps(value)
            if vocabulary.setting(name).secret:
                text = self._seal.seal(text, f"settings:{scope}/{name}:value")
            self._upsert("settings", {"scope": scope, "name": name, "value": text}, ("scope", "name"))
        if news:
            self._history("setting", scope, {name: before.get(name) for name in news}, news)
            self._revise_scope(scope, said_again=news)
        return bool(news)

    def unsay(self, scope: str, names: Iterable[str]) -> bool:
        """Take settings back; a phone that had them is told to forget them (F5). A name that no release knows any more goes too."""
        scope = _canonical(scope)
        known = {row["name"] for row in self._db.execute("SELECT name FROM settings WHERE scope = ?", (scope,))}
        before = self._store.layer(scope)
        gone = [name for name in dict.fromkeys(names) if name in known]
        for name in gone:
            self._db.execute("DELETE FROM settings WHERE scope = ? AND name = ?", (scope, name))
        if gone:
            self._history("setting", scope, {name: before.get(name) for name in gone}, None)
            self._revise_scope(scope, taken_back=[name for name in gone if vocabulary.find(name)])
        return bool(gone)

    def put_meta(self, name: str, value: str) -> None:
        """Keep a note of the server's own."""
        self._upsert("meta", {"name": name, "value": value}, ("name",))

    def _forget_scope(self, scope: str) -> None:
        self.unsay(scope, [row["name"] for row in self._db.execute("SELECT name FROM settings WHERE scope = ?", (scope,)).fetchall()])
        for key in self._store.keys_of(scope):
            self.forget_key(scope, key.position, key.module)

    def _known_scope(self, scope: str) -> str:
        """Return a scope as it is kept; raises NotHere where it speaks of something that has not been added."""
        scope = _canonical(scope)
        kind, _, name = scope.partition(":")
        first, _, second = name.partition("/")
        if kind == "device":
            self._known_device(name)
        elif kind == "line":
            self._known_device(first)
            if int(second) not in [line.n for line in self._store.lines_of(first)]:
                raise NotHere(f"phone {pretty(first)} has no account on line {second}; `provisioner assign {first} ACCOUNT --line {second}` first")
        elif kind == "account" and self._store.account(name) is None:
            raise NotHere(f"there is no account {name}; add it with `provisioner account add {name}`")
        elif kind == "site" and self._store.site(name) is None:
            raise NotHere(f"there is no site {name!r}; add it with `provisioner site add {name}`")
        elif kind == "group" and Group(first, second) not in self._store.groups(first):
            raise NotHere(f"there is no group {name!r}; add it with `provisioner group add {name}`")
        return scope

    # Revisions and history

    @staticmethod
    def _touched_by(scope: str) -> tuple[str, tuple[str, ...]]:
        """Return the SQL condition, and its values, of the devices that a scope speaks for."""
        kind, _, name = scope.partition(":")
        if kind == "defaults":
            return "true", ()
        if kind == "model":
            return "family = ? AND model = ?", tuple(name.split("/", 1))
        if kind == "group":
            return "site = ? AND grp = ?", tuple(name.split("/", 1))
        if kind == "account":
            return "mac IN (SELECT mac FROM lines WHERE sip_address = ?)", (name,)
        if kind == "line":
            return "mac = ?", (name.partition("/")[0],)
        return f"{ {'family': 'family', 'site': 'site', 'device': 'mac'}[kind] } = ?", (name,)

    def _revise_scope(self, scope: str, said_again: Iterable[str] = (), taken_back: Iterable[str] = ()) -> None:
        """Raise the revision of the devices of a scope, and keep their record of settings taken back."""
        condition, values = self._touched_by(scope)
        said, back = set(said_again), set(taken_back)
        if back:
            self._recleared(condition, values, lambda cleared: cleared | back)
        if said:
            self._recleared(f"cleared != '[]' AND {condition}", values, lambda cleared: cleared - said)
        self._revise_where(condition, *values)

    def _recleared(self, condition: str, values: tuple[str, ...], change: Callable[[set[str]], set[str]]) -> None:
        """Change the devices' `cleared` names, with one statement for each distinct record."""
        for row in self._db.execute(f"SELECT DISTINCT cleared FROM devices WHERE {condition}", values).fetchall():
            after = json.dumps(sorted(change(set(json.loads(row["cleared"])))))
            if after != row["cleared"]:
                self._db.execute(f"UPDATE devices SET cleared = ? WHERE cleared = ? AND {condition}", (after, row["cleared"], *values))

    def _revise_where(self, condition: str, *values: str) -> None:
        revise(self._db, self._now().isoformat(timespec="seconds"), condition, *values)

    def note(self, noun: str, name: str, before: Any, after: Any) -> int:
        """Add a row of history for what others keep in this transaction, `connection`; return its number."""
        return self._history(noun, name, before, after)

    def _history(self, noun: str, name: str, before: object, after: object) -> int:
        if self._judge:
            self._judge(noun, name, before, after)
        last = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'changes'").fetchone()
        number = int(last["seq"] if last else 0) + 1
        self._batch = self._batch or number
        was, shall = _facts(before), _facts(after)
        others = {name for name in shall or {} if was and was.get(name) and was[name] != (shall or {})[name]}
        texts = (
            json.dumps(self._sealed(facts, f"changes:{number}:{column}", others if column == "after" else set()), default=str)
            for column, facts in (("before", was), ("after", shall))
        )
        self._db.execute(
            "INSERT INTO changes (id, at, who, door, noun, name, before, after, batch) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (number, self._now().isoformat(timespec="seconds"), self._who, self._door, noun, name, *texts, self._batch),
        )
        return number

    def _sealed(self, facts: dict[str, Any] | None, place: str, others: set[str]) -> dict[str, Any] | None:
        """Return facts with their secrets sealed; those of `others` are marked as another one than before, which the seal would not show."""
        if facts is None:
            return None
        return {
            name: {"sealed": self._seal.seal(json.dumps(value), f"{place}.{name}"), **({"another": True} if name in others else {})} if value and _secret(name) else value
            for name, value in facts.items()
        }

    def _upsert(self, table: str, row: Mapping[str, Any], key: tuple[str, ...]) -> None:
        names = ", ".join(row)
        rest = ", ".join(f"{name} = excluded.{name}" for name in row if name not in key)
        marks = ", ".join("?" * len(row))
        self._db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks}) ON CONFLICT ({', '.join(key)}) DO UPDATE SET {rest}", tuple(row.values()))


def _facts(thing: Any) -> dict[str, Any] | None:
    if thing is None:
        return None
    return dict(thing) if isinstance(thing, Mapping) else {name: value for name, value in asdict(thing).items() if name not in _OWN or name == "generation"}


def _secret(name: str) -> bool:
    setting = vocabulary.find(name)
    return name in ("password", "factory_password") or bool(setting and setting.secret)


def revise(connection: sqlite3.Connection, at: str, condition: str, *values: str) -> None:
    """Raise the revision of devices; its time never goes backwards, not even by a clock (F12).

    at: UTC, ISO 8601. Its year is the one for which DST dates are written, where a phone takes only dates (F8).
    """
    number = connection.execute("SELECT coalesce(max(id), 0) FROM changes").fetchone()[0]
    connection.execute(
        f"UPDATE devices SET revision = max(revision + 1, ?), revised_at = max(revised_at, ?), dated_year = max(dated_year, ?) WHERE {condition}", (number, at, int(at[:4]), *values)
    )


def _seen_by_phones(before: Device | Account, after: Device | Account) -> bool:
    """Return True where two values differ in what a phone's files could hold; a blocked phone gets none."""
    names = [field.name for field in fields(before) if field.name not in (*_UNSEEN, "state")]
    retires = isinstance(before, Device) and isinstance(after, Device) and before.state != after.state and "retiring" in (before.state, after.state)
    return retires or any(getattr(before, name) != getattr(after, name) for name in names)


def _above(device: Device) -> list[str]:
    """Return the layers that a device shares with others, its group the last."""
    group = Group(device.site, device.group).scope if device.group else ""
    return [f"family:{device.family}", f"model:{device.family}/{device.model}", f"site:{device.site}", group]


def _canonical(scope: str) -> str:
    """Return a scope in the one spelling that is kept; raises BadInput."""
    kind, _, name = scope.partition(":")
    first, slash, second = name.partition("/")
    if kind == "device":
        return f"device:{parse(name)}"
    if kind == "line" and second.isascii() and second.isdigit():
        return f"line:{parse(first)}/{int(second)}"
    if kind == "account":
        try:
            return f"account:{sip_address(name)}"
        except ValueError as why:
            raise BadValue(f"{scope!r}: {why}") from None
    if scope == "defaults" or (kind in ("family", "site") and name and not slash) or (kind in ("model", "group") and first and second):
        return scope
    raise BadInput(f"{scope!r} is no scope; there are defaults, family:F, model:F/M, site:S, group:S/G, device:MAC, account:ADDRESS, line:MAC/N")
