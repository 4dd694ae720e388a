"""The history of the schema, append-only: each step in a transaction of its own."""

from __future__ import annotations

from sqlite_utils import Database, Migrations

things = Migrations("provisioner")
events = Migrations("events")


@things()
def m001_things(db: Database) -> None:
    """The tables of the first release, and the default site with loopback in it."""
    for statement in _FIRST.split(";\n"):
        if statement.strip():
            db.conn.execute(statement)


_FIRST = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE sites (
    slug TEXT PRIMARY KEY, name TEXT NOT NULL, public_url TEXT NOT NULL, tftp_public_url TEXT NOT NULL, country TEXT NOT NULL,
    enrols INTEGER NOT NULL, unknown_phones TEXT NOT NULL) STRICT;
CREATE TABLE networks (
    site TEXT NOT NULL REFERENCES sites(slug) ON DELETE CASCADE, network TEXT NOT NULL, mac_is_enough INTEGER NOT NULL,
    tftp_serves_secrets INTEGER NOT NULL, PRIMARY KEY (site, network)) STRICT;
CREATE TABLE groups (site TEXT NOT NULL REFERENCES sites(slug), slug TEXT NOT NULL, PRIMARY KEY (site, slug)) STRICT;
CREATE TABLE devices (
    mac TEXT PRIMARY KEY, family TEXT NOT NULL, model TEXT NOT NULL, site TEXT NOT NULL REFERENCES sites(slug), grp TEXT NOT NULL,
    state TEXT NOT NULL, firmware TEXT NOT NULL, serial TEXT NOT NULL, name TEXT NOT NULL, location TEXT NOT NULL, asset_tag TEXT NOT NULL,
    notes TEXT NOT NULL, lines INTEGER, keys INTEGER, modules INTEGER NOT NULL, factory_password TEXT NOT NULL, generation INTEGER NOT NULL,
    revision INTEGER NOT NULL, revised_at TEXT NOT NULL, cleared TEXT NOT NULL, last_seen_at TEXT NOT NULL, last_address TEXT NOT NULL,
    dated_year INTEGER NOT NULL) STRICT;
CREATE INDEX devices_of_site ON devices (site, grp);
CREATE INDEX devices_of_model ON devices (family, model);
CREATE TABLE accounts (
    sip_address TEXT PRIMARY KEY, username TEXT NOT NULL, auth_username TEXT NOT NULL, password TEXT NOT NULL, domain TEXT NOT NULL,
    registrar TEXT NOT NULL, realm TEXT NOT NULL, outbound_proxy TEXT NOT NULL, transport TEXT NOT NULL, xcap_root TEXT NOT NULL,
    display_name TEXT NOT NULL, voicemail TEXT NOT NULL, email TEXT NOT NULL, timezone TEXT NOT NULL, provider TEXT NOT NULL,
    notes TEXT NOT NULL, UNIQUE (username, domain)) STRICT;
CREATE TABLE lines (
    mac TEXT NOT NULL REFERENCES devices(mac) ON DELETE CASCADE, n INTEGER NOT NULL,
    sip_address TEXT NOT NULL REFERENCES accounts(sip_address), PRIMARY KEY (mac, n)) STRICT, WITHOUT ROWID;
CREATE INDEX lines_of_account ON lines (sip_address);
CREATE TABLE keys (
    scope TEXT NOT NULL, module INTEGER NOT NULL, position INTEGER NOT NULL, type TEXT NOT NULL, value TEXT NOT NULL, label TEXT NOT NULL,
    line INTEGER NOT NULL, PRIMARY KEY (scope, module, position)) STRICT, WITHOUT ROWID;
CREATE TABLE settings (scope TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (scope, name)) STRICT, WITHOUT ROWID;
CREATE TABLE contacts (
    site TEXT NOT NULL REFERENCES sites(slug) ON DELETE CASCADE, name TEXT NOT NULL, numbers TEXT NOT NULL, PRIMARY KEY (site, name)) STRICT;
CREATE TABLE uploads (
    mac TEXT NOT NULL REFERENCES devices(mac) ON DELETE CASCADE, name TEXT NOT NULL, body TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (mac, name)) STRICT;
CREATE TABLE changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, who TEXT NOT NULL, door TEXT NOT NULL, noun TEXT NOT NULL, name TEXT NOT NULL,
    before TEXT NOT NULL, after TEXT NOT NULL) STRICT;
CREATE INDEX changes_of_thing ON changes (noun, name);
INSERT INTO sites VALUES ('default', 'Default site', '', '', '', 0, '');
INSERT INTO networks VALUES ('default', '127.0.0.0/8', 1, 1);
INSERT INTO networks VALUES ('default', '::1/128', 1, 1);
"""


@things()
def m002_cleared_keys(db: Database) -> None:
    """Keys that a phone had from a group that it left: they are emptied, and stay so (F5)."""
    db.conn.execute(
        "CREATE TABLE cleared_keys (mac TEXT NOT NULL REFERENCES devices(mac) ON DELETE CASCADE, module INTEGER NOT NULL, position INTEGER NOT NULL,"
        " PRIMARY KEY (mac, module, position)) STRICT, WITHOUT ROWID"
    )


@things()
def m003_passwords(db: Database) -> None:
    """How a site's phones may prove themselves by user and password."""
    db.conn.execute("ALTER TABLE sites ADD COLUMN passwords TEXT NOT NULL DEFAULT 'off'")


@things()
def m004_account_checks(db: Database) -> None:
    """What each account's server said last (F27)."""
    db.conn.execute(
        "CREATE TABLE account_checks (sip_address TEXT PRIMARY KEY REFERENCES accounts(sip_address) ON DELETE CASCADE, verdict TEXT NOT NULL, sentence TEXT NOT NULL,"
        " fact TEXT NOT NULL, server TEXT NOT NULL, bindings TEXT NOT NULL, at TEXT NOT NULL) STRICT, WITHOUT ROWID"
    )


@things()
def m005_account_books(db: Database) -> None:
    """The contacts that each account's provider keeps, as they were fetched last."""
    db.conn.execute(
        "CREATE TABLE account_books (sip_address TEXT PRIMARY KEY REFERENCES accounts(sip_address) ON DELETE CASCADE, contacts TEXT NOT NULL, etag TEXT NOT NULL,"
        " at TEXT NOT NULL) STRICT, WITHOUT ROWID"
    )


@things()
def m006_people(db: Database) -> None:
    """Who may come in by the admin's door; and history that nobody can rewrite, each change with those that were made with it."""
    for statement in _PEOPLE.split(";\n\n"):
        db.conn.execute(statement)


_PEOPLE = """
CREATE TABLE operators (
    name TEXT PRIMARY KEY, password TEXT NOT NULL, role TEXT NOT NULL, sites TEXT NOT NULL, language TEXT NOT NULL, timezone TEXT NOT NULL,
    made_at TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    hash TEXT PRIMARY KEY, operator TEXT NOT NULL REFERENCES operators(name) ON DELETE CASCADE, made_at TEXT NOT NULL, seen_at TEXT NOT NULL,
    address TEXT NOT NULL, agent TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_of_operator ON sessions (operator);

CREATE TABLE api_keys (
    prefix TEXT PRIMARY KEY, hash TEXT NOT NULL, operator TEXT NOT NULL REFERENCES operators(name) ON DELETE CASCADE, label TEXT NOT NULL,
    role TEXT NOT NULL, sites TEXT NOT NULL, made_at TEXT NOT NULL, expires_at TEXT NOT NULL, used_at TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE links (
    hash TEXT PRIMARY KEY, operator TEXT NOT NULL UNIQUE, expires_at TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE repeated_asks (
    who TEXT NOT NULL, key TEXT NOT NULL, asked TEXT NOT NULL, status INTEGER NOT NULL, headers TEXT NOT NULL, body TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (who, key)) STRICT, WITHOUT ROWID;

CREATE INDEX repeated_asks_by_time ON repeated_asks (at);

ALTER TABLE changes ADD COLUMN batch INTEGER NOT NULL DEFAULT 0;

CREATE INDEX changes_of_batch ON changes (batch);

CREATE TRIGGER changes_stay BEFORE UPDATE ON changes BEGIN SELECT RAISE(ABORT, 'history is only added to'); END;

CREATE TRIGGER changes_are_kept BEFORE DELETE ON changes BEGIN SELECT RAISE(ABORT, 'history is only added to'); END
"""


@things()
def m007_account_fetches(db: Database) -> None:
    """What became of the last fetch of each account's contacts."""
    db.conn.execute(
        "CREATE TABLE account_fetches (sip_address TEXT PRIMARY KEY REFERENCES accounts(sip_address) ON DELETE CASCADE, verdict TEXT NOT NULL, sentence TEXT NOT NULL,"
        " at TEXT NOT NULL) STRICT, WITHOUT ROWID"
    )


@things()
def m008_last_files(db: Database) -> None:
    """When a phone that is retiring gets its last file (F21)."""
    db.conn.execute("ALTER TABLE devices ADD COLUMN serves_until TEXT NOT NULL DEFAULT ''")


@things()
def m009_found_by(db: Database) -> None:
    """What devices and accounts are found by, folded once, when they are written, and not at every search."""
    for table, key, columns in (
        ("devices", "mac", ("name", "location", "model", "serial", "asset_tag")),
        ("accounts", "sip_address", ("sip_address", "username", "display_name", "email", "provider")),
    ):
        db.conn.execute(f"ALTER TABLE {table} ADD COLUMN found_by TEXT NOT NULL DEFAULT ''")
        rows = db.conn.execute(f"SELECT {key}, {', '.join(columns)} FROM {table}").fetchall()
        db.conn.executemany(f"UPDATE {table} SET found_by = ? WHERE {key} = ?", [("\n".join(tuple(row)[1:]).casefold(), row[0]) for row in rows])


@events()
def m001_events(db: Database) -> None:
    """The tables of the first release."""
    for statement in _FIRST_EVENTS.split(";\n"):
        if statement.strip():
            db.conn.execute(statement)


_FIRST_EVENTS = """
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, mac TEXT NOT NULL, family TEXT NOT NULL, model TEXT NOT NULL, wire TEXT NOT NULL,
    address TEXT NOT NULL, path TEXT NOT NULL, rule TEXT NOT NULL, outcome TEXT NOT NULL, sentence TEXT NOT NULL, status INTEGER NOT NULL,
    bytes INTEGER NOT NULL, ms REAL NOT NULL, sha256 TEXT NOT NULL, times INTEGER NOT NULL, bucket TEXT) STRICT;
CREATE UNIQUE INDEX events_bucket ON events (bucket) WHERE bucket IS NOT NULL;
CREATE INDEX events_of_phone ON events (mac, id);
CREATE INDEX events_by_time ON events (at);
CREATE TABLE waiting (
    mac TEXT PRIMARY KEY, family TEXT NOT NULL, model TEXT NOT NULL, address TEXT NOT NULL, first_at TEXT NOT NULL, last_at TEXT NOT NULL,
    times INTEGER NOT NULL, sentence TEXT NOT NULL) STRICT;
CREATE INDEX waiting_by_time ON waiting (last_at);
"""


@events()
def m002_what_a_sighting_tells(db: Database) -> None:
    """The firmware that a phone says, and the families that could be asking."""
    db.conn.execute("ALTER TABLE events ADD COLUMN firmware TEXT NOT NULL DEFAULT ''")
    db.conn.execute("ALTER TABLE events ADD COLUMN known INTEGER NOT NULL DEFAULT 1")
    db.conn.execute("ALTER TABLE waiting ADD COLUMN firmware TEXT NOT NULL DEFAULT ''")
    db.conn.execute("ALTER TABLE waiting ADD COLUMN candidates TEXT NOT NULL DEFAULT '[]'")
