"""Secrets of a phone, shown to who may see them; each time is a row of history, written before anything is shown."""

from __future__ import annotations

from typing import Any

from provisioner import zips
from provisioner.admin import Admin, devices, files
from provisioner.rights import REVEAL
from provisioner.things import Device

NOUN = "reveal"


def access(admin: Admin, mac: str) -> dict[str, Any]:
    """Return the URLs that hold this phone's token, and the user and password with which it proves itself."""
    device = _noted(admin, mac, "address and password")
    return {"urls": devices.token(admin, device.mac)[0], "proof": devices.credentials(admin, device.mac)[0]}


def file(admin: Admin, mac: str, name: str) -> str:
    """Return one file of a phone as text, with its secrets."""
    device = _may(admin, mac)
    text = files.text(admin, device.mac, name, reveal=True)
    _noted(admin, device.mac, name)
    return text


def packed(admin: Admin, mac: str) -> bytes:
    """Return every file of a phone as the phone gets it, in a ZIP."""
    device = _may(admin, mac)
    bodies = {name: admin.booter.preview(device.mac, name, reveal=True) for name in files.names(admin, device.mac)}
    _noted(admin, device.mac, "all files")
    return zips.packed(bodies, admin.store.now())


def _may(admin: Admin, mac: str) -> Device:
    device = admin.device(mac)
    admin.rights.need(REVEAL, device.site)
    return device


def _noted(admin: Admin, mac: str, what: str) -> Device:
    device = _may(admin, mac)
    with admin.writing() as tx:
        tx.note(NOUN, device.mac, None, {"site": device.site, "what": what})
    return device
