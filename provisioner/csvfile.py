"""CSV as spreadsheets write and read it: bytes to rows of cells, and back.

A cell that a spreadsheet would run as a formula gets a ' in front, which is taken away again on the way in.
Sources: RFC 4180; OWASP, "CSV Injection".
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Iterator

from provisioner.errors import BadValue

LARGEST = 16_000_000  # bytes of a file
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'")  # what a cell may not begin with; the last so that a ' comes back as it was
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def decoded(body: bytes) -> tuple[str, bool]:
    """Return a file's text, and whether its charset was guessed: what is neither UTF-8 nor marked as UTF-16 is read as Windows-1252.

    Raises BadValue.

    >>> decoded("\\ufeffJoão".encode()), decoded("João".encode("latin-1"))
    (('João', False), ('João', True))
    """
    if len(body) > LARGEST:
        raise BadValue(f"the file has more than {LARGEST:,} bytes; divide it")
    charset = next((name for mark, name in _MARKS if body.startswith(mark)), "utf-8")
    try:
        return body.decode(charset), False
    except UnicodeDecodeError:
        pass
    try:
        return body.decode("cp1252"), True
    except UnicodeDecodeError:
        raise BadValue("the file is no text that is known here; save it as CSV in UTF-8") from None


def rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (number, cells) of each row as a spreadsheet counts them, the headings being row 1; cells are as they were before they were defused.

    Cells are parted by what the headings are parted by: comma, semicolon or tab. Raises BadValue.
    """
    head = text.partition("\n")[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=head.count), strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader, 1):
            yield number, [restored(cell) for cell in cells]
    except csv.Error as why:
        raise BadValue(f"row {number + 1}: is no CSV ({why}); write a quote inside quotes twice") from None


def written(table: Iterable[Iterable[str]]) -> Iterator[str]:
    """Yield rows as CSV, defused."""
    for cells in table:
        line = io.StringIO(newline="")
        csv.writer(line).writerow([defused(cell) for cell in cells])
        yield line.getvalue()


def defused(text: str) -> str:
    """Return a cell that no spreadsheet runs.

    >>> defused("=1+1"), defused("+351912345678"), defused("'s-Gravenhage"), defused("Anna")
    ("'=1+1", "'+351912345678", "''s-Gravenhage", 'Anna')
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def restored(cell: str) -> str:
    """Return what a cell held before it was defused.

    >>> restored("'=1+1"), restored("''s-Gravenhage"), restored("'s-Gravenhage")
    ('=1+1', "'s-Gravenhage", "'s-Gravenhage")
    """
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
