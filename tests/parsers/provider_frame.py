"""Reads Gigaset's ProviderFrame as N510, N720 and C610 bases do: one element for each setting.

Written from public projects' files for the N510, the N720 and the C430, apart from the product. Text stands
between quotes inside the attribute; a number, decimal or with 0x, stands bare, and so does a list of
them. Another base's address makes the whole file count for nothing.
"""

from __future__ import annotations

import re

from tests.parsers.strict_xml import tree

_ID = re.compile(r"BS_\w+(?:\.[A-Za-z]\w*(?:\[(?:\d+|%)\])?)+")
_NUMBER = r"(?:0x[0-9a-fA-F]+|\d+)"
_BARE = re.compile(rf"{_NUMBER}(?:,{_NUMBER})*")
_TEXT = re.compile(r'"[^"]*"')


def parse(body: bytes) -> dict[str, str]:
    """Return setting = value, text without its quotes; MAC_ADDRESS and PROFILE_NAME under their own names.

    Raises ValueError where the base would take nothing: no address, a setting without a class, or text without quotes.
    """
    root = tree(body)
    if root.tag != "ProviderFrame" or [child.tag for child in root] != ["Provider"]:
        raise ValueError(f"{root.tag} is no ProviderFrame of one Provider")
    said: dict[str, str] = {}
    for child in root[0]:
        value, name = child.get("value", ""), child.get("ID", child.tag)
        if child.tag == "MAC_ADDRESS" and re.fullmatch(r"[0-9A-F]{12}", value):
            said["MAC_ADDRESS"] = value
            continue
        if child.tag == "SYMB_ITEM" and (not _ID.fullmatch(name) or child.get("class") != "symb_item"):
            raise ValueError(f"{name!r} is no setting")
        if child.tag != "SYMB_ITEM" and (child.get("class") != "string" or not re.fullmatch(r"[A-Z]+(?:_[A-Z]+)+", name)):
            raise ValueError(f"{child.tag!r} is no setting")
        if name in said:
            raise ValueError(f"{name} stands twice")
        if name != "PROFILE_NAME" and not _TEXT.fullmatch(value) and not _BARE.fullmatch(value):
            raise ValueError(f"{name} is neither text in quotes nor a number")
        said[name] = value.strip('"')
    if "MAC_ADDRESS" not in said or "PROFILE_NAME" not in said:
        raise ValueError("the base's address or the profile's name is missing")
    return said
