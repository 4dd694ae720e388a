"""Reads the files of Escene phones as they do: XML below <all>, where everything is in attributes.

Written from the files of public projects, apart from the product. A group such as <sipUsers> holds elements
of one kind; several of them are told apart by `id`. The settings, the memory keys and the phone book are alike.
"""

from __future__ import annotations

from tests.parsers.strict_xml import tree


def parse(body: bytes) -> dict[str, str]:
    """Return name = value, such as `systime.TimeZoneType`, `sipUser[0].UserNumber`, `hotline[3].Type`.

    Raises ValueError where the phone would take nothing of the file, or where a name stands twice.
    """
    root = tree(body)
    if root.tag != "all" or root.keys():
        raise ValueError(f"the root is {root.tag!r}")
    said: dict[str, str] = {}
    for group in root:
        if group.keys() or (group.text or "").strip():
            raise ValueError(f"{group.tag!r} is no group")
        for element in group:
            if len(element) or (element.text or "").strip():
                raise ValueError(f"{element.tag!r} has more than attributes")
            place = f"[{element.get('id')}]" if "id" in element.keys() else ""
            for name, value in element.items():
                full = f"{element.tag}{place}.{name}"
                if full in said:
                    raise ValueError(f"{full!r} stands twice")
                if name != "id":
                    said[full] = value
    return said
