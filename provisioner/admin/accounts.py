"""Accounts: the facts of a provider's e-mail (D1)."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from itertools import islice
from typing import Any

from provisioner import tokens
from provisioner.admin import SAME, Admin, Done, did, scopes, words
from provisioner.admin.providers import Completed, completed
from provisioner.errors import BadValue, Conflict
from provisioner.things import Account, Check, Line

_PASSWORD = 20  # characters of a generated password, 100 bits


def add(admin: Admin, sip_address: str | None, facts: Mapping[str, Any]) -> Done:
    """Add an account; one that is there already with the same facts changes nothing.

    sip_address: None where the username and the provider, or the domain, say it.
    facts: fields of Account that were said; what its provider is known to have fills the others. Raises BadValue, Conflict.
    """
    return add_all(admin, [(sip_address, facts)])


def add_all(admin: Admin, many: Iterable[tuple[str | None, Mapping[str, Any]]]) -> Done:
    """Add accounts, each an address and its facts: all of them, or none where one cannot be; as `add` does it."""
    new = [(account, notes) for sip_address, facts in many for account, notes in [_new(admin, sip_address, facts)] if account]
    if not new:
        return Done(SAME, changed=False)
    changed, _ = admin.change(lambda tx: sum(tx.put_account(account) for account, _ in new) > 0)
    return did(changed, f"added {', '.join(account.sip_address for account, _ in new)}", [note for account, notes in new for note in (*notes, *notes_of(account))])


def _new(admin: Admin, sip_address: str | None, facts: Mapping[str, Any]) -> tuple[Account | None, tuple[str, ...]]:
    """Return the account and what to note of it, or None where it is there already with these facts."""
    whole = completed(admin.providers, sip_address, facts)
    account = Account(whole.sip_address, **whole.facts)
    here = admin.store.account(account.sip_address)
    if here and replace(here, **{name: getattr(account, name) for name in facts}) == here:
        return None, ()
    if here:
        raise Conflict(f"{account.sip_address} is there already with other facts; `provisioner account change {account.sip_address}` changes them")
    if whole.refusals:
        raise BadValue(f"{account.sip_address} was not added: {'; '.join(whole.refusals)}")
    return account, whole.notes


def planned(admin: Admin, sip_address: str | None, facts: Mapping[str, Any]) -> Completed:
    """Return an account as `add` would add it, with what speaks against that; nothing is written. Raises BadValue where no address can be made."""
    return completed(admin.providers, sip_address, facts)


def username_rule(admin: Admin, provider: str) -> str:
    """Return in words how usernames at a provider look; raises UnknownName."""
    rule = admin.providers.provider(provider).username
    return rule.words if rule else "as its mail says it"


def password_for(admin: Admin, sip_address: str) -> str | None:
    """Return a new password for an account, or None where it is there and has one: who asks a second time keeps the first.

    100 bits in lower-case letters and digits, none of which looks like another: every make of phones and whoever reads it aloud can have it (F17).
    """
    here = admin.store.account(sip_address)
    return None if here and here.password else new_password()


def new_password() -> str:
    """Return a password as `password_for` makes them, with letters and digits in it, as some registrars want."""
    while True:
        made = "".join(secrets.choice(tokens.ALPHABET.replace("i", "")) for _ in range(_PASSWORD))
        if not made.isalpha() and not made.isdigit():
            return made


def change(admin: Admin, sip_address: str, facts: Mapping[str, Any]) -> Done:
    """Change the facts that were said; an empty one goes back to its default. Phones that have the account are tried first."""
    before = one(admin, sip_address)
    if known := admin.providers.find(str(facts.get("provider", ""))):
        facts = {**facts, "provider": known.slug}
    account = changed_by(before, facts)
    what = ", ".join(name.replace("_", " ") for name in facts if getattr(account, name) != getattr(before, name))
    touched = scopes.phones(admin, scopes.Scope("account", account.sip_address))
    changed, notes = admin.change(lambda tx: tx.put_account(account), touched)
    reach = f"; {words.count(len(touched), 'phone')} will get it" if touched else ""
    return did(changed, f"changed {what} of {account.sip_address}{reach}", (*notes, *(notes_of(account) if changed else ())))


def changed_by(before: Account, facts: Mapping[str, Any]) -> Account:
    """Return the account with the facts that were said; the auth username follows the username, where nobody said it otherwise."""
    known = {field.name: getattr(before, field.name) for field in fields(Account)}
    if "username" in facts and "auth_username" not in facts and before.auth_username == before.username:
        known["auth_username"] = ""
    return Account(**{**known, **facts})


def notes_of(account: Account) -> tuple[str, ...]:
    """Return what to look at in an account that was written."""
    notes = []
    if not account.password:
        notes.append(f"{account.sip_address} has no password yet; `provisioner account change {account.sip_address} --password-stdin` gives it one")
    host = account.email.rpartition("@")[2]
    if host and "." not in host:
        notes.append(f"the e-mail address's host {host!r} is unusual; it is kept as it is")
    return tuple(notes)


def remove(admin: Admin, sip_address: str) -> Done:
    """Remove an account that no phone has."""
    address = one(admin, sip_address).sip_address
    changed, _ = admin.change(lambda tx: tx.remove_account(address))
    return did(changed, f"removed {address}")


def one(admin: Admin, sip_address: str) -> Account:
    """Return the account; raises NotHere with the nearest one."""
    return scopes.known_account(admin, sip_address)


def shown(admin: Admin, account: Account) -> dict[str, Any]:
    """Return the facts of an account for people and machines, its password masked, with the lines that have it and what its servers said last."""
    address = account.sip_address
    return _shown(account, admin.store.lines_with(address), admin.store.layer(f"account:{address}"), admin.store.check_of(address), admin.store.fetch_of(address))


def _shown(account: Account, lines: Iterable[Line], said: dict[str, Any], check: Check | None, fetch: Check | None) -> dict[str, Any]:
    return {
        **words.facts(account),
        "lines": [{"mac": line.mac, "line": line.n} for line in lines],
        "settings": words.layer(said),
        "check": words.facts(check) if check else None,
        "contacts": {"verdict": fetch.verdict, "sentence": fetch.sentence, "at": fetch.at} if fetch else None,
    }


def some(admin: Admin, search: str = "", most: int = 50, after: str = "") -> list[dict[str, Any]]:
    """Return the first accounts behind an address as `shown` does. search: part of the address, a name, the e-mail address or the provider."""
    found = islice(admin.store.addresses(search, after), most)
    return [shown(admin, account) for address in found if (account := admin.store.account(address))]


def listed(admin: Admin) -> list[dict[str, Any]]:
    """Return every account as `shown` does; a few questions to the store, however many accounts there are."""
    many = admin.store.accounts()
    if admin.rights.sites:
        return [shown(admin, account) for account in many]
    on: dict[str, list[Line]] = defaultdict(list)
    for line in admin.store.account_lines():
        on[line.sip_address].append(line)
    said = {scope.partition(":")[2]: admin.store.layer(scope) for scope in admin.store.scopes() if scope.startswith("account:")}
    checks, fetches = admin.store.checks(), admin.store.fetches()
    return [_shown(one, on[one.sip_address], said.get(one.sip_address, {}), checks.get(one.sip_address), fetches.get(one.sip_address)) for one in many]
