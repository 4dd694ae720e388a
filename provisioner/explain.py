"""Why has this phone this value? Every layer's say, the winner, and the line that it became.

The line is found by asking twice: the phone's files are rendered as they are and with another
value of the setting, and the lines that differ are those which the setting became. So it holds
for every template, without any template having to tell.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from provisioner import vocabulary
from provisioner.context import GENERATED, SHOWN, Dummy, Secrets, context_for, said
from provisioner.encode import legible
from provisioner.errors import ProvisionerError
from provisioner.families import Cannot, Family, FileRule, Model
from provisioner.kinds import Bool, Choice, Country, Dial, Endpoint, Host, HostPort, Int, Language, Many, Zone
from provisioner.layers import Said
from provisioner.render import Renderer
from provisioner.store import BootFacts
from provisioner.things import Account
from provisioner.vocabulary import Setting

_FACTS = {row.name: not row.repr for row in fields(Account)}  # and whether it is a secret, which its value never shows


@dataclass(frozen=True)
class Explanation:
    """One setting of one phone.

    lines: (file, line number, text) of what it became in the phone's files, secrets masked.
    cannot: why these phones have no parameter for it, or empty. steps: how the phone comes there, where not at once.
    """

    setting: Setting
    said: Said
    lines: tuple[tuple[str, int, str], ...]
    cannot: str = ""
    steps: str = ""


@dataclass(frozen=True)
class FactExplanation:
    """One fact of the accounts that a phone has.

    values: (line, SIP address, value) of each, secrets masked.
    cannot: why these phones have no parameter for it, or empty.
    """

    name: str
    values: tuple[tuple[int, str, Any], ...]
    cannot: str = ""


def is_fact(name: str) -> bool:
    """Return True for an account's fact that is not a setting too."""
    return name in _FACTS and name not in vocabulary.BY_NAME


def explain_fact(family: Family, model: Model, facts: BootFacts, name: str, line: int = 0) -> FactExplanation:
    """Return what the phone's accounts, or the one on a line, say of a fact."""
    values = tuple((position.n, account.sip_address, getattr(account, name)) for position, account, *_ in facts.lines if line in (0, position.n))
    if _FACTS[name]:
        values = tuple((n, address, _masked(value)) for n, address, value in values)
    return FactExplanation(name, values, _cannot(family, model, facts, name))


def _cannot(family: Family, model: Model, facts: BootFacts, name: str) -> str:
    return next((row.why for row in family.lacks(model.name, facts.device.firmware) if row.name == name), "")


def explain(renderer: Renderer, family: Family, model: Model, facts: BootFacts, secrets: Secrets, name: str, line: int = 0) -> Explanation:
    """Return what is known of one setting of one phone; raises UnknownName where there is no such setting."""
    setting = vocabulary.setting(name)
    words = said(family, model, facts, line).get(name, Said(None, "nobody"))
    hidden = Secrets(secrets.key, shown=False)
    lines = _lines(renderer, family, model, facts, hidden, setting, words.value, line if setting.per == "line" else 0)
    steps = family.climb(model.name, facts.device.firmware, words.value) if name == "firmware" and words.value else ""
    return Explanation(setting, harmless(setting, words), tuple(lines), _cannot(family, model, facts, name), steps)


def harmless(setting: Setting, words: Said) -> Said:
    """Return what was said with secrets masked; a password that nobody said and each phone has all the same is "generated"."""
    if not setting.secret:
        return words
    if setting.name in GENERATED and not words.value:
        return Said("generated", "this server", tuple((by, _masked(value)) for by, value in words.others if value))
    return Said(_masked(words.value), words.by, tuple((by, _masked(value)) for by, value in words.others))


def facts_not_taken(family: Family, model: Model, facts: BootFacts) -> list[Cannot]:
    """Return the account facts which this phone's accounts have and which this model cannot take."""
    rows = {row.name: row for row in family.lacks(model.name, facts.device.firmware)}
    return [row for name, row in rows.items() if any(getattr(account, name, "") for _, account, *_ in facts.lines)]


def _masked(value: Any) -> Any:
    return SHOWN if value else value


def _lines(
    renderer: Renderer, family: Family, model: Model, facts: BootFacts, secrets: Secrets, setting: Setting, value: Any, line: int
) -> Iterable[tuple[str, int, str]]:
    """Yield (file, line number, text) of what a setting became; with `line`, of what it became for that line alone."""
    device = facts.device
    names = {"mac": device.mac, "model": model.name, "code": model.code or model.name.lower(), "firmware": device.firmware, "serial": device.serial}
    for rule in family.rules(model.name, device.firmware):
        if not rule.template or rule.scope != "phone" or not rule.patterns[0].generates:
            continue
        try:
            plain = _text(renderer, family, rule, context_for(family, model, facts, secrets))
        except ProvisionerError:
            continue
        numbers: set[int] = set()
        for other in others(setting, value, family):
            try:
                changed = _text(renderer, family, rule, context_for(family, model, facts, secrets, instead={setting.name: other}, instead_line=line))
            except ProvisionerError:
                continue
            for tag, first, last, *_ in difflib.SequenceMatcher(None, plain, changed, autojunk=False).get_opcodes():
                if tag in ("replace", "delete"):
                    numbers.update(range(first, last))
            if numbers:
                break
        yield from ((rule.name(names), number + 1, plain[number]) for number in sorted(numbers))


def _text(renderer: Renderer, family: Family, rule: FileRule, context: Mapping[str, Any]) -> list[str]:
    return legible(renderer.render(family, rule, context), rule.encode).decode(rule.writer.charset).splitlines()


def others(setting: Setting, value: Any, family: Family) -> Iterable[Any]:
    """Return a few other values that the setting could have."""
    kind = setting.kind
    if isinstance(kind, Bool):
        return [not value]
    if isinstance(kind, Int):
        return [number for number in (kind.most, kind.least, None) if number != value]
    if isinstance(kind, Choice):
        return [*(word for word in kind.words if word != value), None]
    if isinstance(kind, Zone):
        return [zone for zone in ("Asia/Tokyo", "Europe/Berlin", "America/New_York") if zone != value]
    if isinstance(kind, Language | Country):
        words = family.maps.get("tones" if isinstance(kind, Country) else "language", {})
        return [*(word for word in list(words)[:4] if word != value), None]
    if isinstance(kind, HostPort):
        return [Endpoint("other.example", 1234), None]
    if isinstance(kind, Host):
        return ["other.example", None]
    if isinstance(kind, Many):
        return [() if value else ("00x+",) if isinstance(kind.each, Dial) else (), None]
    if setting.secret:
        return [Dummy("other"), Dummy("1234"), "", None]  # the phone's own is masked in the one rendering, and this is not in the other
    return ["other", "https://other.example/", None]
