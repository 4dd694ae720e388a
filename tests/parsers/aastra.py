"""Reads the files of Aastra and Mitel SIP phones as the phones do: `name: value`, one a line, and the directory.

Written from the administrator's guides (R1.4.1 to R4.2.0), apart from the product: `#` begins a
comment anywhere outside of quotes, a value may stand in quotes and then holds everything but a
quote, blanks around a bare value do not count, a mark `^` (the server's value wins) or `!` (locked)
may stand in front of the name, the last of several lines counts.

A directory is rows of `name,number` and nothing else.
"""

from __future__ import annotations

import re

_LINE = re.compile(r'(?P<mark>[\^!]?)(?P<name>[A-Za-z][\w\[\]| -]*?) *:[ \t]*(?:"(?P<quoted>[^"]*)"|(?P<bare>[^"#]*))[ \t]*(?:#.*)?')
_ROW = re.compile(r'(?P<name>[^,"]+),(?P<number>[^,"]*)')


def parse(body: bytes) -> dict[str, str]:
    """Return name = value, and name@mark = `^` or `!` where one stands there; of a directory directory[N].name and directory[N].number.

    Raises ValueError where the phone would not take the file: not UTF-8, a control character, a line that is no parameter.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as why:
        raise ValueError(f"not UTF-8: {why}") from None
    lines = text.replace("\r\n", "\n").split("\n")
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]", text.replace("\r\n", "\n")):
        raise ValueError("there is a control character")
    rows = [_ROW.fullmatch(line) for line in lines if line.strip() and not line.startswith("#")]
    if rows and all(rows):
        return {f"directory[{n}].{part}": row[part] for n, row in enumerate(rows, 1) if row for part in ("name", "number")}
    said: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if not found:
            raise ValueError(f"line {number} is no parameter: {line!r}")
        name = found["name"]
        said[name] = found["quoted"] if found["quoted"] is not None else found["bare"].strip()
        said.pop(f"{name}@mark", None)
        if found["mark"]:
            said[f"{name}@mark"] = found["mark"]
    return said
