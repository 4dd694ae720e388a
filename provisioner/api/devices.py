"""/devices: the inventory of phones."""

from __future__ import annotations

from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response, request
from pydantic import BaseModel, Field

from provisioner.admin import Admin, copies, devices, enrol, many, notices, proofs, reveals, swaps
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


class Enrolment(Said):
    """A phone and its account."""

    account: Text = Field("", description="its SIP address, or the part before the @ where one account alone has it; empty: none")
    model: Text = Field("", description="FAMILY/MODEL of a phone that is new here, and did not say itself which it is")
    site: Text = Field("", description="of a phone that is new here; else the one whose network it asked from")


class Source(Said):
    """From which phone."""

    source: Text = Field(description="its MAC")


class ManySaid(Said):
    """Which phones, and what shall be done to them."""

    verb: Literal["say", "unsay", "move", "resync", "retire", "remove"]
    macs: list[Text] | None = Field(None, max_length=1000, description="these; else all that fit what follows")
    search: Text = ""
    in_site: Text = ""
    in_state: Literal["", "approved", "blocked", "retiring"] = ""
    in_family: Text = ""
    in_group: Text = ""
    setting: Text = Field("", description="of say and unsay")
    value: str = Field("", max_length=20_000, description="of say")
    site: Text = Field("", description="of move")
    group: Text = Field("", description="of move: within the site; empty is none")
    patience: float = Field(8.0, ge=0.1, le=64, description="of resync: seconds that a phone may be silent", strict=False)


class ManyDone(Did):
    """What was done to how many phones; with dry_run, how many would be another, restart for it, or could lose the network."""

    phones: int
    would_change: int | None
    would_restart: int | None
    could_strand: int | None


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
    group: Text = Field("", description="of the site that is said")


@resource.get("/devices")
@resource.input(Search, location="query", arg_name="said")
@resource.output(Rows)
@resource.doc(summary="List phones", security="key")
@asks(LOOK)
def list_devices(said: Search) -> Any:
    """Return the phones that fit, by MAC."""
    rows = devices.listed(visitor().admin, said.state, said.site, said.search, said.limit + 1, said.cursor, said.family, said.group)
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


@resource.post("/devices/<mac>/enrol")
@resource.input(Enrolment, arg_name="said")
@resource.output(Did)
@resource.doc(summary="Enrol a phone with its account", security="key", responses=answers(404, 409, 422))
@asks(CHANGE)
def enrol_device(mac: str, said: Enrolment) -> Any:
    """Have a phone in the inventory, approved, with an account on its first free line: both in one change."""
    return did(enrol.enrol(visitor().admin, mac, said.account, said.model, said.site))


@resource.post("/devices/<mac>/copy")
@resource.input(Source, arg_name="said")
@resource.output(Did)
@resource.doc(summary="Copy another phone's settings and keys", security="key", responses=answers(404, 409, 412, 422))
@asks(CHANGE)
def copy_device(mac: str, said: Source) -> Any:
    """Say for a phone what another one's own settings and keys say; what it cannot have is left out, and told."""
    admin = visitor().admin
    return did(copies.copy(provided(admin, lambda: devices.version(admin, mac)), mac, said.source))


@resource.post("/many")
@resource.input(Trial, location="query", arg_name="how")
@resource.input(ManySaid, arg_name="said")
@resource.output(ManyDone)
@resource.doc(summary="Do one thing to many phones", security="key", responses=answers(404, 409, 412, 422))
@asks(OPERATE)
def do_many(how: Trial, said: ManySaid) -> Any:
    """Say a setting, move, resync, retire or remove for many phones, all of them or none. With dry_run it tells what that would change and cost, with an ETag; If-Match does it only where that is still so."""
    admin = visitor().admin
    phones = many.chosen(admin, said.macs, said.search, said.in_site, said.in_state, said.in_family, said.in_group)
    order = many.Order(said.verb, said.setting, said.value, said.site, said.group)
    if how.dry_run:
        cost = many.preview(admin, phones, order)
        told = {"sentence": cost.sentence, "changed": False, "notes": list(cost.notes), "phones": cost.phones, "would_change": len(cost.changed), "would_restart": cost.restart, "could_strand": cost.strand}
        return told, 200, {"ETag": f'"{many.version(admin, phones)}"'}
    seen = request.headers.get("If-Match", "").strip().strip('"')
    done = many.carry_out(admin, phones, order, proofs.means(said.patience, None), "" if seen == "*" else seen)
    return {**did(done), "phones": len(phones), "would_change": None, "would_restart": None, "could_strand": None}


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
    """Return the URLs that hold this phone's token, the one to type first; with reveal=true alone, and on record."""
    _asked_to_reveal(said)
    return secret({"urls": reveals.access(visitor().admin, mac)["urls"], "notes": []})


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
    """Return what this phone proves itself with, where its site asks for it; with reveal=true alone, and on record."""
    _asked_to_reveal(said)
    return secret({**reveals.access(visitor().admin, mac)["proof"], "notes": []})


def _asked_to_reveal(said: Reveal) -> None:
    if not said.reveal:
        raise BadValue("all of this answer is a secret; ask with reveal=true")


def _shown(admin: Admin, mac: str, status: int = 200, notes: tuple[str, ...] = ()) -> Response:
    with admin.store.reading():  # the ETag is of what is shown, whoever writes meanwhile
        return one(devices.shown(admin, admin.device(mac)), devices.version(admin, mac), status, notes)
