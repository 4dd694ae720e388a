"""Reads a Zenitel station's configuration as the station does: sections, and `name=value` behind a blank.

Written from the files of a public project, apart from the product: a section stands in brackets at
the beginning of a line, the value runs to the end of the line, an empty value clears.
"""

from __future__ import annotations

import re


def parse(body: bytes) -> dict[str, str]:
    """Return section.name = value.

    Raises ValueError where a line is neither, where a name has no section, or where one stands twice.
    """
    said: dict[str, str] = {}
    section = ""
    for number, line in enumerate(body.decode("utf-8").split("\n"), 1):
        if re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", line):
            raise ValueError(f"line {number} has a control character")
        if not line:
            continue
        if found := re.fullmatch(r"\[([a-z]+)\]", line):
            section = found[1]
            continue
        found = re.fullmatch(r" ([a-z0-9_]+)=(.*)", line)
        if not found or not section or f"{section}.{found[1]}" in said:
            raise ValueError(f"line {number} is no parameter of a section or stands twice: {line!r}")
        said[f"{section}.{found[1]}"] = found[2].strip(" ")
    return said
