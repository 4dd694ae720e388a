"""Reads a VTech configuration file as the phone does: `module.name = value`, one a line.

Written from the administrator's manuals and two complete files, apart from the product: `#` begins a comment
line, blanks round `=` and at the ends do not count, an empty value is empty, and one setting that the
phone does not take makes it skip the whole module. So a module of another name, a codec or a
switch that is none, and five codecs that are not five are refused here.
"""

from __future__ import annotations

import re

_MODULES = {
    "call_settings", "file", "hs_settings", "log", "network", "page_zone", "pfk", "profile", "provisioning", "remoteDir", "ringersetting", "sip_account", "softkey",
    "speed_dial", "time_date", "tone", "user_pref", "web",
}  # fmt: skip
_NAME = re.compile(r"[A-Za-z_]+(?:\.[A-Za-z0-9_]+)+")
_CODECS = {"g711u", "g711a", "g726", "g722", "g729"}


def parse(body: bytes) -> dict[str, str]:
    """Return name = value.

    Raises ValueError where the phone would skip a line or a module, or where a name stands twice.
    """
    said: dict[str, str] = {}
    for number, line in enumerate(body.decode("utf-8").split("\n"), 1):
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]", line):
            raise ValueError(f"line {number} has a control character")
        if not line.strip() or line.startswith("#"):
            continue
        name, equals, value = (part.strip(" \t") for part in line.partition("="))
        if not equals or not _NAME.fullmatch(name) or name.partition(".")[0] not in _MODULES:
            raise ValueError(f"line {number} is no setting of a module: {line!r}")
        if name in said:
            raise ValueError(f"line {number} says {name} for the second time")
        if name.endswith("enable") and value not in ("0", "1"):
            raise ValueError(f"line {number} has no switch, which is 0 or 1: {line!r}")
        said[name] = value
    for account in {name.split(".")[1] for name in said if ".codec_priority." in name}:
        codecs = [said.get(f"sip_account.{account}.codec_priority.{place}", "") for place in range(1, 6)]
        if set(codecs) != _CODECS:
            raise ValueError(f"the codecs of account {account} are {codecs}, not five different ones that the phone has")
    return said
