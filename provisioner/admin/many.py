"""One thing done to many phones: first what it would change and at what cost (F23), then all of it in one change, or nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from provisioner import vocabulary
from provisioner.admin import Admin, Done, devices, did, events, notices, scopes, settings, words
from provisioner.changes import Transaction
from provisioner.context import said
from provisioner.errors import BadValue, Outdated, ProvisionerError, UnknownName, nearest
from provisioner.rights import OPERATE
from provisioner.sip.link import Means
from provisioner.things import Device

VERBS = ("say", "unsay", "move", "resync", "retire", "remove")
MOST = 1000  # phones at once; a site, a group or a family says a setting for more
MOST_RUNG = 100  # that are asked over the network
_AT_ONCE = 8
_MOST_NOTES = 10


@dataclass(frozen=True)
class Order:
    """What shall be done. setting, value: of say and unsay; site, group: of move, where an empty group is none."""

    verb: str
    setting: str = ""
    value: str = ""
    site: str = ""
    group: str = ""

    def __post_init__(self) -> None:
        """Refuse a verb that is none."""
        if self.verb not in VERBS:
            raise UnknownName(f"{self.verb!r} is nothing that is done to many phones{nearest(self.verb, VERBS)}; there are {', '.join(VERBS)}")


@dataclass(frozen=True)
class Cost:
    """What an order would do, nothing of it being done.

    sentence: what it is; changed: the phones that would be another; restart: how many of them restart for it, by what their family tells;
    strand: how many could lose the network by it; notes: what to look at.
    """

    sentence: str
    phones: int
    changed: tuple[Device, ...]
    restart: int
    strand: int
    notes: tuple[str, ...]


def chosen(admin: Admin, macs: Iterable[str] | None = None, search: str = "", site: str = "", state: str = "", family: str = "", group: str = "") -> list[Device]:
    """Return the phones of these MACs, or all that fit where None are said; raises BadValue where there are none, or too many."""
    if macs is None:
        found = admin.store.devices(site=site, state=state, search=search, family=family, group=group).page(MOST + 1)
    else:
        found = [admin.device(mac) for mac in dict.fromkeys(macs)]
    if not found:
        raise BadValue("no phone is chosen; tick some, or all that are found")
    if len(found) > MOST:
        raise BadValue(f"more than {MOST:,} phones at once are too many; choose fewer, or say it for their site, group or family")
    return found


def version(admin: Admin, phones: Iterable[Device]) -> str:
    """Return what is another one whenever anything that was said of one of these phones is."""
    return hashlib.sha256(" ".join(f"{device.mac}-{devices.version(admin, device.mac)}" for device in phones).encode()).hexdigest()[:24]


def preview(admin: Admin, phones: Sequence[Device], order: Order) -> Cost:
    """Return what an order would do; the files of the phones are tried as they would be. Raises as carrying it out would."""
    if order.verb == "resync":
        return Cost(f"ask {words.count(len(phones), 'phone')} to read their files", len(phones), (), 0, 0, _rung_notes(admin, phones))
    work, sentence = _work(admin, phones, order)
    before = {device.mac: _effective(admin, device.mac) for device in phones}
    after: dict[str, _Effective | None] = {}

    def tried(tx: Transaction) -> bool:
        changed = work(tx)
        after.update({device.mac: _effective(admin, device.mac) for device in phones})
        return changed

    admin.try_change(tried, list(phones))
    changed = tuple(device for device in phones if before[device.mac] != after[device.mac])
    differs = [(device, _differing(before[device.mac], after[device.mac])) for device in changed]
    return Cost(
        sentence, len(phones), changed, sum(_restarts(admin, device, names) for device, names in differs),
        sum(_strands(names) for _, names in differs), tuple(_notes(admin, phones, order)),
    )  # fmt: skip


def carry_out(admin: Admin, phones: Sequence[Device], order: Order, ways: Means, unless: str = "") -> Done:
    """Do it, in one change. ways: how phones are asked; unless: the `version` of the preview, for which alone it is right.

    Raises Outdated where one of the phones is another one since; then nothing was written.
    """
    if order.verb == "resync":
        return _ring(admin, phones, ways)
    work, sentence = _work(admin, phones, order)
    macs = [device.mac for device in phones]

    def still() -> None:
        if unless and version(admin, chosen(admin, macs)) != unless:
            raise Outdated("one of these phones was changed since you looked at what this does; look at it once more")

    notes = list(_notes(admin, phones, order))
    changed, more = admin.provided(still).change(work, list(phones))
    return did(changed, f"{sentence}: done", (*notes, *more) if changed else ())


_Effective = tuple[Device, dict[str, Any], str]  # the phone, its settings as they count, its site's URL


def _effective(admin: Admin, mac: str) -> _Effective | None:
    """Return what a phone's files are made of; None where it is not there, or its family is not."""
    try:
        family, model, facts = admin.booter.facts(mac)
    except ProvisionerError:
        return None
    return replace(facts.device, revision=0, revised_at="", cleared=frozenset()), {name: one.value for name, one in said(family, model, facts).items()}, facts.site.public_url


_WHERE = "public_url"  # what a move changes beside settings


def _differing(before: _Effective | None, after: _Effective | None) -> set[str]:
    if before is None or after is None:
        return set()
    names = {name for name in {**before[1], **after[1]} if before[1].get(name) != after[1].get(name)}
    return names | ({_WHERE} if before[2] != after[2] else set())


def _restarts(admin: Admin, device: Device, names: set[str]) -> bool:
    found = admin.model_of(device)
    if not found:
        return False
    lacking = {row.name for row in found[0].lacks(device.model, device.firmware)}
    return bool(names & found[0].restarts - lacking)


def _strands(names: set[str]) -> bool:
    return any(name == _WHERE or ((row := vocabulary.BY_NAME.get(name)) is not None and row.may_strand) for name in names)


def _work(admin: Admin, phones: Sequence[Device], order: Order) -> tuple[Callable[[Transaction], bool], str]:
    """Return what writes an order, and its sentence; raises what is wrong with it."""
    many = words.count(len(phones), "phone")
    if order.verb == "say":
        values = _values(admin, phones, order)
        what = ", ".join(f"{name} = {words.text(words.said(name, value))}" for name, value in values.items())
        return lambda tx: _each(tx.say(device.scope, values) for device in phones), f"set {what} for {many}"
    if order.verb == "unsay":
        name = settings.named(admin, _scope(phones[0]), order.setting)
        vocabulary.setting(name)
        return lambda tx: _each(tx.unsay(device.scope, [name]) for device in phones), f"take back {name} of {many}"
    if order.verb == "move":
        facts = {"site": scopes.site(admin, order.site), "group": f"{order.site}/{order.group}" if order.group else ""}
        after = [devices.changed_by(admin, device, facts) for device in phones]
        return lambda tx: _each(tx.put_device(device) for device in after), f"move {many} to site {order.site}{f', group {order.group}' if order.group else ''}"
    if order.verb == "retire":
        leaving = [devices.retiring(admin, device) for device in phones if device.state != "retiring"]
        return lambda tx: _each(tx.put_device(device) for device in leaving), f"retire {many}"
    return lambda tx: _each(tx.remove_device(device.mac) for device in phones), f"remove {many}"


def _each(done: Iterable[bool]) -> bool:
    """Return True where one of these changed something, all of them being done."""
    return any(list(done))


def _scope(device: Device) -> scopes.Scope:
    return scopes.Scope("device", device.mac)


def _values(admin: Admin, phones: Sequence[Device], order: Order) -> dict[str, Any]:
    """Return the setting as every one of the phones stores it: a parameter of one family is for its phones alone."""
    if not order.setting:
        raise BadValue("no setting is named; choose one")
    some = {device.family: device for device in phones}
    read = [settings.read(admin, _scope(device), {order.setting: order.value}) for device in some.values()]
    if any(one != read[0] for one in read):
        raise BadValue(f"{order.setting} is another parameter in each of {', '.join(some)}; choose phones of one family")
    return read[0]


def _notes(admin: Admin, phones: Sequence[Device], order: Order) -> Iterator[str]:
    if order.verb == "say":
        yield from settings.costs(admin, phones, _values(admin, phones, order))
    if order.verb == "remove":
        lines = sum(len(admin.store.lines_of(device.mac)) for device in phones)
        if lines:
            yield f"what they fetched before stays in them: {words.count(lines, 'line')} may stay registered until they are reset, or the SIP passwords are changed; retire takes them out of phones that still ask"
    if order.verb == "retire":
        yield f"they get nothing more an hour after they have fetched their last files, or after {words.count(devices.RETIRE_DAYS, 'day')}"
    if order.verb == "move":
        urls = {site.public_url for slug in {order.site, *(device.site for device in phones)} if (site := admin.store.site(slug))}
        if len(urls) > 1:
            yield "the new site has another URL: a phone that cannot reach it asks here no more; try it on one phone first"


def _rung_notes(admin: Admin, phones: Sequence[Device]) -> tuple[str, ...]:
    unseen = sum(1 for _, address in events.last_seen(admin, phones).values() if not address)
    return (f"{words.count(unseen, 'phone')} of them {'was' if unseen == 1 else 'were'} never seen, so their address is not known",) if unseen else ()


def _ring(admin: Admin, phones: Sequence[Device], ways: Means) -> Done:
    """Ask phones to read their files, some at once; one that does not take it stops no other."""
    if len(phones) > MOST_RUNG:
        raise BadValue(f"{len(phones)} phones are too many to be asked at once; choose at most {MOST_RUNG}")
    for device in phones:
        admin.rights.need(OPERATE, device.site)

    def ask(device: Device) -> str:
        try:
            notices.ask(admin, device.mac, "resync", ways)
        except ProvisionerError as why:
            return str(why)
        return ""

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        faults = [why for why in pool.map(ask, phones) if why]
    more = [f"and {words.count(len(faults) - _MOST_NOTES, 'phone')} more"] if len(faults) > _MOST_NOTES else []
    taken = len(phones) - len(faults)
    return Done(f"{words.count(taken, 'phone')} of {len(phones)} will read {'its' if taken == 1 else 'their'} files", taken > 0, (*faults[:_MOST_NOTES], *more))
