"""A mail's bytes as lines: MIME, charsets, quoted lines, HTML with the cells of its tables.

The marks OPEN and CLOSE in a line stand where an inline element of HTML begins and ends, so that
`<b>s3cret</b>.` still tells what is bold.
"""

from __future__ import annotations

import csv
import email
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage, Message
from html.parser import HTMLParser

from provisioner.errors import BadInput

MOST_BYTES = 10_000_000
MOST_CHARACTERS = 150_000
OPEN, CLOSE = "\x02", "\x03"
BREAK = "\v"  # a new line within a cell

_HEADERS = ("from", "to", "subject", "date", "received", "message-id", "content-type", "mime-version", "return-path", "delivered-to")
_UNSEEN = dict.fromkeys(map(ord, "\u00ad\u200b\u200c\u200d\u2060\ufeff\x00\x01\x02\x03\x1b"))


@dataclass(frozen=True)
class Line:
    """One line of a mail; a row of a table has several cells, a blank line none.

    html: blanks at the edges are layout. heading: it stands out as one. rule: a drawn line, which is blank.
    """

    cells: tuple[str, ...] = ()
    html: bool = False
    heading: bool = False
    rule: bool = False

    @property
    def text(self) -> str:
        """The line as people read it."""
        return plain(" ".join(self.cells))


@dataclass(frozen=True)
class Version:
    """One way to read a mail: its text or its HTML, with what is attached. unread: names of attachments that nobody here can read."""

    lines: tuple[Line, ...]
    unread: tuple[str, ...] = ()


def plain(text: str) -> str:
    """Return text without the marks of HTML elements."""
    return text.replace(OPEN, "").replace(CLOSE, "").replace(BREAK, " ")


def versions(raw: bytes) -> tuple[Version, ...]:
    """Return the ways to read a mail; two where it has the same in text and in HTML.

    raw: a message (RFC 5322), or text or HTML alone, as somebody saved it.
    Raises BadInput where it is too long, or nested so that nobody can read it.
    """
    if len(raw) > MOST_BYTES:
        raise BadInput(f"the mail has {len(raw):,} bytes, the most is {MOST_BYTES:,}; save it without its attachments")
    raw = raw.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    if not _is_message(raw):
        text = _decoded(raw, "")
        return (_bounded(Version(tuple(_html(text) if _looks_like_html(text) else _text(text)))),)
    try:
        message = email.message_from_bytes(raw, policy=policy.default)
        found = [_Reader(prefer).version(message) for prefer in ("plain", "html")]
    except BadInput:
        raise
    except Exception as why:  # the library's parser of headers fails on hostile ones in many ways
        raise BadInput(f"the mail cannot be read as a message ({type(why).__name__}); save its text alone, and give that") from None
    return tuple(dict.fromkeys(map(_bounded, found)))


def _bounded(version: Version) -> Version:
    length = sum(len(cell) for line in version.lines for cell in line.cells)
    if length > MOST_CHARACTERS:
        raise BadInput(f"the mail has {length:,} characters of text, the most is {MOST_CHARACTERS:,}; save the part with the account alone")
    return version


def _is_message(raw: bytes) -> bool:
    names = []
    for line in raw[:65536].splitlines():
        if not line.strip():
            break
        if line[:1] in b" \t" or line.startswith(b"From "):
            continue
        name = re.match(rb"([!-9;-~]+):", line)
        if not name:
            return False
        names.append(name[1].decode("ascii").lower())
    return any(name in _HEADERS for name in names)


def _looks_like_html(text: str) -> bool:
    return bool(re.search(r"<(html|body|table|div|p|br|dl|ul|span|b)\b[^<>]{0,500}>", text[:65536], re.IGNORECASE))


class _Reader:
    """Walks the parts of a message, taking one of each set of alternatives."""

    def __init__(self, prefer: str) -> None:
        """prefer: plain or html."""
        self.prefer = prefer
        self.unread: list[str] = []

    def version(self, message: Message) -> Version:
        """Return the lines of all parts that are text."""
        return Version(tuple(self._lines(message)), tuple(self.unread))

    def _lines(self, part: Message) -> Iterator[Line]:
        kind = part.get_content_type()
        if part.is_multipart():
            parts: Sequence[Message] = [one for one in (part.iter_parts() if isinstance(part, EmailMessage) else part.get_payload()) if isinstance(one, Message)]
            if kind == "multipart/alternative":
                parts = self._chosen(parts)
            for one in parts:
                yield from self._lines(one)
                yield Line()
            return
        name = (part.get_filename() or "").lower()
        body = part.get_payload(decode=True)
        if not isinstance(body, bytes) or not body:
            return
        charset = str(part.get_param("charset", "") or "")
        if kind == "text/html" or name.endswith((".htm", ".html")):
            yield from _html(_decoded(body, charset))
        elif kind == "text/csv" or name.endswith(".csv"):
            yield from _csv(_decoded(body, charset))
        elif name.endswith(".eml"):
            yield from _Reader(self.prefer).version(email.message_from_bytes(body, policy=policy.default)).lines
        elif kind in ("text/plain", "text/markdown") or name.endswith((".txt", ".text", ".md")):
            text = _decoded(body, charset)
            yield from _html(text) if _looks_like_html(text) and not re.search(r"^[^<\n]{1,40}:", text, re.MULTILINE) else _text(text)
        elif name and not kind.startswith("image/"):
            self.unread.append(name)

    def _chosen(self, parts: Sequence[Message]) -> Sequence[Message]:
        """Return the alternative that is preferred, or the last one, which is the richest (RFC 2046, 5.1.4)."""
        kinds = [{one.get_content_type() for one in part.walk()} for part in parts]
        wanted = [part for part, has in zip(parts, kinds, strict=True) if f"text/{self.prefer}" in has]
        readable = [part for part, has in zip(parts, kinds, strict=True) if has & {"text/plain", "text/html"}]
        return (wanted or readable)[-1:]


def _decoded(body: bytes, charset: str) -> str:
    for name in (charset, "utf-16" if body[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8", "cp1252"):
        try:
            return body.decode(name)
        except (LookupError, UnicodeError, ValueError):
            continue
    return body.decode("cp1252", "replace")


# Text


def _text(text: str) -> Iterator[Line]:
    rows = [row.translate(_UNSEEN) for row in re.split(r"\r\n|\n|\r|\f|\u2028|\u2029", text)]
    quoted = [bool(re.match(r"\s*>", row)) for row in rows]
    for place, row in enumerate(rows):
        alone = not any(quoted[max(0, place - 1) : place] + quoted[place + 1 : place + 2])
        if quoted[place] and not (alone and row.strip(" >")):  # a value may begin with > as well
            row = re.sub(r"^(?:\s*>)+ ?", "", row)
        if re.fullmatch(r"[\s+|:=_*~#│├┤┌┐└┘┬┴┼╞╪╡╔╦╗╠╬╣╚╩╝─━═–-]*", row):
            yield Line(rule=bool(row.strip()))
        else:
            yield Line(_cells(row))


def _cells(row: str) -> tuple[str, ...]:
    """Return the cells of a drawn table's row, or the row."""
    if re.match(r"\s*[|│]", row) and len(re.findall(r"[|│]", row)) >= 2:
        return tuple(cell.strip() for cell in re.split(r"[|│]", row.strip().strip("|│")))
    if re.search(r"\S\s+[|│]\s+\S", row):
        return tuple(cell.strip() for cell in re.split(r"\s[|│](?:\s|$)", row.strip()))
    if "\t" in row.strip():
        return tuple(cell.strip() for cell in re.split(r"\t+", row.strip()))
    return (row,)


def _csv(text: str) -> Iterator[Line]:
    first = text.split("\n", 1)[0]
    mark = max(";,\t", key=first.count)
    try:
        for row in csv.reader(text.splitlines(), delimiter=mark):
            yield Line(tuple(cell.translate(_UNSEEN) for cell in row), html=True) if any(row) else Line()
    except csv.Error:
        yield from _text(text)


# HTML

_BLOCKS = frozenset(["address", "article", "aside", "blockquote", "center", "div", "fieldset", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "legend", "li", "main", "nav", "ol", "p", "pre", "section", "table", "tbody", "tfoot", "thead", "ul", "dl", "caption"])
_INLINE = frozenset(["b", "strong", "code", "tt", "kbd", "samp", "em", "i", "span", "font", "u", "mark", "a", "small", "big", "label"])
_UNREAD = frozenset(["script", "style", "head", "title", "template", "noscript", "svg", "math", "select", "button"])
_VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr"])
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d]*[1-9])|mso-hide\s*:\s*all|opacity\s*:\s*0(?![.\d])", re.IGNORECASE)


def _html(text: str) -> Iterator[Line]:
    reader = _Html()
    reader.feed(text)
    reader.close()
    reader.flush()
    return iter(reader.lines)


class _Html(HTMLParser):
    """Collects lines and rows; what a browser would not show is left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[Line] = []
        self.cells: list[str] = [""]
        self.skipped: list[str] = []  # open elements within one that is not shown
        self.pre = 0
        self.rows = 0  # 0 outside of a row, 1 at its begin, then one more for each cell
        self.heading = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        if tag == "body" or (tag in ("p", "li", "td", "tr") and self.skipped == [tag]):  # HTML lets their ends be left away
            self.skipped = []
        if self.skipped or tag in _UNREAD or "hidden" in said or _HIDDEN.search(said.get("style", "")):
            if tag not in _VOID:
                self.skipped.append(tag)
            return
        if tag in ("tr", "dt"):
            self.flush()
            self.rows = 2 if tag == "dt" else 1
        elif tag in ("td", "th", "dd"):
            if self.rows > 1:
                self.cells.append("")
            self.rows += self.rows > 0
        elif tag == "table":
            self.flush()
            self.rows = 0
        elif tag == "br":
            self.cells[-1] += BREAK
        elif tag == "input" and said.get("type", "text") in ("text", "email", "url"):
            self.handle_data(said.get("value", ""))
        elif tag in _BLOCKS:
            self._block()
            self.pre += tag == "pre"
            self.heading = self.heading or tag in ("h1", "h2", "h3", "h4", "h5", "h6", "legend", "caption")
        elif tag in _INLINE:
            self.cells[-1] += OPEN

    def handle_endtag(self, tag: str) -> None:
        if self.skipped:
            if tag in self.skipped:
                while self.skipped.pop() != tag:
                    pass
            return
        if tag in ("tr", "table", "dl", "dd"):
            self.flush()
            self.rows = 0
            if tag in ("table", "dl"):
                self.lines.append(Line())
        elif tag in _BLOCKS:
            self._block(paragraph=tag in ("p", "ul", "ol", "blockquote", "section"))
            self.pre -= tag == "pre" and self.pre > 0
            self.heading = False
        elif tag in _INLINE:
            self.cells[-1] += CLOSE

    def handle_data(self, data: str) -> None:
        if self.skipped:
            return
        data = data.translate(_UNSEEN)
        self.cells[-1] += re.sub(r"\r\n?|\n", BREAK, data) if self.pre else re.sub(r"\s+", " ", data)

    def _block(self, paragraph: bool = False) -> None:
        if self.rows:
            self.cells[-1] += BREAK if self.cells[-1].strip(" " + BREAK) else ""
        else:
            self.flush()
        if paragraph and not self.rows:
            self.lines.append(Line())

    def flush(self) -> None:
        """End a line or a row."""
        cells = [[_tidy(part) for part in cell.split(BREAK)] for cell in self.cells]
        there = [cell for cell in cells if plain("".join(cell)).strip()]
        cells = cells if len(there) > 1 else there  # an empty cell keeps its column
        self.cells = [""]
        for row in _rows(cells):
            self.lines.append(Line(row, html=True, heading=self.heading and len(row) == 1) if row else Line())


def _tidy(part: str) -> str:
    """Return a part without blanks at its edges and without marks around nothing."""
    part = re.sub(rf"{OPEN}(\s*){CLOSE}", r"\1", part)
    part = re.sub(r"[ \xa0]+", " ", part)
    return re.sub(rf"^(?: |{CLOSE})+|(?: |{OPEN})+$", "", part)


def _rows(cells: list[list[str]]) -> Iterator[tuple[str, ...]]:
    """Yield the rows that cells with several lines each stand for, a blank row as ()."""
    trimmed = [_trimmed(cell) or [""] for cell in cells]
    if len(trimmed) < 2:
        for cell in trimmed:
            yield from ((part,) if plain(part).strip() else () for part in cell)
    elif len({len(cell) for cell in trimmed}) == 1:
        yield from zip(*trimmed, strict=True)
    elif len(trimmed[0]) == 1 and len(trimmed) == 2:  # a label, and a value with a remark under it
        yield (trimmed[0][0], trimmed[1][0])
        yield from ((part,) if plain(part).strip() else () for part in trimmed[1][1:])
    else:
        for cell in trimmed:
            yield from ((part,) if plain(part).strip() else () for part in cell)
            yield ()


def _trimmed(parts: list[str]) -> list[str]:
    """Return the lines of a cell without blank ones at its ends."""
    there = [place for place, part in enumerate(parts) if plain(part).strip()]
    return parts[there[0] : there[-1] + 1] if there else []
