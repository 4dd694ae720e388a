"""Whose word a layer is: the scopes that `set`, `unset` and `key` speak of.

    defaults   family:yealink   model:yealink/T46U   site:hq   group:hq/reception
    device:MAC   account:SIP-ADDRESS   line:MAC/2
"""

from __future__ import annotations

from dataclasses import dataclass

from provisioner.admin import Admin, Phones
from provisioner.errors import BadValue, NotHere, UnknownName, nearest
from provisioner.mac import parse, pretty
from provisioner.things import Account, Group, sip_address

KINDS = ("defaults", "family", "model", "site", "group", "device", "account", "line")
HELP = "defaults, family:F, model:F/M, site:S, group:S/G, device:MAC, account:SIP-ADDRESS or line:MAC/N"


@dataclass(frozen=True)
class Scope:
    """One scope, checked; str() of it is the store's word for it."""

    kind: str
    name: str = ""

    def __str__(self) -> str:
        """Return kind:name, or defaults."""
        return f"{self.kind}:{self.name}" if self.name else self.kind

    @property
    def per_line(self) -> bool:
        """True for scopes that speak of lines alone (D2)."""
        return self.kind in ("account", "line")


def read(admin: Admin, text: str) -> Scope:
    """Return the scope that was meant, its name as the store spells it; raises with the nearest one that exists."""
    kind, colon, name = text.strip().partition(":")
    kind = kind.lower()
    if kind not in KINDS:
        raise UnknownName(f"{text!r} is no scope{nearest(kind, KINDS)}; write {HELP}")
    if kind == "defaults":
        if colon:
            raise BadValue(f"{text!r} is no scope; write defaults alone")
        return Scope("defaults")
    if not name:
        raise BadValue(f"{text!r} does not say which {kind}; write {HELP}")
    return Scope(kind, _READERS[kind](admin, name))


def _family(admin: Admin, name: str) -> str:
    return admin.catalog.family(name.lower()).slug


def _model(admin: Admin, name: str) -> str:
    family, model = admin.catalog.model(name)
    return f"{family.slug}/{model.name}"


def site(admin: Admin, slug: str) -> str:
    """Return the short name of a site that is there; raises NotHere with the nearest one."""
    if admin.store.site(slug) is None:
        raise NotHere(f"there is no site {slug!r}{nearest(slug, [one.slug for one in admin.store.sites()])}; add it with `provisioner site add {slug}`")
    return slug


def group(admin: Admin, name: str) -> Group:
    """Return the group SITE/GROUP that is there; raises NotHere with the nearest one."""
    where, slash, slug = name.partition("/")
    if not slash:
        raise BadValue(f"{name!r} is no group; write SITE/GROUP, such as hq/reception")
    known = admin.store.groups()
    wanted = Group(site(admin, where), slug)
    if wanted not in known:
        close = nearest(name, [f"{one.site}/{one.slug}" for one in known])
        raise NotHere(f"there is no group {name!r}{close}; add it with `provisioner group add {name}`")
    return wanted


def account(admin: Admin, text: str) -> str:
    """Return the SIP address of an account that is there; raises NotHere with the nearest one."""
    return known_account(admin, text).sip_address


def known_account(admin: Admin, text: str) -> Account:
    """Return the account of a SIP address in any spelling; raises NotHere with the nearest one."""
    try:
        address = sip_address(text)
    except ValueError as why:
        raise BadValue(str(why)) from None
    found = admin.store.account(address)
    if found is None:
        close = nearest(address, admin.store.addresses_near(address))
        raise NotHere(f"there is no account {address}{close}; add it with `provisioner account add {address}`")
    return found


def _line(admin: Admin, name: str) -> str:
    mac, slash, number = name.rpartition("/")
    if not slash or not number.isascii() or not number.isdigit() or len(number) > 4:
        raise BadValue(f"{name!r} is no line; write MAC/N, such as 805ec0d57d72/2")
    device = admin.device(mac)
    n = int(number)
    lines = admin.store.lines_of(device.mac)
    if n not in [line.n for line in lines]:
        has = f"it has {', '.join(str(line.n) for line in lines)}; " if lines else ""
        raise NotHere(f"phone {pretty(device.mac)} has no account on line {n}; {has}`provisioner assign {device.mac} ACCOUNT --line {n}` puts one there")
    return f"{device.mac}/{n}"


_READERS = {
    "family": _family,
    "model": _model,
    "site": site,
    "group": lambda admin, name: group(admin, name).scope.partition(":")[2],
    "device": lambda admin, name: admin.device(name).mac,
    "account": account,
    "line": _line,
}


def family_of(admin: Admin, scope: Scope) -> str:
    """Return the one family that a scope speaks for, or nothing where it is for phones of several."""
    if scope.kind in ("family", "model"):
        return scope.name.partition("/")[0]
    return admin.device(scope.name.partition("/")[0]).family if scope.kind in ("device", "line") else ""


def site_of(admin: Admin, scope: Scope) -> str:
    """Return the one site that a scope speaks for, or nothing where it is for phones of several."""
    if scope.kind in ("site", "group"):
        return scope.name.partition("/")[0]
    return admin.device(scope.name.partition("/")[0]).site if scope.kind in ("device", "line") else ""


def phones(admin: Admin, scope: Scope) -> Phones:
    """Return the devices that a scope speaks for."""
    kind, name = scope.kind, scope.name
    if kind in ("device", "line"):
        return [device] if (device := admin.store.device(parse(name.partition("/")[0]))) else []
    if kind == "account":
        macs = dict.fromkeys(line.mac for line in admin.store.lines_with(name))
        return [device for mac in macs if (device := admin.store.device(mac))]
    first, _, second = name.partition("/")
    if kind in ("site", "group"):
        return admin.store.devices(site=first, group=second)
    return admin.store.devices(family=first, model=second)  # of defaults neither is said
