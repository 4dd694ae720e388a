"""Reads an Akuvox configuration file as the phone does: `Config.Module.SECTION.Key = value`, one a line.

Written from the facts and the files that public projects write, apart from the product: `#` and `;` begin
a line that does not count (the header is one), blanks around `=` and at the ends do not count, the value
runs to the end of the line, an empty value clears, the last of several lines counts.
"""

from __future__ import annotations

import re

_NAME = re.compile(r"Config(?:\.[A-Za-z0-9_]+){2,3}")


def parse(body: bytes) -> dict[str, str]:
    """Return name = value, empty values too.

    Raises ValueError where the phone could not take the file: not UTF-8, a control character,
    a line that is no parameter.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as why:
        raise ValueError(f"not UTF-8: {why}") from None
    said: dict[str, str] = {}
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]", line):
            raise ValueError(f"line {number} has a control character")
        if not line.strip() or line[0] in "#;":
            continue
        name, equals, value = (part.strip(" \t") for part in line.partition("="))
        if not equals or not _NAME.fullmatch(name):
            raise ValueError(f"line {number} is no parameter: {line!r}")
        said[name] = value
    return said
