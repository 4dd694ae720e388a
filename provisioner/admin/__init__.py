"""What operators can do: one verb for the CLI, the API and the pages alike.

One file a noun, plain functions over an `Admin`. A verb takes plain values, checks them against
vocabulary and families, tries the files of the phones that it touches, writes, and returns a
`Done`: the sentence of what it did. It raises an error of ours, and then nothing was written.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property

from provisioner.boot import Booter, Limits
from provisioner.changes import Transaction
from provisioner.config import Config
from provisioner.errors import NotHere, ProvisionerError, Unfit
from provisioner.eventstore import EventStore
from provisioner.families import Catalog, Family, Model
from provisioner.families import load as load_families
from provisioner.mac import parse, pretty
from provisioner.patience import Patience
from provisioner.people import People
from provisioner.providers import Providers
from provisioner.providers import load as load_providers
from provisioner.records import Devices
from provisioner.rights import EVERYTHING, Judge, Rights, View
from provisioner.store import Store
from provisioner.things import Device

SAME = "nothing to change"
Phones = Devices | Sequence[Device]  # those of a wide scope are read when asked for
SAMPLE = 200  # phones whose files are tried before a change is written; every model is among them


@dataclass(frozen=True)
class Done:
    """What a verb did.

    sentence: for people; changed: False where everything was so already; notes: what to look at, each a sentence.
    """

    sentence: str
    changed: bool = True
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Admin:
    """Holds what the verbs need; made once by a door.

    store:  as `rights` let it be seen.
    rights: what its operator may do; what is written is judged by them (rights.py), whichever verb writes it.
    unless: called in each write transaction before anything is written; raises where something has changed that should not have.
    """

    store: Store
    catalog: Catalog
    booter: Booter
    config: Config
    who: str
    door: str
    rights: Rights = EVERYTHING
    unless: Callable[[], None] | None = None
    patience: Patience = field(default_factory=Patience, compare=False)

    @classmethod
    def open(cls, config: Config, who: str, door: str, families: Catalog | None = None) -> Admin:
        """Return the admin of a server's state folder; families: where they are read already. Raises StoreTrouble."""
        store = Store.open(config.state)
        catalog = families or load_families(config.phones_path)
        limits = Limits(config.upload_limit, config.uploads_per_phone)
        booter = Booter(store, catalog, lambda event: None, assets=config.assets_folder, unknown_phones=config.unknown_phones, limits=limits, providers=load_providers(config.providers_path))
        return cls(store, catalog, booter, config, who, door)

    def acting(self, who: str, door: str, rights: Rights) -> Admin:
        """Return the admin for one operator's ask, over the same databases; only this one is closed."""
        other = replace(self, who=who, door=door, rights=rights, store=View(self.whole, rights.sites) if rights.sites else self.whole)
        other.__dict__["eventstore"] = self.eventstore
        return other

    def provided(self, unless: Callable[[], None]) -> Admin:
        """Return the admin who writes only where `unless` raises nothing."""
        other = replace(self, unless=unless)
        other.__dict__["eventstore"] = self.eventstore
        return other

    @property
    def whole(self) -> Store:
        """The store with all that is in it: for who comes in and what is written, never for what is shown."""
        return self.store.whole if isinstance(self.store, View) else self.store

    @cached_property
    def people(self) -> People:
        """Who may come in."""
        return People(self.whole)

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        """Write things, each of them judged; all of the block or nothing. The only way that verbs write."""
        with self.whole.change(self.who, self.door, None if self.rights is EVERYTHING else Judge(self.rights, self.whole)) as tx:
            if self.unless:
                self.unless()
            yield tx

    @property
    def providers(self) -> Providers:
        """Who gives accounts, and what is known of theirs."""
        return self.booter.providers

    def close(self) -> None:
        """Close the databases."""
        self.store.close()
        if "eventstore" in self.__dict__:
            self.eventstore.close()

    @cached_property
    def eventstore(self) -> EventStore:
        """The log of what became of requests; opened when first asked for."""
        return EventStore.open(self.config.state)

    # What several nouns need.

    def device(self, text: str) -> Device:
        """Return the device of a MAC in any spelling; raises BadMAC or NotHere with the nearest one."""
        mac = parse(text)
        device = self.store.device(mac)
        if device is None:
            raise NotHere(f"phone {pretty(mac)} is not in the inventory{self.nearest(mac)}; add it with `provisioner device add {mac} --model FAMILY/MODEL`")
        return device

    def nearest(self, mac: str) -> str:
        """Return `; did you mean …?` for the device whose MAC differs in one digit, or in two, or nothing."""
        for digits in (1, 2):
            near = self.store.known(misspelt(mac, digits))
            if near:
                return f"; did you mean {pretty(near[0])}?"
        return ""

    def model_of(self, device: Device) -> tuple[Family, Model] | None:
        """Return the family and model of a device, or None where the catalog has them no more."""
        family = self.catalog.families.get(device.family)
        model = family.model(device.model) if family else None
        return (family, model) if family and model else None

    def named(self, device: Device) -> str:
        """Return a phone as sentences name it: 805ec0d57d72 (Yealink T46U)."""
        found = self.model_of(device)
        return f"{device.mac} ({found[1].brand if found else device.family} {device.model})"

    def change(self, work: Callable[[Transaction], bool], phones: Phones = ()) -> tuple[bool, tuple[str, ...]]:
        """Write, where the files of the phones that it touches can still be made; return (changed, notes).

        A phone whose file could not be made before does not stop a change; it is a note.
        Raises Unfit with what the phone's file cannot carry; then nothing was written (D6).
        """
        some, count = sample(phones), len(phones)
        changed, faults = self._attempt(work, some)
        if not faults:
            return changed, _tried(count, some) if changed else ()
        self._refuse(faults, some)
        with self.writing() as tx:
            changed = work(tx)
        mac, why = next(iter(faults.items()))
        many = f" and {len(faults) - 1} more" if len(faults) > 1 else ""
        return changed, (f"phone {pretty(mac)}{many} gets no file until this is mended: {why}", *_tried(count, some))

    def try_change(self, work: Callable[[Transaction], bool], phones: Phones = ()) -> None:
        """Raise Unfit where `change` would, and write nothing: for what another server is asked to keep first."""
        some = sample(phones)
        self._refuse(self._attempt(work, some, keep=False)[1], some)

    def _attempt(self, work: Callable[[Transaction], bool], some: list[Device], keep: bool = True) -> tuple[bool, dict[str, str]]:
        """Write, and take it back where it makes trouble; return whether there was something to write, and the troubles."""
        try:
            with self.writing() as tx:
                changed = work(tx)
                faults = self.troubles(some) if changed else {}
                if faults or not keep:
                    raise _TakenBack
        except _TakenBack:
            pass
        return changed, faults

    def _refuse(self, faults: dict[str, str], some: list[Device]) -> None:
        """Raise BadValue where one of these troubles was not there before."""
        before = self.troubles([device for device in some if device.mac in faults])
        news = {mac: why for mac, why in faults.items() if before.get(mac) != why}
        if news:
            raise Unfit(_refusal(news, some, self), news)

    def troubles(self, phones: Iterable[Device]) -> dict[str, str]:
        """Return, for each phone whose files cannot be made, the sentence of why."""
        faults = {}
        for device in phones:
            try:
                self.booter.try_all(device.mac)
            except NotHere:
                continue
            except ProvisionerError as why:
                faults[device.mac] = str(why)
        return faults


class _TakenBack(Exception):
    """Makes a transaction write nothing."""


def _refusal(news: dict[str, str], some: list[Device], admin: Admin) -> str:
    mac, why = next(iter(news.items()))
    device = next(one for one in some if one.mac == mac)
    many = f" (and {len(news) - 1} more phones)" if len(news) > 1 else ""
    return f"phone {admin.named(device)}{many} could not get its file: {why}. Nothing was changed"


def _tried(count: int, some: list[Device]) -> tuple[str, ...]:
    if len(some) == count:
        return ()
    return (f"tried on {len(some)} of the {count} phones that this touches, some of every model; `provisioner check` tries more",)


def sample(phones: Phones, most: int = SAMPLE) -> list[Device]:
    """Return at most so many phones: all of a few, else the first of every model, then the second of every model, and so on."""
    return phones.sample(most) if isinstance(phones, Devices) and len(phones) > most else list(phones)[:most]


def kinds(phones: Phones) -> Counter[tuple[str, ...]]:
    """Return how many phones there are of each (family, model, firmware)."""
    return phones.tally("family", "model", "firmware") if isinstance(phones, Devices) else Counter((one.family, one.model, one.firmware) for one in phones)


def misspelt(mac: str, digits: int) -> Iterator[str]:
    """Yield what a MAC is when so many of its digits are others: 180 for one, 14,850 for two.

    >>> len(set(misspelt("805ec0d57d72", 1))), len(set(misspelt("805ec0d57d72", 2)))
    (180, 14850)
    """
    for places in itertools.combinations(range(len(mac)), digits):
        for others in itertools.product(*("0123456789abcdef".replace(mac[place], "") for place in places)):
            word = list(mac)
            for place, other in zip(places, others, strict=True):
                word[place] = other
            yield "".join(word)


def did(changed: bool, sentence: str, notes: Iterable[str] = ()) -> Done:
    """Return what was done, or that nothing was to be done."""
    return Done(sentence if changed else SAME, changed, tuple(notes))
