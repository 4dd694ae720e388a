"""Reads Snom's XML as the phone does: settings, function keys, dial plan, directory, firmware, containers.

Written from Snom's pages on configuration files, apart from the product. A file with one XML
error is dropped whole, as the phone drops it.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

from tests.parsers.strict_xml import tree

_PERMISSIONS = ("", "R", "RW", "!", "$", "&", " ")
_PARTS = ("phone-settings", "functionKeys", "function-keys", "tbook", "phone-book", "dialplan", "firmware-settings", "setting-files", "certificates", "ReplacementPlan", "uploads")


def parse(body: bytes) -> dict[str, str]:
    """Return name = value.

    A setting is `name` or `name[idx]`, its permission `name@perm` where it has one that is not
    empty; a key `fkey[idx]` with `.context` and `.label`; a rule of the dial plan `dialplan[1]`
    with its attributes; a contact `tbook[1].name`, `.number`; `firmware`; a container `file[1]`.
    Raises ValueError where the phone would take nothing of the file.
    """
    root = tree(body)
    said: dict[str, str] = {}
    for part in list(root) if root.tag == "settings" else [root]:
        if part.tag not in _PARTS:
            raise ValueError(f"{part.tag!r} is not known inside settings")
        for name, value in _READERS[part.tag](part):
            if name in said:
                raise ValueError(f"{name} stands twice")
            said[name] = value
    return said


def _settings(part: ElementTree.Element) -> list[tuple[str, str]]:
    said = []
    for child in part:
        index = child.get("idx")
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", child.tag) or (index is not None and not index.isdigit()):
            raise ValueError(f"{child.tag!r} is no setting")
        name = child.tag if index is None else f"{child.tag}[{index}]"
        perm = child.get("perm", "")
        if perm not in _PERMISSIONS:
            raise ValueError(f"{name} has the permission {perm!r}")
        said.append((name, child.text or ""))
        if perm:
            said.append((f"{name}@perm", perm))
    return said


def _keys(part: ElementTree.Element) -> list[tuple[str, str]]:
    said = []
    for child in part:
        index, context = child.get("idx", ""), child.get("context", "active")
        if child.tag != "fkey" or not index.isdigit() or not (context == "active" or context.isdigit()):
            raise ValueError(f"{child.tag!r} with idx {index!r} and context {context!r} is no key")
        said += [(f"fkey[{index}]", (child.text or "").strip()), (f"fkey[{index}].context", context), (f"fkey[{index}].label", child.get("label", ""))]
    return said


def _plan(part: ElementTree.Element) -> list[tuple[str, str]]:
    return [(f"dialplan[{number}].{name.lower()}", value) for number, child in enumerate(part, 1) for name, value in child.attrib.items()]


def _book(part: ElementTree.Element) -> list[tuple[str, str]]:
    said = [("tbook.complete", part.get("complete", "false"))]
    for number, item in enumerate(part, 1):
        said += [(f"tbook[{number}].{name}", value) for name, value in item.attrib.items()]
        said += [(f"tbook[{number}].{child.tag}", child.text or "") for child in item]
    return said


def _plain(part: ElementTree.Element) -> list[tuple[str, str]]:
    return [(child.tag, child.text or "") for child in part]


def _files(part: ElementTree.Element) -> list[tuple[str, str]]:
    return [(f"file[{number}]", child.get("url", "")) for number, child in enumerate(part, 1)]


_READERS = {
    "phone-settings": _settings, "functionKeys": _keys, "function-keys": _keys, "tbook": _book, "phone-book": _book, "dialplan": _plan,
    "firmware-settings": _plain, "setting-files": _files, "certificates": _plain, "ReplacementPlan": _plain, "uploads": _plain,
}  # fmt: skip
