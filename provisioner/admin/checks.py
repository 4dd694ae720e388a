"""What is wrong, before a phone meets it: folders of families, config, store, sites, phones."""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

from provisioner import context, coverage, known, vocabulary
from provisioner.admin import Admin, kinds, sample, sites, words
from provisioner.config import Config
from provisioner.encode import legible
from provisioner.errors import BadManifest, ProvisionerError, StoreTrouble
from provisioner.families import Catalog, Family
from provisioner.formats import PLACES, fits
from provisioner.mac import pretty
from provisioner.records import WANTED_SQLITE, Devices
from provisioner.render import Renderer
from provisioner.store import KEY_FILE
from provisioner.things import Account, Device, Site
from provisioner.tokens import LENGTH

FAULT, WARNING = "fault", "warning"
_TRIED = 1000  # phones whose files are made
_NAMED = 5  # accounts that findings name
_COMMON = ("admin", "0000", "1234", "12345", "123456", "12345678", "22222", "456", "789", "password", "user")  # first tried by everybody, on every make


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: a fault (phones will suffer) or a warning; a sentence with its cure."""

    kind: str
    what: str
    sentence: str

    def shown(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


def run(config: Config, who: str, door: str, output: bool = False) -> list[Finding]:
    """Return everything that is wrong, faults first; what cannot be opened is a finding too.

    output: also every file of every model is made and compared with what its phones know, which takes a quarter of a minute.
    """
    found: list[Finding] = []
    try:
        admin = Admin.open(config, who, door)
    except StoreTrouble as why:
        from_store = Finding(FAULT, "store", str(why))
        return [from_store]
    try:
        for look in (_families, _providers, _store, _sites, _accounts, _phones, *((_output,) if output else ())):
            found.extend(look(admin))
    finally:
        admin.close()
    return sorted(dict.fromkeys(found), key=lambda finding: (finding.kind != FAULT, finding.what))


def manifests(catalog: Catalog, which: Iterable[Family] | None = None) -> Iterator[Finding]:
    """Yield what is wrong with the families' folders: file, line, key and cure. which: whose templates are tried; None is all."""
    for fault in catalog.faults:
        yield Finding(FAULT, "family", str(fault))
    renderer = Renderer(catalog)
    facts = {field.name for field in fields(Account)}
    for family in catalog.families.values() if which is None else which:
        for rule in family.files:
            try:
                if rule.template:
                    renderer.compile(family, rule)
            except BadManifest as fault:
                yield Finding(FAULT, "family", str(fault))
        for row in family.cannot:
            if row.name not in vocabulary.BY_NAME and row.name not in facts:
                yield Finding(FAULT, "family", f"{family.folders[0]}/family.toml: cannot.{row.name} names neither a setting nor an account's fact; take it out")


def _output(admin: Admin) -> Iterator[Finding]:
    for family in admin.catalog.families.values():
        yield from files(admin.catalog, family)


def files(catalog: Catalog, family: Family) -> Iterator[Finding]:
    """Yield what the files of a family's models say that its phones do not know, each sentence once, and which files cannot be read so."""
    if not known.of_family(family):
        yield Finding(WARNING, "output", f"{family.folders[-1]} has no {known.FILE}, so that nobody can say whether its phones know what their files say; write one (docs/add-a-phone.md)")
        return
    renderer, unread = Renderer(catalog), dict[str, bool]()
    where: dict[str, list[str]] = {}
    for model in family.models.values():
        for rule, body in coverage.samples(renderer, family, model):
            said = [f"cannot be made: {body}"] if isinstance(body, str) else known.faults(family, legible(body, rule.encode), rule.writer.charset)
            unread[rule.match] = unread.get(rule.match, True) and said is None
            for sentence in said or ():
                where.setdefault(f"{rule.match}: {sentence}", []).append(model.name)
    for sentence, models in where.items():
        some = ", ".join(dict.fromkeys(models)) if len(set(models)) < 4 else words.count(len(set(models)), "model")
        yield Finding(FAULT, "output", f"{family.slug}, {some}: {sentence}; correct {family.folders[-1]}, or add the row to its {known.FILE} with its source")
    for match in (match for match, none in unread.items() if none):
        yield Finding(WARNING, "output", f"{family.slug}: the names in {match} are spelled as no reader here reads them, so it was not compared with {known.FILE}")


def _families(admin: Admin) -> Iterator[Finding]:
    yield from manifests(admin.catalog)
    lost: Counter[str] = Counter()
    for (slug, model), number in admin.store.devices().tally("family", "model").items():
        family = admin.catalog.families.get(slug)
        if family is None:
            lost[slug] += number
        elif not family.model(model):
            for device in admin.store.devices(family=slug, model=model):
                yield Finding(FAULT, "family", f"the family {slug} has no model {model}, which {pretty(device.mac)} is; `provisioner device change {device.mac} --model {slug}/…`")
    for slug, number in lost.items():
        yield Finding(FAULT, "family", f"{words.count(number, 'phone')} of family {slug} get{'s' if number == 1 else ''} nothing: the family cannot be used; mend its folder, or remove the phones")


def _providers(admin: Admin) -> Iterator[Finding]:
    for fault in admin.providers.faults:
        yield Finding(WARNING, "provider", str(fault))


def _accounts(admin: Admin) -> Iterator[Finding]:
    """Yield the accounts whose servers said last that they are not right; nobody is asked here."""
    for what, found in (("account", admin.store.checks()), ("contacts", admin.store.fetches())):
        bad = {address: said for address, said in found.items() if said.verdict in ("refused", "wrong")}
        for address, said in list(bad.items())[:_NAMED]:
            yield Finding(WARNING, what, f"{address} ({said.at[:16]}): {said.sentence}")
        if len(bad) > _NAMED:
            yield Finding(WARNING, what, f"{len(bad) - _NAMED} more accounts are refused or wrong; `provisioner account list` has them")


def _store(admin: Admin) -> Iterator[Finding]:
    version = admin.store.sqlite_version
    if version < WANTED_SQLITE:
        wanted = ".".join(map(str, WANTED_SQLITE))
        yield Finding(WARNING, "sqlite", f"SQLite {'.'.join(map(str, version))} is older than {wanted}, and can damage a database that several processes write; install the package pysqlite3")
    folder = admin.config.state
    mode = stat.S_IMODE((folder / KEY_FILE).stat().st_mode)
    if mode & 0o077:
        yield Finding(FAULT, "key", f"{folder / KEY_FILE} can be read by others (mode {mode:04o}); chmod 600 {folder / KEY_FILE}")
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o022:
        yield Finding(WARNING, "key", f"{folder} can be written by others (mode {mode:04o}); chmod 700 {folder}")
    for scope in admin.store.scopes():
        admin.store.layer(scope)  # what it cannot read becomes a fault of the store
    for fault in admin.store.faults:
        yield Finding(WARNING, "settings", fault)


def _sites(admin: Admin) -> Iterator[Finding]:
    used: dict[str, set[str]] = {}
    for slug, family in admin.store.devices().tally("site", "family"):
        used.setdefault(slug, set()).add(family)
    for site in admin.store.sites():
        here = used.get(site.slug, set())
        if not site.public_url and not site.tftp_public_url:
            kind = FAULT if here else WARNING
            yield Finding(kind, "site", f"site {site.slug} has no public URL, which its phones' files need; `provisioner site change {site.slug} --public-url http://HOST:8080`")
        elif sites.only_here(site):
            yield Finding(WARNING, "site", f"the public URL of site {site.slug} is this machine's loopback, which phones elsewhere cannot reach; `provisioner site change {site.slug} --public-url http://HOST:8080`")
        for entry in site.networks:
            if entry.mac_is_enough and not entry.network.startswith(("127.", "::1")):
                yield Finding(WARNING, "site", f"in network {entry.network} of site {site.slug} whoever names a phone's MAC gets its passwords; `provisioner site network add {site.slug} {entry.network} --token-needed` ends that")
        yield from _url_lengths(admin, site, here)


def url_length(family: Family, site: Site) -> int:
    """Return how many characters the provisioning URL has that a phone of this family stores (F17)."""
    over_http = "http" in family.wires or "https" in family.wires
    base = site.public_url if over_http else site.tftp_public_url
    if family.scheme_apart:
        base = base.partition("://")[2]
    return len(f"{base}/p/{'x' * LENGTH}/") if base else 0


def _url_lengths(admin: Admin, site: Site, here: set[str]) -> Iterator[Finding]:
    for family in admin.catalog.families.values():
        length = url_length(family, site)
        if length > family.longest_url:
            kind = FAULT if family.slug in here else WARNING
            yield Finding(kind, "url", f"the provisioning URL of site {site.slug} has {length} characters, and {family.name} store {family.longest_url}; shorten its public URL")


def _phones(admin: Admin) -> Iterator[Finding]:
    every = admin.store.devices()
    some = sample(every, _TRIED)
    for mac, why in admin.troubles(some).items():
        yield Finding(FAULT, "phone", f"{pretty(mac)} gets no file: {why}")
    if len(some) < (count := len(every)):
        yield Finding(WARNING, "phone", f"the files of {len(some):,} of {count:,} phones were tried, some of every model")
    yield from _clocks(admin, some)
    yield from _left_out(admin, some)
    yield from _factory_passwords(admin, every)


def _left_out(admin: Admin, devices: Iterable[Device]) -> Iterator[Finding]:
    """Yield the contacts that phones do not get since their phone book's form has no way to write them."""
    renderer = Renderer(admin.catalog)
    for device in devices:
        if not (known := admin.catalog.families.get(device.family)) or not known.model(device.model):
            continue
        family, model, facts = admin.booter.facts(device.mac)
        for rule in family.rules(model.name, device.firmware):
            asked = renderer.words(family, rule) if rule.template and facts.contacts else frozenset()
            for place in PLACES if {"book", "is"} <= asked else ():
                for contact in facts.contacts if f"in_{place}" in asked else ():
                    if not fits(rule.writer, place, contact.name):
                        yield Finding(WARNING, "contact", f"{family.name} do not get the contact {contact.name!r}, whose name their phone book cannot carry; write it without signs such as , and #")


def _clocks(admin: Admin, phones: Iterable[Device]) -> Iterator[Finding]:
    """Yield the zones that phones cannot be told (F8), with how many of the phones that were tried are in them."""
    found: Counter[str] = Counter()
    for device in phones:
        try:
            family, model, facts = admin.booter.facts(device.mac)
        except ProvisionerError:  # told already: it gets no file
            continue
        if not any(row.name == "timezone" for row in family.lacks(model.name, device.firmware)):
            zone = context.said(family, model, facts)["timezone"].value
            found[family.time_of(zone, model.name, device.firmware, device.dated_year).warning] += 1
    del found[""]
    yield from (Finding(WARNING, "clock", f"{words.count(number, 'phone')}: {why}") for why, number in found.items())


def _factory_passwords(admin: Admin, devices: Devices) -> Iterator[Finding]:
    """Yield the phones that still have, or were given, a password that everybody knows (F11)."""
    fetched, number, first = admin.eventstore.fetched(), 0, []
    for mac in admin.store.devices(unseen=True).macs():
        if mac not in fetched:
            number += 1
            first += [mac] if number <= 5 else []
    if number:
        some = ", ".join(map(pretty, first))
        yield Finding(WARNING, "password", f"{words.count(number, 'phone')} never fetched a file, so still on factory passwords: {some}{' …' if number > 5 else ''}; restart them")
    lacking: Counter[str] = Counter()
    for (slug, model, firmware), number in kinds(devices).items():
        family = admin.catalog.families.get(slug)
        if family and (known := family.model(model)) and any(row.name == "admin_password" for row in family.lacks(known.name, firmware)):
            lacking[slug] += number
    for slug, number in lacking.items():
        yield Finding(WARNING, "password", f"{words.count(number, 'phone')} of family {slug} take no administrator password from here; change it on each phone")
    for scope in admin.store.scopes("admin_password", "user_password"):
        said = admin.store.layer(scope)
        for name in ("admin_password", "user_password"):
            if str(said.get(name) or "").lower() in _COMMON:
                yield Finding(WARNING, "password", f"{scope} says an {name} that is a factory's or the first to be guessed; `provisioner unset {scope} {name}` has one generated for each phone")
        kind, _, name = scope.partition(":")
        device = admin.store.device(name) if kind == "device" else None
        if device and device.factory_password and said.get("admin_password") == device.factory_password:
            yield Finding(WARNING, "password", f"{pretty(device.mac)} is told to keep its factory password; `provisioner unset {device.scope} admin_password`")
