"""Reads Cloud Telecomputers' XML as Glass and IP150 do: settings with a name and a value, in folders.

Written from published templates of such phones, apart from the product: the root is `configuration`; a `line` counts
among its fellows; T and F are true and false.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

from tests.parsers.strict_xml import tree

_FOLDERS = {"configuration": ("voip", "general", "system"), "voip": ("general", "line"), "general": (), "system": (), "line": ()}


def parse(body: bytes) -> dict[str, str]:
    """Return `voip/line[1]/username` = value; raises ValueError for another root, element or attribute, or a name that stands twice."""
    root = tree(body)
    if root.tag != "configuration":
        raise ValueError(f"the root is {root.tag}")
    said: dict[str, str] = {}
    for name, value in _settings(root, ""):
        if name in said:
            raise ValueError(f"{name} stands twice")
        said[name] = value
    return said


def _settings(folder: ElementTree.Element, path: str) -> Iterator[tuple[str, str]]:
    lines = 0
    for child in folder:
        if child.tag == "setting" and set(child.keys()) == {"name", "value"} and not len(child):
            yield f"{path}{child.get('name')}", child.get("value", "")
        elif child.tag in _FOLDERS[folder.tag] and not child.keys():
            lines += child.tag == "line"
            yield from _settings(child, f"{path}line[{lines}]/" if child.tag == "line" else f"{path}{child.tag}/")
        else:
            raise ValueError(f"{child.tag} has no place in {path or 'the root'}")
