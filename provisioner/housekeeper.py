"""Events, from every process to the one that writes them.

`Sender` is what a booter's `log` is: it takes an event and returns at once. A thread of its own puts
their rows into a local datagram socket, as JSON, many at a time. `keep` reads that socket, in the one process that
writes events.db, and sweeps out what is old. Every queue has its bound; what does not fit is counted.
A full disk stops events, never phones.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from provisioner.errors import StoreTrouble
from provisioner.things import Event, EventRow

log = logging.getLogger("provisioner.housekeeper")

QUEUE = 10_000  # events of one process on their way
HELD = 50_000  # events in the housekeeper while the disk takes none
_DATAGRAM = 60_000  # bytes
_GATHER = 0.02  # seconds in which events come together
_WORD_EVERY = 2.0  # seconds between two words of the housekeeper
_SWEEP_EVERY = 3600.0
WORD_FILE = "housekeeper.json"


class EventLog(Protocol):
    """Where events are kept; eventstore.EventStore is one."""

    def log_rows(self, rows: Sequence[EventRow]) -> None:
        """Keep events, as rows; raises StoreTrouble where the disk takes none."""

    def prune(self, before: str) -> int:
        """Forget events before a time (UTC, ISO 8601); return how many."""


def channel() -> tuple[socket.socket, socket.socket]:
    """Return the socket that processes send events into, and the one that the housekeeper reads."""
    sending, reading = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    sending.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
    return sending, reading


class Sender:
    """Sends one process's events; made after the process is."""

    def __init__(self, sending: socket.socket) -> None:
        """sending: of `channel`."""
        self.dropped = 0
        self._sending = sending
        self._queue: deque[str] = deque()
        self._bell, self._rung, self._ended = threading.Event(), False, False
        self._thread = threading.Thread(target=self._run, name="events", daemon=True)
        self._thread.start()

    def __call__(self, event: Event) -> None:
        """Take an event; where the queue is full it is counted and gone."""
        self.put(json.dumps(event.row))

    def put(self, row: str) -> None:
        """Take an event's row, as JSON."""
        if len(self._queue) >= QUEUE:
            self.dropped += 1
            return
        self._queue.append(row)
        if not self._rung:
            self._rung = True
            self._bell.set()

    def close(self, seconds: float = 1.0) -> None:
        """Send what is left, for at most these seconds."""
        self._ended = True
        self._bell.set()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._ended:
            self._bell.wait()
            if not self._ended:
                time.sleep(_GATHER)
            self._bell.clear()
            self._rung = False  # before the queue is emptied: what comes from here on rings again
            while self._queue:
                self._send()

    def _send(self) -> None:
        """Send as many rows as a datagram takes."""
        rows, size = [], 0
        while self._queue and size < _DATAGRAM // 2:
            rows.append(self._queue.popleft())
            size += len(rows[-1])
        dropped, self.dropped = self.dropped, 0
        try:
            self._sending.send(f'{{"dropped": {dropped}, "rows": [{",".join(rows)}]}}'.encode())
        except OSError:
            self.dropped += dropped + len(rows)


def keep(reading: socket.socket, store: EventLog, run_folder: Path, days: int, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
    """Write events until SIGTERM; runs in a process of its own, in its main thread.

    days: how long events are kept. What has been sent before SIGTERM is still written.
    """
    housekeeper = _Housekeeper(reading, store, run_folder, days, now)
    signal.signal(signal.SIGTERM, lambda *_: housekeeper.end())
    housekeeper.run()


class _Housekeeper:
    def __init__(self, reading: socket.socket, store: EventLog, run_folder: Path, days: int, now: Callable[[], datetime]) -> None:
        self._reading, self._store, self._folder, self._days, self._now = reading, store, run_folder, days, now
        self._held: deque[EventRow] = deque()
        self._news, self._ended = threading.Event(), threading.Event()
        self.written = self.dropped = 0
        self.trouble = ""

    def end(self) -> None:
        """Write what is there, and leave."""
        self._ended.set()
        self._news.set()

    def run(self) -> None:
        self._reading.settimeout(0.2)
        reader = threading.Thread(target=self._read, name="reader")
        reader.start()
        sweep_at = word_at = 0.0
        told = ""
        while not self._ended.is_set():
            self._write()
            clock = time.monotonic()
            if clock >= sweep_at:
                self._sweep()
                sweep_at = clock + _SWEEP_EVERY
            if clock >= word_at or told != self.trouble:
                self._word()
                word_at, told = clock + _WORD_EVERY, self.trouble
            self._news.wait(_WORD_EVERY)
            if not self._ended.is_set():
                self._ended.wait(1.0 if self.trouble else 0.05)  # a batch is cheaper than many single rows
            self._news.clear()
        reader.join()
        self._write()
        self._word()

    def _read(self) -> None:
        """Empty the socket into memory, so that a slow disk holds nobody up."""
        while True:
            try:
                self._take(json.loads(self._reading.recv(1 << 20)))
            except TimeoutError:
                if self._ended.is_set():
                    return
            except (OSError, ValueError, TypeError, KeyError) as fault:
                log.error("an event could not be read: %s", type(fault).__name__)
                if isinstance(fault, OSError):
                    return

    def _take(self, packet: dict[str, Any]) -> None:
        self.dropped += packet["dropped"]
        rows = packet["rows"]
        fitting = rows[: max(0, HELD - len(self._held))]
        self._held.extend(fitting)
        self.dropped += len(rows) - len(fitting)
        self._news.set()

    def _write(self) -> None:
        batch = list(self._held)
        if not batch:
            return
        try:
            self._store.log_rows(batch)
        except StoreTrouble as why:
            if not self.trouble:
                log.error("events are not written: %s", why)
            self.trouble = str(why)
            return
        if self.trouble:
            log.warning("events are written again")
        self.trouble = ""
        self.written += len(batch)
        for _ in batch:
            self._held.popleft()

    def _sweep(self) -> None:
        try:
            self._store.prune((self._now() - timedelta(days=self._days)).isoformat(timespec="milliseconds"))
        except StoreTrouble as why:
            log.error("old events stay: %s", why)
            self.trouble = str(why)  # `health` says it before the first event is lost; one that is written takes it back

    def _word(self) -> None:
        """Leave a word of how it goes, for `health`."""
        word = {"at": time.time(), "written": self.written, "dropped": self.dropped, "held": len(self._held), "trouble": self.trouble}
        try:
            put_file(self._folder / WORD_FILE, json.dumps(word))
        except OSError as why:
            log.debug("no word left: %s", why)


def put_file(file: Path, text: str) -> None:
    """Write a small file whole or not at all; raises OSError."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    fresh.write_text(text, "utf-8")
    os.replace(fresh, file)
