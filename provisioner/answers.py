"""What was worked out once, kept in memory: bounded by bytes, what was not asked for longest leaves first.

A key holds everything that the value depends on (D4), so nothing ever has to be taken out: a
change raises a revision, and the next question has another key. Nothing here touches a disk.

There are two shelves. What is put or found goes on the first one; when that is half of all there may be,
it becomes the second, and what still stands on the second is gone. So a hit costs one look, and no
order has to be kept.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Value = TypeVar("Value")
OVERHEAD = 500  # bytes of one entry beside its body


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes of one file and their digest."""

    body: bytes = field(repr=False)
    etag: str


class Kept(Generic[Value]):
    """Holds values under their keys; safe to share between threads."""

    def __init__(self, most: int) -> None:
        """most: bytes of all of them together; 0 keeps none."""
        self._half, self._size = most // 2, 0
        self._first: dict[Hashable, tuple[Value, int]] = {}
        self._second: dict[Hashable, tuple[Value, int]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many values are kept."""
        return len(self._first.keys() | self._second.keys())

    def get(self, key: Hashable) -> Value | None:
        """Return the value of this key, or None."""
        found = self._first.get(key)
        if found is None:
            found = self._second.get(key)
            if found is None:
                return None
            self.put(key, *found)
        return found[0]

    def put(self, key: Hashable, value: Value, size: int) -> None:
        """Keep a value; size: its bytes. One that is larger than half of all there may be is not kept."""
        with self._lock:
            before = self._first.pop(key, None)
            self._size -= before[1] if before else 0
            if size > self._half:
                self._second.pop(key, None)
                return
            if self._size + size > self._half:
                self._first, self._second, self._size = {}, self._first, 0
            self._first[key] = value, size
            self._size += size
