"""Parameters by the phone's own names, put into a file that a template wrote.

What an operator says as raw.FAMILY.NAME takes the place of the line that the template wrote for NAME; where it wrote none,
a line of the file's own shape is added. A file rule says under `raw` what that shape is; without it nothing can be put into the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from provisioner.errors import Unsayable
from provisioner.formats import Word, Writer

PREFIX = "raw."
KEY = "raw"  # of the values among what a file is rendered with; no template sees them by another way than their lines
_NAME = re.compile(r"[A-Za-z0-9_](?:[\w./@\[\]:% -]*[\w.\]])?", re.ASCII)
_SECRETIVE = re.compile(r"passw|pwd|secret|psk|token|(?<![a-z])(?:pass|pin|key)(?![a-z])", re.IGNORECASE)
_TAG = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)
_INDEXED = re.compile(r"(.*)\[(\d+)\]")
_OPENED = re.compile(r'<([A-Za-z_][\w.-]*)((?:\s+[\w:.-]+="[^"]*")*)\s*>(?:([^<]*)</\1>)?')


@dataclass(frozen=True)
class Place:
    """How one file says a parameter, and where what the template does not say is added.

    line:    the whole line, such as "{name} = {value}"; in XML an attribute beside the name may be missing, or be another.
    indexed: the line of a name that ends with [N], such as '<{name} idx="{index}">{value}</{name}>'; empty: they have none.
    section: what opens the section that a name SECTION/NAME belongs to, such as "[{section}]"; mark: what parts the two.
    tree:    a name is the path of its element below the root; index: how an element of a path says its [N], such as ' index="{index}"'.
    before:  the line before which new lines are added; after: the one behind which they are; neither: at the end.
    around:  what stands before and behind the new lines, one line each.
    """

    line: str = "<{name}>{value}</{name}>"
    indexed: str = ""
    section: str = ""
    mark: str = "/"
    tree: bool = False
    index: str = ""
    before: str = ""
    after: str = ""
    around: tuple[str, ...] = ()


def may_be_secret(name: str) -> bool:
    """Return True for a name that speaks of a password.

    >>> may_be_secret("raw.yealink.account.1.password"), may_be_secret("raw.snom.spinning")
    (True, False)
    """
    return bool(_SECRETIVE.search(name))


def is_name(text: str) -> bool:
    """Return True for what could be the name of a parameter in some phone's file."""
    return len(text) <= 128 and bool(_NAME.fullmatch(text))


def merged(text: str, place: Place, writer: Writer, values: Iterable[tuple[str, Word | None]]) -> str:
    """Return the file with these parameters in it, each once; a value of None puts the phone's default back, where the phones have a word for that.

    Raises Unsayable where the file has no place for a name, or cannot carry a value.
    """
    lines = text.split("\n")
    added: list[str] = []
    for name, value in values:
        if value is None and not (writer.empty and _is_absent(lines, place, name)):
            continue
        written = writer.empty if value is None else writer.write(value)
        if place.tree:
            _into_tree(lines, place, writer, name, written)
        elif place.section:
            _into_section(lines, place, writer, name, written)
        elif (shaped := _shaped(lines, range(len(lines)), place, writer, name, written)) is not None:
            added.append(shaped)
    if added:
        head, tail = (place.around[0:1], place.around[1:2])
        at = _at(lines, place)
        lines[at:at] = [*head, *added, *tail]
    return "\n".join(lines)


def _is_absent(lines: list[str], place: Place, name: str) -> bool:
    """Return True where a file without sections does not say a name."""
    return not place.tree and not place.section and not any(_pattern(place.line, name, "", False).fullmatch(line) for line in lines)


def _at(lines: list[str], place: Place) -> int:
    """Return where new lines go."""
    for number, line in enumerate(lines):
        if place.after and line.strip() == place.after:
            return number + 1
        if place.before and line.strip() == place.before:
            return number
    return _end(lines, range(len(lines)))


def _end(lines: list[str], among: range) -> int:
    """Return the place behind the last line of these that is not blank."""
    return next((number + 1 for number in reversed(among) if lines[number].strip()), among.start)


def _shaped(lines: list[str], among: range, place: Place, writer: Writer, name: str, written: str) -> str | None:
    """Put a value where its name stands once among these lines, and return None; else the line that says it."""
    shape, found = place.line, _INDEXED.fullmatch(name)
    values = {"name": name, "value": written, "index": ""}
    if found and place.indexed:
        shape, values = place.indexed, {"name": found[1], "value": written, "index": found[2]}
    if found and not place.indexed:
        raise Unsayable(writer.format, f"{PREFIX}{name}", "names in it have no number in brackets")
    if "<{name" in shape and not _TAG.fullmatch(values["name"]):
        raise Unsayable(writer.format, f"{PREFIX}{name}", "it is no name that an XML file can have there")
    fresh = shape.format(**values)
    strict, loose = (_pattern(shape, values["name"], values["index"], exact) for exact in (True, False))
    there = [number for number in among if loose.fullmatch(lines[number])]
    if len(there) != 1:
        return fresh
    same = strict.fullmatch(lines[there[0]])
    mark = re.match(r"[\s^]*", lines[there[0]])
    lines[there[0]] = f"{same['head']}{written}{same['tail']}" if same else f"{mark[0] if mark else ''}{fresh.lstrip()}"
    return None


@lru_cache(maxsize=4096)
def _pattern(shape: str, name: str, index: str, exact: bool) -> re.Pattern[str]:
    """Return what matches a line of this shape; head and tail are what stands around its value. exact: with its quotes."""
    head, tail = (_part(part, name, index, exact) for part in shape.split("{value}"))
    inner = '[^<>"]*' if "<" in shape or '="' in shape else ".*?"  # what the writer of such a file leaves in a value
    return re.compile(rf"(?P<head>[\s^]*{head})(?P<value>{inner})(?P<tail>{tail})\s*")


def _part(part: str, name: str, index: str, exact: bool) -> str:
    found = ""
    for piece in re.split(r"(\{name(?::<?\d+)?\}|\{index\}|\s+\w+=\"[^\"{]*\"|\s+|\")", part.lstrip()):
        if piece.startswith("{name"):
            found += re.escape(name)
        elif piece == "{index}":
            found += re.escape(index)
        elif re.fullmatch(r"\s+(\w+)=\".*\"", piece):
            found += rf"(?:{_part_of_attribute(piece)})?"
        elif piece == '"':
            found += '"' if exact else '"?'
        else:
            found += r"[ \t]*" if piece.isspace() else re.escape(piece)
        if piece.startswith("{name:"):
            found += r"[ \t]*"
    return found


def _part_of_attribute(piece: str) -> str:
    return rf"\s+{re.escape(piece.strip().partition('=')[0])}=\"[^\"]*\""


def _into_section(lines: list[str], place: Place, writer: Writer, name: str, written: str) -> None:
    """Put a value into its section, which is added where the file has none."""
    section, mark, rest = name.partition(place.mark)
    if not mark:
        raise Unsayable(writer.format, f"{PREFIX}{name}", f"its file has sections; write SECTION{place.mark}NAME")
    opens = re.compile(_part(place.section.replace("{section}", "{name}"), section, "", True))
    heads = re.compile(re.escape(place.section).replace(re.escape("{section}"), r"[^\]>]*"))
    first = next((number for number, line in enumerate(lines) if opens.fullmatch(line.strip())), None)
    if first is None:
        at = _at(lines, place)
        lines[at:at] = [place.section.format(section=section), place.line.format(name=rest, value=written)]
        return
    behind = next((number for number in range(first + 1, len(lines)) if heads.fullmatch(lines[number].strip()) or place.before and lines[number].strip() == place.before), len(lines))
    among = range(first + 1, behind)
    fresh = _shaped(lines, among, place, writer, rest, written)
    if fresh is not None:
        lines.insert(max(first + 1, _end(lines, among)), fresh)


def _into_tree(lines: list[str], place: Place, writer: Writer, name: str, written: str) -> None:
    """Put a value into the element of its path; what is missing of the path is added."""
    path = name.split(place.mark)
    if not all(_TAG.fullmatch(_INDEXED.sub(r"\1", segment)) for segment in path):
        raise Unsayable(writer.format, f"{PREFIX}{name}", "it is no path of elements")
    ends: dict[tuple[str, ...], int] = {}  # where each element closes
    above: list[str] = []
    for number, line in enumerate(lines):
        text = line.strip()
        if text.startswith("</"):
            ends[tuple(above[1:])] = number
            del above[-1:]
        elif found := _OPENED.fullmatch(text):
            segment = _segment(place, found[1], found[2])
            if found[3] is None:
                above.append(segment)
            elif [*above[1:], segment] == path:
                lines[number] = f"{line[: line.index('>') + 1]}{written}</{found[1]}>"
                return
    depth = next((depth for depth in range(len(path) - 1, -1, -1) if tuple(path[:depth]) in ends), None)
    if depth is None or (not place.index and any(_INDEXED.fullmatch(segment) for segment in path[depth:])):
        raise Unsayable(writer.format, f"{PREFIX}{name}", "the phone's file has no such element to put it into")
    tags = [_tag(place, segment) for segment in path[depth:]]
    fresh = [f"<{tag}{index}>" for tag, index in tags[:-1]] + [f"<{tags[-1][0]}{tags[-1][1]}>{written}</{tags[-1][0]}>"] + [f"</{tag}>" for tag, _ in reversed(tags[:-1])]
    at = ends[tuple(path[:depth])]
    lines[at:at] = fresh


def _segment(place: Place, tag: str, attributes: str) -> str:
    """Return an element as paths name it: with its number where it says one."""
    said = re.search(re.escape(place.index).replace(re.escape("{index}"), r"(\d+)"), attributes) if place.index else None
    return f"{tag}[{said[1]}]" if said else tag


def _tag(place: Place, segment: str) -> tuple[str, str]:
    found = _INDEXED.fullmatch(segment)
    return (found[1], place.index.format(index=found[2])) if found else (segment, "")
