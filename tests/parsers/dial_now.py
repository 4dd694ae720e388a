"""Reads the XML files that older Yealink phones fetch beside their settings: dial-now rules and phone books.

Written from files that Provisioner.net kept: `<DialNow>` holds `<Data DialNowRule="…" LineID="" />`.
"""

from __future__ import annotations

from tests.parsers import ip_phone_directory
from tests.parsers.strict_xml import tree


def parse(body: bytes) -> dict[str, str]:
    """Return `DialNow[1]` = rule, or what the phone book's reader returns.

    Raises ValueError where the phone would take nothing of it.
    """
    root = tree(body)
    if root.tag != "DialNow":
        return ip_phone_directory.parse(body)
    if any(entry.tag != "Data" or not entry.get("DialNowRule") or entry.get("LineID") is None for entry in root):
        raise ValueError("an element of DialNow is no Data with DialNowRule and LineID")
    return {f"DialNow[{number}]": entry.get("DialNowRule", "") for number, entry in enumerate(root, 1)}
