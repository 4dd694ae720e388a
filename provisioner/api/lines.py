"""/devices/…/lines: which account sits where on a phone."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from provisioner.admin import devices, lines
from provisioner.api.shapes import Did, Json, Said, Text
from provisioner.api.views import answers, did, provided
from provisioner.console.pages import asks
from provisioner.console.visitor import visitor
from provisioner.rights import CHANGE, LOOK

resource = APIBlueprint("lines", __name__, tag="devices")


class Assigned(BaseModel):
    """A line that has an account."""

    line: int
    account: str
    settings: Json = Field(description="what is said of this line, secrets masked")


class Assignments(BaseModel):
    """The lines of a phone that have an account."""

    items: list[Assigned]


class Assignment(Said):
    """An account for a line."""

    account: Text = Field(description="its SIP address")


class Placed(Assignment):
    """An account for a line that is named."""

    replace: bool = Field(False, description="take the place of the account that is there")


@resource.get("/devices/<mac>/lines")
@resource.output(Assignments)
@resource.doc(summary="List a phone's lines", security="key", responses=answers(404))
@asks(LOOK)
def list_lines(mac: str) -> Any:
    """Return the lines that have an account."""
    admin = visitor().admin
    return {"items": devices.shown(admin, admin.device(mac))["lines"]}


@resource.post("/devices/<mac>/lines")
@resource.input(Assignment, arg_name="said")
@resource.output(Did)
@resource.doc(summary="Put an account on a phone's first free line", security="key", responses=answers(404, 409, 412, 422))
@asks(CHANGE)
def assign_next(mac: str, said: Assignment) -> Any:
    """Put an account on the first line that has none; where it is on this phone already, nothing changes."""
    admin = visitor().admin
    return did(lines.assign(provided(admin, lambda: devices.version(admin, mac)), mac, said.account))


@resource.put("/devices/<mac>/lines/<int(max=1000):n>")
@resource.input(Placed, arg_name="said")
@resource.output(Did)
@resource.doc(summary="Put an account on a line", security="key", responses=answers(404, 409, 412, 422))
@asks(CHANGE)
def assign(mac: str, n: int, said: Placed) -> Any:
    """Put an account on this line; 409 where another one is there, unless it shall be replaced."""
    admin = visitor().admin
    return did(lines.assign(provided(admin, lambda: devices.version(admin, mac)), mac, said.account, n, said.replace))


@resource.delete("/devices/<mac>/lines/<int(max=1000):n>")
@resource.output(Did)
@resource.doc(summary="Take the account off a line", security="key", responses=answers(404, 412))
@asks(CHANGE)
def unassign(mac: str, n: int) -> Any:
    """Take the account off this line, with what was said of the line; the account itself stays."""
    admin = visitor().admin
    return did(lines.unassign(provided(admin, lambda: devices.version(admin, mac)), mac, n))
