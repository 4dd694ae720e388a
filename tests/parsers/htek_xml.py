"""Reads Htek's XML as the phone does: P-values of one configuration, and the remote phone book.

Written from the maker's provisioning guide and exports, apart from the product: the root is
hl_provision, its config holds one element for each parameter, whose name is P and a number; the
attribute `para` is a comment. An empty element clears. A phone book is PhoneDirectory.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from tests.parsers.strict_xml import tree


def parse(body: bytes) -> dict[str, str]:
    """Return parameter = value; of a phone book `DirectoryEntry[1].Name`, `DirectoryEntry[1].Telephone[1]`.

    Raises ValueError where the phone would take nothing of the file, or where a parameter stands twice.
    """
    root = tree(body)
    if root.tag == "PhoneDirectory":
        return _book(root)
    config = root.find("config")
    if root.tag != "hl_provision" or root.get("version") != "1" or config is None or config.get("version") != "1" or len(root) != 1:
        raise ValueError(f"{root.tag!r} is not one configuration of version 1")
    said: dict[str, str] = {}
    for child in config:
        if not re.fullmatch(r"P\d+", child.tag) or len(child) or set(child.keys()) - {"para"}:
            raise ValueError(f"{child.tag!r} is no P-value")
        if child.tag in said:
            raise ValueError(f"{child.tag} stands twice")
        said[child.tag] = child.text or ""
    return said


def _book(root: ElementTree.Element) -> dict[str, str]:
    said: dict[str, str] = {}
    for number, entry in enumerate(root.findall("DirectoryEntry"), 1):
        if not (entry.findtext("Name") or "").strip():
            raise ValueError(f"entry {number} has no name")
        said[f"DirectoryEntry[{number}].Name"] = entry.findtext("Name") or ""
        for place, telephone in enumerate(entry.findall("Telephone"), 1):
            said[f"DirectoryEntry[{number}].Telephone[{place}]"] = telephone.text or ""
    return said
