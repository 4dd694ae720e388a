"""Sheets of paper: what stands on them as values, and drawn as one PDF or one HTML page that prints alike.

Both need nothing from elsewhere: the PDF has its font inside, the page its style. The same sheets give the same bytes.
Lengths are millimetres. The fonts are DejaVu, whose licence lies beside them.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import segno
from fpdf import FPDF
from fpdf.enums import Align, XPos, YPos
from fpdf.fonts import TTFFont

FONTS = Path(__file__).parent / "fonts"
_WIDTH, _HEIGHT, _MARGIN, _CODE = 210.0, 297.0, 15.0, 34.0
_ROW = 4.4  # height of a table's row
_NAMES = 48.0  # width of the facts' names
_INSIDE = _WIDTH - 2 * _MARGIN
_POINT = 25.4 / 72  # of a font's size, in millimetres
_LETTER = 0.62  # width of a letter beside its size, on average and a little more
_GREY = (90, 90, 90)
_AT = datetime(2000, 1, 1, tzinfo=UTC)  # the date that a PDF must have and that nobody asked for


@dataclass(frozen=True)
class Table:
    """Rows under a heading; it is set in as many columns as its rows need."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def columns(self) -> int:
        """How many stand side by side on a page."""
        return 1 if len(self.rows) <= 12 else 2 if len(self.rows) <= 60 else 3


@dataclass(frozen=True)
class Labels:
    """Paper labels to be cut out, each `width` by `height`, in the order of their keys."""

    title: str
    width: float
    height: float
    texts: tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    """What one phone's paper says, in one language (a tag of RFC 5646).

    code: what the QR code says, empty for none; code_title: the words under it.
    """

    language: str
    title: str
    under: str
    facts: tuple[tuple[str, str], ...] = ()
    code: str = ""
    code_title: str = ""
    steps_title: str = ""
    steps: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    labels: tuple[Labels, ...] = ()

    def texts(self) -> Iterator[str]:
        """Yield every text on it."""
        yield from (self.title, self.under, self.code_title, self.steps_title, *self.steps)
        yield from (text for row in self.facts for text in row)
        yield from (text for table in self.tables for row in ((table.title,), table.head, *table.rows) for text in row)
        yield from (text for labels in self.labels for text in (labels.title, *labels.texts))


def _modules(text: str) -> list[list[bool]]:
    """Return the dark and light modules of a QR code, rows from the top, with the quiet zone of four around (ISO/IEC 18004)."""
    return [[bool(dark) for dark in row] for row in segno.make_qr(text, error="m").matrix_iter(border=4)]


def _runs(rows: Sequence[Sequence[bool]]) -> Iterator[tuple[int, int, int]]:
    """Yield (column, row, length) of each run of dark modules."""
    for y, row in enumerate(rows):
        start = None
        for x, dark in enumerate([*row, False]):
            if dark and start is None:
                start = x
            elif not dark and start is not None:
                yield start, y, x - start
                start = None


# The PDF.


def pdf(sheets: Sequence[Sheet]) -> bytes:
    """Return the sheets as a PDF, each from a page of its own on."""
    paper = FPDF(format="A4")
    paper.set_margin(_MARGIN)
    paper.c_margin = 0
    paper.set_auto_page_break(True, _MARGIN)
    paper.set_creation_date(_AT)
    for style, file in (("", "DejaVuSans.ttf"), ("B", "DejaVuSans-Bold.ttf")):
        paper.add_font("sans", style, FONTS / file)
    if sheets:
        paper.set_title(", ".join(sheet.title for sheet in islice(sheets, 20)))
        paper.set_lang(sheets[0].language)
    for sheet in sheets:
        paper.add_page()
        _draw(paper, sheet)
    return bytes(paper.output())


def not_in_font(sheets: Iterable[Sheet]) -> str:
    """Return the characters that the PDF's font has no sign for, such as Chinese ones; a browser prints them with its reader's fonts."""
    known = _signs()
    return "".join(sorted({char for sheet in sheets for text in sheet.texts() for char in text if ord(char) not in known}))


def _signs() -> frozenset[int]:
    ruler = FPDF()
    ruler.add_font("sans", "", FONTS / "DejaVuSans.ttf")
    font = ruler.fonts["sans"]
    assert isinstance(font, TTFFont)
    return frozenset(font.cmap)


def _draw(paper: FPDF, sheet: Sheet) -> None:
    beside = _INSIDE - _CODE - 5 if sheet.code else _INSIDE
    top = paper.get_y()
    _paragraph(paper, sheet.title, 18, beside, bold=True)
    _paragraph(paper, sheet.under, 10, beside, grey=True)
    paper.ln(3)
    _facts(paper, sheet.facts, beside)
    if sheet.code:
        below = max(paper.get_y(), _code(paper, sheet, top))
        paper.set_y(below)
    if sheet.steps:
        _heading(paper, sheet.steps_title, 12)
        for number, step in enumerate(sheet.steps, 1):
            paper.set_font("sans", "B", 10)
            paper.cell(8, 5.5, f"{number}.")
            _paragraph(paper, step, 10, _INSIDE - 8, indent=8)
            paper.ln(0.8)
    for table in sheet.tables:
        _table(paper, table)
    for labels in sheet.labels:
        _labels(paper, labels)


def _paragraph(paper: FPDF, text: str, size: float, width: float, bold: bool = False, grey: bool = False, indent: float = 0) -> None:
    paper.set_font("sans", "B" if bold else "", size)
    paper.set_text_color(*(_GREY if grey else (0, 0, 0)))
    paper.set_x(_MARGIN + indent)
    paper.multi_cell(width, size * 0.55, text, align=Align.L, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    paper.set_text_color(0)


def _heading(paper: FPDF, text: str, below: float) -> None:
    """Write a heading, on the next page where the first `below` millimetres under it would not stay with it."""
    if paper.get_y() + 12 + below > _HEIGHT - _MARGIN:
        paper.add_page()
    paper.ln(4)
    _paragraph(paper, text, 12, _INSIDE, bold=True)
    paper.ln(1)


def _facts(paper: FPDF, facts: Iterable[tuple[str, str]], width: float) -> None:
    for name, value in facts:
        paper.set_text_color(*_GREY)
        _fitted(paper, name, _NAMES - 2, 5.5, 9)
        _paragraph(paper, value, 10, width - _NAMES, indent=_NAMES)
        paper.ln(0.6)


def _code(paper: FPDF, sheet: Sheet, top: float) -> float:
    """Draw the QR code at the right edge; return where it ends."""
    rows = _modules(sheet.code)
    side, left = _CODE / len(rows), _WIDTH - _MARGIN - _CODE
    paper.set_fill_color(0)
    for x, y, length in _runs(rows):
        paper.rect(left + x * side, top + y * side, length * side, side, style="F")
    paper.set_xy(left, top + _CODE)
    paper.set_font("sans", "", 7)
    paper.multi_cell(_CODE, 3.2, sheet.code_title, align=Align.C, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    return paper.get_y()


def _table(paper: FPDF, table: Table) -> None:
    """Draw a table in its columns, filled from top to bottom, and on further pages where one does not hold it."""
    _heading(paper, table.title, 4 * _ROW)
    width, rest = _INSIDE / table.columns - 3, list(table.rows)
    widths = _widths(paper, [table.head, *table.rows], width)
    while rest:
        room = int((_HEIGHT - _MARGIN - paper.get_y()) / _ROW) - 1
        if room < 1:
            paper.add_page()
            continue
        deep = min(room, -(-len(rest) // table.columns))
        top = paper.get_y()
        for column in range(table.columns):
            mine, rest = rest[:deep], rest[deep:]
            if mine:
                _rows(paper, [table.head, *mine], _MARGIN + column * (width + 3), top, widths)
        paper.set_y(top + (deep + 1) * _ROW)


def _widths(paper: FPDF, rows: Sequence[Sequence[str]], width: float) -> list[float]:
    """Return how wide each cell of a row is, all of them together `width`: as its longest text wants, the longest giving way."""
    paper.set_font("sans", "B", 8)
    wanted = [max(paper.get_string_width(cell) for cell in cells) + 2 for cells in zip(*rows, strict=True)]
    rest = width
    for place, wide in enumerate(sorted(wanted)):  # the narrow ones first; what they leave is shared by the wider
        share = rest / (len(wanted) - place)
        if wide > share:
            return [min(one, share) for one in wanted]
        rest -= wide
    return [wide * width / sum(wanted) for wide in wanted]


def _rows(paper: FPDF, rows: Sequence[Sequence[str]], left: float, top: float, widths: Sequence[float]) -> None:
    """Draw rows, the first one their heading."""
    for number, row in enumerate(rows):
        y, x = top + number * _ROW, left
        for cell, wide in zip(row, widths, strict=True):
            paper.set_xy(x, y)
            _fitted(paper, cell, wide - 1, _ROW, 8, bold=not number)
            x += wide
        paper.set_draw_color(200)
        paper.set_line_width(0.1)
        paper.line(left, y + _ROW, left + sum(widths), y + _ROW)


def _fitted(paper: FPDF, text: str, width: float, height: float, size: float, bold: bool = False, align: Align = Align.L) -> None:
    """Write a text on one line, smaller where it is long, and cut where it would be too small to read."""
    paper.set_font("sans", "B" if bold else "", size)
    wide = paper.get_string_width(text)
    if wide > width:
        paper.set_font_size(max(5.0, size * width / wide))
        while text and paper.get_string_width(text) > width:
            text = text[:-2] + "…" if len(text) > 1 else ""
    paper.cell(width, height, text, align=align)


def _labels(paper: FPDF, labels: Labels) -> None:
    """Draw labels to scale, one under the other as keys stand, in as many columns as the page holds."""
    width, height = labels.width, labels.height
    columns = max(1, int(_INSIDE // (width + 4)))
    rest = list(labels.texts)
    whole = -(-len(rest) // columns) * height
    _heading(paper, labels.title, whole if whole < _HEIGHT / 2 else height)  # a short strip stays whole
    while rest:
        room = int((_HEIGHT - _MARGIN - paper.get_y()) // height)
        if room < 1:
            paper.add_page()
            continue
        deep = min(room, -(-len(rest) // columns))
        top = paper.get_y()
        for column in range(columns):
            mine, rest = rest[:deep], rest[deep:]
            for place, text in enumerate(mine):
                _label(paper, text, _MARGIN + column * (width + 4), top + place * height, labels)
        paper.set_y(top + deep * height)


def _label(paper: FPDF, text: str, x: float, y: float, labels: Labels) -> None:
    paper.set_draw_color(150)
    paper.set_line_width(0.1)
    paper.rect(x, y, labels.width, labels.height)
    paper.set_xy(x + 1, y)
    _fitted(paper, text, labels.width - 2, labels.height, _label_size(labels) / _POINT, align=Align.C)


def _label_size(labels: Labels) -> float:
    """Return the height of a label's letters."""
    return min(labels.height * 0.55, 4.2)


# The page.

STYLE = """
@page { size: A4; margin: 15mm }
body { font: 10pt/1.35 "DejaVu Sans", system-ui, sans-serif; color: #000; background: #fff; max-width: 180mm; margin: 15mm auto }
section { break-after: page } section:last-child { break-after: auto }
h1 { font-size: 18pt; margin: 0 } h2 { font-size: 12pt; margin: 4mm 0 1mm; break-after: avoid } p { margin: 0; color: #555 }
figure { float: right; width: 34mm; margin: 0 0 3mm 5mm; text-align: center; font-size: 7pt; overflow-wrap: anywhere }
dl { display: grid; grid-template-columns: 48mm 1fr; gap: .6mm 0; margin: 3mm 0 } dt { color: #555 } dd { margin: 0; overflow-wrap: anywhere }
ol { clear: right; margin: 0; padding-left: 8mm } li { margin-bottom: .8mm; overflow-wrap: anywhere }
.columns2, .columns3 { display: grid; grid-template-columns: repeat(2, 1fr); gap: 0 4mm; align-items: start } .columns3 { grid-template-columns: repeat(3, 1fr) }
table { border-collapse: collapse; width: 100%; font-size: 9pt } th, td { border-bottom: .1mm solid #ccc; text-align: left; padding: .5mm 1mm; overflow-wrap: anywhere } tr { break-inside: avoid }
.labels svg { display: inline-block; vertical-align: top; margin-right: 4mm; break-inside: avoid }
@media print { body { margin: 0; max-width: none } }
"""  # the hash of it is what a Content-Security-Policy may let in


def html(sheets: Sequence[Sheet]) -> bytes:
    """Return the sheets as one HTML page in UTF-8, which needs neither a script nor anything from elsewhere."""
    root = ET.Element("html", lang=sheets[0].language if sheets else "en")
    head = ET.SubElement(root, "head")
    ET.SubElement(head, "meta", charset="utf-8")
    ET.SubElement(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    _text(head, "title", ", ".join(sheet.title for sheet in islice(sheets, 20)))
    _text(head, "style", STYLE)
    body = ET.SubElement(root, "body")
    for sheet in sheets:
        _section(ET.SubElement(body, "section", lang=sheet.language), sheet)
    return f"<!doctype html>\n{ET.tostring(root, encoding='unicode', method='html')}\n".encode()


def _text(inside: ET.Element, tag: str, text: str, **attributes: str) -> ET.Element:
    element = ET.SubElement(inside, tag, attributes)
    element.text = text
    return element


def _section(section: ET.Element, sheet: Sheet) -> None:
    if sheet.code:
        figure = ET.SubElement(section, "figure")
        modules = _modules(sheet.code)
        svg = ET.SubElement(figure, "svg", {"viewBox": f"0 0 {len(modules)} {len(modules)}", "role": "img", "aria-label": sheet.code, "shape-rendering": "crispEdges"})
        ET.SubElement(svg, "path", d="".join(f"M{x} {y}h{length}v1h-{length}z" for x, y, length in _runs(modules)))
        _text(figure, "figcaption", sheet.code_title)
    _text(section, "h1", sheet.title)
    _text(section, "p", sheet.under)
    if sheet.facts:
        facts = ET.SubElement(section, "dl")
        for name, value in sheet.facts:
            _text(facts, "dt", name)
            _text(facts, "dd", value)
    if sheet.steps:
        _text(section, "h2", sheet.steps_title)
        steps = ET.SubElement(section, "ol")
        for step in sheet.steps:
            _text(steps, "li", step)
    for table in sheet.tables:
        _text(section, "h2", table.title)
        columns = ET.SubElement(section, "div", {"class": f"columns{table.columns}"})
        deep = -(-len(table.rows) // table.columns)
        for first in range(0, len(table.rows), deep or 1):
            _rows_of(ET.SubElement(columns, "table"), table.head, table.rows[first : first + deep])
    for labels in sheet.labels:
        _text(section, "h2", labels.title)
        _svg_labels(ET.SubElement(section, "div", {"class": "labels"}), labels)


def _rows_of(table: ET.Element, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    heads = ET.SubElement(ET.SubElement(table, "thead"), "tr")
    for cell in head:
        _text(heads, "th", cell, scope="col")
    body = ET.SubElement(table, "tbody")
    for row in rows:
        line = ET.SubElement(body, "tr")
        for cell in row:
            _text(line, "td", cell)


def _svg_labels(inside: ET.Element, labels: Labels) -> None:
    """Write one picture for each label, its size in millimetres."""
    width, height, size = labels.width, labels.height, _label_size(labels)
    most = int(2 * (width - 2) / (size * _LETTER)) or 1  # squeezed to half of their width, letters can still be read
    for text in labels.texts:
        shown = text if len(text) <= most else text[: most - 1] + "…"
        svg = ET.SubElement(inside, "svg", {"width": f"{width:g}mm", "height": f"{height:g}mm", "viewBox": f"0 0 {width:g} {height:g}"})
        ET.SubElement(svg, "rect", {"width": f"{width:g}", "height": f"{height:g}", "fill": "none", "stroke": "#999", "stroke-width": "0.2"})
        squeezed = {"textLength": f"{width - 2:g}", "lengthAdjust": "spacingAndGlyphs"} if len(shown) * size * _LETTER > width - 2 else {}
        _text(svg, "text", shown, **{"x": f"{width / 2:g}", "y": f"{height / 2 + size * 0.36:g}", "text-anchor": "middle", "font-size": f"{size:g}", **squeezed})
