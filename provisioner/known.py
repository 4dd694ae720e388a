"""Does a file say only what its phones know? A family's known.txt, and readers of files that need to know no dialect.

known.txt has a row for each parameter: name, source, and where the sources tell them its values, by tabs. In a name an N
by itself or behind a small letter stands for a number and * for the rest; lines with # are comments. Values are written
0|1|2 (one of these) or 0..127 (a whole number). The rows of overlays come on top.

The readers do not read as phones do: they find names and values at the places where files of lines and of XML have them,
and a name counts as known in any spelling that known.txt may have for its place.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from provisioner.errors import BadManifest, nearest
from provisioner.families import Family

FILE = "known.txt"
_ENOUGH = 0.75  # share of known names from which on a file counts as read
_NUMBERS = ("id", "ID", "idx")  # attributes that count entries
_LINE = re.compile(r"(?P<name>[^=:\"#;\s][^=:\"]*?)\s*(?:[=:]|\s(?=\"))\s*(?P<value>.*)")


@dataclass(frozen=True)
class Row:
    """One parameter: its name, where it is documented, and its values as known.txt writes them, empty for any."""

    name: str
    source: str
    values: str = ""

    def takes(self, value: str) -> bool:
        """Return True where the parameter can have this value."""
        if limits := re.fullmatch(r"(-?\d+)\.\.(-?\d+)", self.values):
            return bool(re.fullmatch(r"-?\d{1,12}", value)) and int(limits[1]) <= int(value) <= int(limits[2])
        return not self.values or value in self.values.split("|")


@dataclass(frozen=True)
class Said:
    """A parameter as a file says it: in every spelling that known.txt may have for it, the fullest first."""

    spellings: tuple[str, ...]
    value: str


def rows(file: Path) -> list[Row]:
    """Return every row of a known.txt; raises BadManifest where one has more than three columns or values that are none."""
    found = []
    for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, source, values, *more = (*(part.strip() for part in line.split("\t")), "", "")
        if any(more) or (values and "|" not in values and not re.fullmatch(r"-?\d+\.\.-?\d+", values)):
            raise BadManifest(f"{file}:{number}: {values!r} is no list of values; write 0|1|2 or 0..127 in the third column, or leave it away")
        found.append(Row(name, source, values))
    return found


@lru_cache
def of_family(family: Family) -> tuple[Row, ...]:
    """Return the rows of a family and of its overlays; none where it has no known.txt."""
    return tuple(row for folder in family.folders if (folder / FILE).is_file() for row in rows(folder / FILE))


@lru_cache
def _patterns(family: Family, bare: bool = False) -> tuple[re.Pattern[str], tuple[tuple[re.Pattern[str], Row], ...]]:
    """Return what matches every name, and each name that has values; bare: without the numbers in [ ], which readers of no dialect cannot tell."""
    every = [(_pattern(_bare(row.name) if bare else row.name), row) for row in of_family(family)]
    lists = {_pattern(row.name.partition("[")[0]) for row in of_family(family) if bare and "[" in row.name}  # a line may say several parts of an entry at once
    return re.compile("|".join([*(pattern for pattern, _ in every), *sorted(lists)]) or "(?!)"), tuple((re.compile(pattern), row) for pattern, row in every if row.values)


def _bare(name: str) -> str:
    return re.sub(r"\[[^]]*\]|/N$", "", name)


def _pattern(name: str) -> str:
    return re.sub(r"(?<![A-Z])N(?![A-Za-z])", r"\\d+", re.escape(name)).replace(r"\*", ".*")


def unknown(family: Family, names: Iterable[str]) -> list[str]:
    """Return the names that the family's phones do not know; what stands behind @ is a name's permission."""
    pattern, _ = _patterns(family)
    return sorted({name for name in names if not pattern.fullmatch(name.partition("@")[0])})


def close_to(family: Family, name: str) -> str:
    """Return `; did you mean X?` for the known name that is nearest to an unknown one, a number in it being N, or nothing."""
    return nearest(re.sub(r"(?<![A-Z])\d+(?![A-Za-z])", "N", name), [row.name for row in of_family(family)])


def limits(family: Family, name: str, value: str) -> str:
    """Return the values that a parameter can have, as known.txt writes them, where this is none of them; else nothing."""
    return next((row.values for pattern, row in _patterns(family)[1] if value and pattern.fullmatch(name) and not row.takes(value)), "")


def outside(family: Family, said: Iterable[tuple[str, str]], bare: bool = False) -> list[str]:
    """Return a sentence for each (name, value) that its parameter cannot have; an empty value clears, which every parameter takes."""
    _, limited = _patterns(family, bare)
    return [f"{name} is {value!r}, not {row.values}" for name, value in said if value for pattern, row in limited if pattern.fullmatch(name) and not row.takes(value)]


def faults(family: Family, body: bytes, charset: str) -> list[str] | None:
    """Return a sentence for each parameter of a file that the phones do not know, or whose value they do not; None where the file cannot be read so.

    A file of which more than a quarter of the names is unknown is one of another kind, or spelled in a way that the readers do not know.
    """
    text = body.decode(charset, "replace")
    pattern, _ = _patterns(family, bare=True)
    said = list(_xml(text, pattern) if text.lstrip().startswith("<") else _lines(text))
    known = [next((name for name in map(_bare, one.spellings) if pattern.fullmatch(name)), "") for one in said]
    if not said or sum(map(bool, known)) < _ENOUGH * len(said):
        return None
    odd = dict.fromkeys(f"{one.spellings[0]} is no parameter that {FILE} names" for one, name in zip(said, known, strict=True) if not name)
    return [*odd, *outside(family, ((name, one.value) for one, name in zip(said, known, strict=True) if name), bare=True)]


def _lines(text: str) -> Iterator[Said]:
    """Yield what stands in a file of lines: NAME = VALUE, NAME: VALUE, NAME "VALUE", in sections or not."""
    section = ""
    for line in map(str.strip, text.splitlines()):
        if head := re.fullmatch(r"\[\s*(.*?)\s*\]", line):
            section = head[1]
        elif found := _LINE.match(line):
            name, words, value = found["name"], found["name"].split(), found["value"].strip()
            value = value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value
            inside = (f"{section}/{name}", f"{section}.{name}") if section else ()
            yield Said((name, *inside, *dict.fromkeys((name.lstrip("^!%"), words[0], words[-1]))), value)


def _xml(text: str, known: re.Pattern[str]) -> Iterator[Said]:
    """Yield what stands in an XML file: elements without others in them, pairs of name and value, and attributes of elements whose names are not known."""
    try:
        yield from _element(ElementTree.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", text)), (), "", known)
    except ElementTree.ParseError:
        return


def _element(element: ElementTree.Element, above: tuple[str, ...], prefix: str, known: re.Pattern[str]) -> Iterator[Said]:
    name = next((element.get(one, "") for one in ("name", "Name", "param", "id", "ID") if element.get(one, "").strip("0123456789")), "")
    here = (*above, f"{element.tag}/{name}" if name and len(element) else element.tag)
    paths = tuple(mark.join(here[start:]) for start in range(len(here)) for mark in "/.")
    own, value = element.findtext("Name"), element.findtext("Value")
    if own is not None and value is not None:
        yield Said((f"{prefix}{own}", own), value)
        return
    for child in element:
        if child.tag != "Name" or own is None:
            yield from _element(child, here, own or "", known)
    if len(element):
        return
    inside = tuple(f"{mark.join(where[start:])}{mark}{name}" for where in (above, here) for start in range(len(where)) for mark in "/.") if name else ()
    entry = tuple(f"{one}.{tag}" for one in above for tag in (element.tag, f"{above[-1]}.{element.tag}"))  # of a list, whose entries have one name
    spellings = tuple(dict.fromkeys((*((name,) if name else ()), *inside, *paths, *entry)))
    text = (element.text or "").strip()
    pairs = {attribute: (*(f"{path}{mark}{attribute}" for path in (*paths, *above[-1:]) for mark in ".@"), attribute) for attribute in element.attrib}
    if not text and not element.attrib and not any(known.fullmatch(name) for name in spellings):
        return  # an empty list
    if text or not element.attrib or any(known.fullmatch(path) for path in paths):
        yield Said(spellings, text)
    elif any(known.fullmatch(path) for names in pairs.values() for path in names[:-1]):
        yield from (Said(names, element.attrib[attribute]) for attribute, names in pairs.items() if attribute not in _NUMBERS)
    elif name or "value" in element.attrib:
        yield Said(spellings, element.get("value", ""))
    else:
        yield from (Said(names[::-1], element.attrib[attribute]) for attribute, names in pairs.items())
