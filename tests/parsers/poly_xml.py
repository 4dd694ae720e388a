"""Reads UC Software's configuration files as the phones do: every attribute of every element is a parameter.

Source: Polycom UC Software administrator guides: the names of the elements are free, and the first
occurrence of a parameter counts. An attribute that stands twice in one element is no XML. A contact
directory is directory/item_list/item instead, with elements fn, ln, ct, sd, lb, rt, dc, ad, ar, bw, bb.
"""

from __future__ import annotations

from xml.etree import ElementTree

from tests.parsers.strict_xml import tree


def parse(body: bytes) -> dict[str, str]:
    """Return parameter = value, of a directory item[1].fn = value; raises ValueError for what such a phone would not take."""
    root = tree(body)
    if root.tag == "directory":
        return _contacts(root)
    said: dict[str, str] = {}
    for element in root.iter():
        for name, value in element.attrib.items():
            said.setdefault(name, value)
    return said


_OF_A_CONTACT = ("fn", "ln", "ct", "sd", "lb", "pt", "rt", "dc", "ad", "ar", "bw", "bb")


def _contacts(root: ElementTree.Element) -> dict[str, str]:
    said: dict[str, str] = {}
    known: set[str] = set()
    for number, item in enumerate(root.iterfind("item_list/item"), 1):
        for child in item:
            if child.tag not in _OF_A_CONTACT or f"item[{number}].{child.tag}" in said:
                raise ValueError(f"a contact has no {child.tag!r} here")
            said[f"item[{number}].{child.tag}"] = child.text or ""
        contact = said.get(f"item[{number}].ct", "")
        if not contact or contact in known:
            raise ValueError("a contact needs a number that no other has")
        known.add(contact)
    return said
