"""Reads 2N's XML as the intercom does: a DeviceDatabase of folders, values at its leaves.

Written from complete files of three intercoms, apart from the product: folders that stand several
times are told apart by their attribute At; a value is 0 or 1, a number or text.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from tests.parsers.strict_xml import tree


def parse(body: bytes) -> dict[str, str]:
    """Return path = value, such as `Phone/Sip[0]/User/Id`.

    Raises ValueError where the intercom would take nothing of the file, or where a value stands twice.
    """
    root = tree(body)
    if root.tag != "DeviceDatabase":
        raise ValueError(f"{root.tag!r} is no device database")
    said: dict[str, str] = {}
    _walk(root, "", said)
    return said


def _walk(folder: ElementTree.Element, path: str, said: dict[str, str]) -> None:
    for child in folder:
        at = child.get("At", "")
        if not re.fullmatch(r"[A-Za-z]\w*", child.tag) or not re.fullmatch(r"\d*", at) or set(child.keys()) - {"At", "Encryption"}:
            raise ValueError(f"{child.tag!r} in {path or 'the root'} is no folder and no value")
        name = f"{path}{child.tag}[{at}]" if at else f"{path}{child.tag}"
        if len(child):
            _walk(child, f"{name}/", said)
        elif name in said:
            raise ValueError(f"{name} stands twice")
        else:
            said[name] = child.text or ""
