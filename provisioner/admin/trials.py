"""A trial boot: the server plays a phone that it knows, and asks its own doors as that phone would."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from provisioner import simulator
from provisioner.admin import Admin
from provisioner.errors import BadValue, Conflict, NotHere
from provisioner.rights import OPERATE
from provisioner.simulator import Boot, Patience, Phone

SERVE_FILE = "serve.json"  # what a running server says of itself, in its run folder
_PATIENCE = Patience(tries=2, wait=0.2, silence=5.0, resend=0.5, resends=4)
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}


def boot(admin: Admin, mac: str) -> Boot:
    """Play a phone's boot from factory state against the server that runs here, whatever its site's public URL is, until it rests.

    It asks with the phone's own token, from this machine. Events tell it like any other boot.
    Raises NotHere where no server runs or the family cannot be used, Conflict where the phone is retiring, whose last files count.
    """
    device = admin.device(mac)
    admin.rights.need(OPERATE, device.site)
    found = admin.model_of(device)
    if found is None:
        raise NotHere(f"the family {device.family} cannot be used; `provisioner check` says why")
    if device.state == "retiring":
        raise Conflict(f"phone {admin.named(device)} is retiring: its last files are for itself; approve it again first")
    doors = _doors(admin.config.run_folder)
    wire = next((wire for wire in ("http", "tftp") if wire in found[0].wires and doors[wire]), "")
    if not wire:
        raise BadValue(f"{found[0].name} asks over {' or '.join(found[0].wires)}, and this server has no such door open without TLS; boot the phone itself")
    phone = Phone(found[0], found[1].name, device.mac, device.firmware, device.serial)

    def to_our_door(url: str) -> str:
        parts = urlsplit(url)
        return parts._replace(scheme=wire, netloc=doors[wire]).geturl()

    return simulator.boot(phone, f"{wire}://{doors[wire]}/p/{admin.booter.expected_token(device)}/", patience=_PATIENCE, through=to_our_door)


def shown(result: Boot) -> dict[str, Any]:
    """Return a boot as JSON has it; no secret and no token is in it."""
    return {
        "mac": result.phone.mac, "family": result.phone.family.slug, "model": result.phone.model, "came_to_rest": result.came_to_rest,
        "complete": result.complete, "rounds": result.rounds, "restarts": result.reboots, "sentences": list(result.sentences),
        "fetches": [
            {"round": fetch.round, "file": fetch.name, "status": fetch.status, "bytes": fetch.size, "sha256": fetch.sha256 or None, "ms": round(fetch.ms, 1), "tries": fetch.tries}
            for fetch in result.fetches
        ],
    }  # fmt: skip


def _doors(folder: Path) -> dict[str, str]:
    """Return HOST:PORT of the doors for phones, as this machine reaches them; empty for one that is off. Raises NotHere where no server runs."""
    try:
        word = json.loads((folder / SERVE_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        raise NotHere(f"no server runs on {folder.parent}; start it with `provisioner serve`") from None
    return {wire: _near(str(word.get(wire, ""))) for wire in ("http", "tftp")}


def _near(address: str) -> str:
    host, _, port = address.rpartition(":")
    return f"{_EVERYWHERE.get(host, host)}:{port}" if host and port != "0" else ""
