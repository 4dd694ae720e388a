"""What does a model really take? Found by rendering its files with each setting toggled, and seeing what changes.

Nothing here is claimed by a manifest: what stands in no file of the phone is not covered. Two phones are rendered,
one of which nobody says anything and one of which everything is said, since some settings count beside others alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from provisioner import vocabulary
from provisioner.context import Secrets, context_for, said
from provisioner.errors import BadManifest, ProvisionerError
from provisioner.explain import others
from provisioner.families import Family, FileRule, Guard, Model
from provisioner.kinds import (
    Address,
    Bool,
    Choice,
    Country,
    Dial,
    Endpoint,
    Host,
    HostPort,
    Int,
    Language,
    Many,
    Multicast,
    Password,
    Text,
    Url,
    Zone,
)
from provisioner.render import Renderer
from provisioner.store import BootFacts
from provisioner.things import Account, Contact, Device, Key, Line, Site
from provisioner.vocabulary import Setting

_NEWEST = "99.99.99.99"  # a firmware that keeps every lower bound
_BY_OTHER_WORDS = {"timezone": {"time"}, "dial_plan": {"dial_plan_all"}, "emergency_numbers": {"dial_plan_all"}}  # what templates also see them as
_LEFT = ("dns_mode", "registration", "polling", "firmware")  # settings that are best left as they are where everything is said
_KEY_VALUES = {"url": "http://x.example/", "xml": "http://x.example/", "paging": "239.0.0.1:10000"}
_TRANSPORTS = ("udp", "tcp", "tls", "auto")
_ACCOUNT = Account("212@sip.example.com", password="one", display_name="Anna")
_SITE = Site("default", public_url="http://192.0.2.1:8080", tftp_public_url="tftp://192.0.2.1")
_OTHER_FACTS: Mapping[str, Any] = {
    "username": "other", "auth_username": "other", "password": "two", "domain": "other.example", "registrar": Endpoint("other.example", 5070),
    "outbound_proxy": Endpoint("other.example", 5070), "transport": "tls", "xcap_root": "https://other.example/xcap", "display_name": "Bert", "voicemail": "*97",
}  # fmt: skip


@dataclass(frozen=True)
class Covered:
    """What the files of a model say, whatever firmware it has.

    settings, keys: names in the vocabulary's order; facts: those of accounts; module_keys: True where keys of expansion modules are said.
    transports, srtp: the words that the files tell apart; wires: those over which the family's phones can ask.
    """

    settings: tuple[str, ...]
    facts: tuple[str, ...]
    keys: tuple[str, ...]
    module_keys: bool
    transports: tuple[str, ...]
    srtp: tuple[str, ...]
    wires: tuple[str, ...]

    @property
    def xcap(self) -> bool:
        """True where the XCAP root of an account is said."""
        return "xcap_root" in self.facts


def example(setting: Setting, family: Family) -> Any:
    """Return a value of a setting, one that the family has a word for."""
    kind = setting.kind
    if setting.name in ("rtp_port_last", "polling_to"):
        return kind.most if isinstance(kind, Int) and setting.name == "rtp_port_last" else 5
    if isinstance(kind, Bool):
        return True
    if isinstance(kind, Int):
        return max(kind.least, min(kind.most, 7))
    if isinstance(kind, Choice):
        return kind.words[-1]
    if isinstance(kind, Language):
        return next(iter(family.maps.get("language", {})), "en")
    if isinstance(kind, Country):
        return next(iter(family.maps.get("tones", {})), "DE")
    if isinstance(kind, Zone):
        return "Europe/Berlin"
    if isinstance(kind, HostPort):
        return Endpoint("host.example.com", 1234)
    if isinstance(kind, Address):
        return "192.0.2.7"
    if isinstance(kind, Host):
        return "host.example.com"
    if isinstance(kind, Url):
        return "http://host.example.com/x"
    if isinstance(kind, Password):
        return "1234"
    if isinstance(kind, Many):
        each = kind.each
        return ("239.0.0.1:10000",) if isinstance(each, Multicast) else ("*xx", "x+") if isinstance(each, Dial) else each.words[1::-1] if isinstance(each, Choice) else ("112",)
    return "112" if isinstance(kind, Text) else ""


def everything(family: Family) -> dict[str, Any]:
    """Return a value for every setting that can be said without spoiling another."""
    return {row.name: example(row, family) for row in vocabulary.SETTINGS if row.name not in _LEFT}


class _Phone:
    """One model on the table: its rules, and its files as they are with this or that said. Whatever cannot be made is None."""

    def __init__(self, renderer: Renderer, family: Family, model: Model) -> None:
        self._renderer, self.family, self.model = renderer, family, model
        self._words: dict[FileRule, frozenset[str]] = {}
        for rule in family.files:
            with suppress(BadManifest):  # of a template that cannot be made comes no file
                if rule.template and rule.scope == "phone" and Guard(rule.guard.models).fits(model.name, ""):
                    self._words[rule] = renderer.words(family, rule)
        self.rules = tuple(self._words)
        keys = min(2 if model.keys is None else model.keys, 2)
        device = Device(f"{next(iter(family.ouis), '02ac0e')}000001", family.slug, model.name, firmware=_NEWEST, serial="1", lines=1, keys=keys, modules=min(model.modules, 1))
        self.facts = BootFacts(device, _SITE, (), ((Line(device.mac, 1, _ACCOUNT.sip_address), _ACCOUNT, {}, {}),), (), (Contact("default", "Anna", (("work", "1"),)),))
        self._bases: tuple[dict[str, Any], ...] = ({}, everything(family))
        self._as_they_are: dict[tuple[int, FileRule], bytes | None] = {}

    def files(self, facts: BootFacts | None = None, said: Mapping[str, Any] | None = None, rules: Iterable[FileRule] | None = None) -> tuple[bytes | None, ...]:
        """Return the phone's files, or those of some rules."""
        return tuple(self._file(rule, facts or self.facts, said or {}) for rule in (self.rules if rules is None else rules))

    def _file(self, rule: FileRule, facts: BootFacts, said: Mapping[str, Any]) -> bytes | None:
        try:
            return self._renderer.render(self.family, rule, context_for(self.family, self.model, facts, _SECRETS, instead=said))
        except ProvisionerError:
            return None

    def samples(self) -> Iterator[tuple[FileRule, bytes | str]]:
        """Yield each file as it is with nothing said, and with everything and a key of each type; a sentence where it cannot be made."""
        device, kinds = self.facts.device, [kind for kind in self.family.maps.get("key", {}) if kind != "none"]
        keys = tuple(_key(device, n, kind) for n, kind in enumerate(kinds[: device.keys if self.model.keys is None else self.model.keys], 1))
        full = replace(self.facts, device=replace(device, keys=len(keys)), keys=keys)
        for facts, instead in ((self.facts, self._bases[0]), (full, self._bases[1])):
            for rule in self.rules:
                try:
                    yield rule, self._renderer.render(self.family, rule, context_for(self.family, self.model, facts, _SECRETS, instead=instead))
                except ProvisionerError as why:
                    yield rule, str(why)

    def shape(self) -> tuple[object, ...]:
        """Return what two models have alike that differ in their names alone."""
        names = {name for name in (self.model.name, self.model.code, self.model.brand, *self.model.aliases) if name and not name.isdigit()}
        own = re.compile(rb"\b(?:%s)\b" % b"|".join(re.escape(name.encode()) for name in sorted(names, key=len, reverse=True)), re.IGNORECASE)
        bodies = [body and own.sub(b"\0", body) for said in self._bases for body in self.files(said=said)]
        return tuple(self.family.files.index(rule) for rule in self.rules), self.facts.device.keys, repr(dict(self.model.settings)), *bodies

    def takes(self, setting: Setting) -> bool:
        """Return True where some value of a setting changes a file."""
        words = {setting.name, *_BY_OTHER_WORDS.get(setting.name, ())}
        rules = [rule for rule in self.rules if words & self._words[rule]]
        if not rules:
            return False
        default = said(self.family, self.model, self.facts)[setting.name].value
        for number, base in enumerate(self._bases):
            now = base.get(setting.name, default)
            for rule in rules:
                if (number, rule) not in self._as_they_are:
                    self._as_they_are[number, rule] = self._file(rule, self.facts, base)
                plain = self._as_they_are[number, rule]
                values = (None, example(setting, self.family), *others(setting, now, self.family))
                if any(self._file(rule, self.facts, {**base, setting.name: value}) not in (plain, None) for value in values if value != now and (value is not None or setting.default is None)):
                    return True
        return False

    def facts_taken(self) -> Iterator[str]:
        """Yield the facts of accounts that change a file."""
        plain = self.files()
        for name, other in _OTHER_FACTS.items():
            if _differ(plain, self.files(self._with(replace(_ACCOUNT, **{name: other})))):
                yield name

    def _with(self, account: Account) -> BootFacts:
        line, _, *layers = self.facts.lines[0]
        return replace(self.facts, lines=((line, account, *layers),))  # type: ignore[arg-type]

    def told_apart(self, words: Iterable[str], files: Iterable[tuple[bytes | None, ...]]) -> tuple[str, ...]:
        """Return the words whose files are no other word's; none where all are alike."""
        seen: dict[tuple[bytes | None, ...], str] = {}
        for word, bodies in zip(words, files, strict=True):
            if not all(body is None for body in bodies):
                seen.setdefault(bodies, word)
        return tuple(seen.values()) if len(seen) > 1 else ()

    def transports(self) -> tuple[str, ...]:
        """Return the SIP transports that the files tell apart."""
        return self.told_apart(_TRANSPORTS, (self.files(self._with(replace(_ACCOUNT, transport=word))) for word in _TRANSPORTS))

    def srtp(self) -> tuple[str, ...]:
        """Return the words for encrypted media that the files tell apart."""
        kind = vocabulary.BY_NAME["srtp"].kind
        words = kind.words if isinstance(kind, Choice) else ()
        return self.told_apart(words, (self.files(said={"srtp": word}) for word in words))

    def keys_taken(self, module: int = 0) -> Iterator[str]:
        """Yield the types of keys that change a file, on the phone itself or on a module."""
        device = self.facts.device
        count = self.model.module_keys if module else device.keys or 0
        places = [n for n in (2, 1) if n <= count]
        cleared = {n: self.files(self._with_key(Key(device.scope, n, "none", module=module))) for n in places}
        for kind in self.family.maps.get("key", {}):
            some = (_key(device, n, kind, module) for n in places)
            if kind != "none" and any(_differ(cleared[one.position], self.files(self._with_key(one))) for one in some):
                yield kind

    def module_keys(self) -> bool:
        """Return True where some type of key changes a file when it stands on a module."""
        return bool(self.facts.device.modules) and any(True for _ in self.keys_taken(module=1))

    def _with_key(self, key: Key) -> BootFacts:
        return replace(self.facts, keys=(key,))


def _key(device: Device, n: int, kind: str, module: int = 0) -> Key:
    return Key(device.scope, n, kind, value=_KEY_VALUES.get(kind, "213"), label="Bert", line=1, module=module)


_SECRETS = Secrets(bytes(32))  # of no server: what is rendered here goes to no phone


def _differ(these: tuple[bytes | None, ...], those: tuple[bytes | None, ...]) -> bool:
    return any(that not in (this, None) for this, that in zip(these, those, strict=True))


def of_model(renderer: Renderer, family: Family, model: Model) -> Covered:
    """Return what the files of one model say."""
    return _covered(_Phone(renderer, family, model))


def _covered(phone: _Phone) -> Covered:
    return Covered(
        settings=tuple(row.name for row in vocabulary.SETTINGS if phone.takes(row)),
        facts=tuple(phone.facts_taken()),
        keys=tuple(phone.keys_taken()),
        module_keys=phone.module_keys(),
        transports=phone.transports(),
        srtp=phone.srtp(),
        wires=phone.family.wires,
    )


def of_family(renderer: Renderer, family: Family) -> list[tuple[list[Model], Covered]]:
    """Return a family's models, those with the same coverage together, in the manifest's order.

    Models whose files differ in their names alone are toggled once.
    """
    shapes: dict[tuple[object, ...], Covered] = {}
    groups: dict[Covered, list[Model]] = {}
    for model in family.models.values():
        phone = _Phone(renderer, family, model)
        shape = phone.shape()
        if shape not in shapes:
            shapes[shape] = _covered(phone)
        groups.setdefault(replace(shapes[shape], module_keys=phone.module_keys()), []).append(model)
    return [(models, covered) for covered, models in groups.items()]


def samples(renderer: Renderer, family: Family, model: Model) -> Iterator[tuple[FileRule, bytes | str]]:
    """Yield (rule, bytes) of a model's files, with nothing said and with everything; instead of the bytes a sentence where a file cannot be made."""
    yield from _Phone(renderer, family, model).samples()


def takes(renderer: Renderer, family: Family, model: Model, name: str) -> bool:
    """Return True where some file of this model says the setting."""
    return _Phone(renderer, family, model).takes(vocabulary.setting(name))
