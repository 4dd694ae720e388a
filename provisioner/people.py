"""Who may come in by the admin's door, kept: operators, what their browsers and programs show, one-time links.

Only hashes of what opens a door are kept: argon2id of passwords, SHA-256 of what is random anyway.
What changes an operator, a key or a session is a change like any other, in the history of `changes`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from provisioner import kinds
from provisioner.changes import Transaction
from provisioner.errors import BadValue, UnknownName, nearest
from provisioner.records import sqlite3
from provisioner.store import Store

ROLES = ("owner", "admin", "helpdesk", "reader")  # each may do what those behind it may


@dataclass(frozen=True)
class Operator:
    """A person who may sign in.

    sites: the short names of those that he is bound to; none is all. password: its argon2id hash; empty until
    its one-time link was used. language: a tag of language.py. timezone: IANA, in which times are shown.
    """

    name: str
    role: str = "reader"
    sites: tuple[str, ...] = ()
    language: str = "en"
    timezone: str = "UTC"
    password: str = field(default="", repr=False)
    made_at: str = ""

    def __post_init__(self) -> None:
        """Check what a person can say; raises BadValue, UnknownName."""
        name = str(self.name)
        if not 1 <= len(name) <= 64 or not all(char.isalnum() or char in "-_.@" for char in name):
            raise BadValue(f"name: {name[:70]!r} cannot be signed in with; use 1 to 64 letters, digits and - _ . @")
        if self.role not in ROLES:
            raise UnknownName(f"there is no role {self.role!r}{nearest(self.role, ROLES)}; there are {', '.join(ROLES)}")
        if self.role == "owner" and self.sites:
            raise BadValue("sites: an owner has all of them; bind an admin, helpdesk or reader to sites")
        try:
            object.__setattr__(self, "timezone", kinds.Zone().read(self.timezone))
        except ValueError as why:
            raise BadValue(f"timezone: {why}") from None


@dataclass(frozen=True)
class Session:
    """What a browser shows once its operator has signed in. hash: of the cookie."""

    hash: str
    operator: str
    made_at: str
    seen_at: str
    address: str = ""
    agent: str = ""


@dataclass(frozen=True)
class ApiKey:
    """What a program shows. prefix: its first characters, by which it is named; expires_at: UTC, empty is never."""

    prefix: str
    hash: str = field(repr=False)
    operator: str
    label: str
    role: str
    sites: tuple[str, ...]
    made_at: str
    expires_at: str
    used_at: str = ""


@dataclass(frozen=True)
class Link:
    """A link that sets a password once. operator: whose; empty makes the first owner."""

    operator: str
    expires_at: str


@dataclass(frozen=True)
class Answer:
    """What an ask with an idempotency key was answered. asked: the digest of what it was."""

    asked: str
    status: int
    headers: Mapping[str, str]
    body: str


def hashed(secret: str) -> str:
    """Return the SHA-256 of something random of 128 bits or more, under which it is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


class People:
    """Reads and writes who may come in; safe to share between threads, as its store is."""

    def __init__(self, store: Store) -> None:
        """store: the whole of it, not what one operator sees."""
        self._store = store

    # Operators

    def operators(self) -> list[Operator]:
        """Return all, by name."""
        return [_operator(row) for row in self._rows("SELECT * FROM operators ORDER BY name")]

    def operator(self, name: str) -> Operator | None:
        """Return the operator of this name, or None."""
        return next((_operator(row) for row in self._rows("SELECT * FROM operators WHERE name = :name", name=name)), None)

    def any(self) -> bool:
        """Return True where somebody could sign in."""
        return bool(self._rows("SELECT 1 FROM operators WHERE password != '' LIMIT 1"))

    def put_operator(self, tx: Transaction, operator: Operator) -> bool:
        """Add an operator, or replace the one of his name; True where that changed something."""
        before = self.operator(operator.name)
        if before == operator:
            return False
        tx.note("operator", operator.name, before and _plain(before), _plain(operator))
        tx.connection.execute(
            "INSERT INTO operators (name, password, role, sites, language, timezone, made_at) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
            " password = excluded.password, role = excluded.role, sites = excluded.sites, language = excluded.language, timezone = excluded.timezone",
            (operator.name, operator.password, operator.role, json.dumps(operator.sites), operator.language, operator.timezone, operator.made_at or self._at()),
        )
        return True

    def remove_operator(self, tx: Transaction, name: str) -> bool:
        """Take an operator away, with his sessions, keys and link."""
        before = self.operator(name)
        if before is None:
            return False
        tx.note("operator", name, _plain(before), None)
        tx.connection.execute("DELETE FROM links WHERE operator = ?", (name,))
        tx.connection.execute("DELETE FROM operators WHERE name = ?", (name,))
        return True

    # Sessions

    def start_session(self, tx: Transaction, secret: str, operator: str, address: str, agent: str) -> None:
        """Begin a session of an operator; secret: what goes into the cookie."""
        tx.note("session", operator, None, {"address": address, "agent": agent})
        at = self._at()
        tx.connection.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)", (hashed(secret), operator, at, at, address, agent))

    def session(self, secret: str) -> Session | None:
        """Return the session of a cookie, or None."""
        return next((_session(row) for row in self._rows("SELECT * FROM sessions WHERE hash = :hash", hash=hashed(secret))), None)

    def sessions(self, operator: str) -> list[Session]:
        """Return the sessions of an operator, the last seen first."""
        return [_session(row) for row in self._rows("SELECT * FROM sessions WHERE operator = :operator ORDER BY seen_at DESC, hash", operator=operator)]

    def seen(self, session: Session) -> None:
        """Remember that a session is in use."""
        with self._store.writing() as connection:
            connection.execute("UPDATE sessions SET seen_at = ? WHERE hash = ?", (self._at(), session.hash))

    def end_session(self, tx: Transaction, session: Session) -> bool:
        """End one session; what its cookie said counts no more."""
        if not tx.connection.execute("DELETE FROM sessions WHERE hash = ?", (session.hash,)).rowcount:
            return False
        tx.note("session", session.operator, {"address": session.address, "agent": session.agent}, None)
        return True

    def end_sessions(self, tx: Transaction, operator: str) -> int:
        """End all sessions of an operator; return how many."""
        return sum(self.end_session(tx, session) for session in self.sessions(operator))

    # Keys of programs

    def keys(self, operator: str = "") -> list[ApiKey]:
        """Return all keys, or those of one operator, the newest first."""
        return [_key(row) for row in self._rows("SELECT * FROM api_keys WHERE :operator IN ('', operator) ORDER BY made_at DESC, prefix", operator=operator)]

    def key(self, prefix: str) -> ApiKey | None:
        """Return the key that begins so, or None."""
        return next((_key(row) for row in self._rows("SELECT * FROM api_keys WHERE prefix = :prefix", prefix=prefix)), None)

    def put_key(self, tx: Transaction, key: ApiKey) -> None:
        """Add a key."""
        tx.note("api key", key.prefix, None, _plain(key))
        tx.connection.execute(
            "INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, '')",
            (key.prefix, key.hash, key.operator, key.label, key.role, json.dumps(key.sites), key.made_at or self._at(), key.expires_at),
        )

    def remove_key(self, tx: Transaction, prefix: str) -> bool:
        """Take a key away: it opens nothing any more."""
        before = self.key(prefix)
        if before is None:
            return False
        tx.note("api key", prefix, _plain(before), None)
        tx.connection.execute("DELETE FROM api_keys WHERE prefix = ?", (prefix,))
        return True

    def key_used(self, key: ApiKey) -> None:
        """Remember that a key is in use."""
        with self._store.writing() as connection:
            connection.execute("UPDATE api_keys SET used_at = ? WHERE prefix = ?", (self._at(), key.prefix))

    # One-time links

    def put_link(self, tx: Transaction, secret: str, link: Link) -> None:
        """Keep a link in place of the one that its operator had."""
        tx.note("link", link.operator or "first owner", None, {"expires_at": link.expires_at})
        tx.connection.execute("INSERT OR REPLACE INTO links VALUES (?, ?, ?)", (hashed(secret), link.operator, link.expires_at))

    def link(self, secret: str) -> Link | None:
        """Return the link of this secret, used or not yet expired, or None."""
        rows = self._rows("SELECT * FROM links WHERE hash = :hash AND expires_at > :now", hash=hashed(secret), now=self._at())
        return next((Link(row["operator"], row["expires_at"]) for row in rows), None)

    def take_link(self, tx: Transaction, secret: str) -> bool:
        """Use a link up; False where somebody was first."""
        return bool(tx.connection.execute("DELETE FROM links WHERE hash = ? AND expires_at > ?", (hashed(secret), self._at())).rowcount)

    # Asks that programs repeat

    def answered(self, who: str, key: str) -> Answer | None:
        """Return what this program's ask of this idempotency key was answered, or None."""
        rows = self._rows("SELECT * FROM repeated_asks WHERE who = :who AND key = :key", who=who, key=key)
        return next((Answer(row["asked"], row["status"], json.loads(row["headers"]), row["body"]) for row in rows), None)

    def put_answer(self, who: str, key: str, answer: Answer) -> None:
        """Keep an answer for when it is asked again."""
        with self._store.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO repeated_asks VALUES (?, ?, ?, ?, ?, ?, ?)", (who, key, answer.asked, answer.status, json.dumps(dict(answer.headers)), answer.body, self._at())
            )

    def forget_before(self, sessions_made: str, sessions_seen: str, answers: str) -> None:
        """Take away what has had its time: sessions made or last seen, and answers given, before these times; and links that have expired."""
        with self._store.writing() as connection:
            connection.execute("DELETE FROM sessions WHERE made_at < ? OR seen_at < ?", (sessions_made, sessions_seen))
            connection.execute("DELETE FROM repeated_asks WHERE at < ?", (answers,))
            connection.execute("DELETE FROM links WHERE expires_at <= ?", (self._at(),))

    def _at(self) -> str:
        return self._store.now().isoformat(timespec="seconds")

    def _rows(self, sql: str, **values: object) -> list[sqlite3.Row]:
        return list(self._store.stream(sql, values))


def _plain(thing: Operator | ApiKey) -> dict[str, Any]:
    """Return the fields of which history keeps the difference; what opens a door is there as a secret."""
    known = asdict(thing)
    if "hash" in known:
        known["password"] = known.pop("hash")
    return known


def _operator(row: sqlite3.Row) -> Operator:
    return Operator(row["name"], row["role"], tuple(json.loads(row["sites"])), row["language"], row["timezone"], row["password"], row["made_at"])


def _session(row: sqlite3.Row) -> Session:
    return Session(row["hash"], row["operator"], row["made_at"], row["seen_at"], row["address"], row["agent"])


def _key(row: sqlite3.Row) -> ApiKey:
    return ApiKey(
        row["prefix"], row["hash"], row["operator"], row["label"], row["role"], tuple(json.loads(row["sites"])), row["made_at"], row["expires_at"], row["used_at"]
    )
