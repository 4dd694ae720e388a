"""Reads Zoiper's configuration and its book as Zoiper's documentation says: sections that stand once, options that hold text.

Written from that documentation, apart from the product: accounts, codecs, contact services, attribute mappings, contacts, their numbers
and types are lists and count from 1; every other element stands once in its section; no element has an attribute but a contact its id.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from tests.parsers.strict_xml import tree

_LISTS = {"accounts": "account", "codecs": "codec", "contact_services": "contact_service", "attribute_mappings": "attribute_mapping", "Contacts": "Contact", "Contact": "Phone", "Phone": "Type"}


def parse(body: bytes) -> dict[str, str]:
    """Return `accounts/account[1]/SIP_domain` = value; raises ValueError for another root, an attribute, or a name that stands twice."""
    root = tree(body)
    if root.tag not in ("options", "Contacts") or root.keys():
        raise ValueError(f"the root is {root.tag}")
    said: dict[str, str] = {}
    for name, value in _options(root, ""):
        if name in said:
            raise ValueError(f"{name} stands twice")
        said[name] = value
    return said


def _options(section: ElementTree.Element, path: str) -> Iterator[tuple[str, str]]:
    counted = 0
    for child in section:
        if set(child.keys()) - ({"id"} if child.tag == "Contact" else set()):
            raise ValueError(f"{path}{child.tag} has an attribute")
        if _LISTS.get(section.tag) == child.tag:
            counted += 1
        name = f"{path}{child.tag}[{counted}]" if _LISTS.get(section.tag) == child.tag else f"{path}{child.tag}"
        if len(child):
            if (child.text or "").strip():
                raise ValueError(f"{name} holds text beside options")
            yield from _options(child, f"{name}/")
        elif child.tag in _LISTS and child.tag not in ("Contact", "Phone"):
            continue  # a list without entries
        else:
            yield name, child.text or ""
