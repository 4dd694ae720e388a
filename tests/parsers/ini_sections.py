"""Reads `[section]` and `name=value` as the phones of several makers do.

Written from published files of such phones, apart from the product. A name runs to the first `=`, blanks around it and
at the ends do not count; the value runs to the end of the line; `;` and `#` begin a comment at the beginning of a line.
"""

from __future__ import annotations

import re

_SECTION = re.compile(r"\[ *([\w .:-]+?) *\]")
_NAME = re.compile(r"[\w.-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


def parse(body: bytes) -> dict[str, str]:
    """Return `section/name` = value; bytes that are no UTF-8 are ISO 8859-1.

    Raises ValueError where a phone would not take a line: outside a section, no parameter, a name twice in a section,
    a control character.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        text = body.decode("iso-8859-1")
    said: dict[str, str] = {}
    section = ""
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if _CONTROL.search(line):
            raise ValueError(f"line {number} has a control character")
        if not line.strip() or line.startswith(("#", ";")):
            continue
        if opens := _SECTION.fullmatch(line):
            section = opens[1]
            continue
        name, equals, value = (part.strip(" \t") for part in line.partition("="))
        if not equals or not section or not _NAME.fullmatch(name):
            raise ValueError(f"line {number} is no parameter of a section: {line!r}")
        if f"{section}/{name}" in said:
            raise ValueError(f"line {number} says {name} again")
        said[f"{section}/{name}"] = value
    return said
