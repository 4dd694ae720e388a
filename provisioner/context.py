"""What a template sees (D5): phone, set, lines, keys, time, maps, book, url, and nothing else.

Everything here is a plain value, worked out from stored state alone: no clock, no request,
no host name (F1).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from provisioner import credentials, dialplan, kinds, layers, raw, tokens, vocabulary
from provisioner.errors import RenderFailed, Unsayable
from provisioner.families import Family, Model
from provisioner.formats import Masked, Word
from provisioner.kinds import Endpoint
from provisioner.layers import Said
from provisioner.store import BootFacts
from provisioner.things import Account, Device, Key, Line

SHOWN = "********"  # stands for a secret where nobody asked for it
GENERATED = ("admin_password", "user_password")  # passwords that a phone has also where nobody said one (F11)
_DEFAULTS = vocabulary.defaults()

Layers = list[tuple[str, Mapping[str, Any]]]


@dataclass(frozen=True)
class Secrets:
    """What the server alone knows, for tokens and generated passwords."""

    key: tokens.Key
    shown: bool = True

    def password(self, mac: str, purpose: str, family: Family) -> str:
        """Return this phone's generated password: the same for ever, another for every phone (F1, F11)."""
        return tokens.generated_password(self.key, mac, purpose, family.password_alphabet, family.password_length)


def device_layers(family: Family, model: Model, facts: BootFacts) -> Layers:
    """Return the layers of a device in their order (D2): what ships, then what operators said."""
    return [("vocabulary", _DEFAULTS), (f"{family.slug} as shipped", family.settings), (f"{family.slug}/{model.name} as shipped", model.settings), *facts.layers]


def said(family: Family, model: Model, facts: BootFacts, line: int = 0) -> dict[str, Said]:
    """Return every setting of a device, or of one of its lines, with who said it."""
    stack = device_layers(family, model, facts)
    for position, account, by_account, by_line in facts.lines:
        if position.n == line:
            stack = _with_provider(stack, account, facts)
            stack += [(f"account {account.sip_address}", by_account), (f"line {line}", by_line)]
    return layers.merge(stack)


_SHIPPED = 3  # layers of a device that ship


def _with_provider(stack: Layers, account: Account, facts: BootFacts) -> Layers:
    """Return a device's layers with what ships for its account's provider, which stands between the model and what operators said (D2)."""
    return [*stack[:_SHIPPED], *facts.by_provider.get(account.provider, ()), *stack[_SHIPPED:]]


class Dummy(str):
    """A stand-in for a secret, shown also where secrets are not; `explain` asks with it."""

    __slots__ = ()


def context_for(
    family: Family, model: Model, facts: BootFacts, secrets: Secrets, firmware: str = "", instead: Mapping[str, Any] | None = None, instead_line: int = 0
) -> dict[str, Any]:
    """Return what the templates of one phone see.

    firmware: as the phone just said, else what is stored counts.
    instead:  settings that outrank every layer of the device, or of the line `instead_line` alone
              where that is not 0; `explain` asks with them.
    """
    device, top = facts.device, [("instead", instead)] if instead and not instead_line else []
    stack, parameters = _parted([*device_layers(family, model, facts), *top], family, device, secrets)
    values = layers.values(stack)
    values["firmware"] = family.next_firmware(model.name, firmware or device.firmware, values["firmware"])
    if family.password_exact:
        _exactly(values, family, model, device)
    settled = _settled(values, family, facts, secrets)
    count = max([device.lines if device.lines is not None else model.lines or 1, *(position.n for position, *_ in facts.lines)])
    if device.state == "retiring":
        facts = _without_users(facts)
    lines = _lines(count, facts, stack, settled, family, secrets, {instead_line: instead or {}})
    keys = _keys(device, model, facts.keys, facts.cleared_keys, lines, family)
    return {
        "phone": _phone(family, model, device, firmware or device.firmware, count, keys),
        "set": settled,
        "lines": lines,
        "keys": keys,
        "time": family.time_of(values["timezone"], model.name, firmware or device.firmware, device.dated_year),
        "maps": SimpleNamespace(**family.maps),
        "book": SimpleNamespace(entries=tuple(_entry(contact) for contact in facts.contacts)),
        "url": Urls(family, facts, secrets),
        raw.KEY: parameters,
    }


def _parted(stack: Layers, family: Family, device: Device, secrets: Secrets) -> tuple[Layers, tuple[tuple[str, Word | None], ...]]:
    """Return the layers without parameters by the phone's own names, and those of this family as (name, value).

    None: said once and taken back, or by a phone that is taken away, since any of them may be somebody's account (F5, F21).
    """
    own = f"{raw.PREFIX}{family.slug}."
    taken_back = dict.fromkeys(name for name in device.cleared if name.startswith(own))
    if not taken_back and not any(name.startswith(raw.PREFIX) for _, layer in stack[_SHIPPED:] for name in layer):
        return stack, ()
    parts: list[Layers] = [[(by, {name: value for name, value in layer.items() if name.startswith(raw.PREFIX) is wanted}) for by, layer in stack] for wanted in (False, True)]
    said = {**taken_back, **{name: value for name, value in layers.values(parts[1]).items() if name.startswith(own)}}
    gone = device.state == "retiring"
    return parts[0], tuple((name.removeprefix(own), None if gone or value is None else _word(name, value, secrets.shown)) for name, value in sorted(said.items()))


def _without_users(facts: BootFacts) -> BootFacts:
    """Return the facts of a phone that is taken away (F21): no accounts, no phone book, and every key that came from here emptied."""
    device = facts.device
    places = {(key.module, key.position) for key in facts.keys} or {(0, position.n) for position, *_ in facts.lines}
    return replace(facts, lines=(), contacts=(), keys=tuple(Key(device.scope, n, "none", module=module) for module, n in sorted(places)))


def family_context(family: Family, model: Model | None, public_url: str) -> dict[str, Any]:
    """Return what a family-scope file sees: the model, shipped settings, the public URL; no phone."""
    values = layers.values([("vocabulary", _DEFAULTS), ("family", family.settings), ("model", model.settings if model else {})])
    return {
        "phone": SimpleNamespace(vendor=family.vendor, family=family.slug, model=model.name if model else "", code=model.code if model else ""),
        "set": _namespace({name: value for name, value in values.items() if not vocabulary.BY_NAME[name].secret}, family),
        "maps": SimpleNamespace(**family.maps),
        "url": SiteUrls(family, public_url),
    }


def _settled(values: Mapping[str, Any], family: Family, facts: BootFacts, secrets: Secrets) -> SimpleNamespace:
    """Return the settings of the device as templates see them, passwords and emergency numbers in place."""
    device = facts.device
    whole = dict(values)
    for name in device.cleared:
        if name in whole and whole[name] is None:
            whole[name] = vocabulary.BY_NAME[name].off
    for name in GENERATED:
        whole[name] = whole[name] or secrets.password(device.mac, name, family)
    whole["emergency_numbers"] = dialplan.emergency_numbers(facts.site.country, whole["emergency_numbers"] or ())
    return _namespace(whole, family, secrets.shown)


def _exactly(values: Mapping[str, Any], family: Family, model: Model, device: Device) -> None:
    """Raise Unsayable where a password that somebody said is none that these phones take."""
    alphabet, length = family.password_alphabet, family.password_length
    lacking = {row.name for row in family.lacks(model.name, device.firmware)}
    for name in GENERATED:
        password = values[name]
        if password and name not in lacking and not isinstance(password, Dummy) and (len(password) != length or set(password) - set(alphabet)):
            raise Unsayable("configuration", name, f"these phones take exactly {length} {'digits' if alphabet.isdecimal() else f'characters of {alphabet}'}")


def _namespace(values: Mapping[str, Any], family: Family, shown: bool = True, whose: str = "") -> SimpleNamespace:
    space = SimpleNamespace(**{name: _word(name, value, shown, whose) for name, value in values.items()})
    plan, urgent = values.get("dial_plan") or (), values.get("emergency_numbers") or ()
    space.emergency_numbers = tuple(Word(text, "emergency_numbers") for text in dialplan.written(urgent, family.digitmap))
    space.dial_plan = tuple(Word(text, "dial_plan") for text in dialplan.written([one for one in plan if one not in urgent], family.digitmap))
    space.dial_plan_all = (*space.emergency_numbers, *space.dial_plan)
    return space


def _secret(text: str, label: str, shown: bool) -> Word:
    """Return text that may be a secret, or what stands for it where secrets are not shown."""
    return Word(text, label) if shown else Masked(SHOWN, label)


def _word(name: str, value: Any, shown: bool, whose: str = "") -> Any:
    """Return a value that names its setting: text as Word, an endpoint in its parts, lists as tuples."""
    label = f"{name}{whose}"
    if isinstance(value, Endpoint):
        return _Address(value, label)
    if isinstance(value, str):
        open_to_see = shown or not value or isinstance(value, Dummy) or not vocabulary.setting(name).secret
        return _secret(value, label, open_to_see)
    if isinstance(value, tuple):
        return tuple(Word(one, label) if isinstance(one, str) else one for one in value)
    return value


class _Address:
    """A host and port as templates see it: host, port (0 where none was said), uri; false where empty."""

    __slots__ = ("host", "port", "uri")

    def __init__(self, endpoint: Endpoint, label: str) -> None:
        self.host, self.port, self.uri = Word(endpoint.host, label), endpoint.port, Word(str(endpoint), label)

    def __bool__(self) -> bool:
        return bool(self.host)


def _lines(
    count: int, facts: BootFacts, stack: Layers, settled: SimpleNamespace, family: Family, secrets: Secrets, instead: Mapping[int, Mapping[str, Any]]
) -> tuple[SimpleNamespace, ...]:
    used = {position.n: (position, account, by_account, by_line) for position, account, by_account, by_line in facts.lines}
    lines = []
    for n in range(1, count + 1):
        if n not in used:
            lines.append(_unused_line(n, settled))
            continue
        position, account, by_account, by_line = used[n]
        mine, mine_instead = settled, instead.get(n, {})
        if by_account or by_line or mine_instead or account.provider in facts.by_provider:
            above = {name: value for layer in (by_account, by_line, mine_instead) for name, value in layer.items() if vocabulary.BY_NAME[name].per == "line"}
            mine = _settled({**layers.values(_with_provider(stack, account, facts)), **above}, family, facts, secrets)
        lines.append(_line(position, account, mine, secrets))
    return tuple(lines)


_LINE_TEXTS = ("user", "auth_user", "password", "domain", "registrar", "registrar_uri", "outbound_proxy", "outbound_proxy_uri", "transport",
               "xcap_root", "xcap_host", "xcap_path", "display_name", "label", "voicemail", "sip_address")  # fmt: skip


def _unused_line(n: int, settled: SimpleNamespace) -> SimpleNamespace:
    return SimpleNamespace(n=n, used=False, by_name=False, registrar_port=0, outbound_proxy_port=0, xcap_port=0, xcap_tls=False, set=settled, **_unused_texts(n))


@lru_cache(maxsize=256)
def _unused_texts(n: int) -> Mapping[str, Word]:
    return {name: Word("", f"the {name} of line {n}") for name in _LINE_TEXTS}


def _line(position: Line, account: Account, settled: SimpleNamespace, secrets: Secrets) -> SimpleNamespace:
    n = position.n
    registrar, proxy = account.registrar_endpoint, account.outbound_proxy
    xcap = urlsplit(account.xcap_root)
    texts = {
        "user": account.username, "auth_user": account.auth_username, "password": account.password,
        "domain": account.domain, "registrar": registrar.host, "registrar_uri": str(registrar), "outbound_proxy": proxy.host,
        "outbound_proxy_uri": str(proxy) if proxy.host else "", "transport": account.transport, "xcap_root": account.xcap_root,
        "xcap_host": xcap.hostname or "", "xcap_path": xcap.path.strip("/"), "display_name": account.display_name,
        "label": account.display_name or account.username, "voicemail": account.voicemail, "sip_address": account.sip_address,
    }  # fmt: skip
    return SimpleNamespace(
        n=n, used=True, by_name=_by_name(proxy if proxy.host else registrar), registrar_port=registrar.port, outbound_proxy_port=proxy.port, set=settled,
        xcap_port=xcap.port or (0 if not account.xcap_root else 443 if xcap.scheme == "https" else 80), xcap_tls=xcap.scheme == "https",
        **{name: _secret(text, f"the {name} of line {n}", secrets.shown or name != "password") for name, text in texts.items()},
    )  # fmt: skip


def _by_name(endpoint: Endpoint) -> bool:
    """Return True where NAPTR and SRV find the server: a host name without a port (RFC 3263, 4.1; F10)."""
    return not endpoint.port and not kinds.is_address(endpoint.host)


def _keys(
    device: Device, model: Model, said_keys: Iterable[Key], cleared: Iterable[tuple[int, int]], lines: tuple[SimpleNamespace, ...], family: Family
) -> tuple[SimpleNamespace, ...]:
    """Return every position of the phone and its modules; a device's key beats its group's (D22).

    cleared: places that a group of the device said once, which are emptied unless they are said again (F5).
    """
    codes = family.maps.get("key", {})
    known: dict[tuple[int, int], Key] = {}
    for key in sorted(said_keys, key=lambda key: key.scope.startswith("device:")):
        known[key.module, key.position] = key
    count = device.keys if device.keys is not None else model.keys or 0
    if not known:  # nobody ever set a key: line N sits on key N (F5)
        known = {(0, line.n): Key(f"device:{device.mac}", line.n, "line", line=line.n) for line in lines if line.used and line.n <= count}
    for module, n in cleared:
        known.setdefault((module, n), Key(device.scope, n, "none", module=module))
    places = [(0, n) for n in range(1, count + 1)] + [(module, n) for module in range(1, device.modules + 1) for n in range(1, model.module_keys + 1)]
    return tuple(_key(module, n, known.get((module, n)), codes, lines) for module, n in places)


_NO_VALUE, _NO_LABEL = Word("", "a key's value"), Word("", "a key's label")


def _key(module: int, n: int, key: Key | None, codes: Mapping[str, Any], lines: tuple[SimpleNamespace, ...]) -> SimpleNamespace:
    page = 1
    if key is None or (key.type != "none" and key.type not in codes):
        return SimpleNamespace(module=module, page=page, n=n, used=False, type=None, code=None, value=_NO_VALUE, label=_NO_LABEL, line=0)
    line = key.line or (1 if key.type != "none" else 0)
    label = key.label or (str(lines[line - 1].label) if key.type == "line" and 0 < line <= len(lines) else key.value)
    where = f"key {n}" if not module else f"key {n} of module {module}"
    return SimpleNamespace(
        module=module, page=page, n=n, used=key.type != "none", type=key.type, code=codes.get(key.type),
        value=Word(key.value, f"the value of {where}"), label=Word(label, f"the label of {where}"), line=line,
    )  # fmt: skip


def _phone(family: Family, model: Model, device: Device, firmware: str, count: int, keys: tuple[SimpleNamespace, ...]) -> SimpleNamespace:
    return SimpleNamespace(
        mac=device.mac, MAC=device.mac.upper(), vendor=model.brand, family=family.slug, model=model.name, code=model.code,
        firmware=Word(firmware, "the firmware"), serial=Word(device.serial, "the serial number"), lines=count,
        keys=sum(1 for key in keys if not key.module), modules=device.modules, module_keys=model.module_keys,
        spread=hashlib.sha256(device.mac.encode()).digest()[0] * 60 // 256, version=_version(device.revised_at),
    )  # fmt: skip


def _version(revised_at: str) -> int:
    """Return a number that only grows with the revision's time: YYYYMMDDHHMMSS, never from a counter (F12)."""
    digits = "".join(char for char in revised_at if char.isdigit())[:14]
    return int(digits) if digits else 0


def _entry(contact: Any) -> SimpleNamespace:
    first, _, last = contact.name.partition(" ")
    return SimpleNamespace(
        name=Word(contact.name, "a name in the phone book"), first=Word(first, "a name in the phone book"), last=Word(last, "a name in the phone book"),
        provider=not contact.site, numbers=tuple(SimpleNamespace(kind=kind, number=Word(number, "a number in the phone book")) for kind, number in contact.numbers),
    )  # fmt: skip


class SiteUrls:
    """Canonical URLs of a site (D13); asking for one that nobody said is refused with the cure."""

    user = password = Word("", "the provisioning user")  # of a phone alone, where its site takes passwords

    def __init__(self, family: Family, base: str, site: str = "", path: str = "") -> None:
        """base: the site's public URL; path: what comes behind it, such as p/TOKEN/."""
        self._family, self._base, self._site, self._path = family, base, site, path

    def __bool__(self) -> bool:
        """Return True where the site has a public URL."""
        return bool(self._base)

    @property
    def provisioning(self) -> Word:
        """The URL that the phone's files lie under, with a slash at its end."""
        if not self._base:
            option = "--public-url http://…" if "http" in self._family.wires else "--tftp-public-url tftp://…"
            raise RenderFailed(f"site {self._site or 'default'} has no public URL to write into the phone; `provisioner site change {self._site or 'default'} {option}`")
        return Word(f"{self._base.rstrip('/')}/{self._path}", "the provisioning URL")

    files = provisioning

    @property
    def provisioning_bare(self) -> Word:
        """The same without scheme and final slash."""
        return Word(self.provisioning.partition("://")[2].rstrip("/"), "the provisioning URL")

    @property
    def scheme(self) -> Word:
        """http, https or tftp."""
        return Word(urlsplit(self.provisioning).scheme, "the provisioning URL")

    @property
    def host(self) -> Word:
        """The host of the URL, IPv6 without brackets."""
        return Word(urlsplit(self.provisioning).hostname or "", "the provisioning URL")

    @property
    def port(self) -> int:
        """The port of the URL, the scheme's own where it names none."""
        parts = urlsplit(self.provisioning)
        return parts.port or {"http": 80, "https": 443, "tftp": 69}[parts.scheme]

    @property
    def path(self) -> Word:
        """The path of the URL, with a slash at both ends."""
        return Word(urlsplit(self.provisioning).path, "the provisioning URL")


class Urls(SiteUrls):
    """The URLs of one phone: they hold its token, so they are secrets too; and its user and password where the site takes them."""

    def __init__(self, family: Family, facts: BootFacts, secrets: Secrets) -> None:
        """facts: of the phone; secrets: for its token, shown only where asked."""
        site, device = facts.site, facts.device
        base = site.public_url if "http" in family.wires or "https" in family.wires else site.tftp_public_url
        token = tokens.token(secrets.key, device.mac, device.generation) if secrets.shown else "*" * 26
        super().__init__(family, base, site.slug, f"p/{token}/")
        if site.asks_passwords:
            password = credentials.password_of(secrets.key, device.mac, device.generation)
            self.user, self.password = Word(device.mac, "the provisioning user"), _secret(password, "the provisioning password", secrets.shown)
