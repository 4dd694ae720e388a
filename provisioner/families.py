"""Reads and checks the families: one folder of data for each dialect of a vendor.

`load` never raises: a broken folder becomes a fault that names file, line, key and cure,
and the other families keep working. The whole schema stands in SCHEMA below and in
docs/add-a-phone.md.
"""

from __future__ import annotations

import codecs
import fnmatch
import hashlib
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from provisioner import encode, timezones, vocabulary
from provisioner.errors import BadManifest, ProvisionerError, UnknownName, nearest
from provisioner.formats import FORMATS, Writer
from provisioner.patterns import Pattern, Patterns, same

MANIFEST = "family.toml"
OVERLAY = "family.local.toml"


SHARED = "_shared/"  # before the name of a template that families share


def shipped() -> Path:
    """Return the folder of the shipped families: in a checkout, or inside the installed package."""
    inside = Path(__file__).parent / "phones"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "templates" / "phones"


@dataclass(frozen=True)
class Guard:
    """Which models and which firmware a rule or a fact is for; empty is for all."""

    models: tuple[str, ...] = ()
    firmware: str = ""

    def fits(self, model: str, firmware: str) -> bool:
        """Return True where this model with this firmware is meant; an unknown firmware fits no bound."""
        return (not self.models and not self.firmware) or _fits(self, model, firmware)


@lru_cache(maxsize=8192)
def _fits(guard: Guard, model: str, firmware: str) -> bool:
    if guard.models and not any(fnmatch.fnmatchcase(same(model), same(wanted)) for wanted in guard.models):
        return False
    return not guard.firmware or (bool(firmware) and within(firmware, guard.firmware))


_BOUND = re.compile(r"(>=|<=|<|>|==)\s*((?:\*\.)*)(\d[\w.]*)")


def within(firmware: str, bounds: str) -> bool:
    """Return True where a firmware keeps all bounds; `*.` skips a leading group.

    >>> within("10.1.33", ">=2.2.10"), within("28.73.0.50", ">=*.80"), within("2.2.10", ">=2.0 <2.2.10")
    (True, False, False)
    """
    for sign, skipped, bound in _BOUND.findall(bounds):
        have = _numbers(firmware)[len(skipped) // 2 :]
        want = _numbers(bound)
        width = max(len(have), len(want))
        a, b = have + (0,) * (width - len(have)), want + (0,) * (width - len(want))
        if not {">=": a >= b, "<=": a <= b, "<": a < b, ">": a > b, "==": a == b}[sign]:
            return False
    return True


@lru_cache(maxsize=4096)
def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(group) for group in re.findall(r"\d{1,9}", version))


@dataclass(frozen=True)
class Model:
    """Facts of one product; a count of None is unknown."""

    name: str
    brand: str
    lines: int | None = None
    keys: int | None = None
    modules: int = 0
    module_keys: int = 0
    code: str = ""
    aliases: tuple[str, ...] = ()
    source: str = ""
    confidence: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def sure(self) -> bool:
        """True where the counts have a document or two agreeing sources (F24)."""
        return self.confidence in ("doc", "peer2+")


@dataclass(frozen=True)
class FileRule:
    """One file that the phones ask for."""

    patterns: tuple[Pattern, ...]
    template: str = ""
    asset: str = ""
    scope: str = "phone"
    enrols: bool = False
    asks: bool = True
    otherwise: bool = False
    seeds: bool = False
    named_in: str = ""
    media_type: str = "text/plain; charset=utf-8"
    encode: str = "plain"
    writer: Writer = Writer()
    guard: Guard = Guard()

    @property
    def match(self) -> str:
        """The rule's name in events, logs and `why`: its first pattern."""
        return self.patterns[0].text

    @property
    def answers(self) -> bool:
        """False for a file that the phones ask for and that we never have."""
        return bool(self.template or self.asset)

    def read(self, name: str) -> dict[str, str] | None:
        """Return what the first fitting pattern catches in a file's name, or None."""
        for pattern in self.patterns:
            caught = pattern.match(name)
            if caught is not None:
                return caught
        return None

    def name(self, values: Mapping[str, str]) -> str:
        """Return the file's name for one phone; KeyError names the value that is missing."""
        return self.patterns[0].fill(values)


@dataclass(frozen=True)
class UploadRule:
    """One file that the phones send us (D14): an override, a directory or a log."""

    pattern: Pattern
    kind: str


@dataclass(frozen=True)
class Cannot:
    """An account fact or setting for which these phones have no parameter."""

    name: str
    why: str
    source: str
    guard: Guard = Guard()


@dataclass(frozen=True)
class Notify:
    """The events of a SIP NOTIFY with which these phones read their files, and with which they restart; empty where none is known (F26)."""

    resync: str = ""
    reboot: str = ""
    source: str = ""


@dataclass(frozen=True)
class Stranger:
    """Hardware of this vendor that cannot take our files yet, and the step that converts it (F20)."""

    sentence: str
    user_agent: Pattern | None = None
    path: Pattern | None = None


@dataclass(frozen=True)
class Way:
    """How a person does one thing with these phones: steps of (verb, words), the words being labels as the phone shows them."""

    purpose: str
    steps: tuple[tuple[str, tuple[str, ...]], ...]
    source: str
    guard: Guard = Guard()


class LanguageMap(dict[str, Any]):
    """Language tags to the vendor's words; pt-BR falls back to pt."""

    def _key(self, tag: object) -> str:
        text = str(tag)
        while text not in self.keys() and "-" in text:
            text = text.rpartition("-")[0]
        return text

    def __contains__(self, tag: object) -> bool:
        """Return True where the tag, or what it falls back to, has a word."""
        return self._key(tag) in self.keys()

    def __missing__(self, tag: str) -> Any:
        """Return the word of what the tag falls back to; KeyError where there is none."""
        key = self._key(tag)
        if key not in self.keys():
            raise KeyError(tag)
        return self[key]


@dataclass(frozen=True, eq=False)
class Family:
    """One dialect of one vendor: what stands in its folder, checked."""

    slug: str
    name: str
    vendor: str
    kind: str
    thin: bool
    wires: tuple[str, ...]
    unconfirmed: tuple[str, ...]
    ouis: tuple[str, ...]
    user_agents: tuple[Pattern, ...]
    strangers: tuple[Stranger, ...]
    files: tuple[FileRule, ...]
    uploads: tuple[UploadRule, ...]
    models: Mapping[str, Model]
    settings: Mapping[str, Any]
    maps: Mapping[str, Mapping[str, Any]]
    cannot: tuple[Cannot, ...]
    restarts: frozenset[str]
    digitmap: Mapping[str, str]
    time_forms: tuple[str, ...]
    time_limits: timezones.Limits
    scheme_apart: bool
    url_parts: tuple[str, ...]
    longest_url: int
    bootstrap: str
    password_alphabet: str
    password_length: int
    notify: Notify
    guide: tuple[Way, ...]
    folders: tuple[Path, ...]
    fingerprint: str
    _by_name: Mapping[str, Model] = field(repr=False, default_factory=dict)

    def model(self, name: str) -> Model | None:
        """Return the model of this name or alias, case-blind and without - _ and blanks, or None."""
        return self._by_name.get(same(name))

    def rules(self, model: str, firmware: str) -> tuple[FileRule, ...]:
        """Return the files that this model asks for, in the order in which it asks."""
        return tuple(rule for rule in self.files if rule.guard.fits(model, firmware))

    def file_for(self, path: str, model: str, firmware: str) -> tuple[FileRule, dict[str, str]] | None:
        """Return the first rule that fits the last segment of a path, and what it caught; or None."""
        name = last_segment(path)
        for rule in self.files:
            caught = rule.read(name)
            if caught is not None and rule.guard.fits(model, firmware):
                return rule, caught
        return None

    def upload_for(self, path: str) -> tuple[UploadRule, dict[str, str]] | None:
        """Return the upload rule that fits the last segment of a path, and what it caught; or None."""
        name = last_segment(path)
        for rule in self.uploads:
            caught = rule.pattern.match(name)
            if caught is not None:
                return rule, caught
        return None

    def time_of(self, zone: str, year: int = 0) -> timezones.Time:
        """Return what these phones can be told of a zone; year: whose dates they get where they take no rule, 0 is none."""
        word = self.maps.get("timezone", {}).get(zone)
        return timezones.time_of(zone, self.time_forms, year, None if word is None else str(word), self.time_limits)

    def lacks(self, model: str, firmware: str = "") -> tuple[Cannot, ...]:
        """Return the account facts and settings that this model cannot take."""
        return tuple(row for row in self.cannot if row.guard.fits(model, firmware))


def last_segment(path: str) -> str:
    """Return the part of a path that decides (F14): behind the last slash of either kind, before any `?`.

    >>> last_segment("/x//y\\\\Z.cfg?mac=1")
    'Z.cfg'
    """
    return path.partition("?")[0].replace("\\", "/").rstrip("/").rpartition("/")[2]


@dataclass(frozen=True)
class Catalog:
    """Every family that could be read, and what is wrong with the others."""

    families: Mapping[str, Family]
    faults: tuple[BadManifest, ...] = ()
    roots: tuple[Path, ...] = ()

    @cached_property
    def agents(self) -> Patterns[Family]:
        """What the families' phones say of themselves."""
        return Patterns((pattern, family) for family in self.families.values() for pattern in family.user_agents)

    @cached_property
    def names(self) -> Patterns[tuple[Family, FileRule]]:
        """The names of the files that they ask for."""
        return Patterns((pattern, (family, rule)) for family in self.families.values() for rule in family.files for pattern in rule.patterns)

    @cached_property
    def uploads(self) -> Patterns[Family]:
        """The names of the files that they send."""
        return Patterns((rule.pattern, family) for family in self.families.values() for rule in family.uploads)

    @cached_property
    def strange_agents(self) -> Patterns[Stranger]:
        """What hardware says of itself that cannot take our files yet."""
        return Patterns((row.user_agent, row) for family in self.families.values() for row in family.strangers if row.user_agent)

    @cached_property
    def strange_names(self) -> Patterns[Stranger]:
        """The files that such hardware asks for."""
        return Patterns((row.path, row) for family in self.families.values() for row in family.strangers if row.path)

    def family(self, slug: str) -> Family:
        """Return the family; raises UnknownName with the nearest one."""
        try:
            return self.families[slug]
        except KeyError:
            broken = next((str(fault) for fault in self.faults if f"/{slug}/" in str(fault)), "")
            raise UnknownName(broken or f"there is no family {slug!r}{nearest(slug, self.families)}") from None

    def model(self, text: str) -> tuple[Family, Model]:
        """Return the family and model of FAMILY/MODEL; raises UnknownName with the nearest one."""
        slug, slash, name = text.partition("/")
        if not slash:
            hits = [(family, model) for family in self.families.values() if (model := family.model(text))]
            if len(hits) == 1:
                return hits[0]
            known = [f"{family.slug}/{model}" for family in self.families.values() for model in family.models]
            raise UnknownName(f"{text!r} is not a model; write FAMILY/MODEL such as yealink/T46U{nearest(text, known)}")
        family = self.family(slug.lower())
        model = family.model(name)
        if model is None:
            raise UnknownName(f"the family {slug} has no model {name!r}{nearest(name, family.models)}; `provisioner family show {slug}` lists them")
        return family, model


# The schema: table -> key -> what it must be. A reader returns the value or raises ValueError.


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be text")
    return value


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("must be a whole number, 0 or more")
    return value


def _whole_numbers(value: object) -> frozenset[int]:
    if not isinstance(value, list):
        raise ValueError("must be a list of whole numbers, such as [30, 60]")
    return frozenset(_number(one) for one in value)


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError('must be a list of text, such as ["a", "b"]')
    return tuple(value)


def _one_of(*words: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}{nearest(str(value), words)}")
        return str(value)

    return read


def _some_of(*words: str) -> Callable[[object], tuple[str, ...]]:
    def read(value: object) -> tuple[str, ...]:
        return tuple(_one_of(*words)(one) for one in _texts(value))

    return read


def _ouis(value: object) -> tuple[str, ...]:
    for oui in _texts(value):
        if not re.fullmatch(r"[0-9a-f]{6}", oui):
            raise ValueError(f"has {oui!r}, which is not six lower-case hex digits")
    return _texts(value)


def _patterns(value: object) -> tuple[Pattern, ...]:
    texts = (value,) if isinstance(value, str) else _texts(value)
    if not texts:
        raise ValueError("must have at least one pattern")
    return tuple(Pattern(text) for text in texts)


def _parts(value: object) -> tuple[str, ...]:
    for text in _texts(value):
        if len(re.findall(r"\{(?:scheme|host|port|path)\}", text)) != 1:
            raise ValueError(f"has {text!r}, which must hold one of {{scheme}} {{host}} {{port}} {{path}}")
    return _texts(value)


def _charset(value: object) -> str:
    try:
        return codecs.lookup(_text(value)).name
    except LookupError:
        raise ValueError(f"{value!r} is no charset; write utf-8, iso-8859-1 or ascii") from None


def _two_words(value: object) -> tuple[str, str]:
    words = _texts(value)
    if len(words) != 2:
        raise ValueError('must be two words, false then true, such as ["0", "1"]')
    return words[0], words[1]


def _bounds(value: object) -> str:
    text = _text(value)
    if _BOUND.sub("", text).strip(" ,"):
        raise ValueError(f"{text!r} is no bound of firmware; write it as '>=2.2.10 <3'")
    return text


def _event(value: object) -> str:
    text = _text(value)
    if not re.fullmatch(r"[a-z][\w.-]*(;[\w-]+=[\w-]+)*", text, re.ASCII | re.IGNORECASE):
        raise ValueError(f"{text!r} is no event; write it as the NOTIFY says it, such as check-sync;reboot=false")
    return text


PURPOSES = ("address", "import", "stick", "reset", "find")
# verb of a step -> how many words it takes, at least and at most
STEPS: Mapping[str, tuple[int, int]] = {
    "page": (1, 9), "menu": (1, 9), "app": (1, 9), "type": (2, 2), "choose": (2, 2), "press": (1, 1), "hold": (2, 2), "start": (1, 1), "dial": (1, 1),
    "file": (1, 1), "password": (1, 1), "stick": (0, 0), "restart": (0, 0),
}  # fmt: skip
_VALUE = re.compile(r"\{(?:url|bare|scheme|SCHEME|host|port|path|file)\}")


def _steps(value: object) -> tuple[tuple[str, tuple[str, ...]], ...]:
    if not isinstance(value, list) or not value:
        raise ValueError('must be a list of steps, such as [{ page = ["Settings", "Auto Provision"] }]')
    read = []
    for step in value:
        if not isinstance(step, dict) or len(step) != 1:
            raise ValueError(f"has {step!r}, which is not one step; write it as {{ press = \"Confirm\" }}")
        ((verb, said),) = step.items()
        if verb not in STEPS:
            raise ValueError(f"has the step {verb!r}, which nobody knows{nearest(verb, STEPS)}")
        words = (said,) if isinstance(said, str) else () if said is True else _texts(said)
        least, most = STEPS[verb]
        if not least <= len(words) <= most:
            raise ValueError(f"has the step {verb!r} with {len(words)} words; it takes {least}" + (f" to {most}" if most > least else "" if least else ": write true"))
        for word in words:
            if re.search(r"[{}]", _VALUE.sub("", word)):
                raise ValueError(f"has {word!r}, which holds a brace that is none of {{url}} {{bare}} {{scheme}} {{SCHEME}} {{host}} {{port}} {{path}} {{file}}")
        read.append((verb, words))
    return tuple(read)


def _table(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("must be a table")
    return value


def _said(value: object) -> Mapping[str, Any]:
    return {name: vocabulary.setting(name).read(word) for name, word in _table(value).items()}


def _words(value: object) -> Mapping[str, Any]:
    for name, word in _table(value).items():
        if isinstance(word, bool) or not isinstance(word, str | int):
            raise ValueError(f"{name!r} must be text or a number")
    return _table(value)


def _tables(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("must be written [[…]], one for each entry")
    return value


Reader = Callable[[object], Any]
_GUARD: dict[str, Reader] = {"models": _texts, "firmware": _bounds}
SCHEMA: Mapping[str, Mapping[str, Reader]] = {
    "": {
        "name": _text, "vendor": _text, "kind": _one_of("hardware", "softphone"), "thin": _truth,
        "wires": _some_of("http", "https", "tftp"), "unconfirmed": _texts, "identify": _table, "provisioning": _table,
        "passwords": _table, "notify": _table, "files": _tables, "uploads": _tables, "settings": _said, "digitmap": _words, "time": _table, "maps": _table,
        "cannot": _table, "restarts": _table, "guide": _tables, "models": _table,
    },
    "identify": {"ouis": _ouis, "user_agents": _patterns, "strangers": _tables},
    "strangers": {"user_agent": _patterns, "path": _patterns, "sentence": _text},
    "provisioning": {"scheme_apart": _truth, "parts": _parts, "most": _number, "bootstrap": _text},
    "passwords": {"alphabet": _text, "length": _number},
    "notify": {"resync": _event, "reboot": _event, "source": _text},
    "files": {
        "match": _patterns, "template": _text, "asset": _text, "scope": _one_of("phone", "family"), "enrols": _truth, "asks": _truth,
        "otherwise": _truth, "seeds": _truth, "named_in": _text, "format": _one_of(*FORMATS), "charset": _charset, "media_type": _text,
        "booleans": _two_words, "empty": _text, "trims": _truth, "encode": _one_of(*encode.ENCODERS), **_GUARD,
    },
    "uploads": {"match": _patterns, "kind": _one_of("override", "directory", "log")},
    "time": {"forms": _some_of("word", "posix", "week", "weekday-after", "dates"), "offsets": _text, "saves": _whole_numbers, "last_hour": _number},
    "cannot": {"why": _text, "source": _text, **_GUARD},
    "restarts": {"settings": _texts, "source": _text},
    "guide": {"purpose": _one_of(*PURPOSES), "steps": _steps, "source": _text, **_GUARD},
    "models": {
        "lines": _number, "keys": _number, "modules": _number, "module_keys": _number, "code": _text, "aliases": _texts, "brand": _text,
        "source": _text, "confidence": _one_of("doc", "peer2+", "peer1", "derived", "recalled"), "settings": _said,
    },
}  # fmt: skip
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "": ("name", "vendor", "identify", "files", "models"),
    "strangers": ("sentence",),
    "files": ("match",),
    "uploads": ("match", "kind"),
    "cannot": ("why", "source"),
    "restarts": ("settings", "source"),
    "notify": ("source",),
    "guide": ("purpose", "steps", "source"),
    "models": ("source",),
}


class _Checker:
    """Reads one manifest and says, of each fault, the file, the line, the key and the cure."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.text = ""

    def fault(self, key: str, sentence: str) -> BadManifest:
        return BadManifest(f"{self.file}{self._line(key)}: {key} {sentence}")

    def _line(self, key: str) -> str:
        last = key.rpartition(".")[2].strip("'\"")
        for number, line in enumerate(self.text.splitlines(), 1):
            if re.match(rf"\s*(\[+\s*)?[\w.\"'-]*{re.escape(last)}[\"']?\s*(=|\]|\.)", line):
                return f":{number}"
        return ""

    def load(self) -> dict[str, Any]:
        try:
            self.text = self.file.read_text("utf-8")
            return tomllib.loads(self.text)
        except OSError as fault:
            raise BadManifest(f"{self.file}: cannot be read ({fault.strerror}); check its permissions") from None
        except UnicodeDecodeError:
            raise BadManifest(f"{self.file}: is not UTF-8; save it as UTF-8") from None
        except tomllib.TOMLDecodeError as fault:
            raise BadManifest(f"{self.file}: is not TOML: {fault}") from None

    def table(self, kind: str, raw: object, where: str) -> dict[str, Any]:
        """Return a table read by its row of SCHEMA."""
        if not isinstance(raw, dict):
            raise self.fault(where, "must be a table")
        readers = SCHEMA[kind]
        read = {}
        for key, value in raw.items():
            path = f"{where}.{key}".lstrip(".")
            if key not in readers:
                raise self.fault(path, f"is not a key that manifests have{nearest(key, readers)}")
            try:
                read[key] = readers[key](value)
            except (ValueError, ProvisionerError) as why:
                raise self.fault(path, str(why)) from None
        for key in REQUIRED.get(kind, ()):
            if key not in read:
                raise self.fault(f"{where}.{key}".lstrip("."), "is missing")
        return read


def _guard(read: Mapping[str, Any]) -> Guard:
    return Guard(read.get("models", ()), read.get("firmware", ""))


def _merged(base: dict[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(base)
    for key, value in top.items():
        out[key] = _merged(out[key], value) if isinstance(value, dict) and isinstance(out.get(key), dict) else value
    return out


def _fingerprint(folders: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for folder in folders:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            digest.update(file.name.encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _is_there(template: str, folders: Iterable[Path], shared: Iterable[Path]) -> bool:
    """Return True where a template is in one of the family's folders, or among those that families share."""
    places = shared if template.startswith(SHARED) else folders
    return any((place / template.removeprefix(SHARED)).is_file() for place in places)


def read_family(folders: Sequence[Path], shared: Sequence[Path] = ()) -> Family:
    """Return the family of a folder and its overlays, the shipped folder first; raises BadManifest."""
    slug = folders[0].name
    check = _Checker(folders[0] / MANIFEST)
    raw = check.load()
    for folder in folders:
        if (folder / OVERLAY).is_file():
            check.file = folder / OVERLAY
            raw = _merged(raw, check.load())
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", slug):
        raise BadManifest(f"{folders[0]}: a family's folder has lower-case letters, digits and - in its name")
    top = check.table("", raw, "")
    ident = check.table("identify", top["identify"], "identify")
    prov = check.table("provisioning", top.get("provisioning", {}), "provisioning")
    words = check.table("passwords", top.get("passwords", {}), "passwords")
    models: dict[str, Model] = {}
    by_name: dict[str, Model] = {}
    for name, table in top["models"].items():
        read = check.table("models", table, f"models.{name}")
        models[name] = model = Model(name=name, **{"brand": top["vendor"], **read})
        for known in (name, *model.aliases):
            if by_name.setdefault(same(known), model) is not model:
                raise check.fault(f"models.{name}", f"has the name {known}, which {by_name[same(known)].name} has too")
    files = []
    for number, table in enumerate(top["files"], 1):
        read = check.table("files", table, f"files[{number}]")
        rule = FileRule(
            patterns=read["match"],
            writer=Writer(**{key: read[key] for key in ("format", "charset", "booleans", "empty", "trims") if key in read}),
            guard=_guard(read),
            **{key: read[key] for key in ("template", "asset", "scope", "enrols", "asks", "otherwise", "seeds", "named_in", "media_type", "encode") if key in read},
        )
        if rule.template and not _is_there(rule.template, folders, shared):
            raise check.fault(f"files[{number}].template", f"names {rule.template}, which is not in the folder")
        if rule.template and rule.asset:
            raise check.fault(f"files[{number}].asset", "cannot stand beside template; take one away")
        if rule.asks and not rule.patterns[0].generates:
            raise check.fault(f"files[{number}].match", f"{rule.match!r} has a * and so cannot be asked for; say asks = false, or name the file")
        if rule.enrols and rule.scope != "family":
            raise check.fault(f"files[{number}].enrols", "goes with scope = \"family\" only")
        files.append(rule)
    if prov.get("bootstrap") and not any((folder / prov["bootstrap"]).is_file() for folder in folders):
        raise check.fault("provisioning.bootstrap", f"names {prov['bootstrap']}, which is not in the folder")
    for rule in files:
        if rule.named_in and not any(rule.named_in == other.match for other in files):
            raise check.fault("named_in", f"{rule.named_in!r} is no file's match{nearest(rule.named_in, [other.match for other in files])}")
    uploads = [check.table("uploads", table, f"uploads[{number}]") for number, table in enumerate(top.get("uploads", []), 1)]
    strangers = [check.table("strangers", table, f"identify.strangers[{number}]") for number, table in enumerate(ident.get("strangers", []), 1)]
    cannot = {name: check.table("cannot", table, f"cannot.{name}") for name, table in top.get("cannot", {}).items()}
    guide = [check.table("guide", table, f"guide[{number}]") for number, table in enumerate(top.get("guide", []), 1)]
    restarts = check.table("restarts", top["restarts"], "restarts")["settings"] if "restarts" in top else ()
    for name in restarts:
        if name not in vocabulary.BY_NAME:
            raise check.fault("restarts.settings", f"names {name}, which is no setting{nearest(name, vocabulary.BY_NAME)}")
    maps: dict[str, Mapping[str, Any]] = {}
    for name, table in top.get("maps", {}).items():
        try:
            maps[name] = LanguageMap(_words(table)) if name in ("language", "web_language") else MappingProxyType(dict(_words(table)))
        except ValueError as why:
            raise check.fault(f"maps.{name}", str(why)) from None
    for word in maps.get("key", {}):
        if word not in vocabulary.KEY_TYPES:
            raise check.fault(f"maps.key.{word}", f"is not a key type{nearest(word, vocabulary.KEY_TYPES)}")
    clock = check.table("time", top.get("time", {}), "time")
    if "offsets" in clock and clock["offsets"] not in maps:
        raise check.fault("time.offsets", f"names maps.{clock['offsets']}, which is not in the manifest")
    return Family(
        slug=slug, name=top["name"], vendor=top["vendor"], kind=top.get("kind", "hardware"), thin=top.get("thin", False),
        wires=top.get("wires", ("http", "https", "tftp")), unconfirmed=top.get("unconfirmed", ()),
        ouis=ident.get("ouis", ()), user_agents=ident.get("user_agents", ()),
        strangers=tuple(Stranger(row["sentence"], *(row[key][0] if key in row else None for key in ("user_agent", "path"))) for row in strangers),
        files=tuple(files), uploads=tuple(UploadRule(pattern, row["kind"]) for row in uploads for pattern in row["match"]),
        models=MappingProxyType(models), settings=top.get("settings", {}), maps=MappingProxyType(maps),
        cannot=tuple(Cannot(name, row["why"], row["source"], _guard(row)) for name, row in cannot.items()),
        restarts=frozenset(restarts),
        digitmap=top.get("digitmap", {"any": "x", "some": "x."}),
        time_forms=clock.get("forms", ("week", "dates")),
        time_limits=timezones.Limits(frozenset(maps[clock["offsets"]]) if "offsets" in clock else None, clock.get("saves", frozenset()), clock.get("last_hour", 23)),
        scheme_apart=prov.get("scheme_apart", False), url_parts=prov.get("parts", ()), longest_url=prov.get("most", 127), bootstrap=prov.get("bootstrap", ""),
        password_alphabet=words.get("alphabet", "abcdefghijkmnpqrstuvwxyz23456789"), password_length=words.get("length", 12),
        notify=Notify(**check.table("notify", top["notify"], "notify")) if "notify" in top else Notify(),
        guide=tuple(Way(row["purpose"], row["steps"], row["source"], _guard(row)) for row in guide),
        folders=tuple(folders), fingerprint=_fingerprint([*shared, *folders]), _by_name=MappingProxyType(by_name),
    )  # fmt: skip


def load(paths: Sequence[Path] = ()) -> Catalog:
    """Return the shipped families with the operators' overlays in `paths` merged on top.

    A folder of a new name in an overlay is a family of its own. Never raises: what cannot be
    read stands in Catalog.faults.
    """
    roots = [shipped(), *paths]
    folders: dict[str, list[Path]] = {}
    faults: list[BadManifest] = []
    for root in roots:
        if not root.is_dir():
            faults.append(BadManifest(f"{root}: there is no such folder; correct phones_path"))
            continue
        for folder in sorted(root.iterdir()):
            if folder.is_dir() and not folder.name.startswith(("_", ".")):
                folders.setdefault(folder.name, []).append(folder)
    shared = [root / "_shared" for root in roots if (root / "_shared").is_dir()]
    families: dict[str, Family] = {}
    for slug, places in folders.items():
        if not (places[0] / MANIFEST).is_file():
            faults.append(BadManifest(f"{places[0]}/: has no {MANIFEST}; write one (docs/add-a-phone.md) or remove the folder"))
            continue
        for place in places[1:]:
            if (place / MANIFEST).is_file():
                why = "ships with this server" if places[0].parent == roots[0] else f"is in {places[0].parent} already"
                faults.append(BadManifest(f"{place / MANIFEST} is not read, since {slug} {why}; name your changes {OVERLAY}"))
        try:
            families[slug] = read_family(places, shared)
        except BadManifest as fault:
            faults.append(fault)
    return Catalog(MappingProxyType(families), tuple(faults), tuple(roots))
