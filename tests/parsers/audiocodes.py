"""Reads the files of AudioCodes phones: `path/name=value`, one a line, and the list of speed dials.

Written from the administrator's manuals (2.0 to 3.4.3) and sipXecs, apart from the product: `#` begins a
comment in the first column, the value runs to the end of the line, blanks at its edges do not count,
the last of several lines counts. A list of speed dials is rows of `number of the key,number,BLF or not`.
"""

from __future__ import annotations

import re

_LINE = re.compile(r"([a-z0-9_]+(?:/[a-z0-9_]+)+)=(.*)")
_ROW = re.compile(r"(\d+),([^,]*),([01])")


def parse(body: bytes) -> dict[str, str]:
    """Return name = value; of speed dials speed_dial[N].number and .blf.

    Raises ValueError for a line that is neither, what is not UTF-8, and control characters.
    """
    try:
        text = body.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as why:
        raise ValueError(f"not UTF-8: {why}") from None
    if re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]", text):
        raise ValueError("there is a control character")
    lines = [line.strip(" ") for line in text.split("\n") if line.strip() and not line.startswith("#")]
    rows = [_ROW.fullmatch(line) for line in lines]
    if lines and all(rows):
        return {f"speed_dial[{row[1]}].{part}": row[at] for row in rows if row for at, part in ((2, "number"), (3, "blf"))}
    said: dict[str, str] = {}
    for line in lines:
        found = _LINE.fullmatch(line)
        if not found:
            raise ValueError(f"this is no parameter: {line!r}")
        said[found[1]] = found[2].strip(" ")
    return said
