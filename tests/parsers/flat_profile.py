"""Reads a flat-profile file as the phones do: the last duplicate wins, blanks at the edges are cut.

Source: Cisco multiplatform phones' provisioning guide, chapter on provisioning formats: root
`flat-profile`, perhaps within `device`; line breaks in a value become blanks. Directories
(`CiscoIPPhoneDirectory`) come as Name/1, Telephone/1, Name/2 and so on.
"""

from __future__ import annotations

from xml.etree import ElementTree

from tests.parsers.strict_xml import tree


def parse(body: bytes) -> dict[str, str]:
    """Return parameter = value; raises ValueError for what such a phone would not take."""
    root = tree(body)
    if root.tag == "CiscoIPPhoneDirectory":
        return _directory(root)
    profile = root.find("flat-profile") if root.tag == "device" else root
    if profile is None or profile.tag != "flat-profile":
        raise ValueError(f"the root is {root.tag}")
    said: dict[str, str] = {}
    for element in profile:
        if len(element):
            raise ValueError(f"{element.tag} has elements in it")
        said[element.tag] = " ".join((element.text or "").splitlines()).strip()
    return said


def _directory(root: ElementTree.Element) -> dict[str, str]:
    said = {"Title": root.findtext("Title") or ""}
    for number, entry in enumerate(root.findall("DirectoryEntry"), 1):
        for child in entry:
            said[f"{child.tag}/{number}"] = child.text or ""
    return said
