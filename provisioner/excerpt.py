"""An excerpt of the store: some devices and all that their files are made of, as a store of its own that is only read.

Its secrets are sealed with a key of its own, and what the server's key makes for these devices is in it in place of that key. What stands
in no phone's file stays at home: notes, history, operators, and everything of other phones.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from provisioner import vocabulary
from provisioner.records import LENT, SITES, Records
from provisioner.seal import Seal
from provisioner.things import Network

_OURS = "mac IN (SELECT value FROM json_each(:macs))"
_SITES = f"SELECT site FROM devices WHERE {_OURS}"
_ADDRESSES = f"SELECT sip_address FROM lines WHERE {_OURS}"
_SCOPES = (
    f"'defaults' UNION SELECT 'family:' || family FROM devices WHERE {_OURS} UNION SELECT 'model:' || family || '/' || model FROM devices WHERE {_OURS}"
    f" UNION SELECT 'site:' || site FROM devices WHERE {_OURS} UNION SELECT 'group:' || site || '/' || grp FROM devices WHERE grp != '' AND {_OURS}"
    f" UNION SELECT 'device:' || mac FROM devices WHERE {_OURS} UNION SELECT 'line:' || mac || '/' || n FROM lines WHERE {_OURS}"
    f" UNION SELECT 'account:' || sip_address FROM lines WHERE {_OURS}"
)
# What goes along of each table, in an order in which each row finds what it refers to. The default site speaks for addresses of no other.
TAKEN: Mapping[str, str] = {
    "sites": f"slug = 'default' OR slug IN ({_SITES})",
    "networks": f"site = 'default' OR site IN ({_SITES})",
    "groups": f"site IN ({_SITES})",
    "devices": _OURS,
    "accounts": f"sip_address IN ({_ADDRESSES})",
    "lines": _OURS,
    "keys": f"scope IN (SELECT {_SCOPES})",
    "settings": f"scope IN (SELECT {_SCOPES})",
    "contacts": f"site IN ({_SITES})",
    "uploads": _OURS,
    "cleared_keys": _OURS,
    "account_books": f"sip_address IN ({_ADDRESSES})",
    "meta": f"name = '{SITES}'",
}
_NOT_FOR_FILES: Mapping[str, Collection[str]] = {"devices": ("notes", "asset_tag", "location", "factory_password", "found_by"), "accounts": ("notes", "email", "found_by")}


def copy(store: Records, seal: Seal, fresh: Records, new_seal: Seal, macs: Collection[str], digests: Mapping[str, bytes]) -> None:
    """Fill a fresh store with an excerpt. seal, new_seal: of the two; digests: see Store.excerpt. Raises StoreTrouble."""
    values = {"macs": json.dumps(sorted(macs))}
    lent = {
        "macs": sorted(macs), "digests": {text: base64.b64encode(digest).decode() for text, digest in digests.items()},
        "chance": base64.b64encode(os.urandom(32)).decode(),
    }  # fmt: skip
    with store.reading(), fresh.writing() as connection:
        for table in ("networks", "sites"):  # what a new store begins with
            connection.execute(f"DELETE FROM {table}")
        for table, condition in TAKEN.items():
            sealed = _SEALED.get(table, _nothing)
            for row in store.stream(f"SELECT * FROM {table} WHERE {condition}", values):
                known = {**dict(zip(row.keys(), row, strict=True)), **dict.fromkeys(_NOT_FOR_FILES.get(table, ()), "")}
                for column, place in sealed(known).items():
                    raw = seal.open_bytes(base64.b64decode(known[column]), place)
                    known[column] = base64.b64encode(new_seal.seal_bytes(raw, place)).decode()
                connection.execute(f"INSERT INTO {table} ({', '.join(known)}) VALUES ({', '.join('?' * len(known))})", list(known.values()))
        connection.execute("UPDATE sites SET unknown_phones = 'hold' WHERE unknown_phones = 'add'")  # nobody is added to what is only read
        connection.execute("INSERT INTO meta VALUES (?, ?)", (LENT, new_seal.seal(json.dumps(lent), f"meta:{LENT}:value")))


def _nothing(row: Mapping[str, Any]) -> dict[str, str]:
    return {}


def _of_account(row: Mapping[str, Any]) -> dict[str, str]:
    return {"password": f"accounts:{row['sip_address']}:password"} if row["password"] else {}


def _of_setting(row: Mapping[str, Any]) -> dict[str, str]:
    setting = vocabulary.find(row["name"])
    return {"value": f"settings:{row['scope']}/{row['name']}:value"} if setting and setting.secret else {}


def _of_upload(row: Mapping[str, Any]) -> dict[str, str]:
    return {"body": f"uploads:{row['mac']}/{row['name']}:body"}


_SEALED: Mapping[str, Callable[[Mapping[str, Any]], dict[str, str]]] = {"accounts": _of_account, "settings": _of_setting, "uploads": _of_upload}


def open_to(store: Records, networks: Iterable[str]) -> None:
    """Let phones in these networks have their files by their MAC alone, over TFTP too: of an excerpt, where it is served.

    networks: 192.0.2.0/24. Raises BadValue. store: opened for this alone.
    """
    wide = [Network(text, mac_is_enough=True, tftp_serves_secrets=True) for text in networks]
    store.reads_alone = False
    with store.writing() as connection:
        for entry in wide:
            connection.execute("INSERT OR REPLACE INTO networks SELECT slug, ?, 1, 1 FROM sites", (entry.network,))
