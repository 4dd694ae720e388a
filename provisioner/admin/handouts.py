"""Handouts: a sheet of paper for each phone, with whose it is, how it is given our address, and what its keys do.

No password is on it. The address is that of the phone's site; the phone's own, whose token is a secret, only where it is asked for.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from provisioner import guide, paper
from provisioner.admin import Admin, devices, files
from provisioner.context import SiteUrls, context_for
from provisioner.errors import BadValue, StoreTrouble
from provisioner.families import Family, Model
from provisioner.language import Language
from provisioner.mac import pretty
from provisioner.paper import Labels, Sheet, Table
from provisioner.things import Device

KINDS = ("pdf", "html")
MOST = 500  # phones in one document


def made(admin: Admin, macs: Sequence[str], kind: str, language: str = "en", secrets: bool = False, label: str = "") -> tuple[bytes, tuple[str, ...]]:
    """Return the handouts of phones as one document of KINDS, each on a page of its own, and what to look at in it.

    secrets: with each phone's own URL, which holds its token. label: as `sheets` takes it.
    """
    found = sheets(admin, macs, language, secrets, label)
    notes = [] if secrets else _closed(admin, macs)
    if kind == "html":
        return paper.html(found), tuple(notes)
    missing = paper.not_in_font(found)
    if missing:
        notes.append(f"the PDF's font has no sign for {missing}; the HTML page prints them with the fonts of the computer")
    return paper.pdf(found), tuple(notes)


def _closed(admin: Admin, macs: Sequence[str]) -> list[str]:
    """Return a note for each site at whose address a MAC alone gets nothing, from no network."""
    sites = sorted({admin.device(mac).site for mac in macs})
    closed = [slug for slug in sites if (site := admin.store.site(slug)) and not any(entry.mac_is_enough and not entry.parsed.is_loopback for entry in site.networks)]
    return [f"the address of site {slug} gives nothing to a phone that shows its MAC alone; --secrets prints each phone's own, which holds its token" for slug in closed]


def sheets(admin: Admin, macs: Sequence[str], language: str = "en", secrets: bool = False, label: str = "") -> list[Sheet]:
    """Return what the handouts of phones say, in the order in which they were named.

    label: width and height of a key's paper label in millimetres, such as 40x9.5; empty for what the model's facts tell.
    Raises BadMAC, NotHere, BadValue, UnknownName, RenderFailed where a site has no public URL.
    """
    if len(macs) > MOST:
        raise BadValue(f"{len(macs)} handouts are too many for one document; name at most {MOST} phones at once")
    say, size = Language(language), _size(label)
    return [_sheet(admin, admin.device(mac), say, secrets, size) for mac in dict.fromkeys(macs)]


def write(file: Path, body: bytes) -> None:
    """Write a document for its owner's eyes alone, whole or not at all; raises StoreTrouble."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as handle:
            handle.write(body)
        os.replace(fresh, file)
    except OSError as fault:
        fresh.unlink(missing_ok=True)
        raise StoreTrouble(f"{file}: {fault.strerror}; check its folder, its owner and the disk") from None


def _size(text: str) -> tuple[float, float] | None:
    """Return width and height of a label as they were said; raises BadValue."""
    if not text:
        return None
    said = re.fullmatch(r"(\d{1,3}(?:\.\d{1,2})?)x(\d{1,3}(?:\.\d{1,2})?)", text, re.ASCII)
    width, height = (float(said[1]), float(said[2])) if said else (0.0, 0.0)
    if not (3 <= width <= 180 and 3 <= height <= 180):
        raise BadValue(f"{text!r} is no size of a label; write width and height in millimetres, each 3 to 180, such as 40x9.5")
    return width, height


def _sheet(admin: Admin, device: Device, say: Language, secrets: bool, size: tuple[float, float] | None) -> Sheet:
    family, model, facts = admin.booter.facts(device.mac)
    phone = context_for(family, model, facts, replace(admin.booter.secrets, shown=False))
    lines = [line for line in phone["lines"] if line.used]
    url = _url(admin, device, family, secrets)
    if family.kind == "softphone":  # an app fetches what it is told to, and makes no name of its own MAC
        url += next(iter(files.names(admin, device.mac)), "")
    label = size or model.label
    return Sheet(
        say.tag,
        title=device.name or next((str(line.label) for line in lines), "") or f"{model.brand} {model.name}",
        under=f"{model.brand} {model.name} · {pretty(device.mac)}",
        facts=tuple((name, value) for name, value in _facts(say, device, model, lines, url) if value),
        code=url,
        code_title=say("The address for the phone"),
        steps_title=say("Give the phone its address"),
        steps=tuple(guide.steps(family, model, say, "address", url=url, firmware=device.firmware)),
        tables=tuple(_keys(say, phone["keys"])),
        labels=tuple(_labels(say, phone["keys"], *label)) if label else (),
    )


def _url(admin: Admin, device: Device, family: Family, secrets: bool) -> str:
    """Return the address to be typed: the site's, or the phone's own; the first one whose wire the phone speaks."""
    if secrets:
        urls, _ = devices.token(admin, device.mac)
    else:
        site = admin.store.site(device.site)
        urls = [f"{base}/" for base in (site.public_url, site.tftp_public_url) if base] if site else []
    return next((url for url in urls if url.partition(":")[0] in family.wires), "") or str(SiteUrls(family, "", device.site).provisioning)


def _facts(say: Language, device: Device, model: Model, lines: Sequence[SimpleNamespace], url: str) -> Iterator[tuple[str, str]]:
    """Yield what is known of a phone as (name, value); an empty value is left out."""
    for line in lines:
        name = str(line.display_name)
        yield say("Line {n}", n=line.n), f"{line.user}{f' · {name}' if name else ''}"
        yield say("SIP address"), str(line.sip_address)
        yield say("Voicemail"), str(line.voicemail)
        yield from _forwards(say, line.set)
    yield say("Model"), f"{model.brand} {model.name}"
    yield say("MAC address"), pretty(device.mac)
    yield say("Serial number"), device.serial
    yield say("Asset tag"), device.asset_tag
    yield say("Place"), device.location
    yield say("Address"), url


def _forwards(say: Language, settings: Any) -> Iterator[tuple[str, str]]:
    """Yield where calls are forwarded to, and the codes with which the phone's user does so."""
    yield say("All calls go to"), str(settings.forward_always or "")
    yield say("While busy, calls go to"), str(settings.forward_busy or "")
    yield say("Unanswered calls go to"), str(settings.forward_no_answer or "")
    on, off = str(settings.forward_on_code or ""), str(settings.forward_off_code or "")
    yield say("Forward all calls"), say("dial {on} and the number; {off} ends it", on=on, off=off) if on and off else say("dial {on} and the number", on=on) if on else ""


def _modules(say: Language, keys: Sequence[SimpleNamespace]) -> Iterator[tuple[str, list[SimpleNamespace]]]:
    """Yield the keys of the phone and of each module that has one in use, under its name."""
    for module in sorted({key.module for key in keys if key.used}):
        yield say("Module {n}", n=module) if module else say("Keys"), [key for key in keys if key.module == module]


def _keys(say: Language, keys: Sequence[SimpleNamespace]) -> Iterator[Table]:
    for title, mine in _modules(say, keys):
        head = (say("Key"), say("Label"), say("What it does"), say("Number"))
        rows = ((str(key.n), str(key.label), guide.key_word(say, key.type), str(key.line) if not key.value and "line" in key.type else str(key.value)) for key in mine if key.used)
        yield Table(title, head, tuple(rows))


def _labels(say: Language, keys: Sequence[SimpleNamespace], width: float, height: float) -> Iterator[Labels]:
    """Yield the labels of every key up to the last one in use, empty ones between them, so that they can be cut as a strip."""
    for title, mine in _modules(say, keys):
        last = max(key.n for key in mine if key.used)
        size = f"{width:g} × {height:g} mm"
        texts = tuple((str(key.label) or guide.key_word(say, key.type)) if key.used else "" for key in mine if key.n <= last)
        yield Labels(say("{what}: labels to cut out, {size} (print at 100 %)", what=title, size=size), width, height, texts)
