"""What was worked out once, kept in memory: bounded by bytes, what was not asked for longest leaves first.

A key holds everything that the value depends on (D4), so nothing ever has to be taken out: a
change raises a revision, and the next question has another key. Nothing here touches a disk.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Value = TypeVar("Value")
OVERHEAD = 500  # bytes of one entry beside its body


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes of one file and their digest. sentence: what there is to say of it, for its events."""

    body: bytes = field(repr=False)
    etag: str
    sentence: str = ""


class Kept(Generic[Value]):
    """Holds values under their keys; safe to share between threads."""

    def __init__(self, most: int) -> None:
        """most: bytes of all of them together; 0 keeps none."""
        self._most, self._size = most, 0
        self._kept: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()  # what was not asked for longest comes first
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many values are kept."""
        return len(self._kept)

    def get(self, key: Hashable) -> Value | None:
        """Return the value of this key, or None."""
        found = self._kept.get(key)
        if found is None:
            return None
        try:
            self._kept.move_to_end(key)
        except KeyError:  # another thread made room just now
            pass
        return found[0]

    def put(self, key: Hashable, value: Value, size: int) -> None:
        """Keep a value; size: its bytes."""
        with self._lock:
            before = self._kept.pop(key, None)
            self._kept[key] = value, size
            self._size += size - (before[1] if before else 0)
            while self._size > self._most and self._kept:
                _, (_, gone) = self._kept.popitem(last=False)
                self._size -= gone
