"""Who is asking? A request, the manifests and the inventory's word -> a sighting.

The order of recognition: the inventory's word, then user agent, then file name, then OUI.
No clue is enough alone, and each is optional (TFTP has no user agent), so the clues narrow
a set of candidates; where two families remain, both are named and nobody guesses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from provisioner.errors import BadMAC
from provisioner.families import Catalog, Family, FileRule, last_segment
from provisioner.mac import parse
from provisioner.patterns import Patterns
from provisioner.things import Device
from provisioner.wire import PhoneRequest

_EXTENSION = re.compile(r"[-_.\d]*\.\w+")
LONGEST = 64  # characters of what a phone says of itself: as many as the inventory keeps
_MAC_RUN = re.compile(r"(?<![0-9a-f])[0-9a-f]*?([0-9a-f]{12})(?![0-9a-f])|((?:[0-9a-f]{2}[:_-]){5}[0-9a-f]{2})(?![0-9a-f])", re.IGNORECASE)


@dataclass(frozen=True)
class Sighting:
    """What a request tells of its phone; empty text is unknown.

    candidates: slugs of the families that could be asking; one where it is certain.
    stranger:   the sentence for hardware that cannot take our files yet (F20), or empty.
    """

    mac: str = ""
    candidates: tuple[str, ...] = ()
    vendor: str = ""
    family: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    stranger: str = ""


@dataclass(frozen=True)
class _Clue:
    family: Family
    caught: dict[str, str]
    rule: FileRule | None = None


def mac_in(request: PhoneRequest) -> str:
    """Return the MAC that a request names, or empty: the file's name first, then the user agent.

    >>> mac_in(PhoneRequest("/x/snomD785-000413A11FA7.htm", "192.0.2.7", "http"))
    '000413a11fa7'
    """
    for text in (last_segment(request.path), request.user_agent):
        found = _MAC_RUN.search(text)
        if found:
            mac = re.sub(r"[^0-9a-f]", "", (found[1] or found[2]).lower())
            if _real(mac):
                return mac
    return ""


def _real(digits: str) -> bool:
    """Return True for the address of one device: no generic name (000000000000.cfg, y000000000108.cfg) and not multicast."""
    try:
        return parse(digits) == digits
    except BadMAC:
        return False


def identify(catalog: Catalog, request: PhoneRequest, word: Device | None = None, dhcp_class: str = "") -> Sighting:
    """Return who is asking, as far as the clues tell.

    word: the device of this MAC in the inventory, which settles family and model.
    dhcp_class: what the phone said to DHCP (option 60), for who knows it; it counts where there is no user agent.
    """
    mac = word.mac if word else mac_in(request)
    if word:  # what it says of itself is read as its own family reads it
        catalog = Catalog({word.family: catalog.families[word.family]} if word.family in catalog.families else {})
    agents = _by_patterns(catalog.agents, request.user_agent.strip()) if request.user_agent else _by_patterns(catalog.dhcp_classes, dhcp_class.strip("\0 ")) if dhcp_class else []
    paths = _by_path(catalog, last_segment(request.path))
    owners = [family for family in catalog.families.values() if mac[:6] in family.ouis] if mac else []
    candidates = _narrow(agents, paths, owners)
    said = _said_by(agents, candidates) or _said_by(paths, candidates)
    if word is None and said and not _MAC_RUN.search(last_segment(request.path)):
        found = said.caught.get("mac", "")  # a serial number in the user agent may look like a MAC
        mac = found if found and _real(found) else ""
    firmware = said.caught.get("firmware", "")[:LONGEST] if said else ""
    model = word.model if word else _model(agents, paths, candidates)
    strangers = catalog.strange_agents.matching(request.user_agent) or catalog.strange_names.matching(last_segment(request.path))
    settled = word.family if word else candidates[0].slug if len(candidates) == 1 else ""
    family = catalog.families.get(settled)
    vendors = {one.vendor for one in candidates}
    known = family.model(model) if family and model else None
    return Sighting(
        mac=mac,
        candidates=tuple(one.slug for one in candidates) or ((word.family,) if word else ()),
        vendor=known.brand if known else vendors.pop() if len(vendors) == 1 else "",
        family=settled,
        model=known.name if known else model[:LONGEST],
        firmware=firmware,
        serial=said.caught.get("serial", "")[:LONGEST] if said else "",
        stranger=strangers[0][0].sentence if strangers else "",
    )


def _by_patterns(patterns: Patterns[Family], text: str) -> list[_Clue]:
    """Return what each family reads in what a phone says of itself, by the first pattern of its own that fits."""
    found: dict[str, _Clue] = {}
    for family, caught in patterns.matching(text):
        found.setdefault(family.slug, _Clue(family, caught))
    return list(found.values())


def _by_path(catalog: Catalog, name: str) -> list[_Clue]:
    """Return what each rule reads in a file's name, by the first pattern of its own that fits; where none does, the uploads."""
    found: dict[tuple[str, str], _Clue] = {}
    for (family, rule), caught in catalog.names.matching(name):
        if not _anything(family, name, caught):
            found.setdefault((family.slug, rule.match), _Clue(family, caught, rule))
    asking = {clue.family.slug for clue in found.values()}
    sending = [_Clue(family, caught) for family, caught in catalog.uploads.matching(name) if family.slug not in asking]
    return [*found.values(), *sending]


def _anything(family: Family, name: str, caught: dict[str, str]) -> bool:
    """Return True where a file is named after its model alone, as in {code}.inf, and the family has no such model: any name would fit."""
    word = caught.get("model") or caught.get("code") or ""
    if not word or not name.lower().startswith(word.lower()) or not _EXTENSION.fullmatch(name[len(word) :]):
        return False
    return not family.model(word) and all(model.code.lower() != word.lower() for model in family.models.values())


def _narrow(agents: list[_Clue], paths: list[_Clue], owners: list[Family]) -> list[Family]:
    """Return the families that are left when each clue has narrowed those before it."""
    left: list[Family] = []
    for clue in ([one.family for one in agents], [one.family for one in paths], owners):
        here = list({family.slug: family for family in clue}.values())
        both = [family for family in left if family in here]
        left = both or left or here
    known = [one.family for one in agents if (name := one.caught.get("model")) and one.family.model(name)]
    return [family for family in left if family in known] or left


def _said_by(clues: list[_Clue], candidates: list[Family]) -> _Clue | None:
    """Return the clue that says most of those that a candidate stands behind."""
    own = [clue for clue in clues if clue.family in candidates]
    return max(own, key=lambda clue: len(clue.caught), default=None)


def _model(agents: list[_Clue], paths: list[_Clue], candidates: list[Family]) -> str:
    for clue in (*agents, *paths):
        if clue.family in candidates and (name := clue.caught.get("model")):
            known = clue.family.model(name)
            return known.name if known else name
        if clue.family in candidates and (code := clue.caught.get("code")):
            coded = [model for model in clue.family.models.values() if model.code.lower() == code.lower()]
            if len(coded) == 1:
                return coded[0].name
    return ""

