"""Reads Algo's configuration as the device does: `name = value`, one a line.

Written from the maker's provisioning guide and two complete files, apart from the product: `#` begins
a comment at the beginning of a line only, the value runs to the end of the line, blanks at its ends
do not count, an empty value clears.
"""

from __future__ import annotations

import re

_NAME = re.compile(r"[a-z][a-z0-9]*(?:\.[a-z0-9]+)+")


def parse(body: bytes) -> dict[str, str]:
    """Return name = value.

    Raises ValueError where the device would not take a line, or where a name stands twice.
    """
    said: dict[str, str] = {}
    for number, line in enumerate(body.decode("utf-8").split("\n"), 1):
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]", line):
            raise ValueError(f"line {number} has a control character")
        if not line.strip() or line.startswith("#"):
            continue
        name, equals, value = (part.strip(" \t") for part in line.partition("="))
        if not equals or not _NAME.fullmatch(name) or name in said:
            raise ValueError(f"line {number} is no parameter or stands twice: {line!r}")
        said[name] = value
    return said
