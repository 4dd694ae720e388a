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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from provisioner import encode, manifests, timezones, vocabulary
from provisioner.errors import BadManifest, UnknownName, nearest
from provisioner.formats import FORMATS, Writer
from provisioner.manifests import Checker, Reader, overlaid
from provisioner.patterns import Pattern, Patterns, same
from provisioner.raw import Place

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
    """Facts of one product; a count of None is unknown. label: width and height of a key's paper label, in millimetres."""

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
    label: tuple[float, float] | None = None

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
    raw: Place | None = None
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
class Clock:
    """The forms in which phones can be told of summer time, the best first, and what they cannot be told."""

    forms: tuple[str, ...]
    limits: timezones.Limits
    guard: Guard = Guard()


@dataclass(frozen=True)
class Notify:
    """The events of a SIP NOTIFY with which these phones read their files, and with which they restart; empty where none is known (F26)."""

    resync: str = ""
    reboot: str = ""
    source: str = ""


@dataclass(frozen=True)
class Rung:
    """A firmware version that the maker wants on a phone before any later one."""

    version: str
    source: str
    guard: Guard = Guard()


def height(version: str) -> tuple[tuple[int, str], ...]:
    """Return what firmware versions are compared by; a letter behind a number is later than none.

    >>> height("7.5.2") < height("7.5.2b") < height("7.5.5"), height("10.1.0") == height("10.1")
    (True, True)
    """
    groups = [(int(found[1] or 0), found[2]) for found in re.finditer(r"(?=[0-9a-z])(\d{0,18})([a-z]*)", version.lower())]
    while groups and groups[-1] == (0, ""):
        groups.pop()
    return tuple(groups)


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


@dataclass(frozen=True)
class Carried:
    """How these phones are configured without a network, each file named by the `match` of its rule.

    imports: what the phone's own web page takes as one file; several are XML of one root element, and folded into one.
    stick:   what lies in the topmost folder of a stick that the phone reads, under the names of the network; mostly none.
    """

    imports: tuple[str, ...] = ()
    stick: tuple[str, ...] = ()
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
    dhcp_classes: tuple[Pattern, ...]
    strangers: tuple[Stranger, ...]
    files: tuple[FileRule, ...]
    uploads: tuple[UploadRule, ...]
    models: Mapping[str, Model]
    settings: Mapping[str, Any]
    maps: Mapping[str, Mapping[str, Any]]
    cannot: tuple[Cannot, ...]
    restarts: frozenset[str]
    digitmap: Mapping[str, str]
    clocks: tuple[Clock, ...]
    scheme_apart: bool
    url_parts: tuple[str, ...]
    longest_url: int
    bootstrap: str
    password_alphabet: str
    password_length: int
    password_exact: bool
    notify: Notify
    guide: tuple[Way, ...]
    ladder: tuple[Rung, ...]
    usb: tuple[Carried, ...]
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

    def time_of(self, zone: str, model: str, firmware: str = "", year: int = 0) -> timezones.Time:
        """Return what this model can be told of a zone; year: whose dates it gets where it takes no rule, 0 is none."""
        known = self.maps.get("timezone", {})
        word = known.get(zone)
        clock = next(clock for clock in self.clocks if clock.guard.fits(model, firmware))
        if word is None and clock.forms == ("word",):  # a zone without a word goes by that of one with the same clock
            word = known.get(timezones.with_the_clock_of(zone, tuple(known), year))
        return timezones.time_of(zone, clock.forms, year, None if word is None else str(word), clock.limits)

    def carried(self, model: str, firmware: str) -> Carried:
        """Return how this model is configured by hand: as the manifest says, else by the first file of its own that it asks for."""
        known = {rule.match: rule for rule in self.rules(model, firmware) if rule.template}
        own = [rule.match for rule in known.values() if rule.scope == "phone" and not rule.named_in and rule.patterns[0].generates]
        found = next((one for one in self.usb if one.guard.fits(model, firmware)), Carried())
        imports, stick = (tuple(name for name in names if name in known) for names in (found.imports or own[:1], found.stick))
        return Carried(imports, stick)

    def next_firmware(self, model: str, has: str, wanted: str) -> str:
        """Return the version that a phone goes to now: the lowest rung between what it has and what it shall have, else that.

        Empty where the model has rungs and nobody knows which firmware the phone has: any of them could be a step back, or one too far.
        """
        rungs = [rung.version for rung in self.ladder if rung.guard.fits(model, "")]
        if not wanted or not rungs:
            return wanted
        if not has:
            return ""
        return min((version for version in rungs if height(has) < height(version) < height(wanted)), key=height, default=wanted)

    def climb(self, model: str, has: str, wanted: str) -> str:
        """Return a clause of how a phone comes to its firmware; empty where it goes there at once."""
        step = self.next_firmware(model, has, wanted)
        if step == wanted:
            return ""
        return f"first firmware {step}, then {wanted}, as the maker requires" if step else f"no firmware until the phone has said which it has: its maker requires steps before {wanted}"

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
    def dhcp_classes(self) -> Patterns[Family]:
        """What the families' phones say of themselves to DHCP (option 60)."""
        return Patterns((pattern, family) for family in self.families.values() for pattern in family.dhcp_classes)

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


def _ouis(value: object) -> tuple[str, ...]:
    for oui in manifests.texts(value):
        if not re.fullmatch(r"[0-9a-f]{6}", oui):
            raise ValueError(f"has {oui!r}, which is not six lower-case hex digits")
    return manifests.texts(value)


def _patterns(value: object) -> tuple[Pattern, ...]:
    texts = (value,) if isinstance(value, str) else manifests.texts(value)
    if not texts:
        raise ValueError("must have at least one pattern")
    return tuple(Pattern(text) for text in texts)


def _parts(value: object) -> tuple[str, ...]:
    for text in manifests.texts(value):
        if len(re.findall(r"\{(?:scheme|host|port|path)\}", text)) != 1:
            raise ValueError(f"has {text!r}, which must hold one of {{scheme}} {{host}} {{port}} {{path}}")
    return manifests.texts(value)


def _charset(value: object) -> str:
    try:
        return codecs.lookup(manifests.text(value)).name
    except LookupError:
        raise ValueError(f"{value!r} is no charset; write utf-8, iso-8859-1 or ascii") from None


def _two_words(value: object) -> tuple[str, str]:
    words = manifests.texts(value)
    if len(words) != 2:
        raise ValueError('must be two words, false then true, such as ["0", "1"]')
    return words[0], words[1]


def _bounds(value: object) -> str:
    text = manifests.text(value)
    if _BOUND.sub("", text).strip(" ,"):
        raise ValueError(f"{text!r} is no bound of firmware; write it as '>=2.2.10 <3'")
    return text


def _event(value: object) -> str:
    text = manifests.text(value)
    if not re.fullmatch(r"[a-z][\w.-]*(;[\w-]+=[\w-]+)*", text, re.ASCII | re.IGNORECASE):
        raise ValueError(f"{text!r} is no event; write it as the NOTIFY says it, such as check-sync;reboot=false")
    return text


def _size(value: object) -> tuple[float, float]:
    """Return width and height of a label: what fits on a sheet, and can be cut out."""
    if not isinstance(value, list) or len(value) != 2 or not all(type(one) in (int, float) and 3 <= one <= 180 for one in value):
        raise ValueError("must be width and height in millimetres, each 3 to 180, such as [40, 9.5]")
    return float(value[0]), float(value[1])


PURPOSES = ("address", "import", "stick", "reset", "find")
# verb of a step -> how many words it takes, at least and at most
STEPS: Mapping[str, tuple[int, int]] = {
    "page": (1, 9), "menu": (1, 9), "type": (2, 2), "choose": (2, 2), "tick": (1, 1), "untick": (1, 1), "press": (1, 1), "hold": (2, 2), "dial": (1, 1),
    "file": (0, 1), "password": (1, 1), "save": (0, 0), "stick": (0, 0), "restart": (0, 0),
}  # fmt: skip
_VALUE = re.compile(r"\{\{\w+\}\}|\{(?:url|bare|scheme|SCHEME|host|port|path|file)\}")


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
        words = (said,) if isinstance(said, str) else () if said is True else manifests.texts(said)
        least, most = STEPS[verb]
        if not least <= len(words) <= most:
            raise ValueError(f"has the step {verb!r} with {len(words)} words; it takes {least}" + (f" to {most}" if most > least else "" if least else ": write true"))
        for word in words:
            if re.search(r"[{}]", _VALUE.sub("", word)):
                raise ValueError(f"has {word!r}, which holds a brace that is none of {{url}} {{bare}} {{scheme}} {{SCHEME}} {{host}} {{port}} {{path}} {{file}}; write {{{{MAC}}}} for what the phone itself reads as {{MAC}}")
        read.append((verb, words))
    return tuple(read)


def _limits(row: Mapping[str, Any], maps: Mapping[str, Mapping[str, Any]]) -> timezones.Limits:
    return timezones.Limits(frozenset(maps[row["offsets"]]) if "offsets" in row else None, row.get("saves", frozenset()), row.get("last_hour", 23), row.get("full_hours", False))


def _whole_numbers(value: object) -> frozenset[int]:
    if not isinstance(value, list):
        raise ValueError("must be a list of whole numbers, such as [30, 60]")
    return frozenset(manifests.number(one) for one in value)


def _said(value: object) -> Mapping[str, Any]:
    if strange := [name for name in manifests.table(value) if name not in vocabulary.BY_NAME]:
        raise ValueError(f"has {strange[0]!r}, and there is no such setting{nearest(strange[0], vocabulary.BY_NAME)}")
    return {name: vocabulary.setting(name).read(word) for name, word in manifests.table(value).items()}


def _words(value: object) -> Mapping[str, Any]:
    for name, word in manifests.table(value).items():
        if isinstance(word, bool) or not isinstance(word, str | int):
            raise ValueError(f"{name!r} must be text or a number")
    return manifests.table(value)


def _shape(*holds: str) -> Reader:
    """Return a reader of a line that holds each of these words in braces, and no other."""

    def read(value: object) -> str:
        text = manifests.text(value)
        if set(re.findall(r"\{(\w*)(?::<\d+)?\}", text)) != set(holds) or text.count("{value}") > 1 or re.search(r"[{}]", re.sub(r"\{\w+(?::<\d+)?\}", "", text)):
            raise ValueError(f"{text!r} must hold {' and '.join(f'{{{word}}}' for word in holds)}, and no other braces")
        return text

    return read


_GUARD: dict[str, Reader] = {"models": manifests.texts, "firmware": _bounds}
_CLOCK: dict[str, Reader] = {
    "forms": manifests.some_of("name", "word", "posix", "week", "weekday-after", "dates"), "offsets": manifests.text, "saves": _whole_numbers, "last_hour": manifests.number, "full_hours": manifests.truth,
}  # fmt: skip
SCHEMA: Mapping[str, Mapping[str, Reader]] = {
    "": {
        "name": manifests.text, "vendor": manifests.text, "kind": manifests.one_of("hardware", "softphone"), "thin": manifests.truth,
        "wires": manifests.some_of("http", "https", "tftp"), "unconfirmed": manifests.texts, "identify": manifests.table, "provisioning": manifests.table,
        "passwords": manifests.table, "notify": manifests.table, "files": manifests.tables, "uploads": manifests.tables, "settings": _said, "digitmap": _words, "time": manifests.table, "maps": manifests.table,
        "cannot": manifests.table, "restarts": manifests.table, "guide": manifests.tables, "usb": manifests.tables, "raw": manifests.tables, "ladder": manifests.tables, "models": manifests.table,
    },
    "identify": {"ouis": _ouis, "user_agents": _patterns, "dhcp_classes": _patterns, "strangers": manifests.tables},
    "strangers": {"user_agent": _patterns, "path": _patterns, "sentence": manifests.text},
    "provisioning": {"scheme_apart": manifests.truth, "parts": _parts, "most": manifests.number, "bootstrap": manifests.text},
    "passwords": {"alphabet": manifests.text, "length": manifests.number, "exact": manifests.truth},
    "notify": {"resync": _event, "reboot": _event, "source": manifests.text},
    "files": {
        "match": _patterns, "template": manifests.text, "asset": manifests.text, "scope": manifests.one_of("phone", "family"), "enrols": manifests.truth, "asks": manifests.truth,
        "otherwise": manifests.truth, "seeds": manifests.truth, "named_in": manifests.text, "format": manifests.one_of(*FORMATS), "charset": _charset, "media_type": manifests.text,
        "booleans": _two_words, "empty": manifests.text, "trims": manifests.truth, "encode": manifests.one_of(*encode.ENCODERS), **_GUARD,
    },
    "uploads": {"match": _patterns, "kind": manifests.one_of("override", "directory", "log")},
    "time": {**_CLOCK, "for": manifests.tables},
    "time for": {**_CLOCK, **_GUARD},
    "cannot": {"why": manifests.text, "source": manifests.text, **_GUARD},
    "restarts": {"settings": manifests.texts, "source": manifests.text},
    "guide": {"purpose": manifests.one_of(*PURPOSES), "steps": _steps, "source": manifests.text, **_GUARD},
    "usb": {"imports": manifests.texts, "stick": manifests.texts, "source": manifests.text, **_GUARD},
    "ladder": {"through": manifests.text, "source": manifests.text, "models": manifests.texts},
    "raw": {
        "templates": manifests.texts, "line": _shape("name", "value"), "indexed": _shape("name", "value", "index"), "section": _shape("section"), "mark": manifests.text,
        "tree": manifests.truth, "index": _shape("index"), "before": manifests.text, "after": manifests.text, "around": manifests.texts,
    },
    "models": {
        "lines": manifests.number, "keys": manifests.number, "modules": manifests.number, "module_keys": manifests.number, "code": manifests.text, "aliases": manifests.texts, "brand": manifests.text,
        "source": manifests.text, "confidence": manifests.one_of("doc", "peer2+", "peer1", "derived", "recalled"), "settings": _said, "label": _size,
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
    "usb": ("source",),
    "ladder": ("through", "source"),
    "raw": ("templates",),
    "models": ("source",),
}


def _guard(read: Mapping[str, Any]) -> Guard:
    return Guard(read.get("models", ()), read.get("firmware", ""))


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
    check = Checker(folders[0] / MANIFEST, SCHEMA, REQUIRED)
    top = overlaid(check, folders, OVERLAY)
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
    ladder = [check.table("ladder", table, f"ladder[{number}]") for number, table in enumerate(top.get("ladder", []), 1)]
    places: dict[str, Place] = {}
    for number, table in enumerate(top.get("raw", []), 1):
        shape = check.table("raw", table, f"raw[{number}]")
        places.update(dict.fromkeys(shape.pop("templates"), Place(**shape)))
    files = []
    for number, table in enumerate(top["files"], 1):
        read = check.table("files", table, f"files[{number}]")
        rule = FileRule(
            patterns=read["match"],
            writer=Writer(**{key: read[key] for key in ("format", "charset", "booleans", "empty", "trims") if key in read}),
            guard=_guard(read), raw=places.get(read.get("template", "")),
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
    if strange := [name for name in places if not any(rule.template == name for rule in files)]:
        raise check.fault("raw", f"names {strange[0]}, which is no file's template{nearest(strange[0], [rule.template for rule in files])}")
    if prov.get("bootstrap") and not any((folder / prov["bootstrap"]).is_file() for folder in folders):
        raise check.fault("provisioning.bootstrap", f"names {prov['bootstrap']}, which is not in the folder")
    for rule in files:
        if rule.named_in and not any(rule.named_in == other.match for other in files):
            raise check.fault("named_in", f"{rule.named_in!r} is no file's match{nearest(rule.named_in, [other.match for other in files])}")
    uploads = [check.table("uploads", table, f"uploads[{number}]") for number, table in enumerate(top.get("uploads", []), 1)]
    strangers = [check.table("strangers", table, f"identify.strangers[{number}]") for number, table in enumerate(ident.get("strangers", []), 1)]
    cannot = {name: check.table("cannot", table, f"cannot.{name}") for name, table in top.get("cannot", {}).items()}
    guide = [check.table("guide", table, f"guide[{number}]") for number, table in enumerate(top.get("guide", []), 1)]
    usb = [check.table("usb", table, f"usb[{number}]") for number, table in enumerate(top.get("usb", []), 1)]
    for number, row in enumerate(usb, 1):
        for key in ("imports", "stick"):
            known = [rule.match for rule in files if rule.template]
            for name in row.get(key, ()):
                if name not in known:
                    raise check.fault(f"usb[{number}].{key}", f"{name!r} is no match of a file with a template{nearest(name, known)}")
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
    clocks = [{**clock, **check.table("time for", row, f"time.for[{number}]")} for number, row in enumerate(clock.pop("for", []), 1)] + [clock]
    for row in clocks:
        if "offsets" in row and row["offsets"] not in maps:
            raise check.fault("time.offsets", f"names maps.{row['offsets']}, which is not in the manifest")
    return Family(
        slug=slug, name=top["name"], vendor=top["vendor"], kind=top.get("kind", "hardware"), thin=top.get("thin", False),
        wires=top.get("wires", ("http", "https", "tftp")), unconfirmed=top.get("unconfirmed", ()),
        ouis=ident.get("ouis", ()), user_agents=ident.get("user_agents", ()), dhcp_classes=ident.get("dhcp_classes", ()),
        strangers=tuple(Stranger(row["sentence"], *(row[key][0] if key in row else None for key in ("user_agent", "path"))) for row in strangers),
        files=tuple(files), uploads=tuple(UploadRule(pattern, row["kind"]) for row in uploads for pattern in row["match"]),
        models=MappingProxyType(models), settings=top.get("settings", {}), maps=MappingProxyType(maps),
        cannot=tuple(Cannot(name, row["why"], row["source"], _guard(row)) for name, row in cannot.items()),
        restarts=frozenset(restarts),
        digitmap=top.get("digitmap", {"any": "x", "some": "x."}),
        clocks=tuple(Clock(row.get("forms", ("week", "dates")), _limits(row, maps), _guard(row)) for row in clocks),
        scheme_apart=prov.get("scheme_apart", False), url_parts=prov.get("parts", ()), longest_url=prov.get("most", 127), bootstrap=prov.get("bootstrap", ""),
        password_alphabet=words.get("alphabet", "abcdefghijkmnpqrstuvwxyz23456789"), password_length=words.get("length", 12), password_exact=words.get("exact", False),
        notify=Notify(**check.table("notify", top["notify"], "notify")) if "notify" in top else Notify(),
        ladder=tuple(Rung(row["through"], row["source"], _guard(row)) for row in ladder),
        guide=tuple(Way(row["purpose"], row["steps"], row["source"], _guard(row)) for row in guide),
        usb=tuple(Carried(row.get("imports", ()), row.get("stick", ()), _guard(row)) for row in usb),
        folders=tuple(folders), fingerprint=_fingerprint([*shared, *folders]), _by_name=MappingProxyType(by_name),
    )  # fmt: skip


def load(paths: Sequence[Path] = (), base: Path | None = None) -> Catalog:
    """Return the shipped families with the operators' overlays in `paths` merged on top; base: the folder of others in place of those that ship.

    A folder of a new name in an overlay is a family of its own. Never raises: what cannot be
    read stands in Catalog.faults.
    """
    roots = [base or shipped(), *paths]
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
