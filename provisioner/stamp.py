"""A number that moves with every write to the store, and that all processes read for next to nothing.

Sixteen bytes in a file that everyone maps into memory: how many writes have begun, and the number of
the last one that has ended. Where both are the same nobody writes, and what was true at that number
still is; where they differ, whoever wants to know asks the database.
"""

from __future__ import annotations

import mmap
import os
import struct
import time
from pathlib import Path

_TWO = struct.Struct("=QQ")
_ONE = struct.Struct("=Q")
_LOOK_EVERY = 1.0  # seconds; somebody may have taken the file away, and the next process made another


class Stamp:
    """The number of one store; safe to share between threads and processes."""

    def __init__(self, path: Path, read_only: bool = False) -> None:
        """path: of the file, which is made where it is missing; where that cannot be, `read` never knows."""
        self._path, self._read_only = path, read_only
        self._map: mmap.mmap | None = None
        self._file = 0
        self._open()

    def _open(self) -> None:
        self._look_at = time.monotonic() + _LOOK_EVERY
        try:
            fd = os.open(self._path, os.O_RDONLY if self._read_only else os.O_RDWR | os.O_CREAT, 0o600)
        except OSError:
            self._map = None
            return
        try:
            self._file = os.fstat(fd).st_ino
            if not self._read_only and os.fstat(fd).st_size < _TWO.size:
                os.pwrite(fd, _ONE.pack(time.time_ns()), 0)  # never a number that an earlier file had; unequal until the first write has ended
                os.pwrite(fd, _ONE.pack(0), _ONE.size)
            self._map = mmap.mmap(fd, _TWO.size, access=mmap.ACCESS_READ if self._read_only else mmap.ACCESS_WRITE)
        except (OSError, ValueError):  # the latter: an empty file
            self._map = None
        finally:
            os.close(fd)

    def read(self) -> int:
        """Return the number while nobody writes, else 0."""
        if time.monotonic() > self._look_at:
            self._look()
        if self._map is None:
            return 0
        begun, ended = _TWO.unpack_from(self._map)
        return int(ended) if begun == ended else 0

    def _look(self) -> None:
        """Take the file that is there now."""
        try:
            same = os.stat(self._path).st_ino == self._file
        except OSError:
            same = False
        if same and self._map is not None:
            self._look_at = time.monotonic() + _LOOK_EVERY
        else:
            self._open()

    def begin(self) -> int:
        """Say that a write begins, which nobody else does meanwhile; return its number."""
        if self._map is None or self._read_only:
            return 0
        number = int(_ONE.unpack_from(self._map)[0]) + 1
        _ONE.pack_into(self._map, 0, number)
        return number

    def end(self, number: int) -> None:
        """Say that the write of this number has ended, whether it was kept or taken back.

        The next one may have begun already: the lower number then never takes the place of a higher one,
        and where two meet just here the numbers differ until the next write, which costs time alone.
        """
        if self._map is not None and number and number > _ONE.unpack_from(self._map, _ONE.size)[0]:
            _ONE.pack_into(self._map, _ONE.size, number)
