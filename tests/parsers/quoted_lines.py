"""Reads `name: "value"`, one a line, as the Cisco 7940 and 7960 do.

Written from Cisco's 7960 administration guide and public configurations, apart from the product:
`#` or `;` begins a comment, also behind a value; quotes may be left away around a plain word.
"""

from __future__ import annotations

import re

_LINE = re.compile(r'([a-z][a-z0-9_]*)\s*:\s*(?:"([^"]*)"|([^\s";#]*))\s*(?:[;#].*)?')


def parse(body: bytes) -> dict[str, str]:
    """Return name = value; raises ValueError for a line that is no parameter, or one that stands twice."""
    said: dict[str, str] = {}
    for number, line in enumerate(body.decode("utf-8").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith(("#", ";")):
            continue
        found = _LINE.fullmatch(line.rstrip())
        if not found:
            raise ValueError(f"line {number} is no parameter: {line!r}")
        if found[1] in said:
            raise ValueError(f"{found[1]} stands twice")
        said[found[1]] = found[2] if found[2] is not None else found[3]
    return said
