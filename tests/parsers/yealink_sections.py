"""Reads the older Yealink files as the phone does: sections that name a file of the phone's own.

Written from published files of that firmware, apart from the product. Two kinds of section:
`[ cfg:/phone/config/system.ini,reboot=1 ]` followed by `group.name = value` (also psw:, rom:, bin:),
and `[ group ]` whose first line is `path = FILE`, followed by `name = value`. `#` and `;` begin a
comment at the beginning of a line; blanks around `=` and at the ends do not count; the value runs
to the end of the line; `%NULL%` clears.
"""

from __future__ import annotations

import re

_BRACKET = re.compile(r"\[ *(.+?) *\]")
_FILE = re.compile(r"(cfg|psw|rom|bin): *([^,\s]+)(?:,(?:account=\d+;)?reboot=[01])?")


def parse(body: bytes) -> dict[str, str]:
    """Return `file:group.name` = value, the file without its folder and ending, its number in brackets.

    Raises ValueError where the phone would not take a line: outside a section, no parameter,
    a section without a path, a control character.
    """
    said: dict[str, str] = {}
    place, group, wants_path = "", "", False
    for number, line in enumerate(body.decode("utf-8").replace("\r\n", "\n").split("\n"), 1):
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]", line):
            raise ValueError(f"line {number} has a control character")
        if not line.strip() or line.startswith(("#", ";")):
            continue
        bracket = _BRACKET.fullmatch(line)
        if bracket:
            if wants_path:
                raise ValueError(f"line {number}: the section before it has no path")
            file = _FILE.fullmatch(bracket[1])
            place, group, wants_path = (_stem(file[2]), "", False) if file else ("", bracket[1], True)
            continue
        name, equals, value = (part.strip(" \t") for part in line.partition("="))
        if not equals or not re.fullmatch(r"[\w. -]+", name):
            raise ValueError(f"line {number} is no parameter: {line!r}")
        if wants_path:
            if name != "path":
                raise ValueError(f"line {number}: the section {group} begins without a path")
            place, wants_path = _stem(value), False
        elif not place:
            raise ValueError(f"line {number} stands in no section")
        else:
            said[f"{place}:{group}.{name}" if group else f"{place}:{name}"] = value
    return said


def _stem(path: str) -> str:
    """Return a file's name without folder and ending, a number at its end in brackets: sipAccount[0]."""
    name = path.rpartition("/")[2].partition(".")[0] or path.rpartition("/")[2].lstrip(".")
    return re.sub(r"(?<=[A-Za-z_])0*(\d+)$", r"[\1]", name)
