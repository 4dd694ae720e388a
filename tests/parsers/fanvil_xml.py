"""Reads Fanvil's XML as the phone does: <sysConf> (firmware from 2.2.10 on) and <VOIP_CONFIG_FILE> (older).

Written from the makers' exports and manuals, apart from the product. A parameter is named by its
path: an element with an index is `line[1]`; in the older dialect, where an entry carries its
number in <ID>, it is the list with that number: `SIP_Line_List[1]/Phone_Number`. Elements that
are missing keep their value; empty ones clear it. A phone book is read by ip_phone_directory.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from tests.parsers import ip_phone_directory
from tests.parsers.strict_xml import tree


def parse(body: bytes) -> dict[str, str]:
    """Return path = value.

    Raises ValueError where the phone would take nothing of the file: not well-formed, a DTD, no
    version as the first element, an index twice or not counted from 1.
    """
    root = tree(body)
    if root.tag.endswith("IPPhoneDirectory"):
        return ip_phone_directory.parse(body)
    first = {"sysConf": "Version", "VOIP_CONFIG_FILE": "version"}.get(root.tag)
    if first is None:
        raise ValueError(f"the root is {root.tag!r}")
    if not len(root) or root[0].tag != first or not re.fullmatch(r"\d+\.\d+", root[0].text or ""):
        raise ValueError(f"<{first}> does not stand first, or is no version")
    said: dict[str, str] = {}
    for child in root:
        _read(child, "", said)
    return said


def _read(element: ElementTree.Element, above: str, said: dict[str, str]) -> None:
    index = element.get("index")
    if index is not None and not re.fullmatch("[1-9][0-9]*", index):
        raise ValueError(f"{above}{element.tag} has the index {index!r}")
    path = f"{above}{element.tag}" + (f"[{index}]" if index else "")
    if element.tag.endswith("_Entry"):
        number = re.search(r"[1-9][0-9]*$", element.findtext("ID", ""))
        if not number:
            raise ValueError(f"{path} has no <ID> with a number")
        path = f"{above.rstrip('/')}[{number[0]}]"
        children = [child for child in element if child.tag != "ID"]
    else:
        children = list(element)
    if children:
        for child in children:
            _read(child, f"{path}/", said)
    elif path in said:
        raise ValueError(f"{path} stands twice")
    elif not element.tag.endswith("_Entry"):
        said[path] = element.text or ""
