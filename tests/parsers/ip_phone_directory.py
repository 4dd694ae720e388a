"""Reads a remote phone book as Yealink and Fanvil phones do: DirectoryEntry with Name and Telephone.

Written from the makers' guides, apart from the product: the root ends in IPPhoneDirectory, an
entry has one Name and up to three Telephone elements; a document with a DTD is refused.
"""

from __future__ import annotations

from tests.parsers.strict_xml import tree


def parse(body: bytes) -> dict[str, str]:
    """Return `DirectoryEntry[1].Name`, `DirectoryEntry[1].Telephone[1]` and so on, and the root's name.

    Raises ValueError where the phone would show nothing.
    """
    root = tree(body)
    if not root.tag.endswith("IPPhoneDirectory"):
        raise ValueError(f"the root is {root.tag!r}")
    said = {"root": root.tag}
    for number, entry in enumerate(root.findall("DirectoryEntry"), 1):
        names = entry.findall("Name")
        if len(names) != 1 or not (names[0].text or "").strip():
            raise ValueError(f"entry {number} has no name")
        said[f"DirectoryEntry[{number}].Name"] = names[0].text or ""
        for place, telephone in enumerate(entry.findall("Telephone"), 1):
            said[f"DirectoryEntry[{number}].Telephone[{place}]"] = telephone.text or ""
    return said
