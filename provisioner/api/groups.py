"""/groups: phones of one role within a site."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from pydantic import BaseModel

from provisioner.admin import groups
from provisioner.api.keys import KeyShown
from provisioner.api.shapes import Did, Json, Paged, Text
from provisioner.api.views import answers, did, sliced
from provisioner.console.pages import asks
from provisioner.console.visitor import visitor
from provisioner.rights import CHANGE, LOOK

resource = APIBlueprint("groups", __name__, tag="groups")


class GroupSearch(Paged):
    """Which groups."""

    site: Text = ""


class GroupRow(BaseModel):
    """A group in a list; group: SITE/GROUP."""

    group: str
    site: str
    phones: int


class GroupRows(BaseModel):
    """A page of groups."""

    items: list[GroupRow]
    next: str | None


class GroupShown(BaseModel):
    """A group with its phones, settings and keys."""

    group: str
    site: str
    phones: list[str]
    settings: Json
    keys: list[KeyShown]


@resource.get("/groups")
@resource.input(GroupSearch, location="query", arg_name="said")
@resource.output(GroupRows)
@resource.doc(summary="List groups", security="key", responses=answers(404))
@asks(LOOK)
def list_groups(said: GroupSearch) -> Any:
    """Return the groups of a site, or all."""
    return sliced(groups.listed(visitor().admin, said.site), said, "group")


@resource.get("/groups/<site>/<group>")
@resource.output(GroupShown)
@resource.doc(summary="Show a group", security="key", responses=answers(404))
@asks(LOOK)
def get_group(site: str, group: str) -> Any:
    """Return a group with its phones, settings and keys."""
    return groups.shown(visitor().admin, f"{site}/{group}")


@resource.put("/groups/<site>/<group>")
@resource.output(Did)
@resource.doc(summary="Add a group", security="key", responses=answers(404, 422))
@asks(CHANGE)
def put_group(site: str, group: str) -> Any:
    """Add a group to its site; where it is there already, nothing changes."""
    return did(groups.add(visitor().admin, f"{site}/{group}"))


@resource.delete("/groups/<site>/<group>")
@resource.output(Did)
@resource.doc(summary="Remove a group", security="key", responses=answers(404))
@asks(CHANGE)
def delete_group(site: str, group: str) -> Any:
    """Remove a group; its phones stay in the site."""
    return did(groups.remove(visitor().admin, f"{site}/{group}"))
