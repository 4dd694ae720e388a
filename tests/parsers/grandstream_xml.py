"""Reads Grandstream's XML as the phone does: P-values (version 1), aliases (version 2), and the phone book.

Written from the maker's provisioning guide, apart from the product: one element per parameter
in `config version="1"`, `item name=…` (with `part name=…` inside) in `config version="2"`.
A document that is not well-formed, that has a DTD, or whose `mac` is another phone's, is
refused whole, as the phone refuses it.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from tests.parsers.strict_xml import tree

_P = re.compile(r"P\d+")


def parse(body: bytes, mac: str = "") -> dict[str, str]:
    """Return parameter = value: `P47`, an alias, `mac`; for a phone book `Contact[1].FirstName` and so on.

    mac: where given, a document for another phone is refused.
    Raises ValueError where the phone would take nothing of the file.
    """
    root = tree(body)
    if root.tag == "AddressBook":
        return _book(root)
    if root.tag != "gs_provision" or root.get("version") != "1":
        raise ValueError(f"the root is {root.tag!r} of version {root.get('version')!r}, not gs_provision of version 1")
    said: dict[str, str] = {}
    for child in root:
        if child.tag == "mac":
            said["mac"] = (child.text or "").strip()
            if not re.fullmatch("[0-9a-fA-F]{12}", said["mac"]) or (mac and said["mac"].lower() != mac.lower()):
                raise ValueError(f"the file is for {said['mac']!r}")
        elif child.tag == "config":
            for name, value in _values(child):
                if name in said:
                    raise ValueError(f"{name} stands twice; which one counts is not documented")
                said[name] = value
        else:
            raise ValueError(f"{child.tag!r} is not known inside gs_provision")
    return said


def _values(config: ElementTree.Element) -> list[tuple[str, str]]:
    version = config.get("version")
    if version == "1":
        for child in config:
            if not _P.fullmatch(child.tag) or len(child):
                raise ValueError(f"{child.tag!r} is no P-value")
        return [(child.tag, child.text or "") for child in config]
    if version == "2":
        return [pair for child in config for pair in _item(child)]
    raise ValueError(f"config has the version {version!r}")


def _item(item: ElementTree.Element) -> list[tuple[str, str]]:
    name = item.get("name", "")
    if item.tag != "item" or not name:
        raise ValueError(f"{item.tag!r} is no item with a name")
    if not len(item):
        return [(name, item.text or "")]
    return [(f"{name}.{part.get('name', '')}", part.text or "") for part in item]


def _book(root: ElementTree.Element) -> dict[str, str]:
    said: dict[str, str] = {}
    for number, contact in enumerate(root.iter("Contact"), 1):
        phones = 0
        for child in contact:
            if child.tag == "Phone":
                phones += 1
                said[f"Contact[{number}].Phone[{phones}]"] = child.findtext("phonenumber") or ""
                said[f"Contact[{number}].Phone[{phones}].type"] = child.get("type", "")
            else:
                said[f"Contact[{number}].{child.tag}"] = child.text or ""
    return said
