"""Reads the XML of Digium D and Sangoma P phones as they do: settings, accounts, contacts, keys.

Written from the makers' wiki, apart from the product. Everything is in attributes; a setting's
value is named by its `id`. An element in a list is named by what tells it apart: an account by
its index, a codec by its id, a contact by its place. Groups such as <accounts> have no name.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

from tests.parsers.strict_xml import tree

_GROUPS = {"accounts", "codecs", "ringtones", "alerts", "firmwares", "smart_blf", "behaviors", "indicators", "actions", "numbers", "blf_items"}
_TOLD_APART = {
    "account": ("index",), "codec": ("id",), "alert": ("alert_info",), "firmware": ("model",), "contacts": ("id",), "permission": ("id",),
    "blf_item": ("location", "index"), "behavior": ("phone_state",), "indicator": ("target_status",), "action": ("id",),
}  # fmt: skip
_PLAIN = {"blf_items", "host_primary", "host_alternate", "outbound_proxy", "contact", "number"}


def parse(body: bytes) -> dict[str, str]:
    """Return name = value, such as `time_zone`, `account[0].host_primary.server`, `contacts[keys].contact[1].first_name`.

    Raises ValueError where the phone would take nothing of the file, or where a name stands twice.
    """
    root = tree(body)
    if root.tag not in ("config", "phonebooks"):
        raise ValueError(f"the root is {root.tag!r}")
    said: dict[str, str] = {}
    _read(root, "", said)
    return said


def _read(element: ElementTree.Element, above: str, said: dict[str, str]) -> None:
    places: dict[str, int] = {}
    for child in element:
        if child.tag in _GROUPS and not child.keys():
            _read(child, above, said)
            continue
        places[child.tag] = places.get(child.tag, 0) + 1
        if child.tag == "setting":
            name = child.get("id", "")
            _put(said, name, child.get("value", ""), bool(name) and "value" in child.keys())
            continue
        if child.tag in _TOLD_APART:
            path = f"{above}{child.tag}[{'/'.join(child.get(name, '') for name in _TOLD_APART[child.tag])}]"
        elif child.tag in _PLAIN:
            path = f"{above}{child.tag}[{places[child.tag]}]" if child.tag in ("contact", "number") else f"{above}{child.tag}"
        else:
            raise ValueError(f"{child.tag!r} is not known")
        for name, value in child.items():
            _put(said, f"{path}.{name}", value)
        _read(child, f"{path}.", said)


def _put(said: dict[str, str], name: str, value: str, whole: bool = True) -> None:
    if not whole or name in said:
        raise ValueError(f"{name!r} stands twice, or is no setting")
    said[name] = value
