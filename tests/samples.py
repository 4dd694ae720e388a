"""Values for tests: sites, and the hostile texts that a phone's file must carry or refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from provisioner.things import Site

HOSTILE = (
    "& < > \" ' # = ; % { }", "</x><evil>1</evil>", "]]><evil/>", "{{7*7}}{% raw %}", "a=b", "account.1.enable = 0", "inner  blanks", "äöüßÄÖÜ€", "日本語 😀",
    "%NULL%", "%null%", "$USER $MA $$", "x" * 64, "\\n\\r\\t", "<!-- x -->", "'\"><x y='", "#SEARCH", "a,b|c;d:e@f", " edge ", "\\", "a\u00a0b",
)  # fmt: skip


def another(site: Site | None, **changes: Any) -> Site:
    """Return a site with other fields."""
    assert site
    return replace(site, **changes)
