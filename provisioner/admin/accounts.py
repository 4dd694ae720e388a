"""Accounts: the facts of a provider's e-mail (D1)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from provisioner.admin import SAME, Admin, Done, did, scopes, words
from provisioner.errors import Conflict, NotHere
from provisioner.things import Account


def add(admin: Admin, sip_address: str, facts: Mapping[str, Any]) -> Done:
    """Add an account; one that is there already with the same facts changes nothing.

    facts: fields of Account that were said. Raises BadValue, Conflict.
    """
    return add_all(admin, [(sip_address, facts)])


def add_all(admin: Admin, many: Iterable[tuple[str, Mapping[str, Any]]]) -> Done:
    """Add accounts, each an address and its facts: all of them, or none where one cannot be; as `add` does it."""
    new = [account for sip_address, facts in many if (account := _new(admin, sip_address, facts))]
    if not new:
        return Done(SAME, changed=False)
    changed, _ = admin.change(lambda tx: sum(tx.put_account(account) for account in new) > 0)
    return did(changed, f"added {', '.join(account.sip_address for account in new)}", [note for account in new for note in notes_of(account)])


def _new(admin: Admin, sip_address: str, facts: Mapping[str, Any]) -> Account | None:
    """Return the account, or None where it is there already with these facts."""
    account = Account(sip_address, **facts)
    here = admin.store.account(account.sip_address)
    if here and replace(here, **{name: getattr(account, name) for name in facts}) == here:
        return None
    if here:
        raise Conflict(f"{account.sip_address} is there already with other facts; `provisioner account change {account.sip_address}` changes them")
    return account


def change(admin: Admin, sip_address: str, facts: Mapping[str, Any]) -> Done:
    """Change the facts that were said; an empty one goes back to its default. Phones that have the account are tried first."""
    before = one(admin, sip_address)
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
    address = scopes.account(admin, sip_address)
    account = admin.store.account(address)
    if account is None:
        raise NotHere(f"there is no account {address}")
    return account


def shown(admin: Admin, account: Account) -> dict[str, Any]:
    """Return the facts of an account for people and machines, its password masked, with the lines that have it."""
    return {
        **words.facts(account),
        "lines": [{"mac": line.mac, "line": line.n} for line in admin.store.lines_with(account.sip_address)],
        "settings": words.layer(admin.store.layer(f"account:{account.sip_address}")),
        "check": words.facts(found) if (found := admin.store.check_of(account.sip_address)) else None,
    }
