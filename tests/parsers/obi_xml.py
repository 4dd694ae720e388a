"""Reads OBi's XML as the device does: objects with parameters, in the long form or the short one.

Written from the maker's OBi1000 administration guide and public files, apart from the product: a
ParameterList of Object or O, each with a Name or N that ends in a dot, and of
ParameterValueStruct or P with a Name or N and a Value or V. X_UseDefault="Yes" puts the factory's
value back.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from tests.parsers.strict_xml import tree

FACTORY = "(factory's)"
LONG = {"O": "Object", "N": "Name", "P": "ParameterValueStruct", "V": "Value"}


def parse(body: bytes) -> dict[str, str]:
    """Return object and parameter = value, with FACTORY for a value put back.

    Raises ValueError where the device would take nothing of the file, or where a parameter stands twice.
    """
    root = tree(body)
    if root.tag != "ParameterList":
        raise ValueError(f"{root.tag!r} is no list of parameters")
    said: dict[str, str] = {}
    for thing in root:
        if _tag(thing) != "Object" or not len(thing) or _tag(thing[0]) != "Name" or not re.fullmatch(r"([A-Z][\w-]*\.(\d+\.)?)+", thing[0].text or ""):
            raise ValueError(f"{thing.tag!r} is no object with a name")
        for parameter in thing[1:]:
            if _tag(parameter) != "ParameterValueStruct" or [_tag(part) for part in parameter] != ["Name", "Value"]:
                raise ValueError(f"{thing[0].text} holds {parameter.tag!r}, which is no parameter with a value")
            name, value = parameter
            full = f"{thing[0].text}{name.text}"
            if not re.fullmatch(r"[\w-]+", name.text or "") or full in said:
                raise ValueError(f"{full} is no name or stands twice")
            said[full] = FACTORY if value.get("X_UseDefault") == "Yes" or value.get("X_UD") == "Y" else value.text or ""
    return said


def _tag(element: ElementTree.Element) -> str:
    return LONG.get(element.tag, element.tag)
