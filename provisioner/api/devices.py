"""/devices: the inventory of phones."""

from __future__ import annotations

from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import BaseModel, Field

from provisioner.admin import Admin, devices
from provisioner.api.problems import problem
from provisioner.api.shapes import Did, Json, Paged, Said, Text
from provisioner.api.views import answers, did, one, page_of, paged, provided
from provisioner.console.pages import asks
from provisioner.console.visitor import visitor
from provisioner.mac import parse
from provisioner.rights import CHANGE, LOOK

resource = APIBlueprint("devices", __name__, tag="devices")
ETAG = {"ETag": {"description": "of the phone as it is now; for If-Match", "schema": {"type": "string"}}}


class Facts(Said):
    """The facts of a phone that can be said; null takes a count back to what its model has."""

    site: Text | None = None
    group: Text | None = Field(None, description="of the site, or SITE/GROUP")
    name: Text | None = None
    location: Text | None = None
    asset_tag: Text | None = None
    serial: Text | None = None
    notes: str | None = Field(None, max_length=10_000)
    factory_password: Text | None = Field(None, description="as it left the factory; never given back")
    lines: int | None = Field(None, ge=1, le=1000)
    keys: int | None = Field(None, ge=0, le=1000)
    modules: int | None = Field(None, ge=0, le=20)


class Device(Facts):
    """A whole phone; what is not said is empty."""

    model: Text = Field(description="FAMILY/MODEL, such as yealink/T46U")


class Part(Facts):
    """What shall be another of a phone; what is not said stays."""

    model: Text | None = None


class Row(BaseModel):
    """A phone in a list."""

    mac: str
    vendor: str | None
    family: str
    model: str
    site: str
    group: str
    state: str
    name: str
    lines: list[Json]
    last_seen_at: str | None
    last_address: str | None


class Rows(BaseModel):
    """A page of phones, by MAC."""

    items: list[Row]
    next: str | None = Field(description="the cursor of the next page; null at the end")


class Search(Paged):
    """Which phones."""

    search: Text = Field("", description="part of MAC, name, location, model, serial, asset tag or account")
    site: Text = ""
    state: Literal["", "approved", "blocked", "retiring"] = ""
    family: Text = ""


@resource.get("/devices")
@resource.input(Search, location="query", arg_name="said")
@resource.output(Rows)
@resource.doc(summary="List phones", security="key")
@asks(LOOK)
def list_devices(said: Search) -> Any:
    """Return the phones that fit, by MAC."""
    rows = devices.listed(visitor().admin, said.state, said.site, said.search, said.limit + 1, said.cursor, said.family)
    return paged(page_of(rows, said.limit, "mac"))


@resource.get("/devices/<mac>")
@resource.doc(summary="Show a phone", security="key", responses=answers(200, 404, headers=ETAG))
@asks(LOOK)
def get_device(mac: str) -> Response:
    """Return all that is known of a phone, secrets masked."""
    return _shown(visitor().admin, mac)


@resource.put("/devices/<mac>")
@resource.input(Device, arg_name="said")
@resource.doc(summary="Add a phone, or replace its facts", security="key", responses=answers(200, 201, 409, 412, 422, headers=ETAG))
@asks(CHANGE)
def put_device(mac: str, said: Device) -> Response:
    """Add a phone, or replace what was said of it; If-None-Match: * only adds, If-Match only replaces."""
    admin = visitor().admin
    here = admin.store.device(parse(mac))
    facts = {name: value if value is not None else "" for name, value in said.model_dump(exclude={"model"}).items()}
    if here is None:
        if request.headers.get("If-Match"):
            return problem(412, f"phone {mac} is not there, so it is not as If-Match says")
        done = devices.add(admin, mac, said.model, {name: value for name, value in facts.items() if value != ""})
        return _shown(admin, mac, 201, done.notes)
    if request.headers.get("If-None-Match") == "*":
        return problem(412, f"phone {mac} is there already")
    done = devices.change(provided(admin, lambda: devices.version(admin, mac)), mac, facts, said.model)
    return _shown(admin, mac, 200, done.notes)


@resource.patch("/devices/<mac>")
@resource.input(Part, arg_name="said")
@resource.doc(summary="Change a phone", security="key", responses=answers(200, 404, 409, 412, 422, headers=ETAG))
@asks(CHANGE)
def patch_device(mac: str, said: Part) -> Response:
    """Change the facts that are said; the others stay."""
    admin = visitor().admin
    known = said.model_dump(exclude_unset=True)
    model = known.pop("model", None) or ""
    facts = {name: value if value is not None else "" for name, value in known.items()}
    done = devices.change(provided(admin, lambda: devices.version(admin, mac)), mac, facts, model)
    return _shown(admin, mac, 200, done.notes)


@resource.delete("/devices/<mac>")
@resource.output(Did)
@resource.doc(summary="Remove a phone", security="key", responses=answers(404, 412))
@asks(CHANGE)
def delete_device(mac: str) -> Any:
    """Remove a phone with its lines, keys and settings."""
    admin = visitor().admin
    return did(devices.remove(provided(admin, lambda: devices.version(admin, mac)), mac))


def _shown(admin: Admin, mac: str, status: int = 200, notes: tuple[str, ...] = ()) -> Response:
    with admin.store.reading():  # the ETag is of what is shown, whoever writes meanwhile
        return one(devices.shown(admin, admin.device(mac)), devices.version(admin, mac), status, notes)
