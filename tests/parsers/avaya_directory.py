"""Reads the directory that a J100 phone downloads: IPPhoneDirectory, as FusionPBX writes it."""

from __future__ import annotations

from tests.parsers.strict_xml import tree


def parse(body: bytes) -> dict[str, str]:
    """Return DirectoryEntry[N].FirstName, .LastName, .Phone[M].Number and .Phone[M].Type; raises ValueError for what is no directory."""
    root = tree(body)
    if root.tag != "IPPhoneDirectory":
        raise ValueError(f"the root is {root.tag}, not IPPhoneDirectory")
    said = {"root": root.tag}
    for n, entry in enumerate(root, 1):
        names = {child.tag: child.text or "" for child in entry if child.tag in ("FirstName", "LastName")}
        phones = entry.findall("PhoneNumbers/Phone")
        if entry.tag != "DirectoryEntry" or set(names) != {"FirstName", "LastName"} or not phones:
            raise ValueError(f"entry {n} lacks a name or a number")
        said.update({f"DirectoryEntry[{n}].{name}": text for name, text in names.items()})
        for m, phone in enumerate(phones, 1):
            said.update({f"DirectoryEntry[{n}].Phone[{m}].{part.tag}": part.text or "" for part in phone})
    return said
