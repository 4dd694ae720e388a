"""What is kept, read: rows to frozen values, in one SQLite file with a connection per thread.

Asking for what is not there is an answer (None); a disk that cannot is a StoreTrouble.
"""

from __future__ import annotations

import base64
import errno
import ipaddress
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import sqlite_utils
from sqlite_utils import Migrations
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]

from provisioner import things as t
from provisioner import tokens, vocabulary
from provisioner.errors import BadValue, Conflict, StoreTrouble
from provisioner.kinds import Endpoint
from provisioner.migrations import things as history
from provisioner.seal import Seal
from provisioner.stamp import Stamp
from provisioner.things import Account, Book, Change, Check, Contact, Device, Group, Key, Line, Site

_CACHE = 500  # KiB of pages of one connection; each thread has one, and the system keeps the file in memory anyway
PATIENCE = 5000  # milliseconds to wait for another process that writes
WANTED_SQLITE = (3, 51, 3)  # older ones can corrupt a WAL that several connections share

STAMP_FILE = "provisioner.stamp"
SITES = "sites"  # the note that holds the number of the last change of a site
LENT = "lent"  # the note of an excerpt: what the key of the server that it is of makes for its phones, sealed

_PAGE = 1_000  # rows that are taken from the database in one go

Layer = Mapping[str, Any]
_Thing = TypeVar("_Thing")


@contextmanager
def trouble(path: Path, *more: type[Exception]) -> Iterator[None]:
    """Turn what SQLite says, and `more` such as OSError, into a StoreTrouble with the cure."""
    faults: tuple[type[Exception], ...] = (sqlite3.Error, *more)
    try:
        yield
    except sqlite3.IntegrityError as fault:
        raise Conflict(f"that does not fit what is stored ({fault}); nothing was changed") from None
    except faults as fault:
        raise StoreTrouble(f"{path}: {_cure(fault)}") from None


_CURES = {
    "SQLITE_FULL": "the disk is full; free some space. Nothing was half-written",
    "SQLITE_READONLY": "it cannot be written (read-only disk, or another owner); phones are still answered",
    "SQLITE_PERM": "it cannot be written (read-only disk, or another owner); phones are still answered",
    "SQLITE_BUSY": "another process has held it for five seconds; try again",
    "SQLITE_LOCKED": "another process has held it for five seconds; try again",
    "SQLITE_NOTADB": "it is damaged or no database of ours; it was left as it is: put back a backup",
    "SQLITE_CORRUPT": "it is damaged or no database of ours; it was left as it is: put back a backup",
    "SQLITE_CANTOPEN": "it cannot be opened; check that the folder is there and is yours",
    "SQLITE_IOERR": "the disk did not take or give the data: full, over a limit, or failing; look at `df` and the system's log. Nothing was half-written",
}
_ERRNO = {
    errno.ENOSPC: "SQLITE_FULL", errno.EDQUOT: "SQLITE_FULL", errno.EFBIG: "SQLITE_FULL", errno.EROFS: "SQLITE_READONLY", errno.EACCES: "SQLITE_READONLY",
    errno.EPERM: "SQLITE_READONLY", errno.ENOENT: "SQLITE_CANTOPEN", errno.ENOTDIR: "SQLITE_CANTOPEN", errno.EIO: "SQLITE_IOERR",
}  # fmt: skip


def _cure(fault: Exception) -> str:
    name = _ERRNO.get(fault.errno or 0, "") if isinstance(fault, OSError) else str(getattr(fault, "sqlite_errorname", ""))
    plain = "_".join(name.split("_")[:2])  # SQLITE_IOERR_WRITE is an SQLITE_IOERR
    return _CURES.get(plain, f"the disk says: {fault}; look at the system's log")


def made(path: Path) -> None:
    """Make an empty file for its owner alone where there is none; raises OSError.

    A file that is there is not opened: closing any descriptor of it would drop the locks that
    SQLite holds on it for this process (sqlite.org/howtocorrupt.html, 2.2).
    """
    if not path.exists():
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            pass


def writable(path: Path) -> bool:
    """Return True where SQLite could write this file: the folder takes its WAL."""
    return all(os.access(place, os.W_OK, effective_ids=os.access in os.supports_effective_ids) for place in (path, path.parent))


def opened(path: Path, read_only: bool, synchronous: str) -> sqlite3.Connection:
    """Return a connection to a file of ours, for any thread, whose transactions we begin and end ourselves."""
    mode = "mode=rw"
    if read_only:
        # On a disk that takes no write SQLite cannot make the files that it wants beside a database; where no WAL lies there it can do without.
        mode = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "mode=ro&immutable=1"
    connection = sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True, isolation_level=None, check_same_thread=False, cached_statements=128)
    connection.row_factory = sqlite3.Row
    for pragma in (f"busy_timeout={PATIENCE}", "foreign_keys=ON", "trusted_schema=OFF", f"synchronous={synchronous}", f"cache_size=-{_CACHE}"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[None]:
    """Hold the one write transaction of a file; an exception takes everything back."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def migrate(connection: sqlite3.Connection, steps: Migrations, path: Path) -> None:
    """Bring a schema up to date, each step in a transaction of its own; two processes at once do it once.

    Raises StoreTrouble for a file that a later release wrote, or another program.
    """
    db = sqlite_utils.Database(connection)
    connection.execute("BEGIN")  # one view: another process may be migrating
    applied = [step.name for step in steps.applied(db)]
    others = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    connection.execute("COMMIT")
    later = set(applied) - {step.name for step in steps._migrations}
    if later:
        raise StoreTrouble(f"{path} was written by a later release ({max(later)}); upgrade this one, or restore a backup")
    if others and not applied:
        raise StoreTrouble(f"{path} is another program's database; it was left as it is: move it away, or name another folder as `state`")
    _switch_to_wal(connection)
    while steps.pending(db):
        with writing(connection):
            pending = [step.name for step in steps.pending(db)]  # asked again: another process may have been first
            if pending:
                steps.apply(db, stop_before=pending[1:2])


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Switch a file to WAL; SQLite does not wait where two processes switch at once, so we do."""
    until = time.monotonic() + PATIENCE / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


@dataclass(frozen=True)
class BootFacts:
    """What one phone's files are made of, read in one transaction.

    layers: what operators said, (scope, values), the weakest first (D2).
    lines:  (line, account, the account's layer, the line's layer).
    cleared_keys: (module, position) of keys that a group gave once, and that nobody says any more (F5).
    by_provider: what ships for the lines of an account's provider, by the provider's name as the account has it: (who says it, values).
    """

    device: Device
    site: Site
    layers: tuple[tuple[str, Layer], ...]
    lines: tuple[tuple[Line, Account, Layer, Layer], ...]
    keys: tuple[Key, ...]
    contacts: tuple[Contact, ...]
    cleared_keys: tuple[tuple[int, int], ...] = ()
    by_provider: Mapping[str, tuple[tuple[str, Layer], ...]] = field(default_factory=dict)


class Sites:
    """All sites at one moment. number: of the last change that touched one of them."""

    def __init__(self, number: int, sites: Mapping[str, Site]) -> None:
        """sites: by their short names."""
        self.number, self._sites = number, sites
        self._networks: dict[tuple[int, int], dict[int, str]] = {}
        for site in sites.values():
            for entry in site.networks:
                network = entry.parsed
                self._networks.setdefault((network.version, network.prefixlen), {})[int(network.network_address)] = site.slug
        self._lengths = sorted(self._networks, key=lambda kind: kind[1], reverse=True)

    def get(self, slug: str) -> Site | None:
        """Return the site of this name, or None."""
        return self._sites.get(slug)

    def of_address(self, address: str) -> Site | None:
        """Return the site whose narrowest network holds the address; else the default site."""
        if address:
            here = ipaddress.ip_address(address)
            number, bits = int(here), here.max_prefixlen
            for version, length in self._lengths:
                slug = self._networks[version, length].get(number >> (bits - length) << (bits - length)) if version == here.version else None
                if slug:
                    return self._sites[slug]
        return self._sites.get("default")


# What `devices` looks for in a device, its accounts among it.
_SEARCH = (
    "(instr(mac, :digits) OR instr(found_by, :search) OR instr(last_address, :search) OR"
    " mac IN (SELECT mac FROM lines JOIN accounts USING (sip_address) WHERE instr(accounts.found_by, :search)))"
)


def found_by(thing: Device | Account) -> str:
    """Return the words that a device or an account is found by, case-folded, one a line; its row keeps them, for SQLite folds ASCII alone."""
    if isinstance(thing, Device):
        return "\n".join((thing.name, thing.location, thing.model, thing.serial, thing.asset_tag)).casefold()
    return "\n".join((thing.sip_address, thing.username, thing.display_name, thing.email, thing.provider)).casefold()


class Devices:
    """Devices of one choice, by MAC. Each use asks the database anew and holds a few at a time: an inventory may be larger than the memory."""

    def __init__(self, records: Records, condition: str, values: Mapping[str, object]) -> None:
        """condition: SQL on the table devices; values: by their names in it."""
        self._records, self._condition, self._values = records, condition, values

    def within(self, sites: Iterable[str]) -> Devices:
        """Return those of them that stand in these sites."""
        return Devices(self._records, f"({self._condition}) AND site IN (SELECT value FROM json_each(:within))", {**self._values, "within": json.dumps(sorted(sites))})

    def __iter__(self) -> Iterator[Device]:
        """Yield all of them."""
        return map(self._records.device_of, self._records.stream(f"SELECT * FROM devices WHERE {self._condition} ORDER BY mac", self._values))

    def __len__(self) -> int:
        """Return how many there are."""
        return int(next(self._records.stream(f"SELECT count(*) FROM devices WHERE {self._condition}", self._values))[0])

    def __bool__(self) -> bool:
        """Return True where there is one."""
        return any(True for _ in self._records.stream(f"SELECT 1 FROM devices WHERE {self._condition} LIMIT 1", self._values))

    def macs(self) -> Iterator[str]:
        """Yield their MACs alone, which costs far less."""
        return (str(row[0]) for row in self._records.stream(f"SELECT mac FROM devices WHERE {self._condition} ORDER BY mac", self._values))

    def page(self, most: int, after: str = "") -> list[Device]:
        """Return the first of them, behind a MAC where one is said."""
        sql = f"SELECT * FROM devices WHERE mac > :after AND {self._condition} ORDER BY mac LIMIT :most"
        return [self._records.device_of(row) for row in self._records.stream(sql, {**self._values, "after": after, "most": most})]

    def tally(self, *columns: str) -> Counter[tuple[str, ...]]:
        """Return how many there are of each value of these fields, such as family and model."""
        names = ", ".join(columns)
        rows = self._records.stream(f"SELECT {names}, count(*) FROM devices WHERE {self._condition} GROUP BY {names} ORDER BY {names}", self._values)
        return Counter({tuple(row)[:-1]: row[-1] for row in rows})

    def sample(self, most: int) -> list[Device]:
        """Return at most so many: the first of every model, then the second of every model, and so on."""
        ranked = f"SELECT mac, row_number() OVER (PARTITION BY family, model ORDER BY mac) AS rank FROM devices WHERE {self._condition}"
        rows = self._records.stream(f"SELECT devices.* FROM devices JOIN ({ranked}) USING (mac) ORDER BY rank, mac LIMIT :most", {**self._values, "most": most})
        return [self._records.device_of(row) for row in rows]


class _Held:
    """A thread's hold on a connection, which is free for another thread when this one has ended.

    It is not closed there: the HTTP workers' threads leave after half a minute of rest, and the next one shall find it open.
    """

    def __init__(self, connection: sqlite3.Connection, free: list[sqlite3.Connection]) -> None:
        self.connection, self._free = connection, free

    def __del__(self) -> None:
        self._free.append(self.connection)


class Records:
    """Holds the database open; safe to share between threads."""

    def __init__(self, path: Path, seal: Seal, now: Callable[[], datetime] = lambda: datetime.now(UTC), read_only: bool = False) -> None:
        """Open the database, bringing its schema up to date."""
        self._path, self._seal, self._now, self._read_only = path, seal, now, read_only
        self._local, self._lock = threading.local(), threading.Lock()
        self._all: list[sqlite3.Connection] = []
        self._free: list[sqlite3.Connection] = []
        self.server_key: tokens.Key = seal.derive("tokens")
        self.own_key = seal.derive("tokens")
        self.reads_alone = False  # an excerpt of another server's store, which changes there and nowhere else
        self.faults: list[str] = []
        self.stamp = Stamp(path.with_name(STAMP_FILE), read_only)
        self._sites: tuple[int, Sites] | None = None  # and the stamp at which they were looked at
        with trouble(path, OSError):
            if not read_only:
                made(path)
                migrate(self._connection(), history, path)
            self._check()
            lent = self.meta(LENT)
            if lent:
                self.server_key, self.reads_alone = _lent(seal.open(lent, f"meta:{LENT}:value")), True

    @property
    def sqlite_version(self) -> tuple[int, ...]:
        """The version of SQLite that is in use."""
        return tuple(int(part) for part in sqlite3.sqlite_version.split("."))

    def now(self) -> datetime:
        """Return the time, UTC."""
        return self._now()

    def close(self) -> None:
        """Close every thread's connection."""
        with self._lock:
            for connection in self._all:
                connection.close()
            self._all, self._free = [], []
        self._local = threading.local()

    def _check(self) -> None:
        """Raise StoreTrouble where the file is damaged, or was sealed with another key."""
        sealed = self.meta("seal")
        if sealed:
            self._seal.open(sealed, "meta:seal:value")
        elif not self._read_only:
            with self.writing() as connection:
                connection.execute("INSERT INTO meta VALUES ('seal', ?) ON CONFLICT DO NOTHING", (self._seal.seal("opens", "meta:seal:value"),))

    def _connection(self) -> sqlite3.Connection:
        mine: _Held | None = getattr(self._local, "mine", None)
        if mine is None:
            mine = self._local.mine = _Held(self._free_one() or self._another(), self._free)
        return mine.connection

    def _free_one(self) -> sqlite3.Connection | None:
        try:
            return self._free.pop()
        except IndexError:
            return None

    def _another(self) -> sqlite3.Connection:
        connection = opened(self._path, self._read_only, "FULL")
        with self._lock:
            self._all.append(connection)
        return connection

    def _rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        try:
            rows: list[sqlite3.Row] = self._connection().execute(sql, values).fetchall()
            return rows
        except sqlite3.Error:
            with trouble(self._path):
                raise

    def stream(self, sql: str, values: Mapping[str, object]) -> Iterator[sqlite3.Row]:
        """Yield rows as they are asked for; values by their names in the statement."""
        with trouble(self._path):
            cursor = self._connection().execute(sql, values)
            while rows := cursor.fetchmany(_PAGE):
                yield from rows

    def _row(self, sql: str, *values: object) -> sqlite3.Row | None:
        rows = self._rows(sql, *values)
        return rows[0] if rows else None

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Hold one view of the database over several reads."""
        connection = self._connection()
        if connection.in_transaction:
            yield
            return
        with trouble(self._path):
            connection.execute("BEGIN")
        try:
            yield
        finally:
            with trouble(self._path):
                connection.execute("COMMIT")

    @contextmanager
    def writing(self, patience: int = PATIENCE) -> Iterator[sqlite3.Connection]:
        """Hold the one write transaction; an exception takes everything back.

        patience: milliseconds to wait for another process that writes; a phone's boot has few.
        """
        if self.reads_alone:
            raise StoreTrouble("what a bundle carries of another server is only read; change it there, and make the bundle again")
        connection = self._connection()
        with trouble(self._path):
            connection.execute(f"PRAGMA busy_timeout={patience}")
            number = 0
            try:
                with writing(connection):
                    number = self.stamp.begin()
                    yield connection
            finally:
                self.stamp.end(number)
                connection.execute(f"PRAGMA busy_timeout={PATIENCE}")

    # Things, one by one.

    def device(self, mac: str, with_secrets: bool = True) -> Device | None:
        """Return the device with this MAC, or None where nobody has added it.

        with_secrets: False opens nothing that is sealed, which is all that admission may see.
        """
        row = self._row("SELECT * FROM devices WHERE mac = ?", mac)
        return self.device_of(row, with_secrets) if row else None

    def devices(self, site: str = "", state: str = "", search: str = "", group: str = "", family: str = "", model: str = "", unseen: bool = False) -> Devices:
        """Return devices by MAC, read when they are asked for; all of what is said must hold.

        search: part of MAC, name, location, model, serial, asset tag or last address, or of what an account on it is found by (`addresses`), case-blind.
        unseen: only those that nobody has seen yet.
        """
        said = {"site": site, "state": state, "grp": group, "family": family, "model": model}
        conditions = [f"{column} = :{column}" for column, word in said.items() if word] + (["last_seen_at = ''"] if unseen else [])
        wanted = search.strip().casefold()
        if wanted:
            conditions.append(_SEARCH)
        digits = "".join(char for char in wanted if char not in ":-. ")
        return Devices(self, " AND ".join(conditions) or "true", {**said, "search": wanted, "digits": digits or wanted})

    def known(self, macs: Iterable[str]) -> list[str]:
        """Return which of these MACs are devices, in their order as text."""
        return [str(row["mac"]) for row in self._rows("SELECT mac FROM devices WHERE mac IN (SELECT value FROM json_each(?)) ORDER BY mac", json.dumps(list(macs)))]

    def account(self, sip_address: str) -> Account | None:
        """Return the account of this SIP address, or None."""
        row = self._row("SELECT * FROM accounts WHERE sip_address = ?", sip_address)
        return self._account(row) if row else None

    def account_of(self, username: str, domain: str) -> Account | None:
        """Return the account that has this username in this domain, or None."""
        row = self._row("SELECT * FROM accounts WHERE username = ? AND domain = ?", username, domain)
        return self._account(row) if row else None

    def check_of(self, sip_address: str) -> Check | None:
        """Return what this account's server said last of its facts as they are now, or None where it was not asked since."""
        row = self._row("SELECT * FROM account_checks WHERE sip_address = ?", sip_address)
        return _check(row) if row else None

    def fetch_of(self, sip_address: str) -> Check | None:
        """Return what became of the last fetch of this account's contacts with its facts as they are now, or None where none was tried since."""
        row = self._row("SELECT verdict, sentence, at FROM account_fetches WHERE sip_address = ?", sip_address)
        return Check(row["verdict"], row["sentence"], at=row["at"]) if row else None

    def checks(self) -> dict[str, Check]:
        """Return what servers said last, by SIP address; see `check_of`."""
        return {str(row["sip_address"]): _check(row) for row in self._rows("SELECT * FROM account_checks")}

    def fetches(self) -> dict[str, Check]:
        """Return what became of the last fetches of contacts, by SIP address; see `fetch_of`."""
        return {str(row["sip_address"]): Check(row["verdict"], row["sentence"], at=row["at"]) for row in self._rows("SELECT * FROM account_fetches")}

    def account_lines(self) -> list[Line]:
        """Return every line that has an account."""
        return [Line(row["mac"], row["n"], row["sip_address"]) for row in self._rows("SELECT * FROM lines ORDER BY mac, n")]

    def accounts_to_check(self, before: str) -> Iterator[Account]:
        """Yield accounts whose server was not asked since a time (UTC, ISO 8601), those that waited longest first; none that has no password, or was refused and is the same since (F27)."""
        return self._waiting_longest("account_checks", "password != ''", before)

    def accounts_to_fetch(self, before: str) -> Iterator[Account]:
        """Yield accounts with an XCAP root whose contacts were not fetched since a time, as `accounts_to_check` does."""
        return self._waiting_longest("account_fetches", "xcap_root != ''", before)

    def _waiting_longest(self, table: str, condition: str, before: str) -> Iterator[Account]:
        rows = self._rows(
            f"SELECT sip_address FROM accounts LEFT JOIN {table} USING (sip_address) WHERE {condition} AND (at IS NULL OR (verdict != 'refused' AND at <= ?)) ORDER BY coalesce(at, ''), sip_address", before
        )
        return (account for row in rows if (account := self.account(row["sip_address"])))

    def account_count(self, with_xcap: bool = False) -> int:
        """Return how many accounts there are, or how many have an XCAP root."""
        return int(self._rows("SELECT count(*) FROM accounts WHERE xcap_root != '' OR NOT ?", with_xcap)[0][0])

    def accounts(self) -> list[Account]:
        """Return every account, by SIP address."""
        return [self._account(row) for row in self._rows("SELECT * FROM accounts ORDER BY sip_address")]

    def addresses(self, search: str = "", after: str = "") -> Iterator[str]:
        """Yield the SIP addresses of accounts behind one, by the alphabet. search: part of the address, a name, the e-mail address or the provider, case-blind."""
        rows = self._rows(
            "SELECT sip_address FROM accounts WHERE sip_address > ? AND instr(found_by, ?) ORDER BY sip_address", after, search.strip().casefold(),
        )  # fmt: skip
        return (str(row["sip_address"]) for row in rows)

    def addresses_near(self, sip_address: str, most: int = 500) -> list[str]:
        """Return the SIP addresses of accounts that stand beside this one in the alphabet, at most so many on each side."""
        before = self._rows("SELECT sip_address FROM accounts WHERE sip_address < ? ORDER BY sip_address DESC LIMIT ?", sip_address, most)
        behind = self._rows("SELECT sip_address FROM accounts WHERE sip_address >= ? ORDER BY sip_address LIMIT ?", sip_address, most)
        return [str(row["sip_address"]) for row in (*before[::-1], *behind)]

    def site(self, slug: str) -> Site | None:
        """Return the site, or None."""
        row = self._row("SELECT * FROM sites WHERE slug = ?", slug)
        return self._site(row, self._rows("SELECT * FROM networks WHERE site = ? ORDER BY network", slug)) if row else None

    def sites(self) -> list[Site]:
        """Return every site, by its short name."""
        networks: dict[str, list[sqlite3.Row]] = {}
        for row in self._rows("SELECT * FROM networks ORDER BY network"):
            networks.setdefault(row["site"], []).append(row)
        return [self._site(row, networks.get(row["slug"], [])) for row in self._rows("SELECT * FROM sites ORDER BY slug")]

    def sites_now(self) -> Sites:
        """Return all sites as they are now, from memory where none has changed."""
        at, kept = self.stamp.read(), self._sites
        if kept and at and kept[0] == at:
            return kept[1]
        if self._connection().in_transaction:  # what a change has not yet said is for nobody else
            return Sites(0, {site.slug: site for site in self.sites()})
        with self.reading():
            number = int(self.meta(SITES) or 0)
            sites = kept[1] if kept and kept[1].number == number else Sites(number, {site.slug: site for site in self.sites()})
        self._sites = at, sites
        return sites

    def groups(self, site: str = "") -> list[Group]:
        """Return every group, or those of one site."""
        return [Group(row["site"], row["slug"]) for row in self._rows("SELECT * FROM groups WHERE ? = '' OR site = ? ORDER BY site, slug", site, site)]

    def lines_of(self, mac: str) -> list[Line]:
        """Return the lines of a device, by position."""
        return [Line(row["mac"], row["n"], row["sip_address"]) for row in self._rows("SELECT * FROM lines WHERE mac = ? ORDER BY n", mac)]

    def lines_with(self, sip_address: str) -> list[Line]:
        """Return every line that has this account."""
        return [Line(row["mac"], row["n"], row["sip_address"]) for row in self._rows("SELECT * FROM lines WHERE sip_address = ? ORDER BY mac, n", sip_address)]

    def lines_by_site(self) -> Iterator[tuple[str, str, str]]:
        """Yield (MAC, site, SIP address) of every line that has an account."""
        return (tuple(row) for row in self.stream("SELECT mac, site, sip_address FROM lines JOIN devices USING (mac)", {}))

    def keys_of(self, scope: str) -> list[Key]:
        """Return the keys of a device or group, by module and position."""
        return [_key(row) for row in self._rows("SELECT * FROM keys WHERE scope = ? ORDER BY module, position", scope)]

    def layer(self, scope: str) -> dict[str, Any]:
        """Return what operators said in one scope, such as site:hq or line:805ec0d57d72/2."""
        return self._layers([scope])[scope]

    def scopes(self, *names: str) -> list[str]:
        """Return the scopes in which somebody said something; with names, one of these settings."""
        marks = ",".join("?" * len(names))
        return [str(row["scope"]) for row in self._rows(f"SELECT DISTINCT scope FROM settings{f' WHERE name IN ({marks})' if names else ''} ORDER BY scope", *names)]

    def contacts(self, site: str) -> list[Contact]:
        """Return the phone book of a site, by name."""
        return [_contact(row) for row in self._rows("SELECT * FROM contacts WHERE site = ? ORDER BY name", site)]

    def book(self, sip_address: str) -> Book | None:
        """Return the contacts of an account as they were fetched last, or None where none were."""
        row = self._row("SELECT * FROM account_books WHERE sip_address = ?", sip_address)
        return Book(row["sip_address"], _contacts(row["contacts"]), row["etag"], row["at"]) if row else None

    def upload(self, mac: str, name: str) -> bytes | None:
        """Return what a phone sent under this name, or None."""
        row = self._row("SELECT body FROM uploads WHERE mac = ? AND name = ?", mac, name)
        return self._seal.open_bytes(base64.b64decode(row["body"]), f"uploads:{mac}/{name}:body") if row else None

    def uploads_of(self, mac: str) -> dict[str, str]:
        """Return the names of what a phone sent, with the time of each."""
        return {row["name"]: row["at"] for row in self._rows("SELECT name, at FROM uploads WHERE mac = ? ORDER BY name", mac)}

    def changes(self, limit: int = 100, noun: str = "", name: str = "", who: str = "", below: int = 0, above: int = 0) -> list[Change]:
        """Return the last changes, the newest first, secrets as *; below, above: only those whose numbers are."""
        said = {"noun": noun, "name": name, "who": who}
        conditions = [f"{column} = :{column}" for column, word in said.items() if word] + (["id < :below"] if below else [])
        rows = self.stream(
            f"SELECT * FROM changes WHERE {' AND '.join([*conditions, 'id > :above'])} ORDER BY id DESC LIMIT :limit", {**said, "below": below, "above": above, "limit": limit}
        )
        return [_change(row, _shown(row["before"]), _shown(row["after"])) for row in rows]

    def changes_of_phone(self, mac: str, limit: int = 100, below: int = 0) -> list[Change]:
        """Return the last changes of a phone, its lines, its keys, and of what was said for it or one of its lines, the newest first, secrets as *."""
        names = {"device": (mac, mac), "reveal": (mac, mac), "line": (f"{mac}/", f"{mac}0"), "key": (f"device:{mac} ", f"device:{mac}!")}  # from, up to: names that begin so
        ranges = [*names.items(), ("setting", (f"device:{mac}", f"device:{mac}")), ("setting", (f"line:{mac}/", f"line:{mac}0"))]
        conditions = " OR ".join(f"(noun = '{noun}' AND name >= :from{place} AND name <= :to{place})" for place, (noun, _) in enumerate(ranges))
        said = {f"{end}{place}": bounds[side] for place, (_, bounds) in enumerate(ranges) for side, end in enumerate(("from", "to"))}
        rows = self.stream(
            f"SELECT * FROM changes WHERE ({conditions}) AND (:below = 0 OR id < :below) ORDER BY id DESC LIMIT :limit", {**said, "below": below, "limit": limit}
        )
        return [_change(row, _shown(row["before"]), _shown(row["after"])) for row in rows]

    def batch(self, number: int) -> list[Change]:
        """Return the changes that were made in one transaction with this one, in their order, their secrets opened: for undoing them alone."""
        rows = self._rows("SELECT * FROM changes WHERE id = ? OR (batch != 0 AND batch = (SELECT batch FROM changes WHERE id = ?)) ORDER BY id", number, number)
        return [_change(row, *(self._opened(row, column) for column in ("before", "after"))) for row in rows]

    def _opened(self, row: sqlite3.Row, column: str) -> dict[str, Any] | None:
        found = json.loads(row[column])
        place = f"changes:{row['id']}:{column}"
        return {name: json.loads(self._seal.open(value["sealed"], f"{place}.{name}")) if _is_sealed(value) else value for name, value in found.items()} if found else found

    def values_said(self, name: str) -> set[Any]:
        """Return every value that any scope says of a setting which is no secret."""
        values = set()
        for row in self._rows("SELECT DISTINCT value FROM settings WHERE name = ?", name):
            try:
                values.add(_typed(name, row["value"]))
            except BadValue:
                continue  # the layer's reader reports it
        return values

    def dated_before(self, year: int) -> list[Device]:
        """Return the devices whose DST dates are those of an earlier year (F8)."""
        return [self.device_of(row) for row in self._rows("SELECT * FROM devices WHERE dated_year < ? ORDER BY mac", year)]

    def meta(self, name: str) -> str:
        """Return a note of the server's own, or empty."""
        row = self._row("SELECT value FROM meta WHERE name = ?", name)
        return str(row["value"]) if row else ""

    def revision(self, mac: str) -> int | None:
        """Return the number of the last change that touches a device, or None."""
        row = self._row("SELECT revision FROM devices WHERE mac = ?", mac)
        return int(row["revision"]) if row else None

    def standing(self, mac: str) -> tuple[object, ...] | None:
        """Return all that admission and files of a device depend on, as it is now; None where it is not added.

        Revision, token's generation, state, site, and the number of the last change of any site.
        """
        row = self._row("SELECT revision, generation, state, site, (SELECT value FROM meta WHERE name = ?) AS sites FROM devices WHERE mac = ?", SITES, mac)
        return (row["revision"], row["generation"], row["state"], row["site"], int(row["sites"] or 0)) if row else None

    def facts_for(self, mac: str) -> BootFacts | None:
        """Return all that a phone's files are made of, in one view of the database; None where it is not added."""
        with self.reading():
            device = self.device(mac)
            site = self.site(device.site) if device else None
            if device is None or site is None:
                return None
            rows = self._rows("SELECT n, accounts.* FROM lines JOIN accounts USING (sip_address) WHERE mac = ? ORDER BY n", mac)
            accounts = [(Line(mac, row["n"], row["sip_address"]), self._account(row)) for row in rows]
            above = ["defaults", f"family:{device.family}", f"model:{device.family}/{device.model}", site.scope]
            group = Group(device.site, device.group).scope if device.group else ""
            scopes = [*above, *([group] if group else []), device.scope]
            said = self._layers([*scopes, *(f"account:{line.sip_address}" for line, _ in accounts), *(line.scope for line, _ in accounts)])
            keys = self._rows("SELECT * FROM keys WHERE scope IN (?, ?) ORDER BY module, position", device.scope, group)
            cleared = self._rows("SELECT module, position FROM cleared_keys WHERE mac = ? ORDER BY module, position", mac)
            books = self._rows("SELECT contacts FROM account_books WHERE sip_address IN (SELECT sip_address FROM lines WHERE mac = ?) ORDER BY sip_address", mac)
            contacts = self.contacts(device.site)
            if books:
                contacts = _together([*contacts, *(contact for row in books for contact in _contacts(row["contacts"]))])
        return BootFacts(
            device, site, tuple((scope, said[scope]) for scope in scopes),
            tuple((line, account, said[f"account:{line.sip_address}"], said[line.scope]) for line, account in accounts),
            tuple(_key(row) for row in keys), tuple(contacts), tuple((row["module"], row["position"]) for row in cleared),
        )  # fmt: skip

    # Rows to values.

    def _layers(self, scopes: list[str]) -> dict[str, dict[str, Any]]:
        said: dict[str, dict[str, Any]] = {scope: {} for scope in scopes}
        marks = ",".join("?" * len(scopes))
        for row in self._rows(f"SELECT scope, name, value FROM settings WHERE scope IN ({marks})", *scopes):
            setting = vocabulary.find(row["name"])
            if setting is None:
                self._fault(f"{row['scope']} says {row['name']}, which this release does not know; `provisioner unset {row['scope']} {row['name']}`")
                continue
            text = self._seal.open(row["value"], f"settings:{row['scope']}/{row['name']}:value") if setting.secret else row["value"]
            try:
                said[row["scope"]][row["name"]] = setting.read(json.loads(text)) if setting.secret else _typed(row["name"], text)
            except BadValue as why:
                self._fault(f"{row['scope']} says what this release does not take: {why}; `provisioner set {row['scope']} {row['name']}=…`")
        return said

    def _fault(self, sentence: str) -> None:
        if sentence not in self.faults and len(self.faults) < 100:
            self.faults.append(sentence)

    def device_of(self, row: sqlite3.Row, with_secrets: bool = True) -> Device:
        """Return the device of a row."""
        known = dict(zip(row.keys(), row, strict=True))
        known["group"] = known.pop("grp")
        known.pop("found_by", None)  # missing where an older file is only read
        known["cleared"] = frozenset(json.loads(known["cleared"]))
        if known["factory_password"]:
            known["factory_password"] = "" if not with_secrets else self._seal.open(known["factory_password"], f"devices:{known['mac']}:factory_password")
        return trusted(Device, known)

    def _account(self, row: sqlite3.Row) -> Account:
        known = dict(zip(row.keys(), row, strict=True))
        known.pop("n", None)  # of the line that it is on
        known.pop("found_by", None)  # missing where an older file is only read
        known["registrar"], known["outbound_proxy"] = (Endpoint(*json.loads(known[name])) for name in ("registrar", "outbound_proxy"))
        if known["password"]:
            known["password"] = self._seal.open(known["password"], f"accounts:{known['sip_address']}:password")
        return trusted(Account, known)

    def _site(self, row: sqlite3.Row, networks: list[sqlite3.Row]) -> Site:
        entries = tuple(
            trusted(t.Network, {"network": one["network"], "mac_is_enough": bool(one["mac_is_enough"]), "tftp_serves_secrets": bool(one["tftp_serves_secrets"])})
            for one in networks
        )
        return trusted(Site, {**{key: row[key] for key in row.keys()}, "enrols": bool(row["enrols"]), "networks": entries})


def _lent(text: str) -> tokens.Lent:
    """Return what stands in for another server's key, as `excerpt` writes it."""
    said = json.loads(text)
    return tokens.Lent(frozenset(said["macs"]), {name: base64.b64decode(digest) for name, digest in said["digests"].items()}, base64.b64decode(said["chance"]))


def trusted(kind: type[_Thing], known: Mapping[str, Any]) -> _Thing:
    """Return a frozen value of what the database holds, without checking it anew."""
    value = object.__new__(kind)
    value.__dict__.update(known)  # what a frozen dataclass without slots keeps its fields in
    return value


@lru_cache(maxsize=4096)
def _typed(name: str, text: str) -> Any:
    """Return a setting's value of its JSON, as its kind reads it; raises BadValue where the kind takes it no more."""
    return vocabulary.setting(name).read(json.loads(text))


def _key(row: sqlite3.Row) -> Key:
    return trusted(Key, {name: row[name] for name in ("scope", "position", "type", "value", "label", "line", "module")})


def _contact(row: sqlite3.Row) -> Contact:
    return trusted(Contact, {"site": row["site"], "name": row["name"], "numbers": tuple((kind, number) for kind, number in json.loads(row["numbers"]))})


def _check(row: sqlite3.Row) -> Check:
    return Check(row["verdict"], row["sentence"], row["fact"], row["server"], tuple(json.loads(row["bindings"])), row["at"])


def _contacts(text: str) -> tuple[Contact, ...]:
    """Return the contacts of an account's book, as `changes` keeps them."""
    return tuple(trusted(Contact, {"site": "", "name": name, "numbers": tuple((kind, number) for kind, number in numbers)}) for name, numbers in json.loads(text))


def _together(contacts: list[Contact]) -> list[Contact]:
    """Return the contacts of several books as one, by name: those of one name with all their numbers, each once."""
    found: dict[str, list[Contact]] = {}
    for contact in contacts:
        found.setdefault(contact.name, []).append(contact)
    return [_joined(found[name]) if len(found[name]) > 1 else found[name][0] for name in sorted(found)]


def _joined(same: list[Contact]) -> Contact:
    numbers: dict[str, str] = {}
    for contact in same:
        for kind, number in contact.numbers:
            numbers.setdefault(number, kind)
    return trusted(Contact, {**vars(same[0]), "numbers": tuple((kind, number) for number, kind in numbers.items())})


def _change(row: sqlite3.Row, before: dict[str, Any] | None, after: dict[str, Any] | None) -> Change:
    return Change(row["id"], row["at"], row["who"], row["door"], row["noun"], row["name"], before, after, row["batch"] or row["id"])


def _is_sealed(value: object) -> bool:
    return isinstance(value, dict) and "sealed" in value


def _shown(text: str) -> dict[str, Any] | None:
    found = json.loads(text)
    if not isinstance(found, dict):
        return None
    return {name: (t.SECRET_CHANGED if value.get("another") else t.SECRET) if _is_sealed(value) else value for name, value in found.items()}


__all__ = ["BootFacts", "Records", "sqlite3", "trouble", "trusted"]
