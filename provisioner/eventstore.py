"""What became of requests, kept: the second file, which may be lost without losing a phone (D17, D18).

One row a request of a known phone. Requests for MACs that nobody added are one row a network
(/24, or /64 of IPv6), family and minute, with a count, so that a sweep of MACs fills no disk.
The waiting list holds the phones that asked and were not known, at most WAITING of them.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from provisioner.errors import Conflict, StoreTrouble
from provisioner.migrations import events as history
from provisioner.records import made, migrate, opened, sqlite3, trouble, writable, writing
from provisioner.things import EVENT_ROW, Event, EventRow

FILE = "events.db"
WAITING = 1000
ROWS = 1_000_000  # events at most; about 300 MB
_CHUNK = 2_000  # rows that are forgotten in one go, so that nobody waits for the sweeper
_LONGEST = 1000  # characters of one field
_COLUMNS = tuple(name for name in EVENT_ROW if name != "held")  # in the order of a row, whose last place the bucket takes
assert (*_COLUMNS, "held") == EVENT_ROW
_OUTCOME, _KNOWN, _MAC, _WIRE = (EVENT_ROW.index(name) for name in ("outcome", "known", "mac", "wire"))
_OURS = ("sip", "xcap")  # what this server asked itself, which nobody else can make by the thousand
_INSERT = f"INSERT INTO events ({', '.join(_COLUMNS)}, bucket) VALUES ({', '.join('?' * len(_COLUMNS))}, ?)"
_TAKE = _INSERT.replace("INSERT", "INSERT OR IGNORE")


@dataclass(frozen=True)
class Waiting:
    """A phone that asked and was not known: who it seems to be, from where, when, how often.

    candidates: the families that could be asking; one where it is certain.
    """

    mac: str
    family: str
    model: str
    address: str
    first_at: str
    last_at: str
    times: int
    sentence: str
    firmware: str = ""
    candidates: tuple[str, ...] = ()


class EventStore:
    """Holds events.db open; safe to share between threads, written by one process."""

    def __init__(self, path: Path) -> None:
        """Open the file, bringing its schema up to date; raises StoreTrouble."""
        self._path = path
        self._lock = threading.Lock()
        with trouble(path, OSError):
            read_only = path.exists() and not writable(path)
            if not read_only:
                made(path)
            self._db = opened(path, read_only, "NORMAL")
            if not read_only:
                migrate(self._db, history, path)

    @classmethod
    def open(cls, state: Path) -> EventStore:
        """Return the event store of a state folder, which is made where it is missing."""
        with trouble(state, OSError):
            state.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(state / FILE)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    def log(self, events: Sequence[Event]) -> None:
        """Keep events, all or none of them; raises StoreTrouble where the disk takes none."""
        self.log_rows([event.row for event in events])

    def log_rows(self, rows: Sequence[EventRow]) -> None:
        """Keep events, as `Event.row` gives them; see `log`."""
        try:
            with self._lock, trouble(self._path), writing(self._db):
                for counted, run in groupby(rows, _counted):
                    if counted:
                        for row in run:
                            self._count(Event.of_row(row))
                    else:
                        self._keep([_plain_row(row) for row in run])
        except (Conflict, ValueError, TypeError) as why:  # an event of no shape of ours; the writer of events must not end by it
            raise StoreTrouble(f"{self._path}: {why}") from None

    def take(self, events: Sequence[Event], origin: str) -> int:
        """Keep events that another server has left, each once however often it is brought; return how many are new. origin: in what it was brought."""
        with self._lock, trouble(self._path), writing(self._db):
            return sum(self._db.execute(_TAKE, [*_plain_row(event.row)[:-1], f"{origin} {_digest(event)}"]).rowcount for event in events)

    def _keep(self, rows: list[list[Any]]) -> None:
        """Keep a row of each event; a phone that is known waits no more."""
        self._db.executemany(_INSERT, rows)
        if self._db.execute("SELECT 1 FROM waiting LIMIT 1").fetchone():
            self._db.executemany("DELETE FROM waiting WHERE mac = ?", {(row[_MAC],) for row in rows})

    def _count(self, event: Event) -> None:
        """Add a request of a phone that is not known to those of its network, family and minute; keep the phone where it waits."""
        bucket = f"{event.outcome} {_network(event.address)} {event.family} {event.at[:16]}"
        counted = self._db.execute("UPDATE events SET times = times + ?, at = ? WHERE bucket = ?", (event.times, event.at, bucket))
        if not counted.rowcount:
            self._db.execute(_INSERT, [*_plain_row(event.row)[:-1], bucket])
        if event.held is not None and event.mac:
            self._db.execute(
                "INSERT INTO waiting VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (mac) DO UPDATE SET family = coalesce(nullif(excluded.family, ''), family),"
                " model = coalesce(nullif(excluded.model, ''), model), address = excluded.address, last_at = excluded.last_at,"
                " times = times + excluded.times, sentence = excluded.sentence, firmware = coalesce(nullif(excluded.firmware, ''), firmware),"
                " candidates = CASE WHEN excluded.candidates = '[]' THEN candidates ELSE excluded.candidates END",
                (
                    event.mac, event.family, _plain(event.model), event.address, event.at, event.at, event.times, _plain(event.sentence),
                    _plain(event.firmware), json.dumps(event.held),
                ),
            )  # fmt: skip
            self._db.execute("DELETE FROM waiting WHERE mac IN (SELECT mac FROM waiting ORDER BY last_at DESC, mac LIMIT -1 OFFSET ?)", (WAITING,))

    def events(self, mac: str = "", after: int = 0, limit: int = 100) -> list[Event]:
        """Return events of a phone, or of all, the newest last: the last `limit`, or the first `limit` with an id above `after`."""
        if after:
            rows = self._rows("SELECT * FROM events WHERE id > ? AND (? = '' OR mac = ?) ORDER BY id LIMIT ?", after, mac, mac, limit)
        elif mac:
            rows = self._rows("SELECT * FROM events WHERE mac = ? ORDER BY id DESC LIMIT ?", mac, limit)[::-1]
        else:
            rows = self._rows("SELECT * FROM events ORDER BY id DESC LIMIT ?", limit)[::-1]
        return [Event(row["id"], **{name: row[name] for name in _COLUMNS if name != "known"}, known=bool(row["known"])) for row in rows]

    def fetched(self) -> set[str]:
        """Return the MACs of all phones that got a file."""
        return {row["mac"] for row in self._rows("SELECT DISTINCT mac FROM events WHERE outcome IN ('served', 'not-modified') AND known AND mac != ''")}

    def last_fetches(self, macs: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Return when and from which address each of these phones last got a file of this server's; those that never did are left out."""
        rows = self._rows(
            "SELECT last.mac, last.at, last.address FROM json_each(?) AS asked JOIN events AS last ON last.id = (SELECT id FROM events"
            " WHERE mac = asked.value AND known AND bucket IS NULL AND outcome IN ('served', 'not-modified') ORDER BY id DESC LIMIT 1)",
            json.dumps(macs),
        )  # fmt: skip
        return {row["mac"]: (row["at"], row["address"]) for row in rows}

    def by_hour(self, since: str, macs: Sequence[str] | None = None) -> list[tuple[str, int, int]]:
        """Return (hour as 2026-01-02T03, how many phones got their files in it, asks that failed) of known phones since a time; macs: only of these."""
        rows = self._rows(
            "SELECT substr(at, 1, 13) AS hour, count(DISTINCT CASE WHEN outcome IN ('served', 'not-modified') THEN mac END) AS good,"
            " sum(CASE WHEN outcome IN ('refused', 'failed') THEN times ELSE 0 END) AS bad FROM events"
            f" WHERE at >= ? AND known AND mac != '' {_AMONG} GROUP BY hour ORDER BY hour",
            since, *_among(macs),
        )  # fmt: skip
        return [(row["hour"], row["good"], row["bad"]) for row in rows]

    def failing(self, since: str, most: int, macs: Sequence[str] | None = None) -> list[tuple[str, int, str, str]]:
        """Return (MAC, how often, time and sentence of the last one) of known phones that were refused or failed, and got no file since; the latest first."""
        rows = self._rows(
            "SELECT bad.mac, bad.times, events.at, events.sentence FROM (SELECT mac, sum(times) AS times, max(id) AS last FROM events"
            f" WHERE at >= ? AND known AND mac != '' AND outcome IN ('refused', 'failed') {_AMONG} GROUP BY mac) AS bad JOIN events ON events.id = bad.last"
            " WHERE NOT EXISTS (SELECT 1 FROM events AS later WHERE later.mac = bad.mac AND later.id > bad.last AND later.outcome IN ('served', 'not-modified'))"
            " ORDER BY bad.last DESC LIMIT ?",
            since, *_among(macs), most,
        )  # fmt: skip
        return [tuple(row) for row in rows]

    def waiting(self) -> list[Waiting]:
        """Return the phones that wait to be added, the latest first."""
        rows = self._rows("SELECT * FROM waiting ORDER BY last_at DESC, mac")
        return [Waiting(**{**dict(zip(row.keys(), row, strict=True)), "candidates": tuple(json.loads(row["candidates"]))}) for row in rows]

    def forget(self, mac: str) -> None:
        """Take a phone off the waiting list."""
        with self._lock, trouble(self._path):
            self._db.execute("DELETE FROM waiting WHERE mac = ?", (mac,))

    def prune(self, before: str, most: int = ROWS) -> int:
        """Forget events before a time (UTC, ISO 8601), and the oldest of more than `most`; return how many.

        A few at a time, so that nobody waits for it.
        """
        last = self._rows("SELECT id FROM events ORDER BY id DESC LIMIT 1 OFFSET ?", most)
        return self._forget("at < ?", before) + (self._forget("id <= ?", last[0]["id"]) if last else 0)

    def _forget(self, condition: str, value: object) -> int:
        gone, chunk = 0, _CHUNK
        while chunk == _CHUNK:
            with self._lock, trouble(self._path):
                chunk = int(self._db.execute(f"DELETE FROM events WHERE id IN (SELECT id FROM events WHERE {condition} LIMIT {_CHUNK})", (value,)).rowcount)
            gone += chunk
        return gone

    def _rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        with self._lock, trouble(self._path):
            rows: list[sqlite3.Row] = self._db.execute(sql, values).fetchall()
            return rows


_AMONG = "AND (? IS NULL OR mac IN (SELECT value FROM json_each(?)))"


def _among(macs: Sequence[str] | None) -> tuple[str | None, str | None]:
    text = None if macs is None else json.dumps(macs)
    return text, text


def _digest(event: Event) -> str:
    """Return what an event is told from others by, whether its phone was known here or not."""
    return hashlib.sha256(json.dumps(replace(event, known=False).row).encode()).hexdigest()


def _counted(row: EventRow) -> bool:
    """Return True for requests that anybody can make by the thousand: for MACs nobody added, and for none at all."""
    return row[_WIRE] not in _OURS and (row[_OUTCOME] == "unknown" or not row[_KNOWN] or not row[_MAC])


def _plain_row(row: EventRow) -> list[Any]:
    """Return an event's values as the table takes them, its last place free for the bucket."""
    text = "".join([value for value in row if type(value) is str])
    if text.isprintable() and len(text) <= _LONGEST:  # as nearly all are
        return [*row[:-1], None]
    return [*(_plain(value) if type(value) is str else value for value in row[:-1]), None]


def _plain(text: str) -> str:
    """Return text with what no terminal and no database should meet as escapes: phones choose paths, models and versions."""
    if text.isprintable() and len(text) <= _LONGEST:
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text[:_LONGEST])[:_LONGEST]


def _network(address: str) -> str:
    """Return the network that requests for unknown MACs are counted by; nowhere counts as one."""
    if not address:
        return "nowhere"
    here = ipaddress.ip_address(address)
    return str(ipaddress.ip_network(f"{here}/{24 if here.version == 4 else 64}", strict=False))
