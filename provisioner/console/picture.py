"""The picture of a phone's keys: where each stands in an SVG, and what is written on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT, GAP = 190, 44, 8  # of a key, in the picture's own units
_MOST_ROWS = 10
_LETTERS = 21  # of a line that fits on a key


@dataclass(frozen=True)
class Place:
    """A key of the picture. top, under: the two lines on it; said_by: whose word it is; own: it can be moved."""

    n: int
    x: int
    y: int
    top: str
    under: str
    said_by: str
    own: bool


@dataclass(frozen=True)
class Drawing:
    """A whole picture."""

    width: int
    height: int
    places: tuple[Place, ...]


def drawn(rows: Sequence[Mapping[str, Any]], word: Callable[[str], str]) -> Drawing:
    """Return the picture of keys, as `keys.layout` has them; word: says what a type is.

    The maker's facts tell how many keys there are, and not how they stand: so it has columns of equal length, at least two of them, filled downwards.
    """
    columns = max(2, -(-len(rows) // _MOST_ROWS))
    high = max(1, -(-len(rows) // columns))
    places = tuple(_place(row, spot // high, spot % high, word) for spot, row in enumerate(rows))
    return Drawing(columns * (WIDTH + GAP) + GAP, high * (HEIGHT + GAP) + GAP, places)


def _place(row: Mapping[str, Any], column: int, line: int, word: Callable[[str], str]) -> Place:
    type = row["type"]
    said = "" if not type or type == "none" else word(type)
    top = row["label"] or row["value"] or said
    under = " ".join(filter(None, (said if top != said else "", row["value"] if top != row["value"] else "")))
    x, y = GAP + column * (WIDTH + GAP), GAP + line * (HEIGHT + GAP)
    return Place(row["n"], x, y, _short(top), _short(under), row["said_by"], row["own"] is not None)


def _short(text: str) -> str:
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
