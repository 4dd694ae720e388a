"""Reads the XML that Linphone fetches, as liblinphone's xml2lpc does: sections of entries, which it puts into its linphonerc.

Written from what xml2lpc.c and lpconfig do, apart from the product: an entry without characters takes its name away; without
overwrite="true" it counts only where nothing stands yet. A SIP address is read by RFC 3261, 25.1: its name, its user and the rest.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from tests.parsers.strict_xml import tree

_SPACE = "{http://www.linphone.org/xsds/lpconfig.xsd}"
_SCHEMA = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"
_ADDRESS = re.compile(r'(?:"((?:[^"\\]|\\.)*)" )?(<?)sip:(?:([^@<>"\s]*)@)?([^@<>"\s]+?)(>?)')


def parse(body: bytes) -> dict[str, str]:
    """Return `proxy_0/reg_expires` = value, and of an address `proxy_0/reg_identity.name`, `.user` and `.host`; raises ValueError at anything else."""
    root = tree(body)
    if root.tag != f"{_SPACE}config" or set(root.keys()) - {_SCHEMA}:
        raise ValueError(f"the root is {root.tag}")
    said: dict[str, str] = {}
    for section in root:
        if section.tag != f"{_SPACE}section" or set(section.keys()) != {"name"}:
            raise ValueError(f"{section.tag} has no place in config")
        for entry in section:
            if entry.tag != f"{_SPACE}entry" or set(entry.keys()) - {"overwrite"} != {"name"} or len(entry):
                raise ValueError(f"{entry.tag} has no place in {section.get('name')}")
            name, text = f"{section.get('name')}/{entry.get('name')}", entry.text or ""
            if name in said:
                raise ValueError(f"{name} stands twice")
            said[name] = text
    whole: dict[str, str] = {}
    for name, text in said.items():
        whole.update(_address(name, text) if name.endswith(("/reg_identity", "/reg_proxy", "/reg_route", "/voicemail_uri")) and text else {name: text})
    return whole


def _address(name: str, text: str) -> dict[str, str]:
    found = _ADDRESS.fullmatch(text)
    if not found or bool(found[2]) != bool(found[5]):
        raise ValueError(f"{name} is no SIP address: {text}")
    quoted, user, host = found[1], found[3], found[4]
    parts = {f"{name}.host": host}
    if user is not None:
        if not re.fullmatch(r"(?:[\w.!~*'()&=+$,;?/-]|%[0-9A-Fa-f]{2})*", user, re.ASCII):
            raise ValueError(f"{name} has a user that no SIP URI can have: {user}")
        parts[f"{name}.user"] = unquote(user)
    if quoted is not None:
        parts[f"{name}.name"] = re.sub(r"\\(.)", r"\1", quoted)
    return parts
