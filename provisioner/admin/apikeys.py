"""API keys: what programs show. Each acts for an operator, with his rights or less; it is shown once, and kept as a hash."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from provisioner.admin import Admin, Done, scopes
from provisioner.admin.operators import one
from provisioner.errors import BadValue, NotHere, StoreTrouble, UnknownName, nearest
from provisioner.people import ROLES, ApiKey, hashed
from provisioner.rights import RULE, Rights

DAYS = (1, 3650)
_TOUCH = timedelta(minutes=1)


def add(admin: Admin, label: str, operator: str = "", role: str = "", sites: Iterable[str] = (), days: int = 365) -> tuple[Done, str]:
    """Add a key that acts for an operator; return what was done, and the key, which nobody sees again.

    operator: whose; empty is one's own, or the only one there is. role: his own where none is said, never a higher one, nor more than who adds it may.
    """
    owner = one(admin, operator or admin.rights.operator or _only(admin))
    wanted = role or owner.role
    if wanted not in ROLES:
        raise UnknownName(f"there is no role {wanted!r}{nearest(wanted, ROLES)}; there are {', '.join(ROLES)}")
    wanted = max(wanted, admin.rights.role, key=ROLES.index)  # who shows a key of less makes none of more
    if not DAYS[0] <= days <= DAYS[1]:
        raise BadValue(f"days: a key is good for {DAYS[0]} to {DAYS[1]} days")
    if not label.strip() or len(label) > 80:
        raise BadValue("label: say in 1 to 80 characters which program has the key")
    prefix = f"pk_{secrets.token_hex(4)}"
    secret = f"{prefix}_{secrets.token_urlsafe(32)}"
    now = admin.whole.now()
    key = ApiKey(
        prefix, hashed(secret), owner.name, label.strip(), wanted, tuple(dict.fromkeys(scopes.site(admin, site) for site in tuple(sites) or admin.rights.sites)),
        now.isoformat(timespec="seconds"), (now + timedelta(days=days)).isoformat(timespec="seconds"),
    )  # fmt: skip
    with admin.writing() as tx:
        admin.people.put_key(tx, key)
    return Done(f"added key {prefix} ({key.label}) of {owner.name}, {wanted}, good until {key.expires_at[:10]}"), secret


def _only(admin: Admin) -> str:
    names = [operator.name for operator in admin.people.operators()]
    if len(names) != 1:
        raise BadValue(f"say for whom the key acts: {', '.join(names) or 'there is no operator yet; `provisioner operator add NAME`'}")
    return names[0]


def remove(admin: Admin, prefix: str) -> Done:
    """Remove a key: from now on it opens nothing."""
    key = _key(admin, prefix)
    with admin.writing() as tx:
        admin.people.remove_key(tx, key.prefix)
    return Done(f"removed key {prefix} ({key.label}) of {key.operator}")


def _key(admin: Admin, prefix: str) -> ApiKey:
    key = admin.people.key(prefix)
    if key is None or not (key.operator == admin.rights.operator or admin.rights.may(RULE, None)):
        raise NotHere(f"there is no key {prefix!r}; `provisioner apikey list` names them")
    return key


def listed(admin: Admin) -> list[dict[str, Any]]:
    """Return all keys where one rules, else one's own; never what is in them."""
    whose = "" if admin.rights.may(RULE, None) else admin.rights.operator
    now = admin.whole.now().isoformat(timespec="seconds")
    return [
        {
            "key": key.prefix, "label": key.label, "operator": key.operator, "role": key.role, "sites": list(key.sites), "made_at": key.made_at,
            "expires_at": key.expires_at, "expired": key.expires_at <= now, "last_used_at": key.used_at or None,
        }
        for key in admin.people.keys(whose)
    ]  # fmt: skip


def opened(admin: Admin, secret: str) -> tuple[str, Rights] | None:
    """Return in whose name a program acts that shows this key, and what it may do; None where the key does not count."""
    prefix = "_".join(secret.split("_", 2)[:2])
    key = admin.people.key(prefix)
    if not hmac.compare_digest(hashed(secret), key.hash if key else hashed("")) or key is None:
        return None
    now = admin.whole.now()
    operator = admin.people.operator(key.operator)
    if operator is None or key.expires_at <= now.isoformat(timespec="seconds"):
        return None
    if key.used_at < (now - _TOUCH).isoformat(timespec="seconds"):
        with suppress(StoreTrouble):  # as with sessions
            admin.people.key_used(key)
    rights = Rights(operator.role, operator.sites, operator.name).within(key.role, key.sites)
    return f"{operator.name} by {prefix}", rights
