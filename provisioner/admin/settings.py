"""Settings: what operators say in a scope, by the names of the vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from provisioner import coverage, known, raw, vocabulary
from provisioner.admin import Admin, Done, Phones, did, kinds, scopes, words
from provisioner.admin.scopes import Scope
from provisioner.errors import BadValue, nearest
from provisioner.families import Family
from provisioner.rights import REVEAL
from provisioner.vocabulary import Setting


def say(admin: Admin, scope: str, pairs: Mapping[str, str]) -> Done:
    """Say settings in a scope. pairs: name = value as people write it; an empty text, host, URL, list or secret switches off.

    Raises UnknownName, BadValue with the cure, NotHere; nothing is written then.
    """
    where = scopes.read(admin, scope)
    values = read(admin, where, pairs)
    touched = scopes.phones(admin, where)
    changed, notes = admin.change(lambda tx: tx.say(str(where), values), touched)
    what = ", ".join(f"{name} = {words.text(words.said(name, value))}" for name, value in values.items())
    return did(changed, f"set {what} for {where}{_reach(where, touched, values)}", (*notes, *(costs(admin, touched, values) if changed else ())))


def read(admin: Admin, scope: Scope, pairs: Mapping[str, str]) -> dict[str, Any]:
    """Return settings by the names that are stored, with their values as their kinds read them; raises as `say` does."""
    values = {name: _row(scope, name).read(text) for name, text in ((named(admin, scope, name), text) for name, text in pairs.items())}
    for name in values:
        if name.startswith(raw.PREFIX):
            _taking(admin, name)
    return values


def unsay(admin: Admin, scope: str, names: Iterable[str]) -> Done:
    """Take settings back; a phone that had them is told to forget them."""
    where = scopes.read(admin, scope)
    there = admin.store.layer(str(where))
    wanted = list(dict.fromkeys(name if name in there else named(admin, where, name) for name in names))
    touched = scopes.phones(admin, where)
    changed, notes = admin.change(lambda tx: tx.unsay(str(where), wanted), touched)
    if not changed:
        for name in wanted:  # one that nobody ever knew is a slip of the keyboard
            vocabulary.setting(name)
    gone = [name for name in wanted if name in there or not vocabulary.find(name)]
    return did(changed, f"took back {', '.join(gone)} of {where}{_reach(where, touched, gone)}", (*notes, *(_staying(admin, gone) if changed else ())))


def _row(scope: Scope, name: str) -> Setting:
    row = vocabulary.setting(name)
    if scope.per_line and row.per != "line":
        raise BadValue(f"{name} is a setting of the whole phone, so {scope.kind} cannot say it; say it for device:MAC, a group, a site or defaults")
    return row


def named(admin: Admin, scope: Scope, name: str) -> str:
    """Return a setting's name as it is stored: raw.NAME is raw.FAMILY.NAME, and a scope of one family need not say it."""
    if not name.startswith(raw.PREFIX):
        return name
    rest = name.removeprefix(raw.PREFIX)
    family = rest.partition(".")[0]
    own = scopes.family_of(admin, scope)
    if family in admin.catalog.families and own in ("", family):
        return name
    if family in admin.catalog.families:
        raise BadValue(f"{name} is a parameter of {family}, and {scope} is of {own}; leave the family away")
    if not own:
        raise BadValue(f"{name} does not say whose parameter it is, and {scope} is for phones of every family; write raw.FAMILY.NAME{nearest(family, admin.catalog.families)}")
    return f"{raw.PREFIX}{own}.{rest}"


def _parted(name: str) -> tuple[str, str]:
    """Return family and parameter of raw.FAMILY.NAME."""
    _, family, parameter = name.split(".", 2)
    return family, parameter


def _taking(admin: Admin, name: str) -> Family:
    """Return the family of a raw parameter; raises BadValue where nothing can be put into its files."""
    family = admin.catalog.family(_parted(name)[0])
    if not any(rule.raw for rule in family.files):
        raise BadValue(f"how a parameter is put into the files of {family.name} is not known here; an overlay of its template can say it (docs/add-a-phone.md)")
    return family


def _raw_notes(admin: Admin, name: str, value: str, touched: Phones) -> Iterable[str]:
    """Return which phones' files have no place for a raw parameter, and what known.txt does not know of it; it is written all the same, for the list may lag behind the phone."""
    family, (slug, parameter) = _taking(admin, name), _parted(name)
    without = {model: count for (own, model, firmware), count in kinds(touched).items() if own == slug and not any(rule.raw for rule in family.rules(model, firmware))}
    if without:
        yield f"the files of {', '.join(sorted(without))} have no place for {name} ({words.count(sum(without.values()), 'phone')})"
    if not known.of_family(family):
        return
    if known.unknown(family, [parameter]):
        yield f"{parameter} is no parameter that the list of {slug} names{known.close_to(family, parameter)}; it is written all the same"
    elif limits := known.limits(family, parameter, value):
        yield f"{parameter} is one of {limits} by the list of {slug}, and this is not; it is written all the same"


def _staying(admin: Admin, gone: Iterable[str]) -> Iterable[str]:
    """Return which parameters taken back the phones keep, for want of a word that puts their default back."""
    for name in gone:
        family = admin.catalog.families.get(_parted(name)[0]) if name.startswith(raw.PREFIX) else None
        if family and not any(rule.raw and rule.writer.empty for rule in family.files):
            yield f"where the template does not say {_parted(name)[1]} itself, phones keep what they have; say the maker's default first to put it back"


def _reach(scope: Scope, touched: Phones, names: Iterable[str]) -> str:
    if scope.kind in ("device", "line"):
        return ""
    families = {_parted(name)[0] if name.startswith(raw.PREFIX) else "" for name in names}
    reached = len(touched) if "" in families else sum(count for (slug, *_), count in kinds(touched).items() if slug in families)
    return f"; {words.count(reached, 'phone')} will get it"


def costs(admin: Admin, touched: Phones, values: Mapping[str, Any]) -> Iterable[str]:
    """Return which settings can cut phones off, which of the phones have no parameter for them, and how many restart to take them (F23)."""
    for name, value in values.items():
        if name.startswith(raw.PREFIX):
            yield from _raw_notes(admin, name, value, touched)
            continue
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


def shown(admin: Admin, scope: str, reveal: bool = False) -> dict[str, Any]:
    """Return what one scope says, secrets masked unless `reveal`."""
    where = scopes.read(admin, scope)
    said = admin.store.layer(str(where))
    if not reveal:
        return words.layer(said)
    admin.rights.need(REVEAL, scopes.site_of(admin, where))
    return {name: words.plain(said[name]) for name in sorted(said)}
