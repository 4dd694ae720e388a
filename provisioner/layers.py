"""Which value wins, and who said it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Said:
    """A value, who said it, and what others said before: (who, value), the earliest first."""

    value: Any
    by: str
    others: tuple[tuple[str, Any], ...] = ()


def merge(layers: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Said]:
    """Merge named layers, the last word winning; None takes a setting back.

    >>> merge([("defaults", {"language": "en"}), ("device", {"language": "it"})])["language"]
    Said(value='it', by='device', others=(('defaults', 'en'),))
    """
    merged: dict[str, Said] = {}
    for by, layer in layers:
        for name, value in layer.items():
            before = merged.get(name)
            others = (*before.others, (before.by, before.value)) if before else ()
            merged[name] = Said(value, by, others)
    return merged


def values(layers: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, Any]:
    """Return the winning values alone: what `merge` says, without who said it.

    >>> values([("defaults", {"language": "en"}), ("device", {"language": "it"})])
    {'language': 'it'}
    """
    merged: dict[str, Any] = {}
    for _, layer in layers:
        merged.update(layer)
    return merged
