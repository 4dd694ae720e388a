"""Events in a file of text, one JSON object a line: what a bundle brings home, written on a laptop and read without trust."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from provisioner import mac, things
from provisioner.errors import BadMAC, BadValue, NotHere, StoreTrouble
from provisioner.things import EVENT_ROW, Event, EventRow
from provisioner.wire import STATUS

FILE = "events.jsonl"
LARGEST = 64_000_000  # bytes; no guesser of MACs fills a stick
_LONGEST = 16_000  # bytes of one line
_WIRES = ("http", "https", "tftp")
_TEXTS = tuple(name for name in EVENT_ROW if name not in ("ms", "status", "bytes", "times", "known", "held"))
_MOST = {"status": 599, "bytes": 2**40, "times": 2**31}


class EventFile:
    """Appends events to a file; a housekeeper's EventLog."""

    def __init__(self, path: Path) -> None:
        """path: of the file, which is made with the first event, for its owner alone."""
        self._path = path

    def log_rows(self, rows: Sequence[EventRow]) -> None:
        """Bring events to the disk, as `Event.row` gives them; raises StoreTrouble."""
        body = b"".join(json.dumps(dict(zip(EVENT_ROW, row, strict=True))).encode() + b"\n" for row in rows)
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
            try:
                size = os.fstat(fd).st_size
                if size + len(body) > LARGEST:
                    raise StoreTrouble(f"{self._path} is full; `provisioner import events` brings it home, then move it away")
                torn = size and os.pread(fd, 1, size - 1) != b"\n"  # the power went while it was written
                os.write(fd, b"\n" + body if torn else body)
                os.fsync(fd)
            finally:
                os.close(fd)
        except OSError as fault:
            raise StoreTrouble(f"{self._path} takes no events ({fault.strerror}); phones are answered all the same") from None

    def prune(self, before: str) -> int:
        """Forget nothing: what is old goes when it has come home."""
        return 0


def read(path: Path, since: datetime, until: datetime) -> tuple[list[Event], int]:
    """Return the events of a file, and how many lines are none: what is not as we write it, or of another time.

    since, until: UTC, between which an event can be. Raises NotHere, BadValue, StoreTrouble.
    """
    events, bad = [], 0
    for line in _body(path).splitlines():
        try:
            event = _event(line)
            if not since - timedelta(days=1) <= datetime.fromisoformat(event.at) <= until + timedelta(days=1):
                raise ValueError("of another time")
        except (ValueError, TypeError, RecursionError, BadMAC):
            bad += 1
        else:
            events.append(event)
    return events, bad


def latest(path: Path) -> datetime | None:
    """Return the time of the last event in a file, or None where there is none that can be read."""
    try:
        lines = _body(path).splitlines()
    except (NotHere, BadValue, StoreTrouble):
        return None
    for line in reversed(lines):
        try:
            return datetime.fromisoformat(_event(line).at)
        except (ValueError, TypeError, RecursionError, BadMAC):
            continue
    return None


def _body(path: Path) -> bytes:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            body = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise NotHere(f"there is no {path}: this bundle has served nobody yet") from None
    except OSError as fault:
        raise StoreTrouble(f"{path} cannot be read ({fault.strerror}); check its mode and the disk") from None
    if len(body) > LARGEST:
        raise BadValue(f"{path} is larger than any that a server writes; nothing of it was taken")
    return body


def _event(line: bytes) -> Event:
    """Return the event of a line; raises ValueError, TypeError or BadMAC where it is not as `EventFile` writes it."""
    said: dict[str, Any] = json.loads(line) if len(line) <= _LONGEST else {}
    if not isinstance(said, dict) or set(said) != set(EVENT_ROW):
        raise ValueError("not an event")
    for name in _TEXTS:
        if not isinstance(said[name], str) or len(said[name]) > _LONGEST:
            raise ValueError(name)
    for name, most in _MOST.items():
        if type(said[name]) is not int or not 0 <= said[name] <= most:
            raise ValueError(name)
    if type(said["ms"]) not in (int, float) or not 0 <= said["ms"] < 1e9 or type(said["known"]) is not bool:
        raise ValueError("ms or known")
    if said["mac"] and mac.parse(said["mac"]) != said["mac"]:
        raise ValueError("mac")
    if said["address"] and things.address(said["address"]) != said["address"]:
        raise ValueError("address")
    if said["outcome"] not in STATUS or said["wire"] not in _WIRES or not re.fullmatch("|[0-9a-f]{64}", said["sha256"]) or not re.fullmatch("[a-z0-9-]{0,64}", said["family"]):
        raise ValueError("outcome, wire, sha256 or family")
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", said["at"]):
        raise ValueError("at")
    return Event(0, **{**said, "held": None})
