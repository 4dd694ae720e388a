"""The yardstick: what bare Flask and Jinja need for a file of 8 KB from a SQLite row. No product code, but the same doorman.

`python yardstick.py make FILE ROWS` makes the database; `BENCH_DB=FILE python yardstick.py serve PORT` serves it, by granian
just as this server's own door has it. GET /<mac>.cfg reads the row, its JSON, and renders, on each request. No layers, admission,
digest, or event.
"""

from __future__ import annotations

import json
import os
import socket
import sqlite3
import sys
import threading

from flask import Flask, Response
from jinja2 import Environment
from template import TEMPLATE

from provisioner.server import BACKLOG
from provisioner.web.doorman import Doorman

PREFIX = "001565"
app = Flask(__name__)
template = Environment(autoescape=False, trim_blocks=True, lstrip_blocks=True).from_string(TEMPLATE)
local = threading.local()


def connection() -> sqlite3.Connection:
    """Return this thread's connection."""
    if not hasattr(local, "connection"):
        local.connection = sqlite3.connect(os.environ["BENCH_DB"], isolation_level=None)
        local.connection.execute("PRAGMA query_only=1")
    return local.connection


@app.get("/<mac>.cfg")
def file(mac: str) -> Response:
    """Return the phone's file."""
    row = connection().execute("SELECT data FROM device WHERE mac=?", (mac,)).fetchone()
    if row is None:
        return Response("not found", 404)
    return Response(template.render(json.loads(row[0]), mac=mac).encode(), mimetype="text/plain")


def device(number: int) -> dict[str, object]:
    """Return a phone with 2 lines and 20 keys."""
    return {
        "name": f"Desk {number}", "model": "T46U", "vlan": 100 + number % 50, "tz": "+1", "ntp": "pool.ntp.org", "language": "English",
        "base_url": "http://prov.example.com/p", "admin_password": f"s3cret{number:07}", "company": "Example Ltd",
        "codecs": [{"name": name, "on": n < 4} for n, name in enumerate(["PCMU", "PCMA", "G722", "opus", "G729"])],
        "accounts": [
            {"enabled": True, "label": f"Line {n + 1}", "auth": f"u{number * 2 + n}", "user": f"{100000 + number * 2 + n}", "secret": f"pw-{number * 7919:08x}-{n}",
             "server": f"sip{number % 7}.example.com", "transport": "tls", "proxy": "proxy.example.com", "expires": 3600, "voicemail": "*97"}
            for n in range(2)
        ],
        "line_keys": [
            {"type": 16, "line": 1 + n % 2, "value": f"{100000 + (number + n) % 90000}", "label": f"Colleague {(number + n) % 90000}", "pickup": "*8" if n % 2 else ""}
            for n in range(20)
        ],
    }  # fmt: skip


def make(path: str, rows: int) -> None:
    """Make the database."""
    made = sqlite3.connect(path)
    made.execute("PRAGMA journal_mode=WAL")
    made.execute("CREATE TABLE device(id INTEGER PRIMARY KEY, mac TEXT NOT NULL UNIQUE, data TEXT NOT NULL)")
    made.executemany("INSERT INTO device(mac, data) VALUES (?,?)", ((f"{PREFIX}{number:06x}", json.dumps(device(number))) for number in range(rows)))
    made.commit()
    made.close()


def serve(port: int) -> None:
    """Serve until SIGTERM, in one worker."""
    listening = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
    Doorman(listening, 1).run(lambda: app)


if __name__ == "__main__":
    {"make": lambda path, rows: make(path, int(rows)), "serve": lambda port: serve(int(port))}[sys.argv[1]](*sys.argv[2:])
