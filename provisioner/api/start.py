"""/devices/…/boot, /sites/…/dhcp, /assets: how phones come to us, tried before one is plugged in."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from pydantic import BaseModel

from provisioner.admin import assets, discovery, trials
from provisioner.api.views import answers
from provisioner.console.pages import asks
from provisioner.console.visitor import visitor
from provisioner.rights import LOOK, OPERATE

resource = APIBlueprint("start", __name__, tag="server")


class FetchShown(BaseModel):
    """One file that the phone asked for."""

    round: int
    file: str
    status: int
    bytes: int
    sha256: str | None
    ms: float
    tries: int


class BootShown(BaseModel):
    """A boot that the server played."""

    mac: str
    family: str
    model: str
    came_to_rest: bool
    complete: bool
    rounds: int
    restarts: int
    sentences: list[str]
    fetches: list[FetchShown]


class LinesFor(BaseModel):
    """What to write into one DHCP server, and where."""

    server: str
    where: str
    lines: str


class Dhcp(BaseModel):
    """What to write into a site's DHCP server, whichever it is."""

    items: list[LinesFor]


class AssetFile(BaseModel):
    """A file as phones fetch it."""

    name: str
    bytes: int


class AssetFolder(BaseModel):
    """A folder that phones of these families ask in."""

    folder: str
    families: list[str]
    files: list[AssetFile]


class Assets(BaseModel):
    """The folders of firmware, pictures and ring tones."""

    items: list[AssetFolder]


@resource.post("/devices/<mac>/boot")
@resource.output(BootShown)
@resource.doc(summary="Play a phone's boot", security="key", responses=answers(404, 409, 422))
@asks(OPERATE)
def boot_device(mac: str) -> Any:
    """Play a phone's boot from factory state against this server, until it rests; events tell it like any other."""
    return trials.shown(trials.boot(visitor().admin, mac))


@resource.get("/sites/<slug>/dhcp")
@resource.output(Dhcp)
@resource.doc(summary="Show what to write into a site's DHCP server", security="key", responses=answers(404, 422))
@asks(LOOK)
def get_dhcp(slug: str) -> Any:
    """Return the lines for dnsmasq, ISC, Kea, MikroTik, Windows and OPNsense with which a site's phones find us."""
    return {"items": discovery.dhcp(visitor().admin, slug)}


@resource.get("/assets")
@resource.output(Assets)
@resource.doc(summary="List firmware and other files", security="key")
@asks(LOOK)
def list_assets() -> Any:
    """Return the files that phones fetch as they lie in the server's folder."""
    return {"items": assets.listed(visitor().admin)}
