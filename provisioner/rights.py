"""Who may do what: the one table that every door obeys, and a store that shows an operator no more than his own sites.

Nothing is asked of a verb: what it writes is judged while it writes (`Judge`, once for each row of history),
and what it reads comes from a `View`. So a verb that somebody adds is bounded before he has thought of it.
What neither writes nor reads a row, such as showing a secret or ringing a phone, asks `Rights.need` itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from provisioner.errors import NotAllowed
from provisioner.people import ROLES
from provisioner.records import Devices
from provisioner.store import BootFacts, Store
from provisioner.things import Account, Change, Device, Group, Key, Line, Site

LOOK, OPERATE, CHANGE, REVEAL, RULE = "look", "operate", "change", "reveal", "rule"

# What each role may do. operate: what a help desk does all day; reveal: see secrets; rule: what reaches every site.
RIGHTS: Mapping[str, frozenset[str]] = {
    "owner": frozenset((LOOK, OPERATE, CHANGE, REVEAL, RULE)),
    "admin": frozenset((LOOK, OPERATE, CHANGE, REVEAL)),
    "helpdesk": frozenset((LOOK, OPERATE)),
    "reader": frozenset((LOOK,)),
}
# The right that writing a thing takes; a noun of history that is not here takes the highest.
NOUNS: Mapping[str, str] = {
    "device": CHANGE, "line": CHANGE, "account": CHANGE, "setting": CHANGE, "group": CHANGE,
    "key": OPERATE, "contact": OPERATE, "contacts": OPERATE, "account book": OPERATE,
    "export": REVEAL, "reveal": REVEAL,
    "site": RULE, "dates": RULE, "operator": RULE, "api key": RULE, "link": RULE, "session": RULE, "sign-in": LOOK,
}  # fmt: skip
_OWN_FACTS = {"password", "language", "timezone"}  # what everybody may change of himself
_WORDS = {LOOK: "look at that", OPERATE: "do that", CHANGE: "change that", REVEAL: "see secrets", RULE: "do that: it takes an owner"}


@dataclass(frozen=True)
class Rights:
    """What somebody may do. sites: short names of those that he is bound to; none is all. operator: his name where he signed in."""

    role: str = "owner"
    sites: tuple[str, ...] = ()
    operator: str = ""

    def may(self, right: str, site: str | None = "") -> bool:
        """Return True where this right reaches a site; None is what reaches every site, empty any one."""
        return right in RIGHTS[self.role] and (not self.sites or site == "" or site in self.sites)

    def need(self, right: str, site: str | None = "") -> None:
        """Raise NotAllowed where `may` says no."""
        if not self.may(right, site):
            raise NotAllowed(_sentence(self, right))

    def within(self, role: str, sites: Iterable[str]) -> Rights:
        """Return what is left of these rights in a key of less: the lower role, and the sites that both have."""
        wanted = tuple(sites)
        both = tuple(site for site in self.sites if site in wanted) or ("",) if self.sites and wanted else self.sites or wanted
        return replace(self, role=max(self.role, role, key=ROLES.index), sites=both)


EVERYTHING = Rights()


def _sentence(rights: Rights, right: str) -> str:
    where = f" of {', '.join(site for site in rights.sites if site) or 'no site'}" if rights.sites else ""
    return f"a {rights.role}{where} may not {_WORDS[right]}; ask an owner"


@dataclass(frozen=True)
class Judge:
    """Judges each thing that is written, before it is; store: the whole one."""

    rights: Rights
    store: Store

    def __call__(self, noun: str, name: str, before: Any, after: Any) -> None:
        """Raise NotAllowed where these rights do not reach what is written."""
        if self._is_own(noun, name, before, after):
            return
        taken = self._takes(name, after.sip_address) if noun == "line" and after else set()
        for site in self.sites(noun, name, before, after) | taken:
            self.rights.need(NOUNS.get(noun, RULE), site)

    def _is_own(self, noun: str, name: str, before: Any, after: Any) -> bool:
        """Return True for what everybody may do with himself: his password, language and zone, his sessions, keys of his own."""
        me = self.rights.operator
        if not me:
            return False
        if noun == "session":
            return name == me
        if noun == "operator" and name == me and before and after:
            return {key for key in after if after[key] != before[key]} <= _OWN_FACTS
        return noun == "api key" and (before or after)["operator"] == me

    def sites(self, noun: str, name: str, before: Any, after: Any) -> set[str | None]:
        """Return the sites that a change reaches; None where it reaches all, nothing where it is in none yet."""
        if noun == "device":
            return {thing.site for thing in (before, after) if thing}
        if noun == "line":
            return self._of(f"line:{name}")
        if noun == "account":
            return self._of(f"account:{name}") or {""}
        if noun == "account book":
            return self._of(f"account:{name}")
        if noun == "key":
            return self._of(name.rpartition(" ")[0])
        if noun in ("setting", "group"):
            return self._of(name)
        if noun == "reveal":
            return {after["site"]}
        if noun == "export":
            return set((after or before).get("sites") or {None})
        if noun in ("contact", "contacts"):
            return {name.partition("/")[0]}
        return {None}

    def _takes(self, line: str, sip_address: str) -> set[str | None]:
        """Return where an account is already that is put on a line: who sees none of these sites does not know it."""
        macs = {one.mac for one in self.store.lines_with(sip_address) if f"{one.mac}/{one.n}" != line}
        there = {device.site for mac in macs if (device := self.store.device(mac, with_secrets=False))}
        return set() if not there or any(self.rights.may(LOOK, site) for site in there) else set(there)

    def _of(self, scope: str) -> set[str | None]:
        return sites_of(self.store, scope)


def sites_of(store: Store, scope: str) -> set[str | None]:
    """Return the sites that a scope speaks for: one, or those of the phones that have an account; None where it speaks for all."""
    kind, _, name = scope.partition(":")
    first = name.partition("/")[0]
    if kind in ("site", "group"):
        return {first}
    if kind in ("device", "line"):
        device = store.device(first, with_secrets=False)
        return {device.site} if device else {None}
    if kind == "account":
        macs = {line.mac for line in store.lines_with(name)}
        return {device.site for mac in macs if (device := store.device(mac, with_secrets=False))}
    return {None}


class View(Store):
    """The store as somebody sees it who is bound to sites: what is elsewhere is not there.

    An account is seen where a phone of these sites has it, and while no phone has it. It shares what the whole store holds open; only that one is closed.
    """

    def __init__(self, whole: Store, sites: tuple[str, ...]) -> None:
        """sites: short names."""
        self.__dict__.update(whole.__dict__)
        self.whole, self._only = whole, frozenset(sites)

    def close(self) -> None:
        """Close nothing: the whole store is its opener's."""

    def device(self, mac: str, with_secrets: bool = True) -> Device | None:
        """See Records."""
        device = super().device(mac, with_secrets)
        return device if device and device.site in self._only else None

    def devices(self, site: str = "", state: str = "", search: str = "", group: str = "", family: str = "", model: str = "", unseen: bool = False) -> Devices:
        """See Records."""
        return super().devices(site, state, search, group, family, model, unseen).within(self._only)

    def known(self, macs: Iterable[str]) -> list[str]:
        """See Records."""
        return [mac for mac in super().known(macs) if self.device(mac, with_secrets=False)]

    def account(self, sip_address: str) -> Account | None:
        """See Records."""
        account = super().account(sip_address)
        return account if account and self._sees_account(sip_address) else None

    def accounts(self) -> list[Account]:
        """See Records."""
        elsewhere: set[str] = set()
        here: set[str] = set()
        for _mac, site, address in self.whole.lines_by_site():
            (here if site in self._only else elsewhere).add(address)
        return [account for account in super().accounts() if account.sip_address in here or account.sip_address not in elsewhere]

    def addresses(self, search: str = "", after: str = "") -> Iterator[str]:
        """See Records."""
        return (address for address in super().addresses(search, after) if self._sees_account(address))

    def addresses_near(self, sip_address: str, most: int = 500) -> list[str]:
        """See Records."""
        return [address for address in super().addresses_near(sip_address, most) if self._sees_account(address)]

    def site(self, slug: str) -> Site | None:
        """See Records."""
        return super().site(slug) if slug in self._only else None

    def sites(self) -> list[Site]:
        """See Records."""
        return [site for site in super().sites() if site.slug in self._only]

    def groups(self, site: str = "") -> list[Group]:
        """See Records."""
        return [group for group in super().groups(site) if group.site in self._only]

    def lines_with(self, sip_address: str) -> list[Line]:
        """See Records."""
        return [line for line in super().lines_with(sip_address) if self.device(line.mac, with_secrets=False)]

    def lines_of(self, mac: str) -> list[Line]:
        """See Records."""
        return super().lines_of(mac) if self.device(mac, with_secrets=False) else []

    def keys_of(self, scope: str) -> list[Key]:
        """See Records."""
        return super().keys_of(scope) if self._sees(scope) else []

    def layer(self, scope: str) -> dict[str, Any]:
        """See Records; what is said for all can be seen by all."""
        return super().layer(scope) if self._sees(scope) else {}

    def scopes(self, *names: str) -> list[str]:
        """See Records."""
        return [scope for scope in super().scopes(*names) if self._sees(scope)]

    def contacts(self, site: str) -> Any:
        """See Records."""
        return super().contacts(site) if site in self._only else []

    def upload(self, mac: str, name: str) -> bytes | None:
        """See Records."""
        return super().upload(mac, name) if self.device(mac, with_secrets=False) else None

    def uploads_of(self, mac: str) -> dict[str, str]:
        """See Records."""
        return super().uploads_of(mac) if self.device(mac, with_secrets=False) else {}

    def facts_for(self, mac: str) -> BootFacts | None:
        """See Records."""
        return self.whole.facts_for(mac) if self.device(mac, with_secrets=False) else None

    def changes(self, limit: int = 100, noun: str = "", name: str = "", who: str = "", below: int = 0, above: int = 0) -> list[Change]:
        """See Records; only those that lie in these sites altogether."""
        found: list[Change] = []
        for change in self._all_changes(noun, name, who, below, above):
            if self._sees_change(change):
                found.append(change)
                if len(found) == limit:
                    break
        return found

    def changes_of_phone(self, mac: str, limit: int = 100, below: int = 0) -> list[Change]:
        """See Records; of a phone of these sites, those that lie in these sites altogether."""
        return [change for change in super().changes_of_phone(mac, limit, below) if self._sees_change(change)] if self.device(mac, with_secrets=False) else []

    def _all_changes(self, noun: str, name: str, who: str, below: int, above: int) -> Iterator[Change]:
        while some := super().changes(500, noun, name, who, below, above):
            yield from some
            below = some[-1].id

    def _sees_change(self, change: Change) -> bool:
        if change.noun == "device":
            return all(thing["site"] in self._only for thing in (change.before, change.after) if thing)
        reached = Judge(EVERYTHING, self.whole).sites(change.noun, change.name, change.before, change.after)
        return bool(reached) and reached <= self._only

    def _sees_account(self, sip_address: str) -> bool:
        reached = sites_of(self.whole, f"account:{sip_address}")
        return not reached or bool(reached & self._only)

    def _sees(self, scope: str) -> bool:
        if scope.startswith("account:"):
            return self._sees_account(scope.partition(":")[2])
        reached = sites_of(self.whole, scope)
        return reached == {None} or bool(reached & self._only)
