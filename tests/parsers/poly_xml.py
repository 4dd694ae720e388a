"""Reads UC Software's configuration files as the phones do: every attribute of every element is a parameter.

Source: Polycom UC Software administrator guides: the names of the elements are free, and the first
occurrence of a parameter counts. An attribute that stands twice in one element is no XML.
"""

from __future__ import annotations

from xml.etree import ElementTree


def parse(body: bytes) -> dict[str, str]:
    """Return parameter = value; raises ValueError for what such a phone would not take."""
    if b"<!DOCTYPE" in body:
        raise ValueError("has a document type")
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as fault:
        raise ValueError(f"no XML: {fault}") from None
    said: dict[str, str] = {}
    for element in root.iter():
        for name, value in element.attrib.items():
            said.setdefault(name, value)
    return said
