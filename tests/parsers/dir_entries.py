"""Reads a VTech directory: <directory> of one <DIR_GROUP> of <DIR_ENTRY>, as FusionPBX writes it."""

from __future__ import annotations

from tests.parsers.strict_xml import tree

_PARTS = ("NAME_FIRST", "NAME_LAST", "NUMBER_WORK", "NUMBER_MOBILE", "NUMBER_OTHER", "LINE_NUMBER", "BLOCK", "RINGER")


def parse(body: bytes) -> dict[str, str]:
    """Return DIR_ENTRY[N].PART, the part without its DIR_ENTRY_; raises ValueError for another form or a part that stands twice."""
    root = tree(body)
    if root.tag != "directory" or [child.tag for child in root] != ["DIR_GROUP"]:
        raise ValueError(f"{root.tag} is no directory of one DIR_GROUP")
    said: dict[str, str] = {"root": root.tag}
    for n, entry in enumerate(root[0], 1):
        parts = [part.tag.removeprefix("DIR_ENTRY_") for part in entry]
        if entry.tag != "DIR_ENTRY" or not set(parts) <= set(_PARTS) or len(parts) != len(set(parts)) or not any(part.startswith("NUMBER_") for part in parts):
            raise ValueError(f"entry {n} is none: {entry.tag} {parts}")
        said.update({f"DIR_ENTRY[{n}].{name}": part.text or "" for name, part in zip(parts, entry, strict=True)})
    return said
