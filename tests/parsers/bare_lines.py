"""Reads `name=value`, one a line and without sections, as Norphonic's Traphone does.

Written from the maker's published package, apart from the product; a line is read as within a section.
"""

from __future__ import annotations

from tests.parsers import ini_sections


def parse(body: bytes) -> dict[str, str]:
    """Return name = value; raises ValueError for what is no such line, and for a name that stands twice."""
    said = ini_sections.parse(b"[all]\n" + body)
    if not all(name.startswith("all/") for name in said):
        raise ValueError("there is a section in the file")
    return {name.removeprefix("all/"): value for name, value in said.items()}
