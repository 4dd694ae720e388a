"""Which words of a mail say which field: `Label: value`, tables, two lines, sentences, and text that runs together."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from provisioner.errors import BadInput
from provisioner.mail import labels
from provisioner.mail.labels import Label, classify
from provisioner.mail.message import CLOSE, OPEN, Line, plain

_MARKS = OPEN + CLOSE
_ASIDE = rf"(?:[\s{_MARKS}]*\([^()]*\))?"
_SEPARATOR = r"[:：](?!//)|=(?!=)|→|=>|->"
_JOINT = re.compile(
    rf"{_ASIDE}[\s{_MARKS}*_]*?(?:(?P<mark>(?:{_SEPARATOR})[*_]*(?=[\s{_MARKS}]|\S|$))|(?P<dots>(?:\.{{3,}}|…+|(?:\.\s){{3,}})\s*[:=]?)|(?P<dash>\s[–—-](?=\s))|(?P<column>\s{{2,}}(?:[:：=](?!//|=))?)|(?P<tag>{CLOSE}\s*(?={OPEN}))|(?P<open>\s*(?={OPEN})))"
)
_ASIDE_MARK = re.compile(r"\s*\([^()]*\)[\s*_]*[:=]")
_BULLET = re.compile(rf"[\s{_MARKS}*_•·▪‣◦●○■□✓✔➤➢►→#–—-]*(?:\d{{1,2}}[.)]\s+)?")
_DELIMITER = re.compile(r"[,;|•·]\s*|[.!?:]\s+|\s[–—-]\s|\s/\s|\(\s*")
_TAIL = re.compile(r"[.!?:]\s+")
_GLUED = re.compile(r"\S*[^\W\d_]\d\S*[^\s:]")  # `ext204` is a value, whatever its letters say
MOST_PAIRS = 4_000
MOST_LINE = 4_000  # characters; a longer line is no text of a mail
_STRONG = frozenset(("sip_address", "auth_username", "domain", "registrar", "proxy", "outbound_proxy", "outbound_proxy_port", "transport", "xcap_root", "registrar_port", "realm"))


@dataclass(frozen=True)
class Pair:
    """A label and what stands for its value, as the mail has it.

    style: cell, mark, verb, line (on the next one), bare (nothing between), run (the next label follows at once).
    bounded: an element, a cell or a line of its own shows exactly where the value ends.
    example: it stands behind `e.g.`.
    lead: blanks before the value, beyond those of layout.
    block: pairs without anything between them have the same; record: a row or column of a table, else 0.
    side: sip or web, as the heading or sentence above says; place: its line, and where the value begins in it.
    """

    label: Label
    value: str = field(repr=False)
    words: str = field(repr=False)
    style: str
    bounded: bool = False
    example: bool = False
    html: bool = False
    lead: int = 0
    block: int = 0
    record: tuple[int, int] = (0, 0)
    side: str = ""
    heading: str = ""
    place: tuple[int, int] = (0, 0)

    @property
    def sip(self) -> bool:
        """Its label alone says that it is of the phone's account."""
        return self.label.sip or bool(_STRONG & set(self.label.kinds))


def find(lines: Sequence[Line]) -> list[Pair]:
    """Return the pairs of a mail's lines, in their order. Raises BadInput where there are too many."""
    found = _Finder(lines).pairs()
    if len(found) > MOST_PAIRS:
        raise BadInput(f"the mail has more than {MOST_PAIRS:,} fields; save the part with the accounts alone")
    return found


class _Finder:
    """Walks the lines; holds what stands above: the heading, the header of a table."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines
        self.found: list[Pair] = []
        self.block = 1
        self.side = ""
        self.heading = ""
        self.header: list[Label | None] = []
        self.header_split = ""
        self.row = 0
        self.table = 0
        self.open = False  # the block has pairs

    def pairs(self) -> list[Pair]:
        place = 0
        while place < len(self.lines) and len(self.found) <= MOST_PAIRS:
            place += self._line(place)
        return self.found

    def _line(self, place: int) -> int:
        """Read one line and return how many are done."""
        line = self.lines[place]
        if line.rule and self.header:
            return 1
        if not line.text.strip() or sum(map(len, line.cells)) > MOST_LINE:
            self._close()
            return 1
        cells = line.cells
        if self.header:
            values = self._cells(line)
            if len(values) == len(self.header):
                self._row(values, place, line.html)
                return 1
            self.header = []
        if self._begins_table(line, place):
            return 1
        if len([cell for cell in cells if plain(cell).strip()]) > 1:
            if self._labelled_row([cell for cell in cells if plain(cell).strip()], place, line.html):
                return 1
            for cell in cells:
                self._text(cell, place, line, alone=False)
            return 1
        text = next(cell for cell in cells if plain(cell).strip())
        return self._text(text, place, line, alone=True)

    def _close(self) -> None:
        if self.open:
            self.block += 1
            self.open = False
        self.header = []

    def _cells(self, line: Line) -> list[str]:
        return _split(line.text.strip(), self.header_split) if self.header_split else list(line.cells)

    def _begins_table(self, line: Line, place: int) -> bool:
        cells, split = list(line.cells), ""
        if len(cells) == 1 and not line.html:
            split = next((mark for mark in ",;" if line.text.count(mark) > 1), " ")
            cells = _split(line.text.strip(), split)
        there = [cell for cell in cells if plain(cell).strip()]
        if len(there) < 2 or any(re.search(r"[:=]\s*\S|\d|@", plain(cell)) for cell in there):
            return False
        said = [classify(plain(cell).strip(" :")) for cell in cells]
        known = [one for one in said if one and not one.loose]
        if len(known) < 2 or len(known) < len(there) - 1 or not said[cells.index(there[1])] and len(there) == 2:
            return False
        if len({one.kinds for one in known}) < max(2, len(known) - 1) or all("ignored" in one.kinds for one in known):
            return False
        following = next((one for one in self.lines[place + 1 : place + 3] if not one.rule), None)
        if following is None or not following.text.strip():
            return False
        self.header_split = split
        if len(self._cells(following)) != len(cells):
            return False
        first = classify(plain(self._cells(following)[0]).strip(" :"))
        if first and not first.loose and len(there) == 2:
            return False  # label and value, where the value sounds like a label
        self.header, self.row = said, 0
        self._close_keeping_header()
        self.table += 1
        return True

    def _close_keeping_header(self) -> None:
        if self.open:
            self.block += 1
            self.open = False

    def _row(self, values: list[str], place: int, html: bool) -> None:
        self.row += 1
        for label, value in zip(self.header, values, strict=True):
            if label and plain(value).strip():
                self._add(Pair(label, value, plain(value).strip(), "cell", html=html, place=(place, 0), record=(self.table, self.row)), html)

    def _labelled_row(self, cells: list[str], place: int, html: bool) -> bool:
        said = [_label_of_cell(cell) for cell in cells]
        if not said[0] or said[0].loose > 1:
            return False
        if len(cells) > 3 and len(cells) % 2 == 0 and all(said[place] for place in range(0, len(cells), 2)) and not any(one and not one.loose for one in said[1::2]):
            for label, named, value in zip(said[::2], cells[::2], cells[1::2], strict=True):
                assert label
                self._add(Pair(label, value, f"{plain(named).strip(' :')}: {plain(value).strip()}", "cell", html=html, place=(place, 0)), html)
            return True
        for column, value in enumerate(cells[1:], 1):
            words = f"{plain(cells[0]).strip(' :')}: {plain(value).strip()}"
            self._add(Pair(said[0], value, words, "cell", html=html, place=(place, 0), record=(0, column if len(cells) > 2 else 0)), html)
        return True

    # One text

    def _text(self, text: str, place: int, line: Line, alone: bool) -> int:
        listed = _listed(text)
        if listed:
            self._above(line, text[: listed[0].place[1]])
            for pair in listed:
                self._add(replace(pair, html=line.html, place=(place, pair.place[1])), line.html)
            self._close()
            return 1
        segments = _run_together(text) or _joined(text)
        if segments:
            for segment in segments:
                if segment.label and plain(segment.value).strip():
                    self._add(replace(segment, html=line.html, place=(place, segment.place[1])), line.html)
            last = segments[-1]
            if alone and not plain(last.value).strip() and _is_label_alone(text):
                return self._two_lines(last.label, text, place)
            return 1
        if alone:
            label = _is_label_alone(text)
            if label and not line.heading:
                return self._two_lines(label, text, place)
            bare = _bare(text)
            if bare:
                self._add(replace(bare, html=line.html, place=(place, bare.place[1])), line.html)
                return 1
        dialled = _dialled(text)
        if dialled:
            self._add(replace(dialled, html=line.html, place=(place, 0)), line.html)
            return 1
        self._above(line, text)
        return 1

    def _two_lines(self, label: Label, text: str, place: int) -> int:
        """Take the next line as the value, where it can be one; return how many lines are done."""
        for ahead in (1, 2):
            following = self.lines[place + ahead] if place + ahead < len(self.lines) else None
            if following is None:
                break
            if not following.text.strip():
                continue
            value = following.cells[0] if len(following.cells) == 1 else ""
            taken = plain(value).strip()
            if not taken or _is_label_alone(value) or _joined(value) or _run_together(value) or self._hanging(place):
                break
            words = f"{plain(text).strip(' :*')}: {taken}"
            self._add(Pair(label, value, words, "line", html=following.html, place=(place + ahead, 0)), following.html)
            return ahead + 1
        self._above(self.lines[place], text)
        return 1

    def _hanging(self, place: int) -> bool:
        """Return True where the line above is a label as well: then nobody can tell whose the value below is."""
        above = self.lines[place - 1] if place else None
        taken = self.found[-1].place[0] if self.found else -1
        return bool(above and above.text.strip() and taken != place - 1 and len(above.cells) == 1 and _is_label_alone(above.cells[0]))

    def _above(self, line: Line, text: str) -> None:
        """Keep what a heading or sentence tells of the pairs below it."""
        self._close()
        said = plain(text).strip()
        self.heading = said
        last = [part for part in _TAIL.split(said.rstrip(" .:!?")) if part][-1:] or [""]
        web, sip = labels.has_one_of("@web", last[0]), labels.has_one_of("@sip", last[0])
        strong = bool({"sip", "voip"} & {word.text for word in labels.words(last[0])})
        if web != sip or strong:
            self.side = "sip" if strong or sip else "web"
        elif web and sip:
            self.side = ""

    def _add(self, pair: Pair, html: bool) -> None:
        raw = pair.value
        pair = replace(pair, block=self.block, side=self.side, heading=self.heading)
        intro = labels.example().match(plain(raw))
        if intro and intro.end() < len(plain(raw)):
            shown = plain(raw)
            pair = replace(pair, example=True)
            raw = shown[intro.end() :]
        inner = re.fullmatch(rf"\s*[{_MARKS}]*{OPEN}([^{_MARKS}]+){CLOSE}[{_MARKS}]*\s*(?P<rest>[^{_MARKS}]*)", raw, re.DOTALL)
        bounded = pair.style == "cell"
        if inner and re.fullmatch(r"(?:[.,;:!?)\s].*)?" if pair.style == "verb" else r"[.,;]?\s*(?:\(.*)?", inner["rest"]):
            raw, bounded = inner[1], True
        text = plain(raw)
        if html or pair.style in ("cell", "verb", "bare"):
            text = text.strip() if html or pair.style == "cell" else text.lstrip()
        elif pair.style != "run":
            lead = len(text) - len(text.lstrip(" \xa0\t"))
            pair = replace(pair, lead=lead, place=(pair.place[0], pair.place[1] + lead))
            text = text.lstrip()
        self.found.append(replace(pair, value=text, bounded=bounded))
        self.open = True


def _split(text: str, mark: str) -> list[str]:
    """Return the cells of a line: parted by two blanks or more, or as CSV by a mark, where quotes may stand around one."""
    if mark == " ":
        return re.split(r"\s{2,}", text)
    try:
        return [cell.strip() for cell in next(csv.reader([text], delimiter=mark, skipinitialspace=True), [])]
    except csv.Error:
        return [text]


def _label_of_cell(cell: str) -> Label | None:
    """Return the label that a cell is; one with an address, a host or a value behind a colon in it is none."""
    shown = plain(cell)
    return None if re.search(r":\s*\S|@|\w\.\w", shown) or _GLUED.fullmatch(shown.strip()) else classify(shown.strip(" :："))


def _is_label_alone(text: str) -> Label | None:
    """Return the label that is all of a line, with or without a colon."""
    bare = plain(text).strip()
    if _GLUED.fullmatch(bare):
        return None
    bare = _BULLET.sub("", bare, count=1).rstrip(" :：*_-–=")
    label = classify(bare)
    return label if label and not label.loose and len(labels.words(bare)) <= 7 and not re.search(r"[.!?@]\s*$|://|@", bare) else None


def _bare(text: str) -> Pair | None:
    """Return a pair of a line that has a label, a blank and one word more."""
    shown = plain(text).strip()
    for found in labels.scan(shown, run=False):
        rest = shown[found.end :]
        if found.label.kinds[0] not in ("ignored", "number", "name", "address") and _BULLET.sub("", shown[: found.start]).strip() == "" and re.fullmatch(r"\s+\S+", rest) and not found.label.loose and not _is_label_alone(shown):
            return Pair(found.label, rest.strip(), shown, "bare", place=(0, text.find(rest.strip(), text.find(shown) + found.end)))
        break
    return None


def _dialled(text: str) -> Pair | None:
    """Return the number in a sentence that says what to dial for the voicemail, where it has one alone."""
    shown = plain(text)
    said = [found.label for found in labels.scan(shown, run=False) if found.label.kinds == ("voicemail",)]
    numbers = re.findall(r"(?<![\w.+*#/-])[*#]*\d[\d*#]*(?![\w/-])", shown)
    if not said or len(numbers) != 1 or not labels.has_one_of("@dial", shown) or re.search(r"\bpin\b", shown, re.IGNORECASE):
        return None
    return Pair(said[0], numbers[0], shown.strip(), "verb")


def _listed(text: str) -> list[Pair]:
    """Return the pairs of `user 212, password s3cret, server sip.example.com`, with or without words and a colon before."""
    shown = plain(text)
    start = match.end() if (match := re.match(r"[^:,;]{1,60}:\s+", shown)) else 0
    pairs = []
    for part in re.finditer(r"[^,;]+", shown[start:]):
        said = re.fullmatch(r"\s*(?:\b(?:and|und|et|e|y)\s+)?(.*\S)\s(\S+?)\.?\s*", part[0])
        label = classify(said[1]) if said and not re.search(r"[:=]", said[1]) else None
        if not said or not label or label.loose or label.kinds[0] in ("ignored", "name", "address") or (said[2].isalpha() and classify(said[2])):
            return []
        pairs.append(Pair(label, said[2], part[0].strip(), "bare", place=(0, start + part.start())))
    return pairs if len({pair.label.kinds for pair in pairs}) > 1 else []


@dataclass(frozen=True)
class _Joint:
    start: int
    end: int
    style: str


def _joints(text: str) -> Iterator[_Joint]:
    found = [_Joint(match.start(), match.end(), "verb" if match.lastgroup == "open" else "mark") for match in _JOINT.finditer(text)]
    found += [_Joint(match.start(), match.end(), "verb") for match in labels.verb().finditer(text)]
    found += [_Joint(match.start(), match.start(), "mark") for match in labels.example().finditer(text) if match.start() and not ("(" in match[0] and _ASIDE_MARK.match(text, match.start()))]
    yield from sorted(found, key=lambda joint: (joint.start, joint.end))


def _joined(text: str) -> list[Pair]:
    """Return the pairs of a text in which something stands between label and value."""
    starts: list[tuple[int, int, Label, str]] = []  # label from, value from
    bullet = _BULLET.match(text)
    begin = bullet.end() if bullet else 0
    inline = None
    for joint in _joints(text):
        if joint.start < begin or (starts and joint.start < starts[-1][1]):
            continue
        if not starts:
            found = _first_label(text, begin, joint)
            if not found and joint.style == "verb" and text[joint.end : joint.end + 1] == OPEN:
                inline = list(labels.scan(text, run=False)) if inline is None else inline
                found = _inner_label(text, begin, joint, inline, None)
        else:
            inline = list(labels.scan(text, run=False)) if inline is None else inline
            found = _inner_label(text, starts[-1][1], joint, inline, starts[-1][2])
        if found:
            starts.append((found[0], joint.end, found[1], joint.style))
    return list(_cut(text, starts))


def _first_label(text: str, begin: int, joint: _Joint) -> tuple[int, Label] | None:
    begin = max(begin, joint.start - 120)  # no label is longer
    clause = text[begin : joint.start]
    if re.search(r"\w\.\w[\w-]*\.\w|\w\.\w+$", clause) and re.match(r"\s*\d", text[joint.end :]):
        return None  # a host, and its port
    for start in [0, *(match.end() for match in _DELIMITER.finditer(clause))]:
        label = classify(plain(clause[start:]).strip())
        if label and label.loose <= (1 if joint.style == "mark" else 0) and not re.search(r"https?://|@", clause[start:]):
            if joint.style == "verb" and label.kinds[0] in ("ignored", "number", "name", "email", "timezone"):
                continue
            return begin + start, label
    return None


def _inner_label(text: str, since: int, joint: _Joint, inline: list[labels.Found], outer: Label | None) -> tuple[int, Label] | None:
    """Return the label that ends at a joint within the value of another one."""
    place = next((n for n, found in enumerate(inline) if found.start >= since and plain(text[found.end : joint.start]).strip(" *_") == ""), None)
    if place is None or joint.start < inline[place].end:
        return None
    start = inline[place].start
    while place and inline[place - 1].start >= since and not text[inline[place - 1].end : start].strip(" /" + _MARKS):
        place, start = place - 1, inline[place - 1].start
    before = plain(text[since:start])
    if not before.strip() and outer and "password" in outer.kinds:
        return None  # it is the secret that begins like a label
    if before and not before[-1].isspace() and before[-1] not in ",;|(•·" and text[start - 1] not in _MARKS:
        return None
    if before[-1:] in (",", ";") and text[joint.start : joint.end].strip() == "=":
        return None  # a parameter of a URI
    label = classify(plain(text[start : joint.start]).strip())
    return (start, label) if label and not label.loose else None


def _cut(text: str, starts: Sequence[tuple[int, int, Label, str]]) -> Iterator[Pair]:
    number = 0
    for place, (start, value, label, style) in enumerate(starts):
        last = place + 1 == len(starts)
        end = len(text) if last else starts[place + 1][0]
        raw = text[value:end] if last else re.sub(rf"\s*(?:[,;|•·(]|(?<=\s)[/–—-]|\b(?:and|und|et|e|y)\b)?[\s{OPEN}]*$", "", text[value:end])
        words = plain(text[start:value] + raw).strip()
        if not plain(raw).strip() and not last:
            number = label.number
            continue
        if number and not label.number:
            label = replace(label, number=number)
        cut = not last and bool(re.search(r"\S[,;(]\s*$", plain(text[value:end])))
        yield Pair(label, raw + ("," if cut and text[value:end].rstrip()[-1:] == "," and "password" in label.kinds else ""), words, style, place=(0, value))


def _run_together(text: str) -> list[Pair]:
    """Return the pairs of a text whose labels begin where values end, without a blank."""
    if len(text) < 20:
        return []
    found = list(labels.scan(text, run=True))
    kept: list[tuple[labels.Found, int, bool]] = []  # with where the value begins, and whether it is parted from the label
    for one in found:
        if kept and one.start < kept[-1][1]:
            continue
        value, jointed = _after(text, one)
        first = not _BULLET.sub("", text[: one.start]).strip()
        if one.label.loose or not (first or one.run or (jointed and text[one.start - 1].isspace())):
            continue
        if not jointed and (one.end >= len(text) or text[one.end] in "._@/-"):
            continue
        if one.run and not jointed and (not text[one.start].isupper() or (kept and "password" in kept[-1][0].label.kinds) or len(labels.words(text[one.start : one.end])) < 2 and "password" not in one.label.kinds):
            continue  # a secret may hold a word that is a label elsewhere
        kept.append((one, value, jointed))
    kinds = {kind for one, _, _ in kept for kind in one.label.kinds if kind != "ignored"}
    if len(kinds) < 3 or sum(one.run for one, _, _ in kept) < 2:
        return []
    pairs = []
    for place, (one, value, jointed) in enumerate(kept):
        end = kept[place + 1][0].start if place + 1 < len(kept) else len(text)
        style = "bare" if not jointed and text[value : value + 1] in ("s", "n", "e") else "run"  # it may be the label's plural
        pairs.append(Pair(one.label, text[value:end].strip() if style != "bare" else text[value:end], plain(text[one.start : end]).strip(), style))
    return pairs


def _after(text: str, one: labels.Found) -> tuple[int, bool]:
    """Return where the value of a label in running text begins, and whether something parts the two: a colon, `is`, `e.g.`."""
    end = one.end
    other = re.compile(r"\s*[/|]\s*").match(text, end)
    if other:
        again = next((found for found in labels.scan(text[other.end() : other.end() + 60], run=True) if found.start == 0), None)
        if again and (set(again.label.kinds) & set(one.label.kinds) or {*again.label.kinds, *one.label.kinds} == {"domain", "realm"}):
            end = other.end() + again.end
    for pattern in (_JOINT, labels.verb()):
        match = pattern.match(text, end)
        if match and match.group().strip(" " + _MARKS):
            return match.end(), True
    return end, end > one.end or bool(labels.example().match(text, end))
