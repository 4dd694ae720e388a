"""/events, /why, /overview: what became of requests, and what there is to do."""

from __future__ import annotations

from typing import Any, Literal

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from provisioner.admin import events, overview, why
from provisioner.api.shapes import Asked, Json, Text
from provisioner.api.views import answers
from provisioner.console.pages import asks
from provisioner.console.visitor import visitor
from provisioner.rights import LOOK

resource = APIBlueprint("events", __name__, tag="events")


class EventSearch(Asked):
    """Which events."""

    mac: Text = Field("", description="of one phone")
    after: int = Field(0, ge=0, le=2**53, description="only those behind this id, such as `next` of the answer before; 0: the last ones")
    limit: int = Field(50, ge=1, le=1000)


class EventShown(BaseModel):
    """What became of one request, or what an account's server said; no secret is in it."""

    id: int
    at: str
    mac: str
    family: str
    model: str
    wire: str
    address: str
    path: str
    rule: str
    outcome: str
    sentence: str
    status: int
    bytes: int
    ms: float
    sha256: str
    times: int
    firmware: str
    known: bool


class Events(BaseModel):
    """Events, the oldest first. next: what to ask with as `after` for those that come."""

    items: list[EventShown]
    next: int


class WhyAsked(Asked):
    """What a phone asks for."""

    what: str = Field(min_length=1, max_length=4096, description="a URL or a file's name")
    user_agent: str = Field("", max_length=4096)
    address: Text = Field("127.0.0.1", description="of the phone")
    wire: Literal["", "http", "https", "tftp"] = Field("", description="the URL's own, else http")


class Step(BaseModel):
    """One step on the way of a request."""

    step: str
    found: str


class WhyShown(BaseModel):
    """What a phone would get, and why."""

    outcome: str
    sentence: str
    cure: str | None
    steps: list[Step]


@resource.get("/events")
@resource.input(EventSearch, location="query", arg_name="said")
@resource.output(Events)
@resource.doc(summary="List events", security="key", responses=answers(422))
@asks(LOOK)
def list_events(said: EventSearch) -> Any:
    """Return the last events, or those behind one; who asks again with `next` follows them."""
    rows, last = events.later(visitor().admin, said.mac, said.after, said.limit)
    return {"items": rows, "next": last}


@resource.get("/why")
@resource.input(WhyAsked, location="query", arg_name="said")
@resource.output(WhyShown)
@resource.doc(summary="Say why a phone gets this, or nothing", security="key", responses=answers(422))
@asks(LOOK)
def get_why(said: WhyAsked) -> Any:
    """Return what a phone would get for a URL or a file's name, step by step, with the cure; nothing is fetched or written."""
    return why.why(visitor().admin, said.what, said.user_agent, said.address, said.wire).shown()


@resource.get("/overview")
@resource.doc(summary="Show what there is at a glance", security="key", responses=answers(200))
@asks(LOOK)
def get_overview() -> Json:
    """Return phones by state and family, who waits, whose boots fail, and how many booted when."""
    return overview.shown(visitor().admin)
