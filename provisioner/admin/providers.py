"""Providers: who gives accounts, what is known of theirs, and what that fills in an account that is added."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provisioner import providers
from provisioner.admin import words
from provisioner.config import Config
from provisioner.errors import BadValue
from provisioner.providers import Filled, Known, Provider, Providers
from provisioner.things import sip_address as read_address

_SHOWN = 6  # values that a sentence names


def catalog(config: Config) -> Providers:
    """Return the providers without opening a store."""
    return providers.load(config.providers_path)


def listed(known: Providers) -> list[dict[str, Any]]:
    """Return every provider, the facts that it fills by their names."""
    return [
        {
            "provider": one.slug, "name": one.name, "kind": one.kind, "country": one.country, "domains": _domains(one), "fills": sorted(one.facts), "settings": sorted(one.settings),
            "closed": bool(one.closed), "cannot": bool(one.cannot),
        }
        for one in known.providers.values()
    ]  # fmt: skip


def _domains(provider: Provider) -> list[str]:
    return [*(value for value in (provider.facts["domain"].values if "domain" in provider.facts else ())), *provider.domains]


def shown(known: Providers, name: str) -> dict[str, Any]:
    """Return all that is known of one provider, each fact with its source; raises UnknownName with the nearest one."""
    one = known.provider(name)
    rule = one.username
    return {
        "provider": one.slug, "name": one.name, "kind": one.kind, "country": one.country, "aliases": list(one.aliases), "domains": _domains(one),
        "closed": one.closed, "cannot": one.cannot, "needs": list(one.needs),
        "username": {"words": rule.words, "rule": rule.expression, "source": rule.source} if rule else None,
        "facts": {name: _known(found) for name, found in one.facts.items()}, "settings": {name: _known(found) for name, found in one.settings.items()},
        "labels": {name: list(said) for name, said in one.labels.items()}, "folders": [str(folder) for folder in one.folders],
    }  # fmt: skip


def _known(known: Known) -> dict[str, Any]:
    return {"values": [words.plain(value) for value in known.values], "confidence": known.confidence, "source": known.source}


@dataclass(frozen=True)
class Completed:
    """An account as it shall be: its address, its facts with what the provider filled; needs, refusal: sentences against adding it; notes."""

    sip_address: str
    facts: dict[str, Any]
    refusals: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def completed(known: Providers, sip_address: str | None, facts: Mapping[str, Any]) -> Completed:
    """Return an account's facts with what its provider knows.

    sip_address: None where username and domain, or the provider's domain, say it. Who names a provider gets all that is known;
    where only a host tells who it is, what two sources agree on. Raises BadValue where no address can be made.
    """
    said = dict(facts)
    address = _address(sip_address)
    if address:
        said = {"username": address.rpartition("@")[0], "domain": address.rpartition("@")[2], **{name: value for name, value in said.items() if value or name not in ("username", "domain")}}
    filled, several = known.complete(said)
    notes: list[str] = []
    if several:
        notes.append(f"its domain or proxy is one of {_some([one.name for one in several])}; `--provider` says which")
    if facts.get("provider") and filled is None:
        notes.append(f"no provider is known here as {facts['provider']!r}; it is kept as it is. `provisioner provider list` has those that are")
    got = {name: one.values[0] for name, one in filled.facts.items() if filled.named or one.sure} if filled else {}
    if address is None:
        user, domain = said.get("username"), said.get("domain") or got.get("domain")
        if not user or not domain:
            raise BadValue(_no_address(filled, bool(user)))
        address = f"{user}@{domain}"
    if filled is None:
        return Completed(address, dict(facts), notes=tuple(notes))
    whole = {**got, **facts, "provider": filled.provider.slug}
    news = {name: value for name, value in got.items() if name not in ("domain", "auth_username")}
    if news:
        notes.append(f"known of {filled.provider.name}: {', '.join(f'{_label(name)} {value}' for name, value in news.items())}; say another, or \"\", where this account has it otherwise")
    return Completed(address, whole, tuple(_refusals(filled, address, whole)), (*notes, *_notes(filled, address, whole)))


def _address(text: str | None) -> str | None:
    try:
        return None if text is None else read_address(text)
    except ValueError as why:
        raise BadValue(f"sip address: {why}") from None


def _no_address(filled: Filled | None, has_user: bool) -> str:
    if filled is None:
        return "nobody says the account's address; write it as alice@example.com, or name its provider and username"
    if not has_user:
        rule = filled.provider.username
        return f"the username is missing; at {filled.provider.name} it is {rule.words if rule else 'told by its mail'}. Give it with --username"
    domains = filled.open["domain"].values if "domain" in filled.open else ()
    return f"the domain is missing: {filled.provider.name} has {_some(domains) if domains else 'one for each of its servers'}; give it with --domain"


def _refusals(filled: Filled, address: str, facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield why an account cannot be as it was said: what its provider must be told, and how usernames that we choose look."""
    provider, rule = filled.provider, filled.provider.username
    user = str(facts.get("username") or address.rpartition("@")[0])
    if provider.kind == "pbx" and rule and not rule.fits(user):
        yield f"the username {user!r} is none for {provider.name}: there it is {rule.words}; choose another"
    if not filled.named:
        return
    if provider.cannot:
        yield f"{provider.name} cannot be used: {provider.cannot}"
    for name in filled.needs:
        if name not in facts and name != "domain":
            yield f"the {_label(name)} is missing: {provider.name} has {_some(filled.open[name].values)}; give it with {_option(name)}"
    for name in provider.needs:
        if not facts.get(name):
            yield f"the {_label(name)} is missing: {provider.name} gives each account its own; give it with {_option(name)}"


def _notes(filled: Filled, address: str, facts: Mapping[str, Any]) -> Iterator[str]:
    provider, rule = filled.provider, filled.provider.username
    user = str(facts.get("username") or address.rpartition("@")[0])
    if provider.kind == "service" and rule and not rule.fits(user):
        yield f"usernames of {provider.name} are {rule.words}; {user!r} is none, and is kept as it is"
    domain = str(facts.get("domain") or address.rpartition("@")[2])
    if filled.named and "domain" in provider.facts and not provider.has_host(domain):
        yield f"the domain {domain} is none that is known of {provider.name}, which has {_some(provider.facts['domain'].values)}; it is kept as it is"
    if provider.closed:
        yield f"{provider.name}: {provider.closed}"
    if not filled.named and provider.cannot:
        yield f"{provider.name} cannot be used: {provider.cannot}"
    for name, known in filled.open.items():
        if name not in facts and name != "domain" and ("" in known.values or not filled.named):
            yield f"the {_label(name)} may be {_some([value for value in known.values if value])} at {provider.name}; {_option(name)} says it where this account has one"
    for name in provider.needs:
        if not filled.named and not facts.get(name):
            yield f"accounts of {provider.name} have {_a(_label(name))} of their own; `provisioner account change {address} {_option(name)} …` gives it"


def _label(name: str) -> str:
    return {"xcap_root": "XCAP root", "timezone": "time zone", "email": "e-mail address"}.get(name, name.replace("_", " "))


def _a(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _some(values: Any) -> str:
    shown = [str(value) for value in values]
    more = [f"{len(shown) - _SHOWN} more"] if len(shown) > _SHOWN + 1 else []
    shown = shown[: _SHOWN if more else None] + more
    return " or ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))
