"""Accounts from a provider's e-mail: what it says, what is to be asked, and adding them. The mail is not kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provisioner.admin import Admin, Done, accounts
from provisioner.admin.words import SECRET_FACTS, masked
from provisioner.errors import BadValue
from provisioner.kinds import Endpoint, endpoint
from provisioner.mail.accounts import NAMES, Account, Fact, Mail
from provisioner.mail.accounts import read as read_mail
from provisioner.mail.message import MOST_BYTES
from provisioner.mail.values import LIKELY, SURE
from provisioner.providers import Providers
from provisioner.things import sip_address as read_address

__all__ = ["MOST_BYTES", "Account", "Mail", "add", "as_json", "beside", "questions", "read", "rows", "shown"]

_OWN = ("sip_address", "username", "auth_username", "password", "display_name", "email")  # of one account alone
_HOW = {"sip_address": "as the SIP-ADDRESS before --from-mail", "password": "with --password-stdin or --password-file", "outbound_proxy_port": "with --outbound-proxy HOST:PORT"}
_BESIDE = ("registrar", "realm", "provider", "notes")  # facts of ours that a mail's account has beside those in NAMES
_WANTED = ("outbound_proxy", "registrar")  # without which an account may not register
_NEEDED = ("sip_address", "username", "password", "domain")


def read(raw: bytes, sip_address: str | None, said: Mapping[str, Any], known: Providers = Providers()) -> Mail:
    """Return the accounts that a mail tells of, overruled by what was said beside it; what is missing is filled with what their provider is known to have.

    sip_address: of the account that is meant; where the mail has several, the one that it names so.
    said:        fields of an account; with several accounts, only what can hold for all of them.
    Raises BadInput where it cannot be read, BadValue where it is not clear whom the words are for.
    """
    mail = read_mail(raw)
    address = None
    if sip_address is not None:
        try:
            address = read_address(sip_address)
        except ValueError as why:
            raise BadValue(f"sip address: {why}") from None
        named = [account for account in mail.accounts if "sip_address" in account.facts and account.facts["sip_address"].value == address]
        if not named and len(mail.accounts) > 1:
            raise BadValue(f"the mail tells of {len(mail.accounts)} accounts, and of no {address}; leave the address away, and look with --dry-run")
        mail = replace(mail, accounts=tuple(named or mail.accounts))
    alone = [name for name in said if name in _OWN]
    if alone and len(mail.accounts) > 1:
        raise BadValue(f"the mail tells of {len(mail.accounts)} accounts, which have no {alone[0].replace('_', ' ')} in common; name the one that is meant by its SIP-ADDRESS")
    return replace(mail, accounts=tuple(_filled(_overruled(account, address, said), known, said) for account in mail.accounts))


def _filled(account: Account, known: Providers, said: Mapping[str, Any]) -> Account:
    """Return an account with what its provider is known to have; what one source alone says, or what some of its accounts have, is asked.

    said: beside the mail; what was said to be empty stays so.
    """
    values = {name: fact.value for name, fact in {**account.facts, **account.also}.items() if name != "outbound_proxy_port" and name not in account.ask}
    address = str(values.get("sip_address", ""))
    empty = {name: Fact("", SURE, "said beside the mail") for name, value in said.items() if value == ""}
    found, _ = known.complete({**dict.fromkeys(empty, ""), **({"domain": address.rpartition("@")[2], "username": address.rpartition("@")[0]} if address else {}), **values})
    if found is None:
        return account
    facts, ask, also = dict(account.facts), dict(account.ask), {**account.also, **empty}
    words = f"known of {found.provider.name}"
    for name, one in found.facts.items():
        if name in ("domain", "auth_username") or name in facts or name in ask or name in also:
            continue
        if name in _WANTED and not one.sure:
            ask[name] = f"one source alone says that {found.provider.name} has {one.values[0]}"
        elif one.sure:
            there = endpoint(one.values[0]) if name == "outbound_proxy" else None
            (also if name in _BESIDE else facts)[name] = Fact(there.host if there else one.values[0], LIKELY, words)
            if there and there.port:
                facts["outbound_proxy_port"] = Fact(there.port, LIKELY, words)
    for name, one in found.open.items():
        if name in _WANTED and name not in facts and name not in ask and name not in also:
            ask[name] = f"{found.provider.name} has it as {' or '.join(value or 'none' for value in one.values[:4])}"
    for name in found.provider.needs:
        if name not in facts and name not in also:
            ask.setdefault(name, f"{found.provider.name} gives each account its own")
    also.setdefault("provider", Fact(found.provider.slug, LIKELY, f"its domain or proxy is one of {found.provider.name}"))
    return Account({name: facts[name] for name in NAMES if name in facts}, ask, also)


def _overruled(account: Account, address: str | None, said: Mapping[str, Any]) -> Account:
    facts, ask, also = dict(account.facts), dict(account.ask), dict(account.also)
    words = {"sip_address": address, **said} if address else dict(said)
    if address:
        for name in ("username", "domain"):  # what was derived from another address follows this one
            if name in facts and facts[name].words.startswith("derived"):
                del facts[name]
                ask.pop(name, None)
    if "outbound_proxy" in said:
        facts.pop("outbound_proxy_port", None)
        ask.pop("outbound_proxy_port", None)
    for name, value in words.items():
        ask.pop(name, None)
        if name in facts and value == "":
            del facts[name]
        elif value != "":
            (facts if name not in _BESIDE else also)[name] = Fact(value, "sure", "said beside the mail")
    if "registrar" in said and said["registrar"] == "":
        also.pop("registrar", None)
    return Account(facts, ask, also)


def beside(account: Account, typed: Mapping[str, str]) -> dict[str, Any]:
    """Return what a form says beside a mail's account: what it has otherwise than the mail, and what was asked.

    typed: fields of an account as they stand in the form, the password empty where the mail's shall count.
    """
    said: dict[str, Any] = {}
    for name, value in typed.items():
        there = shown(account, name)
        asked = name in account.ask or (name == "outbound_proxy" and "outbound_proxy_port" in account.ask)
        if name == "password" and not value:
            continue
        if value != there or (asked and (value or name not in _NEEDED)):
            said[name] = value
    return said


def shown(account: Account, name: str) -> str:
    """Return what a mail's account says of one fact, as a form has it; never a password."""
    fact = account.facts.get(name) or account.also.get(name)
    if fact is None or name in SECRET_FACTS:
        return ""
    port = account.facts.get("outbound_proxy_port") if name == "outbound_proxy" else None
    return f"{fact.value}:{port.value}" if port else str(fact.value)


def questions(mail: Mail) -> tuple[str, ...]:
    """Return a sentence for each fact that is missing or unsure, with how to give it; never with a secret."""
    found = []
    for number, account in enumerate(mail.accounts, 1):
        address = account.facts.get("sip_address")
        whose = str(address.value) if address else "the account" if len(mail.accounts) == 1 else f"account {number}"
        for name, why in account.ask.items():
            how = _HOW.get(name, f"with --{name.replace('_', '-')}")
            shown = f", perhaps {account.facts[name].value}" if name in account.facts and name not in SECRET_FACTS else ""
            state = "unsure" if name in account.facts else "missing"
            away = "" if name in _NEEDED else f'; --{name.removesuffix("_port").replace("_", "-")} "" leaves it away'
            found.append(f"{whose}: {name.replace('_', ' ')} is {state}{shown}: {why}; give it {how}{away}")
    return tuple(found)


def add(admin: Admin, mail: Mail) -> Done:
    """Add all accounts of a mail, or none where something is to be asked, or one of them cannot be added.

    Raises BadValue, Conflict.
    """
    if not mail.accounts:
        raise BadValue("the mail tells of no SIP account; `provisioner account add SIP-ADDRESS` adds one by hand")
    if any(account.ask for account in mail.accounts):
        raise BadValue("nothing was added, since the mail leaves something to ask; give it beside the mail, or look with --dry-run")
    done = accounts.add_all(admin, [(str(account.facts["sip_address"].value), _fields(account)) for account in mail.accounts])
    return replace(done, notes=(*mail.notes, *done.notes))


def _fields(account: Account) -> dict[str, Any]:
    """Return the facts as fields of our account; host and port of the outbound proxy are one."""
    known: dict[str, Any] = {name: fact.value for name, fact in {**account.facts, **account.also}.items() if name not in ("sip_address", "outbound_proxy_port")}
    if known.get("outbound_proxy"):
        said = endpoint(known["outbound_proxy"]) if account.facts["outbound_proxy"].words == "said beside the mail" else Endpoint(str(known["outbound_proxy"]))
        port = account.facts.get("outbound_proxy_port")
        known["outbound_proxy"] = Endpoint(said.host, int(port.value)) if port else said
    return known


def as_json(mail: Mail) -> dict[str, Any]:
    """Return what a mail says as JSON has it, passwords in clear: that is what was asked for."""
    return {
        "accounts": [
            {
                "facts": {name: _fact(fact) for name, fact in account.facts.items()},
                "ask": list(account.ask),
                "why": account.ask,
                "also": {name: _fact(fact) for name, fact in account.also.items()},
            }
            for account in mail.accounts
        ],
        "notes": list(mail.notes),
    }


def _fact(fact: Fact) -> dict[str, Any]:
    return {"value": fact.value, "confidence": fact.confidence, "words": fact.words}


def rows(account: Account, reveal: bool) -> list[dict[str, Any]]:
    """Return a row for each fact of an account, for people; its password masked unless `reveal`."""
    found = []
    for name, fact in {**account.facts, **account.also}.items():
        hide = name in SECRET_FACTS and not reveal
        value = masked(fact.value) if hide else fact.value
        words = str(fact.words).replace(str(fact.value), str(value)) if hide else fact.words
        found.append({"fact": name, "value": value, "confidence": fact.confidence, "words": words})
    return found
