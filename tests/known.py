"""Each family's list of the parameter names that its phones know: known.txt, name and source by a tab.

In a name, an N by itself or behind a small letter stands for a number and * for the rest; lines with # are comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from provisioner import families


def rows(family: str) -> list[tuple[str, str]]:
    """Return (name, source) of every row of a family's list; a row without a source has an empty one."""
    text = (families.shipped() / family / "known.txt").read_text("utf-8")
    split = [line.partition("\t") for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(name.strip(), source.strip()) for name, _, source in split]


@lru_cache
def _pattern(family: str) -> re.Pattern[str]:
    return re.compile("|".join(_one(name) for name, _ in rows(family)))


def _one(name: str) -> str:
    return re.sub(r"(?<![A-Z])N(?![A-Za-z])", r"\\d+", re.escape(name)).replace(r"\*", ".*")


def unknown(family: str, names: Iterable[str]) -> list[str]:
    """Return the names that the family's phones do not know."""
    pattern = _pattern(family)
    return sorted({name for name in names if not pattern.fullmatch(name.partition("@")[0])})
