"""Why does a phone get this, or nothing? The way of one request, told step by step.

It asks the same rooms as a boot does, in the same order, leaves no event and changes nothing.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from provisioner import tokens
from provisioner.admin import Admin, sites
from provisioner.admin.words import count
from provisioner.admit import TFTPKeepsSecrets, admit, network_of, token_fits
from provisioner.boot import NO_FILE
from provisioner.errors import BadValue, Missing, NotServed, ProvisionerError, Unknown
from provisioner.families import Family, FileRule, last_segment
from provisioner.identify import Sighting, identify, mac_in
from provisioner.mac import pretty
from provisioner.things import Device, Site, address
from provisioner.wire import PhoneRequest

_NO_TOKEN = "-" * tokens.LENGTH


@dataclass(frozen=True)
class Why:
    """The way of one request.

    steps:   (step, what was found) in the order of a boot.
    outcome: the event's word: served, unknown, refused, missing or failed.
    cure:    what to do about it, or empty.
    """

    steps: tuple[tuple[str, str], ...]
    outcome: str
    sentence: str
    cure: str = ""

    def shown(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"outcome": self.outcome, "sentence": self.sentence, "cure": self.cure or None, "steps": [{"step": step, "found": found} for step, found in self.steps]}


def why(admin: Admin, what: str, user_agent: str = "", source: str = "127.0.0.1", wire: str = "") -> Why:
    """Return what a phone would get for a URL or a file's name, and why.

    source: the phone's address; wire: http, https or tftp, else the URL's own, else http.
    """
    request = _request(what, user_agent, source, wire)
    steps: list[tuple[str, str]] = [("request", f"{last_segment(request.path) or '(no file name)'} over {request.wire} from {request.address}")]
    try:
        sentence = _walk(admin, request, steps)
    except ProvisionerError as fault:
        outcome = fault.outcome if isinstance(fault, NotServed) else "failed"
        return Why(tuple(steps), outcome, str(fault), _cure(admin, request, fault))
    return Why(tuple(steps), "served", sentence)


def _request(what: str, user_agent: str, source: str, wire: str) -> PhoneRequest:
    try:
        here = address(source)
    except ValueError:
        raise BadValue(f"{source!r} is not an IP address; write it as 192.0.2.7") from None
    scheme, path = wire or "http", what
    if "://" in what:
        try:
            parts = urlsplit(what)
        except ValueError:
            raise BadValue(f"{what!r} is not a URL; write http://HOST:8080/FILE, or the file's name alone") from None
        if parts.scheme not in ("http", "https", "tftp"):
            raise BadValue(f"{what!r} is no URL that phones use; write http://, https:// or tftp://, or the file's name alone")
        scheme, path = wire or parts.scheme, unquote(parts.path)
    found, rest = tokens.split(path)
    return PhoneRequest(rest, here, scheme, user_agent if scheme != "tftp" else "", found)


def _walk(admin: Admin, request: PhoneRequest, steps: list[tuple[str, str]]) -> str:
    """Go the way of a boot; return what is served, or raise why nothing is."""
    mac = mac_in(request)
    device = admin.store.device(mac) if mac else None
    who = identify(admin.catalog, request, device)
    steps.append(("identify", _identified(who)))
    steps.append(("device", _inventory(admin, device, mac)))
    site = admin.store.site(device.site) if device else admin.store.sites_now().of_address(request.address)
    if site is None:
        raise Unknown("there is no site for this phone; restore the store from a backup")
    everyones = admin.booter.everyones(request, identify(admin.catalog, request))
    family: Family | None
    if everyones:
        family, rule = everyones
        device, site = None, admin.store.sites_now().of_address(request.address) or site
        steps.append(("file", f"{family.slug}: [[files]] {rule.match!r}, the same for every phone of its family"))
        missing: NotServed | None = None
    else:
        family, rule, missing = _rule(admin, request, who, device, steps)
    entry = network_of(site, request.address)
    where = f"{request.address} is in network {entry.network} of site {site.slug}: {sites.allowed(entry)}" if entry else f"{request.address} is in no network of site {site.slug}: phones need their token, no secrets over TFTP"
    steps.append(("admit", where))
    fits = token_fits(request, admin.booter.expected_token(device) if device else _NO_TOKEN)
    if request.token:
        steps.append(("token", "it is this phone's own" if fits and device else "it is not this phone's own, or was replaced"))
    here = admin.store.sites_now().of_address(request.address)
    if here and here.asks_passwords and request.wire != "tftp" and not everyones:
        steps.append(("password", f"site {here.slug}, where {request.address} belongs, asks those for one ({here.passwords}) who do not prove themselves otherwise: 401 instead of 404"))
    try:
        admit(request, device, site, rule, fits and device is not None, who.mac, now=admin.store.now().isoformat(timespec="seconds"))
    except TFTPKeepsSecrets as refusal:
        if missing or not (family and family.bootstrap and device and rule.template):
            raise
        return f"the bootstrap file, which holds the provisioning URL alone ({refusal})"
    except Unknown:
        if missing and not who.candidates:
            raise missing from None
        raise
    if missing or family is None:
        raise missing or Missing("no family can be asking")
    return _served(admin, request, device, family, rule, site)


def _served(admin: Admin, request: PhoneRequest, device: Device | None, family: Family, rule: FileRule, site: Site) -> str:
    name = last_segment(request.path)
    if rule.asset:
        folder = admin.config.assets_folder / rule.asset
        if not folder.is_dir() or name.lower() not in [file.name.lower() for file in folder.iterdir()]:
            raise Missing(f"{name} is not in {folder}; copy it there")
        return f"the file {name} of {folder}"
    if not rule.template:
        kept = family.upload_for(request.path) and device and admin.store.uploads_of(device.mac).get(name.lower())
        if not kept:
            raise Missing(f"{rule.match} is asked for by these phones, and there is none: that is as it should be")
        return f"what the phone itself sent on {kept}"
    if device is None:
        return f"made from {rule.template}, the same for every phone of its family"
    body = admin.booter.preview(device.mac, name, reveal=True)
    climb = admin.booter.climb(family, admin.booter.facts(device.mac)[2], device.firmware)
    return f"{count(len(body), 'byte')}, made from {family.slug}/{rule.template}{f'; {climb}' if climb else ''}; `provisioner device preview {device.mac} {name}` shows them"


def _identified(who: Sighting) -> str:
    if not who.candidates:
        return "no family's user agent, file name or MAC fits"
    said = " ".join(filter(None, (who.model, who.firmware)))
    could = who.family or f"one of {', '.join(who.candidates)}"
    return f"family {could}" + (f", {said}" if said else "") + (f"; {who.stranger}" if who.stranger else "")


def _inventory(admin: Admin, device: Device | None, mac: str) -> str:
    if device:
        lines = len(admin.store.lines_of(device.mac))
        return f"{admin.named(device)} of site {device.site}, {device.state}, {count(lines, 'line')} with an account"
    if not mac:
        return "the request names no MAC"
    return f"{pretty(mac)} is not in the inventory{admin.nearest(mac)}"


def _rule(admin: Admin, request: PhoneRequest, who: Sighting, device: Device | None, steps: list[tuple[str, str]]) -> tuple[Family | None, FileRule, NotServed | None]:
    """Find the rule as a boot does; note which it is, or what was nearest. Last comes why there is none, for phones that are admitted."""
    name = last_segment(request.path)
    slugs = [device.family] if device else list(who.candidates)
    for slug in slugs:
        family = admin.catalog.family(slug)
        found = family.file_for(name, device.model if device else who.model, who.firmware or (device.firmware if device else ""))
        if found:
            rule = found[0]
            steps.append(("file", f"{family.slug}: [[files]] {rule.match!r}" + ("" if rule.answers else ", which has no template: phones ask for it and get nothing")))
            return family, rule, None
    looked = f"looked for {name!r} in {', '.join(slugs) or 'every family'}; no rule fits"
    steps.append(("file", looked + _near(admin, name, slugs, device)))
    if who.stranger and not device:
        return None, NO_FILE, Unknown(who.stranger)
    return None, NO_FILE, Missing(f"the family {slugs[0]} has no file {name!r}" if device else f"no family knows a file {name!r}")


def _near(admin: Admin, name: str, slugs: list[str], device: Device | None) -> str:
    """Return the nearest miss: a family that has such a file, one of the phone's own files, or a rule."""
    others = [family.slug for family in admin.catalog.families.values() if family.slug not in slugs and any(rule.read(name) is not None for rule in family.files)]
    if others:
        return f"; {', '.join(others)} would have it"
    if device:
        own = [known for known, _ in admin.booter.files_of(device.mac)]
        close = difflib.get_close_matches(name.lower(), [known.lower() for known in own], n=1, cutoff=0.5)
        if close:
            return f"; the nearest of this phone's own is {next(known for known in own if known.lower() == close[0])}"
    patterns = {rule.match: family.slug for family in admin.catalog.families.values() if not slugs or family.slug in slugs for rule in family.files if rule.answers}
    close = difflib.get_close_matches(name, patterns, n=1, cutoff=0.3)
    return f"; the nearest rule is {close[0]!r} of {patterns[close[0]]}" if close else ""


def _cure(admin: Admin, request: PhoneRequest, fault: ProvisionerError) -> str:
    """Return what to do, where the sentence does not say it itself."""
    if isinstance(fault, Missing):
        mac = mac_in(request)
        device = admin.store.device(mac) if mac else None
        if device and admin.model_of(device):
            return f"the files of {admin.named(device)} are {', '.join(name for name, _ in admin.booter.files_of(device.mac))}"
        return "name the phone's own file, which has its MAC in it; `provisioner family show FAMILY` lists the patterns"
    if isinstance(fault, Unknown) and mac_in(request):
        return f"`provisioner device add {mac_in(request)} --model FAMILY/MODEL`, or `provisioner device approve {mac_in(request)}` where it waits"
    return ""
