"""Reads Gigaset's provisioning XML 1.1 as Maxwell desk phones and N-series DECT bases do.

Written from the maker's wiki, apart from the product. A file holds firmware, settings (<nvm>) and
steps (<custom>). The wiki warns that a wrong or an empty value has effects that nobody foresees,
so an empty one is refused here.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from tests.parsers.strict_xml import tree

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(\.[A-Za-z0-9_]+)+")


def parse(body: bytes) -> dict[str, str]:
    """Return name = value of the settings.

    An operation is `oper/NAME`, or `oper/NAME[VALUE]` with its own settings behind a slash; the
    firmware is `firmware.version` and `firmware.url`, a step `step[TYPE]` with its URL; the kind
    of device that a file is for is `productID`.
    Raises ValueError where the phone would not take the file.
    """
    root = tree(body)
    if root.tag != "provisioning" or root.get("version") != "1.1":
        raise ValueError(f"the root is {root.tag!r} with version {root.get('version')!r}")
    said: dict[str, str] = {}
    if root.get("productID"):
        said["productID"] = root.get("productID", "")
    for part in root:
        for name, value in _READERS.get(part.tag, _unknown)(part):
            if name in said:
                raise ValueError(f"{name} stands twice")
            said[name] = value
    return said


def _param(element: ElementTree.Element) -> tuple[str, str]:
    name, value = element.get("name", ""), element.get("value", "")
    if element.tag != "param" or not _NAME.fullmatch(name) or not value:
        raise ValueError(f"{element.tag} {name!r} is no setting, or has no value")
    return name, value


def _settings(part: ElementTree.Element) -> list[tuple[str, str]]:
    said = []
    for child in part:
        if child.tag != "oper":
            said.append(_param(child))
            continue
        value = child.get("value")
        where = f"oper/{child.attrib['name']}" + (f"[{value}]" if value else "")
        said += [(where, ""), *((f"{where}/{name}", text) for name, text in map(_inner, child))]
    return said


def _inner(element: ElementTree.Element) -> tuple[str, str]:
    if element.tag != "param" or not element.get("name") or not element.get("value"):
        raise ValueError(f"{element.tag} inside an operation has no name or no value")
    return element.attrib["name"], element.attrib["value"]


def _firmware(part: ElementTree.Element) -> list[tuple[str, str]]:
    return [(f"firmware.{name}", child.attrib[name]) for child in part for name in ("version", "url")]


def _steps(part: ElementTree.Element) -> list[tuple[str, str]]:
    return [(f"step[{child.attrib['type']}]", child.get("url", "")) for child in part]


def _unknown(part: ElementTree.Element) -> list[tuple[str, str]]:
    raise ValueError(f"{part.tag!r} is not known inside provisioning")


_READERS = {"nvm": _settings, "firmware": _firmware, "custom": _steps}
