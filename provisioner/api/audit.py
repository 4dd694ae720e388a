"""/audit: who changed what, from which door, before and after."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from provisioner.admin import audit
from provisioner.api.shapes import Asked, Did, Text
from provisioner.api.views import answers, did, document, page_of, paged
from provisioner.console.pages import asks
from provisioner.console.visitor import visitor
from provisioner.rights import CHANGE, LOOK

resource = APIBlueprint("audit", __name__, tag="audit")


class PhoneChanges(Asked):
    """Which page of changes."""

    cursor: int = Field(0, ge=0, le=2**53, description="what `next` of the page before said")
    limit: int = Field(50, ge=1, le=500, description="rows of a page")


class ChangeSearch(PhoneChanges):
    """Which changes."""

    noun: Text = Field("", description="device, account, line, key, setting, site, group, contact, operator, session, …")
    name: Text = Field("", description="of this one, as the list names it")
    who: Text = Field("", description="what one operator did")


class ChangeShown(BaseModel):
    """One change. batch: what was changed together; what: (before, after) by name, a secret as *changed*."""

    id: int
    batch: int
    at: str
    who: str
    door: str
    noun: str
    name: str
    verb: str
    what: dict[str, list[Any]]
    can_undo: bool


class ChangeRows(BaseModel):
    """A page of changes, the newest first."""

    items: list[ChangeShown]
    next: int | None


@resource.get("/audit")
@resource.input(ChangeSearch, location="query", arg_name="said")
@resource.output(ChangeRows)
@resource.doc(summary="List changes", security="key")
@asks(LOOK)
def list_changes(said: ChangeSearch) -> Any:
    """Return the last changes, the newest first."""
    return paged(page_of(audit.listed(visitor().admin, said.noun, said.name, said.who, said.limit + 1, said.cursor), said.limit, "id"))


@resource.get("/devices/<mac>/changes")
@resource.input(PhoneChanges, location="query", arg_name="said")
@resource.output(ChangeRows)
@resource.doc(summary="List the changes of a phone", security="key", responses=answers(404))
@asks(LOOK)
def list_phone_changes(mac: str, said: PhoneChanges) -> Any:
    """Return the last changes of a phone with its lines, keys and settings, the newest first."""
    return paged(page_of(audit.of_phone(visitor().admin, mac, said.limit + 1, said.cursor), said.limit, "id"))


@resource.get("/audit/export")
@resource.doc(
    summary="Export all changes", security="key",
    responses=document("one change a line, as JSON, the newest first", "application/x-ndjson"),
)  # fmt: skip
@asks(LOOK)
def export_changes() -> Response:
    """Return every change as a line of JSON, the newest first."""
    return Response(_lines(audit.exported(visitor().admin)), content_type="application/x-ndjson")


def _lines(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield json.dumps(row) + "\n"


@resource.post("/audit/<int(max=9007199254740991):number>/undo")
@resource.output(Did)
@resource.doc(summary="Take a change back", security="key", responses=answers(404, 409, 422))
@asks(CHANGE)
def undo_change(number: int) -> Any:
    """Take back a change and all that was changed with it, as a new change; 409 where it was changed again since."""
    return did(audit.undo(visitor().admin, number))
