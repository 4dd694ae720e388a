"""The things we know, kept: sentences in, frozen values out.

One SQLite file (WAL, synchronous FULL) beside the key that its secrets are sealed with.
Reading is in records.py, the verbs of a change in changes.py.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from provisioner import excerpt
from provisioner.changes import Judge, Transaction, revise
from provisioner.errors import NotHere, StoreTrouble
from provisioner.mac import pretty
from provisioner.records import BootFacts, Records, trouble, writable
from provisioner.seal import Seal
from provisioner.things import Account, Check

FILE = "provisioner.db"
KEY_FILE = "server.key"
BOOT_PATIENCE = 250  # milliseconds: a phone that boots does not wait for an operator's import


class Store(Records):
    """Holds the database open; safe to share between threads."""

    @classmethod
    def open(cls, state: Path, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Store:
        """Return the store in a state folder, which is made where it is missing.

        A file that takes no writes is opened for reading alone: phones are still answered.
        """
        path = state / FILE
        with trouble(path, OSError):
            state.mkdir(parents=True, exist_ok=True, mode=0o700)
            if path.exists() and not (state / KEY_FILE).exists():
                raise StoreTrouble(f"{state / KEY_FILE} is missing, and {path} was sealed with it; put it back before starting")
        seal = Seal.at(state / KEY_FILE)
        return cls(path, seal, now, read_only=path.exists() and not writable(path))

    @contextmanager
    def change(self, who: str, door: str, judge: Judge | None = None) -> Iterator[Transaction]:
        """Write things: all of the block or nothing, with a row of history for each.

        who: the operator; door: cli, api, console, boot; judge: asked before each thing is written, raises where it may not be.
        """
        with self.writing() as connection:
            yield Transaction(self, connection, self._seal, self._now, who, door, judge)

    def excerpt(self, folder: Path, macs: Collection[str], digests: Mapping[str, bytes]) -> None:
        """Write these devices and all that their files are made of as a store of its own, with a key of its own, into an empty folder.

        digests: what this server's key makes for them (tokens.Heard), which the excerpt has in place of the key. Raises StoreTrouble.
        """
        fresh = Store.open(folder, self._now)
        try:
            excerpt.copy(self, self._seal, fresh, fresh._seal, macs, digests)
        finally:
            fresh.close()

    def seen(self, mac: str, address: str, firmware: str) -> None:
        """Remember where a phone was seen and with which firmware; another firmware is a revision, since its files may be others."""
        with self.writing(BOOT_PATIENCE) as connection:
            row = connection.execute("SELECT firmware FROM devices WHERE mac = ?", (mac,)).fetchone()
            if row is None:
                raise NotHere(f"phone {pretty(mac)} is not in the inventory")
            at = self._now().isoformat(timespec="seconds")
            connection.execute("UPDATE devices SET last_seen_at = max(last_seen_at, ?), last_address = ?, firmware = ? WHERE mac = ?", (at, address, firmware, mac))
            if row["firmware"] != firmware:
                revise(connection, at, "mac = ?", mac)

    def end_at(self, mac: str, until: str) -> None:
        """Give a phone that is retiring its last file then, or at the time that was said before, whichever comes first. until: UTC, ISO 8601."""
        with self.writing(BOOT_PATIENCE) as connection:
            connection.execute("UPDATE devices SET serves_until = ? WHERE mac = ? AND state = 'retiring' AND (serves_until = '' OR serves_until > ?)", (until, mac, until))

    def put_check(self, account: Account, check: Check) -> bool:
        """Keep what an account's server said, in place of what it said before; False where the account is another one by now."""
        with self.writing() as connection:
            if self.account(account.sip_address) != account:
                return False
            connection.execute(
                "INSERT OR REPLACE INTO account_checks (sip_address, verdict, sentence, fact, server, bindings, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (account.sip_address, check.verdict, check.sentence, check.fact, check.server, json.dumps(check.bindings), self._now().isoformat(timespec="seconds")),
            )
        return True

    def put_fetch(self, account: Account, found: Check) -> bool:
        """Keep what became of a fetch of an account's contacts; False where the account is another one by now."""
        with self.writing() as connection:
            if self.account(account.sip_address) != account:
                return False
            at = self._now().isoformat(timespec="seconds")
            connection.execute("INSERT OR REPLACE INTO account_fetches (sip_address, verdict, sentence, at) VALUES (?, ?, ?, ?)", (account.sip_address, found.verdict, found.sentence, at))
        return True

    def put_upload(self, mac: str, name: str, body: bytes) -> bool:
        """Keep what a phone sent, in place of what it sent before under this name; True where that changed something."""
        if self.upload(mac, name) == body:
            return False
        sealed = base64.b64encode(self._seal.seal_bytes(body, f"uploads:{mac}/{name}:body")).decode()
        with self.writing(BOOT_PATIENCE) as connection:
            if connection.execute("SELECT 1 FROM devices WHERE mac = ?", (mac,)).fetchone() is None:
                raise NotHere(f"phone {pretty(mac)} is not in the inventory")
            at = self._now().isoformat(timespec="seconds")
            connection.execute("INSERT INTO uploads VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body, at = excluded.at", (mac, name, sealed, at))
        return True

    def remove_upload(self, mac: str, name: str) -> bool:
        """Throw away what a phone sent under this name; True where there was something."""
        with self.writing() as connection:
            return bool(connection.execute("DELETE FROM uploads WHERE mac = ? AND name = ?", (mac, name)).rowcount)


__all__ = ["FILE", "KEY_FILE", "BootFacts", "Store"]
