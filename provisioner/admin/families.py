"""Families and models: what this server knows of phones, and who a request would be from."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from provisioner import coverage, families
from provisioner.admin import Done
from provisioner.admin.words import count
from provisioner.config import Config
from provisioner.context import Secrets, context_for
from provisioner.errors import BadConfig, BadValue, Conflict, StoreTrouble
from provisioner.families import Catalog, Family, FileRule, Model
from provisioner.identify import identify
from provisioner.mac import maker
from provisioner.render import Renderer
from provisioner.seal import Seal
from provisioner.store import BootFacts
from provisioner.things import Account, Device, Line, Site
from provisioner.wire import PhoneRequest

LONGEST = 4096  # characters of a user agent or path
_LONGEST_LINE = 65536  # bytes of a question; what comes behind in its line is passed over


def catalog(config: Config) -> Catalog:
    """Return the families without opening a store."""
    return families.load(config.phones_path)


def listed(known: Catalog, slugs: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Return every family, or some, with its models; a model may have a brand of its own. Raises UnknownName."""
    return [
        {
            "name": family.slug, "title": family.name, "vendor": family.vendor, "kind": family.kind, "brands": brands(family),
            "models": [_model(model) for model in family.models.values()],
        }
        for family in _some(known, slugs)
    ]  # fmt: skip


def _some(known: Catalog, slugs: Iterable[str]) -> list[Family]:
    return [known.family(slug.lower()) for slug in slugs] or [family for _, family in sorted(known.families.items())]


def totals(known: Catalog) -> str:
    """Return how many families, models and brands there are, softphones apart from hardware."""
    said = []
    for kind, what in (("hardware", "hardware"), ("softphone", "softphones")):
        some = [family for family in known.families.values() if family.kind == kind]
        names = {brand for family in some for brand in brands(family)}
        if some:
            families = count(len(some), "family", "families")
            said.append(f"{what}: {count(len(names), 'brand')}, {count(sum(len(family.models) for family in some), 'model')} in {families}")
    return "; ".join(said)


def matrix(known: Catalog, slugs: Iterable[str] = ()) -> Iterator[dict[str, Any]]:
    """Yield what the models of each family, or of some, really take, models that take the same together; raises UnknownName.

    It is found by rendering their files (`coverage`), which takes a second for a large family.
    """
    renderer = Renderer(known)
    for family in _some(known, slugs):
        for models, covered in coverage.of_family(renderer, family):
            told = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(covered).items()}
            yield {"family": family.slug, "models": [model.name for model in models], **told, "xcap": covered.xcap}


def _model(model: Model) -> dict[str, Any]:
    return {
        "name": model.name, "brand": model.brand, "lines": model.lines, "keys": model.keys, "modules": model.modules,
        "aliases": list(model.aliases), "confidence": model.confidence,
    }  # fmt: skip


def shown(known: Catalog, slug: str) -> dict[str, Any]:
    """Return one family: how it is recognised, its files, models, key types and what it cannot; raises UnknownName."""
    family = known.family(slug.lower())
    return {
        "name": family.slug, "title": family.name, "vendor": family.vendor, "kind": family.kind, "wires": list(family.wires),
        "ouis": list(family.ouis), "user_agents": [pattern.text for pattern in family.user_agents],
        "files": [_rule(rule) for rule in family.files],
        "keys": list(family.maps.get("key", {})), "notify": {"resync": family.notify.resync or None, "reboot": family.notify.reboot or None},
        "cannot": [{"name": row.name, "why": row.why, "models": list(row.guard.models)} for row in family.cannot],
        "unconfirmed": list(family.unconfirmed), "longest_url": family.longest_url,
        "models": [{**_model(model), "source": model.source} for model in family.models.values()],
    }  # fmt: skip


def _rule(rule: FileRule) -> dict[str, Any]:
    return {
        "match": [pattern.text for pattern in rule.patterns], "scope": rule.scope, "made_from": rule.template or rule.asset or None,
        "models": list(rule.guard.models), "firmware": rule.guard.firmware or None,
    }  # fmt: skip


def begin(config: Config, name: str, vendor: str, oui: str, into: Path | None = None) -> tuple[list[Path], Done]:
    """Write a commented folder to start a family from, with a recorded boot; return its files.

    into: the folder to write below, else the first of phones_path. Never over a family that is there.
    Raises BadValue, BadConfig where no folder is named, Conflict, StoreTrouble.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,63}", name):
        raise BadValue(f"{name!r} is no name of a family; write lower-case letters, digits and -, such as acme-desk")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 .&+-]{0,63}", vendor):
        raise BadValue(f"{vendor!r} is no brand that a user agent could begin with; write letters, digits, blanks and . & + -")
    if not re.fullmatch(r"[0-9a-f]{6}", oui := oui.lower().replace(":", "").replace("-", "")):
        raise BadValue(f"{oui!r} is not the first half of a MAC address; write it as 80:5e:c0")
    if into is None and not config.phones_path:
        raise BadConfig("no folder for families of your own is named; name one in phones_path, or say --into DIR")
    root = into or config.phones_path[0]
    if (families.shipped() / name).exists() or any((path / name).exists() for path in (root, *config.phones_path)):
        own = next((path / name for path in (root, *config.phones_path) if (path / name / "family.toml").exists()), None)
        raise Conflict(f"there is a family {name} already; take another name, or change that one in {own / 'family.toml' if own else root / name / families.OVERLAY}")
    words = {"@NAME@": name, "@VENDOR@": vendor, "@OUI@": oui}
    draft = root / f".{name}.{os.getpid()}"
    try:
        shutil.copytree(families.shipped() / "_new", draft / name)
        for file in (path for path in (draft / name).rglob("*") if path.is_file()):
            file.write_text(re.sub("|".join(words), lambda found: words[found[0]], file.read_text("utf-8")), "utf-8")
        (draft / name / "boots" / "first-boot.expected").write_bytes(_first_boot(draft / name, f"{oui}000001"))
        os.rename(draft / name, root / name)
    except OSError as fault:
        raise StoreTrouble(f"{root}: {fault.strerror}; check its owner and the disk") from None
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    notes = () if root in config.phones_path else (f"this server does not read it yet: name {root} in phones_path",)
    return sorted(path for path in (root / name).rglob("*") if path.is_file()), Done(f"wrote a beginning of the family {name} to {root / name}; `provisioner check --output` reads it", notes=notes)


def _first_boot(folder: Path, mac: str) -> bytes:
    """Return what the phone of a new family's recorded boot gets, with the key and the time of the recorded boots (tests/recorded.py)."""
    family = families.read_family([folder])
    account = Account("212@sip.example.com", password="s3cret")
    device = Device(mac, family.slug, "Model1", revised_at="2026-01-02T03:04:05+00:00")
    facts = BootFacts(device, Site("default", public_url="http://192.0.2.1:8080"), (), ((Line(mac, 1, account.sip_address), account, {}, {}),), (), ())
    context = context_for(family, family.models["Model1"], facts, Secrets(Seal(bytes(range(32))).derive("tokens")), firmware="1.0.0")
    return Renderer(Catalog({family.slug: family}, roots=(folder.parent,))).render(family, family.files[0], context)


def who(known: Catalog, user_agent: str, path: str = "", dhcp_class: str = "") -> dict[str, Any]:
    """Return who would be asking, from the families alone: null where unknown, candidates where several could be (D22)."""
    seen = identify(known, PhoneRequest(path, "", "http", user_agent), dhcp_class=dhcp_class)
    told: dict[str, Any] = {"vendor": seen.vendor or None, "family": seen.family or None, "model": seen.model or None, "firmware": seen.firmware or None, "mac": seen.mac or None}
    if len(seen.candidates) > 1:
        told["candidates"] = list(seen.candidates)
    if not seen.vendor and seen.mac and (registered := maker(seen.mac)):
        told["maker"] = registered
    if seen.stranger:
        told["note"] = seen.stranger
    return told


def who_each(known: Catalog, lines: BinaryIO) -> Iterator[dict[str, Any]]:
    """Return one answer for each line, in order: a JSON object with user_agent and path, or a bare user agent.

    A line that cannot be read gets {"error": …}; nothing ends the run, and no line fills the memory.
    """
    while raw := lines.readline(_LONGEST_LINE):
        rest = raw
        while not rest.endswith(b"\n") and len(rest) == _LONGEST_LINE:
            rest = lines.readline(_LONGEST_LINE)
        try:
            yield who(known, *_question(raw))
        except ValueError as why:
            yield {"error": str(why)}


def _question(raw: bytes) -> tuple[str, str]:
    try:
        line = raw.decode("utf-8").strip("\r\n")
    except UnicodeDecodeError:
        raise ValueError("the line is not UTF-8") from None
    if not line.lstrip().startswith("{"):
        if not line.strip():
            raise ValueError("the line is empty; write a user agent, or {\"user_agent\": …, \"path\": …}")
        return _text(line, "the user agent"), ""
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        raise ValueError("the line begins like JSON and is not; write {\"user_agent\": …, \"path\": …}") from None
    unknown = sorted(set(told) - {"user_agent", "path"})
    if unknown:
        raise ValueError(f"there is no {unknown[0][:64]!r} in a question; write user_agent and path")
    if not told:
        raise ValueError("the question is empty; write user_agent, path or both")
    agent, path = (told.get(name) for name in ("user_agent", "path"))
    for name, value in (("user_agent", agent), ("path", path)):
        if value is not None and not isinstance(value, str):
            raise ValueError(f"{name} must be text")
    return _text(agent or "", "user_agent"), _text(path or "", "path")


def _text(text: str, name: str) -> str:
    if len(text) > LONGEST:
        raise ValueError(f"{name} is {len(text)} characters long; the most is {LONGEST}")
    return text


def brands(family: Family) -> list[str]:
    """Return the brands on the housings of a family's models, each once; the family's own comes first, where a model has it."""
    found = dict.fromkeys(model.brand for model in family.models.values())
    return sorted(found, key=lambda brand: brand != family.vendor)
