"""Settings: what operators say in a scope, by the names of the vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from provisioner import coverage, vocabulary
from provisioner.admin import Admin, Done, Phones, did, kinds, scopes, words
from provisioner.admin.scopes import Scope
from provisioner.errors import BadValue
from provisioner.vocabulary import Setting


def say(admin: Admin, scope: str, pairs: Mapping[str, str]) -> Done:
    """Say settings in a scope. pairs: name = value as people write it; an empty text, host, URL, list or secret switches off.

    Raises UnknownName, BadValue with the cure, NotHere; nothing is written then.
    """
    where = scopes.read(admin, scope)
    values = {name: _row(where, name).read(text) for name, text in pairs.items()}
    touched = scopes.phones(admin, where)
    changed, notes = admin.change(lambda tx: tx.say(str(where), values), touched)
    what = ", ".join(f"{name} = {words.text(words.said(name, value))}" for name, value in values.items())
    return did(changed, f"set {what} for {where}{_reach(where, touched)}", (*notes, *(_notes(admin, touched, values) if changed else ())))


def unsay(admin: Admin, scope: str, names: Iterable[str]) -> Done:
    """Take settings back; a phone that had them is told to forget them."""
    where = scopes.read(admin, scope)
    wanted = list(dict.fromkeys(names))
    known = admin.store.layer(str(where))
    touched = scopes.phones(admin, where)
    changed, notes = admin.change(lambda tx: tx.unsay(str(where), wanted), touched)
    if not changed:
        for name in wanted:  # one that nobody ever knew is a slip of the keyboard
            vocabulary.setting(name)
    gone = [name for name in wanted if name in known or name not in vocabulary.BY_NAME]
    return did(changed, f"took back {', '.join(gone)} of {where}{_reach(where, touched)}", notes)


def _row(scope: Scope, name: str) -> Setting:
    row = vocabulary.setting(name)
    if scope.per_line and row.per != "line":
        raise BadValue(f"{name} is a setting of the whole phone, so {scope.kind} cannot say it; say it for device:MAC, a group, a site or defaults")
    return row


def _reach(scope: Scope, touched: Phones) -> str:
    return "" if scope.kind in ("device", "line") else f"; {words.count(len(touched), 'phone')} will get it"


def _notes(admin: Admin, touched: Phones, values: Mapping[str, Any]) -> Iterable[str]:
    """Return which settings can cut phones off, which of the phones have no parameter for them, and how many restart to take them (F23)."""
    for name in values:
        if vocabulary.BY_NAME[name].may_strand and touched:
            yield f"a wrong {name} cuts a phone off from this server; try it on one phone before {words.count(len(touched), 'phone')} get it"
        restarting = 0
        lacking: dict[str, int] = {}
        silent: dict[tuple[str, str], str] = {}
        for (slug, word, firmware), count in kinds(touched).items():
            family = admin.catalog.families.get(slug)
            model = family.model(word) if family else None
            if family is None or model is None:
                continue
            row = next((row for row in family.lacks(word, firmware) if row.name == name), None)
            if not row and (slug, word) not in silent:
                silent[slug, word] = "" if coverage.takes(admin.booter.renderer, family, model, name) else f"no file of these {family.name} says {name}"
            why = f"{family.name} have no {name}: {row.why}" if row else silent[slug, word]
            if name == "timezone" and not why:
                why = family.time_of(values[name], word, firmware, admin.store.now().year).warning
            if why:
                lacking[why] = lacking.get(why, 0) + count
            elif name in family.restarts:
                restarting += count
        if restarting:
            yield f"{words.count(restarting, 'phone')} {'restart' if restarting > 1 else 'restarts'} to take {name}"
        yield from (f"{why} ({words.count(count, 'phone')})" for why, count in lacking.items())


def shown(admin: Admin, scope: str) -> dict[str, Any]:
    """Return what one scope says, secrets masked."""
    return words.layer(admin.store.layer(str(scopes.read(admin, scope))))
