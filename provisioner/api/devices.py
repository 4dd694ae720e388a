"""/devices: the inventory of phones."""

from __future__ import annotations

from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import BaseModel, Field

from provisioner.admin import Admin, devices, notices, proofs, swaps
from provisioner.api.problems import problem
from provisioner.api.shapes import Did, Json, Paged, Reveal, Said, Text, Trial
from provisioner.api.views import answers, did, one, page_of, paged, provided, secret, sliced
from provisioner.console.pages import asks
from provisioner.console.visitor import visitor
from provisioner.errors import BadValue
from provisioner.mac import parse
from provisioner.rights import CHANGE, LOOK, OPERATE, REVEAL

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


class Held(BaseModel):
    """A phone that asked and that nobody added."""

    mac: str
    family: str
    model: str
    firmware: str
    address: str
    sentence: str
    candidates: list[str] = Field(description="families that it could be of")
    maker: str = Field(description="who has the first half of its MAC by the registry; empty where nobody has")
    site: str = Field(description="whose network it asked from")
    state: Literal["waiting"]
    first_at: str
    last_at: str
    times: int


class Helds(BaseModel):
    """A page of waiting phones, by MAC."""

    items: list[Held]
    next: str | None


class Approval(Said):
    """How a waiting phone comes in; empty is what it said itself, and the site whose network it asked from."""

    model: Text = Field("", description="FAMILY/MODEL, where it did not say which it is")
    site: Text | None = None


class Retiring(Said):
    """How long a phone may take to come for its last files."""

    days: int = Field(devices.RETIRE_DAYS, ge=1, le=3650)


class Replacement(Retiring):
    """Which phone takes this one's place."""

    new: Text = Field(description="its MAC")
    model: Text = Field("", description="FAMILY/MODEL; else what is known of it, else the model of the old one")


class Replaced(Did):
    """What was done. steps: a sentence for each thing that is there, moved or left out."""

    steps: list[str]


class Asking(Said):
    """How a phone is asked."""

    port: int = Field(0, ge=0, le=65535, description="SIP port of the phone; 0: the one that its registrar named at the last check, else 5060")
    patience: float = Field(8.0, ge=0.1, le=64, description="seconds that the phone may be silent", strict=False)


class Urls(BaseModel):
    """Where this phone asks; each holds its token."""

    urls: list[str]
    notes: list[str]


class Credentials(BaseModel):
    """With what this phone proves itself over HTTP."""

    user: str
    password: str
    notes: list[str]


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


@resource.get("/waiting")
@resource.input(Paged, location="query", arg_name="said")
@resource.output(Helds)
@resource.doc(summary="List waiting phones", security="key")
@asks(LOOK)
def list_waiting(said: Paged) -> Any:
    """Return the phones that asked and that nobody added, by MAC."""
    return sliced(devices.listed(visitor().admin, "waiting"), said, "mac")


@resource.post("/devices/<mac>/approve")
@resource.input(Approval, arg_name="said")
@resource.output(Did)
@resource.doc(summary="Approve a phone", security="key", responses=answers(404, 409, 422))
@asks(CHANGE)
def approve_device(mac: str, said: Approval) -> Any:
    """Let a waiting phone in, or a blocked one in again."""
    return did(devices.approve(visitor().admin, mac, said.model, {"site": said.site} if said.site else {}))


@resource.post("/devices/<mac>/block")
@resource.output(Did)
@resource.doc(summary="Block a phone", security="key", responses=answers(404, 412))
@asks(CHANGE)
def block_device(mac: str) -> Any:
    """Give a phone nothing any more; what it has it keeps."""
    admin = visitor().admin
    return did(devices.block(provided(admin, lambda: devices.version(admin, mac)), mac))


@resource.post("/devices/<mac>/retire")
@resource.input(Retiring, arg_name="said")
@resource.output(Did)
@resource.doc(summary="Retire a phone", security="key", responses=answers(404, 412))
@asks(CHANGE)
def retire_device(mac: str, said: Retiring) -> Any:
    """Have a phone's next files take its accounts, its phone book and its keys out of it."""
    admin = visitor().admin
    return did(devices.retire(provided(admin, lambda: devices.version(admin, mac)), mac, said.days))


@resource.post("/devices/<mac>/replace")
@resource.input(Trial, location="query", arg_name="how")
@resource.input(Replacement, arg_name="said")
@resource.output(Replaced)
@resource.doc(summary="Put a new phone in the place of this one", security="key", responses=answers(404, 409, 412, 422))
@asks(CHANGE)
def replace_device(mac: str, how: Trial, said: Replacement) -> Any:
    """Give a new phone the site, group, name, accounts, settings and keys of this one, which is retired; `steps` lists what it cannot have, too."""
    admin = visitor().admin
    swap = swaps.plan(admin, mac, said.new, said.model)
    done = swaps.carry_out(provided(admin, lambda: devices.version(admin, mac)), swap, said.days, how.dry_run)
    return {**did(done), "steps": list(swap.diff())}


@resource.post("/devices/<mac>/resync")
@resource.input(Asking, arg_name="said")
@resource.output(Did)
@resource.doc(summary="Ask a phone to read its files", security="key", responses=answers(404, 502))
@asks(OPERATE)
def resync_device(mac: str, said: Asking) -> Any:
    """Send a SIP NOTIFY to where the phone was last seen."""
    return did(notices.ask(visitor().admin, mac, "resync", proofs.means(said.patience, None), said.port))


@resource.post("/devices/<mac>/reboot")
@resource.input(Asking, arg_name="said")
@resource.output(Did)
@resource.doc(summary="Ask a phone to restart", security="key", responses=answers(404, 502))
@asks(OPERATE)
def reboot_device(mac: str, said: Asking) -> Any:
    """Send a SIP NOTIFY to where the phone was last seen; a call that it has may end."""
    return did(notices.ask(visitor().admin, mac, "reboot", proofs.means(said.patience, None), said.port))


@resource.get("/devices/<mac>/token")
@resource.input(Reveal, location="query", arg_name="said")
@resource.output(Urls)
@resource.doc(summary="Show a phone's own URLs", security="key", responses=answers(404, 422))
@asks(REVEAL)
def get_token(mac: str, said: Reveal) -> Any:
    """Return the URLs that hold this phone's token, the one to type first; with reveal=true alone."""
    _asked_to_reveal(said)
    urls, done = devices.token(visitor().admin, mac)
    return secret({"urls": urls, "notes": list(done.notes)})


@resource.post("/devices/<mac>/token")
@resource.input(Reveal, location="query", arg_name="said")
@resource.output(Urls)
@resource.doc(summary="Make a phone's token another one", security="key", responses=answers(404, 422))
@asks(REVEAL)
def rotate_token(mac: str, said: Reveal) -> Any:
    """Make the old URLs worthless at once, and return the new ones; with reveal=true alone."""
    _asked_to_reveal(said)
    urls, done = devices.token(visitor().admin, mac, rotate=True)
    return secret({"urls": urls, "notes": [done.sentence, *done.notes]})


@resource.get("/devices/<mac>/credentials")
@resource.input(Reveal, location="query", arg_name="said")
@resource.output(Credentials)
@resource.doc(summary="Show a phone's user and password for HTTP", security="key", responses=answers(404, 422))
@asks(REVEAL)
def get_credentials(mac: str, said: Reveal) -> Any:
    """Return what this phone proves itself with, where its site asks for it; with reveal=true alone."""
    _asked_to_reveal(said)
    known, done = devices.credentials(visitor().admin, mac)
    return secret({**known, "notes": list(done.notes)})


def _asked_to_reveal(said: Reveal) -> None:
    if not said.reveal:
        raise BadValue("all of this answer is a secret; ask with reveal=true")


def _shown(admin: Admin, mac: str, status: int = 200, notes: tuple[str, ...] = ()) -> Response:
    with admin.store.reading():  # the ETag is of what is shown, whoever writes meanwhile
        return one(devices.shown(admin, admin.device(mac)), devices.version(admin, mac), status, notes)
