"""What became of requests, kept: the second file, which may be lost without losing a phone (D17, D18).

One row a request of a known phone. Requests for MACs that nobody added are one row a network
(/24, or /64 of IPv6), family and minute, with a count, so that a sweep of MACs fills no disk.
The waiting list holds the phones that asked and were not known, at most WAITING of them.
"""

from __future__ import annotations

import ipaddress
import os
import threading
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import sqlite_utils

from provisioner.migrations import events as history
from provisioner.records import sqlite3, trouble
from provisioner.things import Event

FILE = "events.db"
WAITING = 1000
_COLUMNS = tuple(field.name for field in fields(Event) if field.name != "id")
_INSERT = f"INSERT INTO events ({', '.join(_COLUMNS)}, bucket) VALUES ({', '.join('?' * len(_COLUMNS))}, ?)"


@dataclass(frozen=True)
class Waiting:
    """A phone that asked and was not known: who it seems to be, from where, when, how often."""

    mac: str
    family: str
    model: str
    address: str
    first_at: str
    last_at: str
    times: int
    sentence: str


class EventStore:
    """Holds events.db open; safe to share between threads, written by one process."""

    def __init__(self, path: Path) -> None:
        """Open the file, bringing its schema up to date; raises StoreTrouble."""
        self._path = path
        self._lock = threading.Lock()
        with trouble(path):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            self._db: sqlite3.Connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._db.row_factory = sqlite3.Row
            for pragma in ("busy_timeout=5000", "trusted_schema=OFF", "journal_mode=WAL", "synchronous=NORMAL"):
                self._db.execute(f"PRAGMA {pragma}")
            history.apply(sqlite_utils.Database(self._db))

    @classmethod
    def open(cls, state: Path) -> EventStore:
        """Return the event store of a state folder, which is made where it is missing."""
        with trouble(state):
            state.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(state / FILE)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def log(self, events: list[Event]) -> None:
        """Keep events, all or none of them; raises StoreTrouble where the disk takes none."""
        with self._lock, trouble(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for event in events:
                    self._keep(event)
                self._db.execute(f"DELETE FROM waiting WHERE mac NOT IN (SELECT mac FROM waiting ORDER BY last_at DESC, mac LIMIT {WAITING})")
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise

    def _keep(self, event: Event) -> None:
        if not _counted(event):
            self._db.execute(_INSERT, (*astuple(event)[1:], None))
            if event.mac and event.outcome in ("served", "not-modified"):
                self._db.execute("DELETE FROM waiting WHERE mac = ?", (event.mac,))
            return
        bucket = f"{event.outcome} {_network(event.address)} {event.family} {event.at[:16]}"
        counted = self._db.execute("UPDATE events SET times = times + ?, at = ? WHERE bucket = ?", (event.times, event.at, bucket))
        if not counted.rowcount:
            self._db.execute(_INSERT, (*astuple(event)[1:], bucket))
        if event.outcome == "unknown" and event.mac:
            self._db.execute(
                "INSERT INTO waiting VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (mac) DO UPDATE SET family = coalesce(nullif(excluded.family, ''), family),"
                " model = coalesce(nullif(excluded.model, ''), model), address = excluded.address, last_at = excluded.last_at,"
                " times = times + excluded.times, sentence = excluded.sentence",
                (event.mac, event.family, event.model, event.address, event.at, event.at, event.times, event.sentence),
            )

    def events(self, mac: str = "", after: int = 0, limit: int = 100) -> list[Event]:
        """Return the last `limit` events of a phone, or of all, with an id above `after`, the oldest first."""
        sql = "SELECT * FROM events WHERE id > ? AND (? = '' OR mac = ?) ORDER BY id DESC LIMIT ?"
        return [Event(**{field.name: row[field.name] for field in fields(Event)}) for row in reversed(self._rows(sql, after, mac, mac, limit))]

    def waiting(self) -> list[Waiting]:
        """Return the phones that wait to be added, the latest first."""
        return [Waiting(*row) for row in self._rows("SELECT * FROM waiting ORDER BY last_at DESC, mac")]

    def forget(self, mac: str) -> None:
        """Take a phone off the waiting list."""
        with self._lock, trouble(self._path):
            self._db.execute("DELETE FROM waiting WHERE mac = ?", (mac,))

    def prune(self, before: str) -> int:
        """Forget events before a time (UTC, ISO 8601); return how many."""
        with self._lock, trouble(self._path):
            return int(self._db.execute("DELETE FROM events WHERE at < ?", (before,)).rowcount)

    def _rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._lock, trouble(self._path):
            rows: list[sqlite3.Row] = self._db.execute(sql, values).fetchall()
            return rows


def _counted(event: Event) -> bool:
    """Return True for requests that anybody can make by the thousand: for MACs nobody added, and for names nobody knows."""
    return event.outcome == "unknown" or not event.mac or (event.outcome == "missing" and not event.rule)


def _network(address: str) -> str:
    """Return the network that requests for unknown MACs are counted by; nowhere counts as one."""
    if not address:
        return "nowhere"
    here = ipaddress.ip_address(address)
    return str(ipaddress.ip_network(f"{here}/{24 if here.version == 4 else 64}", strict=False))
