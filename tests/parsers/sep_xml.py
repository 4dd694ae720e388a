"""Reads the XML of Cisco's enterprise phones: SEP<MAC>.cnf.xml, the dial template and the directory.

Written from usecallmanager.nz's pages, apart from the product. A parameter is named by its path
below <device>; elements that may stand several times are counted, a line by its button, a member
by its priority: `sipProfile/sipLines/line[2]/featureID`. Attributes stand like elements:
`.../line[2]/lineIndex`. A rule of a dial template is `TEMPLATE[1].match`, `.timeout`, `.rewrite`.
"""

from __future__ import annotations

from xml.etree import ElementTree

from tests.parsers.strict_xml import tree

_NAMED_BY = {"line": "button", "member": "priority", "addOnModule": "idx"}
_COUNTED = ("ntp", "phoneService")


def parse(body: bytes) -> dict[str, str]:
    """Return path = value; raises ValueError for what such a phone would not take."""
    root = tree(body)
    if root.tag == "CiscoIPPhoneDirectory":
        said = {"Title": root.findtext("Title") or ""}
        for number, entry in enumerate(root.findall("DirectoryEntry"), 1):
            said.update({f"DirectoryEntry[{number}]/{child.tag}": child.text or "" for child in entry})
        return said
    if root.tag == "dialTemplate":
        return _rules(root)
    if root.tag != "device":
        raise ValueError(f"the root is {root.tag!r}")
    said = {}
    _read(root, "", said)
    return said


def _read(element: ElementTree.Element, above: str, said: dict[str, str]) -> None:
    counts: dict[str, int] = {}
    for child in element:
        place = child.get(_NAMED_BY.get(child.tag, ""), "")
        if child.tag in _COUNTED:
            counts[child.tag] = counts.get(child.tag, 0) + 1
            place = str(counts[child.tag])
        if child.tag in _NAMED_BY and not place.isdigit():
            raise ValueError(f"{above}{child.tag} has no {_NAMED_BY[child.tag]}")
        path = f"{above}{child.tag}" + (f"[{place}]" if place else "")
        more = {f"{path}/{name}": value for name, value in child.attrib.items() if name != _NAMED_BY.get(child.tag)}
        if path in said or said.keys() & more.keys() or any(name.startswith(f"{path}/") for name in said):
            raise ValueError(f"{path} stands twice")
        said.update(more)
        if child.tag == "line" and not (child.findtext("featureID") or "").isdigit():
            raise ValueError(f"{path} has no featureID")
        if len(child):
            _read(child, f"{path}/", said)
        else:
            said[path] = child.text or ""


def _rules(root: ElementTree.Element) -> dict[str, str]:
    said = {}
    for number, child in enumerate(root, 0):
        if child.tag == "versionStamp" and number == 0:
            said["versionStamp"] = child.text or ""
        elif child.tag != "TEMPLATE" or not child.get("timeout", "").isdigit() or "match" not in child.attrib:
            raise ValueError(f"{child.tag!r} is no TEMPLATE with match and timeout")
        else:
            said.update({f"TEMPLATE[{number}].{name}": value for name, value in child.attrib.items()})
    return said
