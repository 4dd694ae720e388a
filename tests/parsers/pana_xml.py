"""Reads a KX-UTG's XML as the phone does: PANASIPPhoneConfig, one element for each parameter, whatever group it stands in.

Written from the administrator's guide and FusionPBX's file for the UTG300B, apart from the product. Of two
elements of a name the last counts, which hides slips, so a second one is refused here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

from tests.parsers.strict_xml import tree

_NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")


def parse(body: bytes) -> dict[str, str]:
    """Return NAME = value, and NAME[idx] = value for a line.

    Raises ValueError where the phone would not take the file, or a parameter has no permission.
    """
    root = tree(body)
    if root.tag != "PANASIPPhoneConfig" or [child.tag for child in root] != ["Device"]:
        raise ValueError(f"{root.tag} is no PANASIPPhoneConfig of one Device")
    said: dict[str, str] = {}
    for name, value in _parameters(root[0], ""):
        if name in said:
            raise ValueError(f"{name} stands twice")
        said[name] = value
    return said


def _parameters(group: ElementTree.Element, line: str) -> Iterator[tuple[str, str]]:
    for child in group:
        if not _NAME.fullmatch(child.tag):
            if (child.text or "").strip() or (child.tag == "Line") != ("idx" in child.attrib):
                raise ValueError(f"{child.tag} is neither a group nor a parameter")
            yield from _parameters(child, f"[{child.attrib['idx']}]" if child.tag == "Line" else line)
            continue
        if child.get("perm") not in ("R", "RW", "!R", "!RW") or child.get("access") not in ("A", "AU") or len(child):
            raise ValueError(f"{child.tag} has no permission, or parts of its own")
        yield f"{child.tag}{line}", child.text or ""
