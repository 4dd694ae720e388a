"""Answers that were worked out once, kept in memory: bounded by bytes, the one asked longest ago leaves first.

A key holds everything that the bytes depend on (D4), so nothing ever has to be taken out: a
change raises a revision, and the next question has another key. Nothing here touches a disk.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

_OVERHEAD = 500  # bytes of one entry beside its body


@dataclass(frozen=True, slots=True)
class Answer:
    """The bytes of one file and their digest."""

    body: bytes = field(repr=False)
    etag: str


class Answers:
    """Holds answers; safe to share between threads."""

    def __init__(self, most: int) -> None:
        """most: bytes of all of them together; 0 keeps none."""
        self._most, self._size = most, 0
        self._kept: OrderedDict[Hashable, Answer] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many answers are kept."""
        return len(self._kept)

    def get(self, key: Hashable) -> Answer | None:
        """Return the answer of this key, or None."""
        with self._lock:
            answer = self._kept.get(key)
            if answer is not None:
                self._kept.move_to_end(key)
            return answer

    def put(self, key: Hashable, answer: Answer) -> None:
        """Keep an answer; the ones asked longest ago make room."""
        with self._lock:
            before = self._kept.pop(key, None)
            self._size += _weight(answer) - (_weight(before) if before else 0)
            self._kept[key] = answer
            while self._size > self._most and self._kept:
                _, gone = self._kept.popitem(last=False)
                self._size -= _weight(gone)


def _weight(answer: Answer) -> int:
    return len(answer.body) + _OVERHEAD
