"""Reads Panasonic's files of NAME="value" lines as the phones do ("Standard Format File").

Written from the administrator's guides of KX-HDV230, KX-UT670 and KX-UT123, apart from the product: the first
line begins with the words that say what the file is, every line ends with CR and LF, the file
with an empty line; no blanks around =, a value always in quotes and of 500 characters at most, a
name of 32, a line of 537 bytes with its end; # begins a comment at the beginning of a line.
"""

from __future__ import annotations

import re

_HEADS = (b"# Panasonic SIP Phone Standard Format File #", b"# PCC Standard Format File #")
_LINE = re.compile(r'([A-Z][A-Z0-9_]{0,31})="([^"]{0,500})"')


def parse(body: bytes) -> dict[str, str]:
    """Return name = value; raises ValueError where the phone would take nothing, or would pass over a line."""
    if not body.startswith(_HEADS):
        raise ValueError(f"the first line is {body[:50]!r}")
    if not body.endswith(b"\r\n\r\n"):
        raise ValueError("the file does not end with an empty line")
    said: dict[str, str] = {}
    for number, line in enumerate(body.split(b"\r\n"), 1):
        if b"\r" in line or b"\n" in line or len(line) > 535:
            raise ValueError(f"line {number} has another end, or is too long")
        if not line or line.startswith(b"#"):
            continue
        found = _LINE.fullmatch(line.decode("utf-8"))
        if not found:
            raise ValueError(f"line {number} is no parameter: {line!r}")
        if found[1] in said:
            raise ValueError(f"{found[1]} stands twice")
        said[found[1]] = found[2]
    return said
