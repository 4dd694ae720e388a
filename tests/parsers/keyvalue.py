"""Reads a Yealink configuration file as the phone does: `name = value`, one a line.

Written from the administrator's guides (V80 to V84), apart from the product: the first line is
the header, `#` begins a comment at the beginning of a line only, blanks around `=` and at the
ends do not count, the value runs to the end of the line, an empty value changes nothing, the
last of several lines counts, `%NULL%` puts the default back.
`security.user_password` stands once for each user, as user:password.
"""

from __future__ import annotations

import re

_HEADER = re.compile(r"#!version:1\.0\.0\.[01]")
_NAME = re.compile(r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9_]+)+")


def parse(body: bytes) -> dict[str, str]:
    """Return name = value; a user's password as `security.user_password[admin]`.

    Raises ValueError where the phone would not take the file: no header on the first line,
    not UTF-8, a control character, a line that is no parameter.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as why:
        raise ValueError(f"not UTF-8: {why}") from None
    lines = text.replace("\r\n", "\n").split("\n")
    if not _HEADER.fullmatch(lines[0]):
        raise ValueError(f"the first line is {lines[0]!r}, not #!version:1.0.0.1")
    said: dict[str, str] = {}
    for number, line in enumerate(lines[1:], 2):
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]", line):
            raise ValueError(f"line {number} has a control character")
        if not line.strip() or line.startswith("#"):
            continue
        name, equals, value = (part.strip(" \t") for part in line.partition("="))
        if not equals or not _NAME.fullmatch(name):
            raise ValueError(f"line {number} is no parameter: {line!r}")
        if name.endswith("security.user_password"):
            user, colon, value = value.partition(":")
            if not colon:
                raise ValueError(f"line {number} has no colon between user and password")
            name = f"{name}[{user}]"
        if value:
            said[name] = value
    return said
