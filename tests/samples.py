"""Values for tests: every setting said, and the hostile texts that a phone's file must carry or refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from provisioner.families import Family
from provisioner.kinds import Bool, Choice, Country, Dial, Endpoint, Host, HostPort, Int, Language, Many, Password, Text, Url, Zone
from provisioner.things import Site
from provisioner.vocabulary import SETTINGS, Setting

HOSTILE = (
    "& < > \" ' # = ; % { }", "</x><evil>1</evil>", "]]><evil/>", "{{7*7}}{% raw %}", "a=b", "account.1.enable = 0", "inner  blanks", "äöüßÄÖÜ€", "日本語 😀",
    "%NULL%", "%null%", "$USER $MA $$", "x" * 64, "\\n\\r\\t", "<!-- x -->", "'\"><x y='", "#SEARCH", "a,b|c;d:e@f", " edge ", "\\", "a\u00a0b",
)  # fmt: skip


def another(site: Site | None, **changes: Any) -> Site:
    """Return a site with other fields."""
    assert site
    return replace(site, **changes)


def full_settings(family: Family) -> dict[str, Any]:
    """Return a value for every setting, each one that the family has a word for."""
    return {row.name: _value(row, family) for row in SETTINGS if row.name not in ("dns_mode", "registration", "polling", "firmware")}


def _value(row: Setting, family: Family) -> Any:
    kind = row.kind
    if row.name in ("rtp_port_last", "polling_to"):
        return kind.most if isinstance(kind, Int) and row.name == "rtp_port_last" else 5
    if isinstance(kind, Bool):
        return True
    if isinstance(kind, Int):
        return max(kind.least, min(kind.most, 7))
    if isinstance(kind, Choice):
        return kind.words[-1]
    if isinstance(kind, Language):
        return next(iter(family.maps.get("language", {})), "en")
    if isinstance(kind, Country):
        return next(iter(family.maps.get("tones", {})), "DE")
    if isinstance(kind, Zone):
        return "Europe/Berlin"
    if isinstance(kind, HostPort):
        return Endpoint("host.example.com", 1234)
    if isinstance(kind, Host):
        return "host.example.com"
    if isinstance(kind, Url):
        return "http://host.example.com/x"
    if isinstance(kind, Password):
        return "1234"
    if isinstance(kind, Many):
        each = kind.each
        return ("*xx", "x+") if isinstance(each, Dial) else ("pcma", "pcmu") if isinstance(each, Choice) else ("112",)
    return "112" if isinstance(kind, Text) else ""
