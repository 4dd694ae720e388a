"""Reads `<<VOIP CONFIG FILE>>` text as the phone does: modules of `name filled to a column:value`.

Written from published files of such phones, apart from the product. The first line holds the version, the last ends
the file. `<SIP CONFIG MODULE>` opens a module, `--SIP Line List--  :` a list in it, `#` a comment. A name runs to the
first colon and its blanks at the end do not count; the value runs to the end of the line.
"""

from __future__ import annotations

import re

_FIRST = re.compile(r"<<VOIP CONFIG FILE>>Version:(\d+\.\d+) *")
_MODULE = re.compile(r"<([A-Z0-9a-z ]+) MODULE>")
_LIST = re.compile(r"--([\w .]+)-- *:")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]")


def parse(body: bytes) -> dict[str, str]:
    """Return `MODULE/name` = value, `MODULE/list/name` in the lists of keys; `version` for the first line's.

    Raises ValueError where the phone would not take a line: no version, outside a module, a name that does not reach
    its column, no end, a name twice in one module, a control character.
    """
    lines = body.decode("utf-8").replace("\r\n", "\n").split("\n")
    first = _FIRST.fullmatch(lines[0])
    if not first:
        raise ValueError("the first line holds no version")
    said = {"version": first[1]}
    module = listed = ""
    for number, line in enumerate(lines[1:], 2):
        if _CONTROL.search(line):
            raise ValueError(f"line {number} has a control character")
        if line == "<<END OF FILE>>":
            if any(lines[number:]):
                raise ValueError(f"line {number} ends the file, and more follows")
            return said
        if not line.strip() or line.startswith("#"):
            continue
        if opens := _MODULE.fullmatch(line):
            module, listed = opens[1].removesuffix(" CONFIG"), ""
        elif opens := _LIST.fullmatch(line):
            listed = f"{opens[1]}/" if module == "DSSKEY" else ""
        else:
            name, colon, value = line.partition(":")
            if not colon or not module or len(name) < 19:
                raise ValueError(f"line {number} is no parameter of a module: {line!r}")
            key = f"{module}/{listed}{name.rstrip(' ')}"
            if key in said:
                raise ValueError(f"line {number} says {key} again")
            said[key] = value
    raise ValueError("the file has no end")
