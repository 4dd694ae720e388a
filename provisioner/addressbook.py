"""Phone books as files: CSV and vCard to names and numbers, and back.

What cannot be read is told by row and column, all of it at once, and nothing is taken then.
Sources: RFC 2426 and 6350 (vCard 3, 4), and the vCard 2.1 that old phones export.
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from provisioner import csvfile
from provisioner.errors import BadValue, nearest
from provisioner.things import NUMBER_KINDS, Contact

_COLUMNS = {
    "phone": "work", "telephone": "work", "tel": "work", "number": "work", "office": "work", "business": "work", "cell": "mobile", "cellphone": "mobile", "private": "home",
}  # fmt: skip
_HEADINGS = ("name", "first name", "last name", *NUMBER_KINDS)
_MOST_TOLD = 20


@dataclass(frozen=True)
class Read:
    """What a file holds. left_out: a sentence for each thing that is in the file and no number of a person."""

    contacts: tuple[Contact, ...]
    left_out: tuple[str, ...] = ()


class _Faults:
    """Collects what is wrong, so that it is told at once."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._names: dict[str, str] = {}

    def contact(self, site: str, place: str, name: tuple[str, str], numbers: Iterable[tuple[str, str, str]]) -> Contact | None:
        """Return a contact, or None where something is wrong. name: (where, text); numbers: (where, kind, number)."""
        before, every = len(self.told), list(numbers)
        self._try(site, f"{place}{name[0]}", name[1], (("work", "1"),))
        for where, kind, number in every:
            self._try(site, f"{place}{where}", "x", ((kind, number),))
        if not every:
            self.told.append(f"{place}: {name[1]!r} has no number")
        if other := self._names.get(name[1]):
            self.told.append(f"{place}: {name[1]!r} is in {other} already; put all numbers of a person into one place")
        self._names.setdefault(name[1], place)
        return Contact(site, name[1], tuple((kind, number) for _, kind, number in every)) if len(self.told) == before else None

    def _try(self, site: str, place: str, name: str, numbers: tuple[tuple[str, str], ...]) -> None:
        try:
            Contact(site, name, numbers)
        except BadValue as why:
            self.told.append(f"{place}: {why}")

    def end(self) -> None:
        """Raise BadValue with what was wrong."""
        if self.told:
            more = f"\n  and {len(self.told) - _MOST_TOLD} more" if len(self.told) > _MOST_TOLD else ""
            raise BadValue("nothing was taken from the file:\n  " + "\n  ".join(self.told[:_MOST_TOLD]) + more)


def read(site: str, body: bytes) -> Read:
    """Return the contacts of a CSV or vCard file, which says itself what it is; raises BadValue with every row that is wrong."""
    text, guessed = csvfile.decoded(body)
    if guessed:
        raise BadValue("the file is neither UTF-8 nor marked as UTF-16; save it as CSV in UTF-8")
    return read_vcards(site, text) if text.lstrip().upper().startswith("BEGIN:VCARD") else read_csv(site, text)


def read_csv(site: str, text: str) -> Read:
    """Return the contacts of a CSV file: a row of headings, then one person a row.

    Headings: name, or first name and last name; work, mobile, home, other, each as often as there are numbers.
    """
    rows = csvfile.rows(text)
    faults, found = _Faults(), []
    headings = [_heading(cell, number) for number, cell in enumerate(next(rows, (1, []))[1], 1)]
    if not {"name", "first name", "last name"} & {*headings} or not {*NUMBER_KINDS} & {*headings}:
        raise BadValue("row 1: the first row says what the columns are, such as name,work,mobile; it needs a name and a kind of number")
    try:
        for number, cells in rows:
            place = f"row {number}"
            said = [(f", column {heading}", heading, cell.strip()) for heading, cell in zip(headings, cells, strict=False)]
            if any(cell.strip() for cell in cells[len(headings) :]):
                faults.told.append(f"{place}: has {len(cells)} cells, and there are {len(headings)} columns; put cells that hold a comma or semicolon into quotes")
            elif any(cell.strip() for cell in cells):
                whole = [cell for _, heading, cell in said if heading == "name"]
                name = next(filter(None, whole), "") or " ".join(cell for wanted in ("first name", "last name") for _, heading, cell in said if heading == wanted and cell)
                found.append(faults.contact(site, place, (", column name", name), ((where, heading, cell) for where, heading, cell in said if heading in NUMBER_KINDS and cell)))
    except BadValue as why:  # what comes behind it cannot be read
        faults.told.append(str(why))
    faults.end()
    return Read(tuple(one for one in found if one))


def _heading(cell: str, number: int) -> str:
    word = re.sub(r"[\s_-]*\d*$", "", cell.strip().lower()).replace("_", " ")
    if word and word not in _HEADINGS and word not in _COLUMNS:
        raise BadValue(f"row 1, column {number}: there is no column {cell!r}{nearest(word, _HEADINGS)}; there are {', '.join(_HEADINGS)}; take others out")
    return _COLUMNS.get(word, word)


def write_csv(contacts: Iterable[Contact]) -> str:
    """Return contacts as CSV, with as many columns of each kind as the longest needs."""
    people = list(contacts)
    numbers = [{kind: [number for one, number in contact.numbers if one == kind] for kind in NUMBER_KINDS} for contact in people]
    columns = [(kind, n) for kind in NUMBER_KINDS for n in range(max((len(one[kind]) for one in numbers), default=0) or (kind == "work"))]
    head = ["name", *(f"{kind} {n + 1}" if n else kind for kind, n in columns)]
    rows = ([contact.name, *(known[kind][n] if n < len(known[kind]) else "" for kind, n in columns)] for contact, known in zip(people, numbers, strict=True))
    return "".join(csvfile.written([head, *rows]))


def read_vcards(site: str, text: str) -> Read:
    """Return the contacts of a vCard file, version 2.1, 3.0 or 4.0; cards without a number, faxes and pagers are left out, and told."""
    faults, found, without, faxes = _Faults(), [], 0, 0
    for number, card in enumerate(_cards(_lines(text)), 1):
        names: dict[str, str] = {}
        numbers = []
        for line, name, types, value in card:
            if name == "TEL":
                if types & {"FAX", "PAGER"}:
                    faxes += 1
                else:
                    kind = next((kind for word, kind in (("CELL", "mobile"), ("HOME", "home"), ("WORK", "work")) if word in types), "other")
                    numbers.append((f", line {line}, TEL", kind, re.sub(r"^tel:|;ext=.*$", "", value, flags=re.IGNORECASE)))
            elif name in ("FN", "N", "ORG"):
                names.setdefault(name, value if name == "FN" else _joined(name, value))
        if numbers:
            found.append(faults.contact(site, f"card {number}", (", its name", next(filter(None, (names.get(one, "") for one in ("FN", "N", "ORG"))), "")), numbers))
        else:
            without += 1
    faults.end()
    told = [f"{what}: {count}" for count, what in ((without, "left out for want of a telephone number"), (faxes, "left out as numbers of faxes or pagers")) if count]
    return Read(tuple(one for one in found if one), tuple(told))


def _joined(name: str, value: str) -> str:
    parts = [_unescaped(part) for part in re.split(r"(?<!\\);", value)]
    return " ".join(filter(None, (parts[1:2] + parts[:1]) if name == "N" else parts[:1]))


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield (number, line) with folded lines and quoted-printable ones whole again (RFC 6350, 3.2; vCard 2.1)."""
    whole, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        if whole and line[:1] in (" ", "\t"):
            whole += line[1:]
        elif whole.endswith("=") and "QUOTED-PRINTABLE" in whole.partition(":")[0].upper():
            whole = whole[:-1] + line
        else:
            if whole:
                yield first, whole
            whole, first = line, number
    if whole:
        yield first, whole


def _cards(lines: Iterable[tuple[int, str]]) -> Iterator[list[tuple[int, str, set[str], str]]]:
    """Yield for each card its (line number, property, types in capitals, value)."""
    card: list[tuple[int, str, set[str], str]] = []
    for number, line in lines:
        head, colon, value = line.partition(":")
        name, *parameters = head.upper().split(";")
        name = name.rpartition(".")[2]
        types = {word.strip('" ') for one in parameters for word in one.rpartition("=")[2].split(",")}
        if colon and name == "BEGIN":
            card = []
        elif colon and name == "END":
            yield card
        elif colon and name in ("TEL", "FN", "N", "ORG"):
            charset = next((one.partition("=")[2] for one in parameters if one.startswith("CHARSET=")), "utf-8")
            if "QUOTED-PRINTABLE" in types:
                value = _decoded(quopri.decodestring(value.encode("iso-8859-1", "replace")), charset, number)
            card.append((number, name, types, value if name in ("N", "ORG") else _unescaped(value)))


def _decoded(value: bytes, charset: str, number: int) -> str:
    try:
        return value.decode(charset)
    except (LookupError, UnicodeDecodeError):
        raise BadValue(f"line {number}: is not in the charset {charset.lower()}; export the cards as vCard 3.0") from None


def _unescaped(value: str) -> str:
    return re.sub(r"\\([nN,;:\\])", lambda found: " " if found[1] in "nN" else found[1], value).strip()


def write_vcards(contacts: Iterable[Contact]) -> str:
    """Return contacts as vCards of version 3.0, which every address book reads."""
    types = {"work": "WORK,VOICE", "mobile": "CELL", "home": "HOME,VOICE", "other": "VOICE"}
    lines: list[str] = []
    for contact in contacts:
        name = _escaped(contact.name)
        lines += ["BEGIN:VCARD", "VERSION:3.0", f"FN:{name}", f"N:{name};;;;", *(f"TEL;TYPE={types[kind]}:{_escaped(number)}" for kind, number in contact.numbers), "END:VCARD"]
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _escaped(value: str) -> str:
    return re.sub(r"([\\,;])", r"\\\1", value)


def _folded(line: str) -> str:
    """Return a line in pieces of at most 75 bytes, no character divided (RFC 2426, 2.6)."""
    pieces, size = [""], 0
    for char in line:
        width = len(char.encode())
        if size + width > 75:
            pieces.append(" ")
            size = 1
        pieces[-1] += char
        size += width
    return "\r\n".join(pieces)
