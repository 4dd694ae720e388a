"""Reads the settings file of Alcatel-Lucent Enterprise SIP phones: <settings> of <setting id value [override]/>.

Written from Wazo's plugins for M3/M5/M7 and 8028s, apart from the product.
"""

from __future__ import annotations

from tests.parsers.strict_xml import tree


def parse(body: bytes) -> dict[str, str]:
    """Return id = value, and id@override where a value beats what was changed on the phone; raises ValueError for another form."""
    root = tree(body)
    if root.tag != "settings":
        raise ValueError(f"the root is {root.tag}, not settings")
    said: dict[str, str] = {}
    for child in root:
        name = child.get("id", "")
        if child.tag != "setting" or not name or set(child.attrib) - {"id", "value", "override"} or "value" not in child.attrib or len(child) or (child.text or "").strip():
            raise ValueError(f"this is no setting: {child.tag} {child.attrib}")
        if name in said:
            raise ValueError(f"{name} stands there twice")
        said[name] = child.attrib["value"]
        if "override" in child.attrib:
            said[f"{name}@override"] = child.attrib["override"]
    return said
