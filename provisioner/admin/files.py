"""The files of a phone: shown with secrets masked, or written out byte for byte; and why each value is what it is."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from provisioner import coverage, raw, vocabulary
from provisioner.admin import Admin, audit, scopes, settings, words
from provisioner.context import device_layers, said
from provisioner.encode import legible
from provisioner.errors import BadValue, NotHere, StoreTrouble
from provisioner.explain import Explanation, facts_not_taken, harmless, is_fact
from provisioner.explain import explain as explain_one
from provisioner.explain import explain_fact as fact
from provisioner.families import Family, Model
from provisioner.rights import REVEAL
from provisioner.store import BootFacts

_LOOKED_BACK = 500  # events of a phone


def names(admin: Admin, mac: str) -> list[str]:
    """Return the names of the files that a phone asks for and gets, in its order."""
    device = admin.device(mac)
    site = admin.store.site(device.site)
    return [name for name, rule in admin.booter.files_of(device.mac) if not rule.enrols or (site and site.enrols)]


def preview(admin: Admin, mac: str, name: str = "") -> tuple[str, str]:
    """Return the name and text of one file of a phone, the first one where none is said; secrets masked."""
    device = admin.device(mac)
    known = names(admin, mac)
    if not known:
        raise NotHere(f"{admin.named(device)} asks for no file that we make")
    wanted = name or known[0]
    return wanted, text(admin, device.mac, wanted)


def text(admin: Admin, mac: str, name: str, reveal: bool = False) -> str:
    """Return the text of one file of a phone as people read it; with its secrets where `reveal`, which its caller has asked the rights for."""
    body = admin.booter.preview(mac, name, reveal)
    family, model, facts = admin.booter.facts(mac)
    found = family.file_for(name, model.name, facts.device.firmware)
    return legible(body, found[0].encode).decode(found[0].writer.charset, "replace") if found else body.decode("utf-8", "replace")


def fetched(admin: Admin, mac: str) -> dict[str, tuple[str, bool]]:
    """Return, by the name of each file that the phone fetched as far back as its events go, when it last did, and whether it is the same file now.

    Of what was sent only the SHA-256 is kept, so that there is an answer, and no copy of secrets.
    """
    device = admin.device(mac)
    known = {name.casefold(): name for name in names(admin, mac)}
    last = {}
    for event in admin.eventstore.events(mac=device.mac, limit=_LOOKED_BACK):
        name = known.get(event.path.rpartition("/")[2].casefold())
        if name and event.outcome in ("served", "not-modified") and event.sha256:
            last[name] = event
    return {name: (event.at, hashlib.sha256(admin.booter.preview(device.mac, name, reveal=True)).hexdigest() == event.sha256) for name, event in last.items()}


def difference(admin: Admin, mac: str, name: str, number: int) -> list[str]:
    """Return how a file of a phone differs from what it was before a change of history, as unified diff, secrets masked on both sides; nothing where it does not.

    Raises NotHere, Conflict where the change cannot be taken back, and so not be looked behind.
    """
    before = audit.before(admin, number, lambda: text(admin, admin.device(mac).mac, name))
    after = text(admin, admin.device(mac).mac, name)
    return list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2))[2:]


def render(admin: Admin, mac: str, folder: Path, reveal: bool) -> list[Path]:
    """Write every file that a phone asks for and gets, with its secrets where `reveal`; return the files, mode 0600.

    All are made before the first is written. Raises BadValue where a file of another mode or kind is in the way.
    """
    device = admin.device(mac)
    if reveal:
        admin.rights.need(REVEAL, device.site)
    bodies = {name: admin.booter.preview(device.mac, name, reveal) for name in names(admin, mac)}
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        written = []
        for name, body in bodies.items():
            if Path(name).name != name:
                raise BadValue(f"the file's name {name!r} would leave the folder; correct the manifest")
            file = folder / name
            fresh = folder / f".{name}.{os.getpid()}"
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as handle:
                handle.write(body)
            os.replace(fresh, file)
            written.append(file)
    except OSError as fault:
        raise StoreTrouble(f"{folder}: {fault.strerror}; check its owner and the disk") from None
    return written


def explain(admin: Admin, mac: str, name: str, line: int = 0) -> Explanation:
    """Return what every layer says of one setting of a phone, the winner, and the lines of its files that it became."""
    name = settings.named(admin, scopes.Scope("device", admin.device(mac).mac), name)
    vocabulary.setting(name)
    family, model, facts = _of_line(admin, mac, line)
    found = explain_one(admin.booter.renderer, family, model, facts, admin.booter.secrets, name, line)
    if found.steps:
        found = replace(found, steps=found.steps + _not_there(admin, family, family.next_firmware(model.name, facts.device.firmware, found.said.value)))
    return found if found.cannot or found.lines or name.startswith(raw.PREFIX) else replace(found, cannot=_silent(admin, family, model, name))


def _not_there(admin: Admin, family: Family, version: str) -> str:
    """Return a clause where no file of this firmware lies where the family's phones would fetch it."""
    folders = [admin.config.assets_folder / rule.asset for rule in family.files if rule.asset]
    if not version or not folders:
        return ""
    spelled = re.compile(re.escape(version).replace(r"\.", "[._-]") + r"(?![0-9a-z])", re.IGNORECASE)
    if any(spelled.search(file.name) for folder in folders if folder.is_dir() for file in folder.iterdir()):
        return ""
    return f"; no file in {folders[0]} has {version} in its name: copy the maker's there"


def _silent(admin: Admin, family: Family, model: Model, name: str) -> str:
    """Return a sentence where no file of this model says a setting, whatever its value, though the manifest does not tell so; else nothing."""
    return "" if coverage.takes(admin.booter.renderer, family, model, name) else f"none of the files of a {model.name} says it, whatever its value"


def explain_fact(admin: Admin, mac: str, name: str, line: int = 0) -> dict[str, Any] | None:
    """Return what a phone's accounts say of one of their facts, as JSON has it, secrets masked; None where the name is no such fact."""
    if not is_fact(name):
        return None
    found = fact(*_of_line(admin, mac, line), name, line)
    values = [{"line": n, "account": address, "value": words.plain(value)} for n, address, value in found.values]
    return {"fact": name, "accounts": values, "cannot": found.cannot or None}


def explain_all(admin: Admin, mac: str, line: int = 0) -> list[dict[str, Any]]:
    """Return every setting of a phone, its value and who said it, secrets masked; and for what was said, why this model cannot take it."""
    family, model, facts = _of_line(admin, mac, line)
    shipped = {by for by, _ in device_layers(family, model, facts)} - {by for by, _ in facts.layers}
    cannot = {row.name: row.why for row in family.lacks(model.name, facts.device.firmware)}
    merged = said(family, model, facts, line)
    told = {row.name: harmless(row, merged[row.name]) for row in vocabulary.SETTINGS}
    told |= {name: harmless(vocabulary.setting(name), one) for name, one in sorted(merged.items()) if name.startswith(f"{raw.PREFIX}{family.slug}.")}
    cannot = {**{name: _silent(admin, family, model, name) for name, one in merged.items() if one.by not in shipped and name in vocabulary.BY_NAME}, **cannot}
    return [{"setting": name, "value": words.plain(one.value), "said_by": one.by, "cannot": cannot.get(name) or None} for name, one in told.items()]


def _of_line(admin: Admin, mac: str, line: int) -> tuple[Family, Model, BootFacts]:
    """Return what is stored of a phone; raises NotHere where `line` is not 0 and has no account."""
    device = admin.device(mac)
    _line_there(admin, device.mac, line)
    return admin.booter.facts(device.mac)


def _line_there(admin: Admin, mac: str, line: int) -> None:
    if line and line not in [one.n for one in admin.store.lines_of(mac)]:
        raise NotHere(f"phone {mac} has no account on line {line}; `provisioner assign {mac} ACCOUNT --line {line}` puts one there")


def not_taken(admin: Admin, mac: str) -> list[dict[str, str]]:
    """Return the facts of a phone's accounts that this model has no parameter for."""
    family, model, facts = admin.booter.facts(admin.device(mac).mac)
    return [{"fact": row.name, "why": row.why, "source": row.source} for row in facts_not_taken(family, model, facts)]


def explanation(found: Explanation) -> dict[str, Any]:
    """Return an explanation, which holds no secret, as JSON has it."""
    layers = [*found.said.others, (found.said.by, found.said.value)]
    return {
        "setting": found.setting.name,
        "value": words.plain(found.said.value),
        "said_by": found.said.by,
        "layers": [{"said_by": by, "value": words.plain(value)} for by, value in layers],
        "lines": [{"file": file, "line": number, "text": text} for file, number, text in found.lines],
        "cannot": found.cannot or None,
        "steps": found.steps or None,
    }


def shorten(lines: Iterable[tuple[str, int, str]], most: int = 12) -> tuple[list[tuple[str, int, str]], int]:
    """Return the first lines and how many more there are."""
    every = list(lines)
    return every[:most], max(0, len(every) - most)
