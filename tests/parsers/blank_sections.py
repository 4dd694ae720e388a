"""Reads `[SECTION]` and `name value`, parted by blanks, as LG-Ericsson's SIP phones do.

Written from a published file of such a phone, apart from the product: `;` begins a comment, also behind a value; a text
with blanks, or without a letter, stands in double quotes.
"""

from __future__ import annotations

import re

_SECTION = re.compile(r"\[([A-Z]+)\]")
_LINE = re.compile(r'(\w+)[ \t]+(?:"([^"]*)"|([^ \t";#]+))[ \t]*(?:;.*)?')


def parse(body: bytes) -> dict[str, str]:
    """Return `SECTION/name` = value; raises ValueError for a line that is no parameter, stands twice or in no section."""
    said: dict[str, str] = {}
    section = ""
    for number, line in enumerate(body.decode("utf-8").replace("\r\n", "\n").split("\n"), 1):
        if not line.strip() or line.startswith(";"):
            continue
        if opens := _SECTION.fullmatch(line):
            section = opens[1]
            continue
        found = _LINE.fullmatch(line)
        if not found or not section or re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]", line):
            raise ValueError(f"line {number} is no parameter of a section: {line!r}")
        key = f"{section}/{found[1]}"
        if key in said:
            raise ValueError(f"line {number} says {key} again")
        said[key] = found[2] if found[2] is not None else found[3]
    return said
