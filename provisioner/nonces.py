"""Nonces for Digest: made of the time and chance, signed with the server's key, so that no process has to keep them.

What is kept is which counts a nonce has been used with, in memory that all processes share which were
forked from the one that made it. So a request that was overheard is taken once, whichever worker the
second one meets. What cannot be kept is not taken: a phone whose nonce finds no room gets a new one.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import mmap
import os
import struct
import threading
import time
from collections.abc import Callable

LIFE = 300  # seconds
_EARLY = 5  # seconds that another process's clock may be ahead
_TIME, _CHANCE, _SIGNATURE = 4, 6, 12  # bytes
_SLOT = struct.Struct("=6sxxLLQ")  # chance, time and highest count of a nonce; which of the 64 counts up to it were used
_SLOTS_IN_BUCKET = 8
_BUCKET = _SLOT.size * _SLOTS_IN_BUCKET


class Counts:
    """Which counts each nonce was used with; exact for all processes that were forked from its maker."""

    def __init__(self, buckets: int = 8192) -> None:
        """buckets: each holds eight nonces; 8192 are for some two hundred phones a second."""
        self._buckets, self._lock = buckets, threading.Lock()
        self._file = os.memfd_create("nonces")
        os.ftruncate(self._file, buckets * _BUCKET)
        self._map = mmap.mmap(self._file, buckets * _BUCKET)

    def __del__(self) -> None:
        os.close(self._file)

    def used(self, chance: bytes, made_at: int, count: int, now: int) -> bool:
        """Note a count of a nonce; return True where it was used before, is too old to tell, or finds no room."""
        start = int.from_bytes(chance[:4]) % self._buckets * _BUCKET
        with self._lock:  # file locks are of a whole process
            fcntl.lockf(self._file, fcntl.LOCK_EX, _BUCKET, start)
            try:
                return self._used(range(start, start + _BUCKET, _SLOT.size), chance, made_at, count, now)
            finally:
                fcntl.lockf(self._file, fcntl.LOCK_UN, _BUCKET, start)

    def _used(self, places: range, chance: bytes, made_at: int, count: int, now: int) -> bool:
        free = None
        for place in places:
            whose, since, highest, seen = _SLOT.unpack_from(self._map, place)
            if whose == chance and since == made_at:
                ahead = count - highest
                if ahead > 0:
                    highest, seen = count, (seen << min(ahead, 64) | 1) & 0xFFFF_FFFF_FFFF_FFFF
                elif ahead > -64 and not seen >> -ahead & 1:  # of two requests under way, the later one came first
                    seen |= 1 << -ahead
                else:
                    return True
                _SLOT.pack_into(self._map, place, chance, made_at, highest, seen)
                return False
            if since + LIFE < now:
                free = place
        if free is None:
            return True
        _SLOT.pack_into(self._map, free, chance, made_at, count, 1)
        return False


class Nonces:
    """Makes nonces and knows its own; safe to share between threads."""

    def __init__(self, key: bytes, counts: Counts | None = None, now: Callable[[], float] = time.time) -> None:
        """key: the server's; counts: shared with the other processes, else of this one alone; now: UTC, seconds."""
        self._key, self._counts, self._now = key, counts or Counts(), now

    def new(self) -> str:
        """Return a nonce, 44 hexadecimal digits."""
        inner = int(self._now()).to_bytes(_TIME) + os.urandom(_CHANCE)
        return (inner + self._signature(inner)).hex()

    def judge(self, nonce: str) -> str:
        """Return `fresh`, `stale` for one of ours past its time, or `foreign`."""
        whole = _bytes(nonce)
        inner = whole[: _TIME + _CHANCE]
        if not hmac.compare_digest(whole[_TIME + _CHANCE :], self._signature(inner)):
            return "foreign"
        age = int(self._now()) - int.from_bytes(inner[:_TIME])
        return "fresh" if -_EARLY <= age < LIFE else "stale"

    def used(self, nonce: str, count: int) -> bool:
        """Note that one of ours was used with this count; return True where it must not be."""
        inner = _bytes(nonce)
        return self._counts.used(inner[_TIME : _TIME + _CHANCE], int.from_bytes(inner[:_TIME]), count, int(self._now()))

    def _signature(self, inner: bytes) -> bytes:
        return hmac.new(self._key, b"nonce:" + inner, hashlib.sha256).digest()[:_SIGNATURE]


def _bytes(nonce: str) -> bytes:
    try:
        return bytes.fromhex(nonce)
    except ValueError:
        return b""
