"""Reads and checks the providers: one folder of data for each who gives SIP accounts, such as a carrier, or a PBX.

`load` never raises: a broken folder becomes a fault that names file, line, key and cure, and the
others keep working. What a provider ships is never an operator's word: facts of an account fill
what nobody said, and settings stand below everything that operators say (D2).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from provisioner import manifests, vocabulary
from provisioner.errors import BadManifest, BadValue, UnknownName, nearest
from provisioner.kinds import Country, Endpoint, endpoint
from provisioner.manifests import Checker, Reader, overlaid
from provisioner.patterns import same
from provisioner.things import Account

MANIFEST = "provider.toml"
OVERLAY = "provider.local.toml"
FACTS = ("domain", "registrar", "realm", "outbound_proxy", "transport", "xcap_root", "voicemail", "auth_username")  # that a provider can know of its accounts
SURE = ("doc", "peer2+")  # read in its own papers, or in two that agree
_HOSTS = ("domain", "registrar", "outbound_proxy")
_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"  # of a host name, which a place in one stands for


def shipped() -> Path:
    """Return the folder of the shipped providers: in a checkout, or inside the installed package."""
    inside = Path(__file__).parent / "provider_data"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "templates" / "providers"


@dataclass(frozen=True)
class Known:
    """What a provider is known to say of one fact or setting.

    values: one, or several where its accounts differ; an empty one among them where some accounts have none.
    Text may hold places such as {username}, {domain} and those that its domain has.
    """

    values: tuple[Any, ...]
    source: str
    confidence: str

    @property
    def sure(self) -> bool:
        """True where it is read in the provider's own papers, or two others agree."""
        return self.confidence in SURE


@dataclass(frozen=True)
class UserRule:
    """How usernames look. expression: of the whole, empty where only words tell it; words: for people."""

    words: str
    source: str
    expression: str = ""

    def fits(self, username: str) -> bool:
        """Return True where a username is as it should be."""
        return not self.expression or re.fullmatch(self.expression, username) is not None


@dataclass(frozen=True)
class Provider:
    """One who gives accounts: what stands in its folder, checked.

    kind:    service, or pbx: a server of one's own, whose usernames its operators choose.
    domains: by which its accounts are known beside the facts; closed, cannot: sentences, empty where they are none.
    needs:   facts that an account must have which nobody can know in advance.
    labels:  what its mails and pages call a fact.
    """

    slug: str
    name: str
    kind: str
    country: str
    aliases: tuple[str, ...]
    domains: tuple[str, ...]
    closed: str
    cannot: str
    needs: tuple[str, ...]
    facts: Mapping[str, Known]
    username: UserRule | None
    labels: Mapping[str, tuple[str, ...]]
    settings: Mapping[str, Known]
    folders: tuple[Path, ...]

    @cached_property
    def hosts(self) -> tuple[re.Pattern[str], ...]:
        """What its domains and servers look like."""
        named = [str(value) for name in _HOSTS if name in self.facts for value in self.facts[name].values if value]
        return tuple(_of_host(text) for text in dict.fromkeys((*named, *self.domains)))

    def has_host(self, host: str) -> bool:
        """Return True where a host is one of its own."""
        return any(pattern.fullmatch(host) for pattern in self.hosts)

    def offers(self, said: Mapping[str, Any]) -> tuple[dict[str, Known], dict[str, Known]]:
        """Return what fills facts that were not said, each with its one value; and those for which there are several, or a value with a place that nobody can fill.

        said: what is known of an account, by name; its domain fills the places that the provider's domain has.
        """
        places = {name: str(said[name]) for name in ("username", "domain") if said.get(name)}
        for text in self.facts["domain"].values if "domain" in self.facts else ():
            if found := _of_host(str(text)).fullmatch(places.get("domain", "")):
                places |= found.groupdict()
        filled: dict[str, Known] = {}
        open_: dict[str, Known] = {}
        for name, known in self.facts.items():
            if name in said:
                continue
            values = tuple(_PLACE.sub(lambda place: places.get(place[1], place[0]), str(value)) for value in known.values)
            here = Known(values, known.source, known.confidence)
            (filled if len(values) == 1 and not _PLACE.search(values[0]) else open_)[name] = here
        return filled, open_


def _of_host(text: str) -> re.Pattern[str]:
    """Return what a host with places in it looks like, its port left out.

    >>> _of_host("{name}.sip.example.com:5061").fullmatch("acme.sip.example.com").groupdict()
    {'name': 'acme'}
    """
    pieces, seen = "", set()
    for plain, place in re.findall(r"([^{}]+)|\{(\w+)\}", re.sub(r":\d+$", "", text)):
        pieces += re.escape(plain) if plain else f"(?P={place})" if place in seen else f"(?P<{place}>{_LABEL})"
        seen.add(place)
    return re.compile(pieces, re.IGNORECASE | re.ASCII)


Layers = tuple[tuple[str, Mapping[str, Any]], ...]


@dataclass(frozen=True)
class Filled:
    """What a provider knows of an account that was said in part.

    named: by who said it, and not by its domain or proxy alone. facts: what fills what nobody said, by name.
    open:  facts of which it has several values, or which some of its accounts have and others not.
    """

    provider: Provider
    named: bool
    facts: Mapping[str, Known]
    open: Mapping[str, Known]

    @property
    def needs(self) -> tuple[str, ...]:
        """Return the facts that must be said, for nobody can know them."""
        return tuple(name for name, known in self.open.items() if "" not in known.values)


@dataclass(frozen=True)
class Providers:
    """Every provider that could be read, and what is wrong with the others."""

    providers: Mapping[str, Provider] = field(default_factory=dict)
    faults: tuple[BadManifest, ...] = ()

    @cached_property
    def _by_name(self) -> Mapping[str, Provider]:
        return {same(name): provider for provider in self.providers.values() for name in (*provider.aliases, provider.name, provider.slug)}

    def find(self, text: str) -> Provider | None:
        """Return the provider of this name or alias, case-blind and without - _ and blanks, or None."""
        return self._by_name.get(same(text)) if text else None

    def provider(self, text: str) -> Provider:
        """Return the provider of a name; raises UnknownName with the nearest one."""
        found = self.find(text)
        if found is None:
            broken = next((str(fault) for fault in self.faults if f"/{text}/" in str(fault)), "")
            names = [name for one in self.providers.values() for name in (one.slug, one.name)]
            raise UnknownName(broken or f"there is no provider {text!r}{nearest(text, names)}; `provisioner provider list` has them")
        return found

    def of_hosts(self, hosts: Iterable[str]) -> tuple[Provider, ...]:
        """Return those that one of these hosts belongs to; the first host that anybody has decides."""
        for host in hosts:
            if host and (found := tuple(one for one in self.providers.values() if one.has_host(host))):
                return found
        return ()

    def complete(self, said: Mapping[str, Any]) -> tuple[Filled | None, tuple[Provider, ...]]:
        """Return what the account's provider fills, None where nobody is known to give it; and who could, where several may.

        said: what is known of an account, hosts and domain among it; `provider` names one, and an empty one says that there is none.
        """
        named = self.find(str(said.get("provider", "")))
        if named is None and "provider" in said:
            return None, ()
        hosts = [str(said.get("domain", "")), *(_named_host(said[name]) for name in ("outbound_proxy", "registrar") if said.get(name))]
        found = (named,) if named else self.of_hosts(hosts)
        if len(found) != 1:
            return None, found
        filled, open_ = found[0].offers(said)
        return Filled(found[0], named is not None, filled, open_), ()

    def layers(self, names: Iterable[str]) -> Mapping[str, Layers]:
        """Return, by their names as accounts have them, what providers ship for lines: (who says it, values), a layer for each setting."""
        return {name: _layers(found) for name in dict.fromkeys(names) if (found := self.find(name)) and found.settings}


def _named_host(value: object) -> str:
    """Return the host of an endpoint, or of HOST[:PORT]; empty where it is none."""
    try:
        return value.host if isinstance(value, Endpoint) else endpoint(str(value)).host
    except ValueError:
        return ""


def _layers(provider: Provider) -> Layers:
    return tuple((f"provider {provider.slug} as shipped ({known.source})", {name: known.values[0]}) for name, known in provider.settings.items())


# The schema: table -> key -> what it must be. A reader returns the value or raises ValueError.


def _country(value: object) -> str:
    return str(Country().read(manifests.text(value)))


def _expression(value: object) -> str:
    try:
        return re.compile(manifests.text(value)).pattern
    except re.error as why:
        raise ValueError(f"is no regular expression ({why})") from None


def _hosts(value: object) -> tuple[str, ...]:
    for host in manifests.texts(value):
        _host(host)
    return manifests.texts(value)


def _host(text: str) -> None:
    """Raise ValueError where text is no HOST[:PORT], its places taken for names."""
    endpoint(_PLACE.sub("x", text))


_NEEDS = ("auth_username", "outbound_proxy", "registrar", "display_name", "email", "timezone")
_KNOWN: dict[str, Reader] = {"source": manifests.text, "confidence": manifests.one_of(*SURE, "peer1")}
_SCHEMA: Mapping[str, Mapping[str, Reader]] = {
    "": {
        "name": manifests.text, "kind": manifests.one_of("service", "pbx"), "country": _country, "aliases": manifests.texts, "domains": _hosts,
        "closed": manifests.text, "cannot": manifests.text, "needs": manifests.some_of(*_NEEDS), "facts": manifests.table, "username": manifests.table,
        "labels": manifests.table, "settings": manifests.table,
    },
    "facts": {"value": manifests.text, "one_of": manifests.texts, **_KNOWN},
    "settings": {"value": lambda value: value, **_KNOWN},
    "username": {"rule": _expression, "words": manifests.text, "source": manifests.text},
    "labels": dict.fromkeys(("sip_address", "username", "auth_username", "password", "domain", "registrar", "outbound_proxy", "xcap_root", "display_name", "voicemail"), manifests.texts),
}  # fmt: skip
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "": ("name",), "facts": ("source", "confidence"), "settings": ("value", "source", "confidence"), "username": ("words", "source"),
}  # fmt: skip


def _read(folders: Sequence[Path]) -> Provider:
    """Return the provider of a folder and its overlays, the shipped folder first; raises BadManifest."""
    slug = folders[0].name
    check = Checker(folders[0] / MANIFEST, _SCHEMA, _REQUIRED)
    top = overlaid(check, folders, OVERLAY)
    return Provider(
        slug=slug, name=top["name"], kind=top.get("kind", "service"), country=top.get("country", ""), aliases=top.get("aliases", ()),
        domains=tuple(host.lower() for host in top.get("domains", ())), closed=top.get("closed", ""), cannot=top.get("cannot", ""), needs=top.get("needs", ()),
        facts=MappingProxyType({name: _fact(check, name, row) for name, row in top.get("facts", {}).items()}),
        username=_rule(check.table("username", top["username"], "username")) if "username" in top else None,
        labels=MappingProxyType(check.table("labels", top.get("labels", {}), "labels")),
        settings=MappingProxyType({name: _setting(check, name, row) for name, row in top.get("settings", {}).items()}),
        folders=tuple(folders),
    )  # fmt: skip


def _fact(check: Checker, name: str, row: object) -> Known:
    if name not in FACTS:
        raise check.fault(f"facts.{name}", f"is no fact that a provider can know of its accounts{nearest(name, FACTS)}; they are {', '.join(FACTS)}")
    read = check.table("facts", row, f"facts.{name}")
    if ("value" in read) == ("one_of" in read):
        raise check.fault(f"facts.{name}", 'needs either value = "…", or one_of = ["…", "…"] where accounts differ')
    values = (read["value"],) if "value" in read else read["one_of"]
    for value in values:
        try:
            Account("x@example.com", **{name: _PLACE.sub("x", value)})  # type: ignore[arg-type]
        except BadValue as why:
            raise check.fault(f"facts.{name}", str(why)) from None
    return Known(values, read["source"], read["confidence"])


def _setting(check: Checker, name: str, row: object) -> Known:
    read = check.table("settings", row, f"settings.{name}")
    try:
        setting = vocabulary.setting(name)
        value = setting.read(tuple(read["value"]) if isinstance(read["value"], list) else read["value"])
    except (BadValue, UnknownName) as why:
        raise check.fault(f"settings.{name}", str(why)) from None
    if setting.per != "line":
        raise check.fault(f"settings.{name}", "is one for the whole phone, which may have lines of several providers; only those of a line can stand here")
    return Known((value,), read["source"], read["confidence"])


def _rule(read: Mapping[str, Any]) -> UserRule:
    return UserRule(read["words"], read["source"], read.get("rule", ""))


def load(paths: Sequence[Path] = (), base: Path | None = None) -> Providers:
    """Return the shipped providers with the operators' overlays in `paths` merged on top; base: the folder of others in place of those that ship.

    A folder of a new name in an overlay is a provider of its own. Never raises: what cannot be read stands in Providers.faults.
    """
    folders: dict[str, list[Path]] = {}
    faults: list[BadManifest] = []
    for root in (base or shipped(), *paths):
        if not root.is_dir():
            faults.append(BadManifest(f"{root}: there is no such folder; correct providers_path"))
            continue
        for folder in sorted(root.iterdir()):
            if folder.is_dir() and not folder.name.startswith(("_", ".")):
                folders.setdefault(folder.name, []).append(folder)
    providers: dict[str, Provider] = {}
    for slug, places in sorted(folders.items()):
        if not (places[0] / MANIFEST).is_file():
            faults.append(BadManifest(f"{places[0]}/: has no {MANIFEST}; write one (docs/providers.md) or remove the folder"))
            continue
        for place in places[1:]:
            if (place / MANIFEST).is_file():
                faults.append(BadManifest(f"{place / MANIFEST} is not read, since {slug} is in {places[0].parent} already; name your changes {OVERLAY}"))
        try:
            provider = _read(places)
            _taken(provider, providers)
            providers[slug] = provider
        except BadManifest as fault:
            faults.append(fault)
    return Providers(MappingProxyType(providers), tuple(faults))


def _taken(provider: Provider, others: Mapping[str, Provider]) -> None:
    """Raise BadManifest where another provider has one of its names."""
    mine = {same(name) for name in (provider.slug, provider.name, *provider.aliases)}
    for other in others.values():
        if taken := mine & {same(name) for name in (other.slug, other.name, *other.aliases)}:
            raise BadManifest(f"{provider.folders[0] / MANIFEST}: has the name {min(taken)!r}, which {other.slug} has too; use another, or put your changes of {other.slug} into {other.slug}/{OVERLAY}")
