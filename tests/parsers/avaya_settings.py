"""Reads an Avaya settings script as a J100 phone does: `SET name value`, one a line.

Written from Installing and Administering Avaya J100 (p. 102) and public projects' files, apart from
the product: `##` begins a comment in the first column, a tag is `# NAME`, a value with blanks stands
in quotes, the last of several lines counts, but each PHONEKEY is a key of its own; GET sends the
phone to another file.
"""

from __future__ import annotations

import re

_SET = re.compile(r'SET ([A-Z0-9_]+) (?:"([^"]*)"|([^\s"]+(?: [^\s"]+)*))')
_OTHER = re.compile(r"GET \S+|GOTO \w+|IF \$\w+ SEQ \S+ GOTO \w+|# \w+")


def parse(body: bytes) -> dict[str, str]:
    """Return name = value; a PHONEKEY as PHONEKEY[N].Type and so on, GET as its file.

    Raises ValueError where a line is no statement, the file is not UTF-8 or has a control character.
    """
    try:
        text = body.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as why:
        raise ValueError(f"not UTF-8: {why}") from None
    if re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029]", text):
        raise ValueError("there is a control character")
    said: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.startswith("##"):
            continue
        found = _SET.fullmatch(line)
        if found:
            name, quoted, bare = found.groups()
            value = quoted if quoted is not None else bare
            said.update(_key(value, number) if name == "PHONEKEY" else {name: value})
        elif line.startswith("GET ") and _OTHER.fullmatch(line):
            said["GET"] = line[4:]
        elif not _OTHER.fullmatch(line):
            raise ValueError(f"line {number} is no statement: {line!r}")
    return said


def _key(value: str, number: int) -> dict[str, str]:
    """Return the parts of one PHONEKEY; Forced is a part without a value."""
    parts = [part.partition("=") for part in value.split(";")]
    words = {name: rest for name, equals, rest in parts if equals or name == "Forced"}
    if len(words) != len(parts) or "Key" not in words or "Type" not in words:
        raise ValueError(f"line {number} is no PHONEKEY: {value!r}")
    return {f"PHONEKEY[{words['Key']}].{name}": rest for name, rest in words.items() if name != "Key"}
