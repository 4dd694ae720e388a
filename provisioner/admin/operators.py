"""Operators: who may sign in, in which role, for which sites. There is no default password: each sets his own by a one-time link."""

from __future__ import annotations

import secrets
import threading
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from provisioner.admin import Admin, Done, did, scopes
from provisioner.errors import BadValue, Conflict, NotHere, SlowDown, nearest
from provisioner.language import Language
from provisioner.people import Link, Operator
from provisioner.rights import LOOK, RULE

LINK_HOURS = 24
SHORTEST, LONGEST = 10, 512  # characters of a password
_HASHER = PasswordHasher()  # argon2id, as RFC 9106 has it for little memory: 64 MiB, three passes
_AT_ONCE = threading.BoundedSemaphore(2)  # hashings, of 64 MiB each


def add(admin: Admin, name: str, role: str = "reader", sites: Iterable[str] = (), language: str = "en", timezone: str = "UTC") -> tuple[Done, str]:
    """Add an operator; return what was done, and the secret of the one-time link with which he sets his password."""
    operator = Operator(name, role, tuple(dict.fromkeys(scopes.site(admin, site) for site in sites)), Language(language).tag, timezone)
    if admin.people.operator(name):
        raise Conflict(f"there is an operator {name} already; `provisioner operator change {name}` changes his role, sites, language or zone")
    secret = secrets.token_urlsafe(24)
    with admin.writing() as tx:
        admin.people.put_operator(tx, operator)
        admin.people.put_link(tx, secret, Link(name, _in(admin, LINK_HOURS)))
    return Done(f"added operator {name}, {_what(operator)}"), secret


def change(admin: Admin, name: str, facts: Mapping[str, Any]) -> Done:
    """Change the role, sites, language or timezone of an operator, as far as they were said. With less to see his sessions end."""
    before = one(admin, name)
    known = dict(facts)
    if "sites" in known:
        known["sites"] = tuple(dict.fromkeys(scopes.site(admin, site) for site in known["sites"]))
    if "language" in known:
        known["language"] = Language(known["language"]).tag
    after = replace(before, **known)
    _keep_an_owner(admin, before, after)
    with admin.writing() as tx:
        changed = admin.people.put_operator(tx, after)
        if (before.role, before.sites) != (after.role, after.sites):
            admin.people.end_sessions(tx, name)
    return did(changed, f"changed operator {name}: {_what(after)}")


def remove(admin: Admin, name: str) -> Done:
    """Remove an operator, with his sessions and API keys."""
    before = one(admin, name)
    _keep_an_owner(admin, before, None)
    with admin.writing() as tx:
        admin.people.end_sessions(tx, name)
        for key in admin.people.keys(name):
            admin.people.remove_key(tx, key.prefix)
        admin.people.remove_operator(tx, name)
    return Done(f"removed operator {name}, and what could act in his name")


def _keep_an_owner(admin: Admin, before: Operator, after: Operator | None) -> None:
    """Raise Conflict where nobody would be left who can sign in and may do everything."""
    others = [one for one in admin.people.operators() if one.role == "owner" and one.password and one.name != before.name]
    if before.role == "owner" and (after is None or after.role != "owner") and not others:
        raise Conflict(f"{before.name} is the last owner who can sign in; make another one first")


def link(admin: Admin, name: str) -> tuple[Done, str]:
    """Return the secret of a new one-time link, with which an operator sets another password; what he has stays good until then."""
    operator = one(admin, name)
    secret = secrets.token_urlsafe(24)
    with admin.writing() as tx:
        admin.people.put_link(tx, secret, Link(operator.name, _in(admin, LINK_HOURS)))
    return Done(f"a new link for {name}, good once and for {LINK_HOURS} hours"), secret


def first_link(admin: Admin) -> str:
    """Return the secret of the link that makes the first owner, in place of one that was made before; empty where somebody can sign in."""
    if admin.people.any():
        return ""
    secret = secrets.token_urlsafe(24)
    with admin.writing() as tx:
        admin.people.put_link(tx, secret, Link("", _in(admin, LINK_HOURS)))
    return secret


def linked(admin: Admin, secret: str) -> Link:
    """Return whose password a link sets; raises NotHere where it was used, replaced, or is too old."""
    found = admin.people.link(secret) if secret else None
    if found is None or (not found.operator and admin.people.any()):
        raise NotHere("this link was used, replaced by a newer one, or is older than a day; an owner makes another one, or `provisioner operator link NAME` on the server")
    return found


def settle(admin: Admin, secret: str, name: str, password: str, language: str = "", timezone: str = "") -> Operator:
    """Use a link up: make the first owner of this name, or give the link's operator this password. All his sessions end.

    Raises NotHere where the link is no more, BadValue.
    """
    found = linked(admin, secret)
    known = admin.people.operator(found.operator) if found.operator else Operator(name.strip(), "owner")
    if known is None or (not found.operator and admin.people.operator(known.name)):
        raise NotHere("this link's operator is not there any more; an owner adds him again")
    facts: dict[str, Any] = {**({"language": Language(language).tag} if language else {}), **({"timezone": timezone} if timezone else {})}
    after = replace(known, password=_hash(password, known.name), **facts)
    with admin.writing() as tx:
        if not admin.people.take_link(tx, secret):
            raise NotHere("this link was used a moment ago")
        admin.people.end_sessions(tx, after.name)
        admin.people.put_operator(tx, after)
    return after


def set_password(admin: Admin, name: str, old: str, new: str, address: str = "") -> Done:
    """Give an operator who knows his password another one; all his sessions end.

    address: whence he asks. Raises SlowDown after wrong ones, as signing in does: a browser left alone is no place to guess.
    """
    operator = one(admin, name)
    wait = admin.patience.wait(address, name)
    if wait:
        raise SlowDown(wait)
    if not fits(operator, old):
        admin.patience.wrong(address, name)
        raise BadValue("the password until now is another one")
    admin.patience.right(address, name)
    after = replace(operator, password=_hash(new, name))
    with admin.writing() as tx:
        admin.people.end_sessions(tx, name)
        admin.people.put_operator(tx, after)
    return Done("your password is another one, and every other session of yours has ended")


def prefer(admin: Admin, language: str, timezone: str) -> Done:
    """Change one's own language and time zone."""
    before = one(admin, admin.rights.operator)
    after = replace(before, language=Language(language).tag, timezone=timezone)
    with admin.writing() as tx:
        changed = admin.people.put_operator(tx, after)
    return did(changed, "your language and time zone are kept")


def one(admin: Admin, name: str) -> Operator:
    """Return an operator whom one may see: oneself, and all where one rules; raises NotHere with the nearest one."""
    if name != admin.rights.operator:
        admin.rights.need(RULE, None)
    found = admin.people.operator(name)
    if found is None:
        raise NotHere(f"there is no operator {name!r}{nearest(name, [each.name for each in admin.people.operators()])}; add him with `provisioner operator add {name}`")
    return found


def listed(admin: Admin) -> list[dict[str, Any]]:
    """Return all operators; only oneself where one does not rule."""
    admin.rights.need(LOOK)
    everybody = admin.rights.may(RULE, None)
    return [shown(admin, operator) for operator in admin.people.operators() if everybody or operator.name == admin.rights.operator]


def shown(admin: Admin, operator: Operator) -> dict[str, Any]:
    """Return what is known of an operator; of his password only whether he has set one."""
    sessions = admin.people.sessions(operator.name)
    return {
        "operator": operator.name, "role": operator.role, "sites": list(operator.sites), "language": operator.language, "timezone": operator.timezone,
        "can_sign_in": bool(operator.password), "sessions": len(sessions), "last_seen_at": sessions[0].seen_at if sessions else None, "made_at": operator.made_at,
    }  # fmt: skip


def fits(operator: Operator | None, password: str) -> bool:
    """Return True where it is his password; it takes as long where there is no such operator."""
    kept = operator.password if operator else ""
    with _AT_ONCE:
        try:
            right = _HASHER.verify(kept or _nobodys(), _plain(password)[:LONGEST])
        except (VerificationError, InvalidHashError):
            return False
    return right and bool(kept)


@lru_cache(maxsize=1)
def _nobodys() -> str:
    """Return the hash of a password that nobody has."""
    return _HASHER.hash(secrets.token_hex(16))


def _hash(password: str, name: str) -> str:
    text = _plain(password)
    if not SHORTEST <= len(text) <= LONGEST:
        raise BadValue(f"password: use {SHORTEST} to {LONGEST} characters; a sentence that only you would say is best")
    if len(set(text)) < 4 or name.casefold() in text.casefold():
        raise BadValue("password: it is guessed at once (a name, or a few characters again and again); use a sentence that only you would say")
    with _AT_ONCE:
        return _HASHER.hash(text)


def _plain(password: str) -> str:
    """Return a password in the one form of its characters, whichever keyboard wrote them (RFC 8265)."""
    return unicodedata.normalize("NFC", password)


def _what(operator: Operator) -> str:
    return operator.role + (f" of {', '.join(operator.sites)}" if operator.sites else " of all sites")


def _in(admin: Admin, hours: int) -> str:
    return (admin.whole.now() + timedelta(hours=hours)).isoformat(timespec="seconds")
