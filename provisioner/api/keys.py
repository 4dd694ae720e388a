"""/scopes/…/keys: what the programmable keys of a phone, or of a group's phones, do."""

from __future__ import annotations

from typing import Any, Literal

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from provisioner.admin import Admin, keys
from provisioner.api.shapes import Did, Said, Text
from provisioner.api.views import answers, did, in_path, provided, tag_of, versioned
from provisioner.console.pages import asks
from provisioner.console.visitor import visitor
from provisioner.rights import LOOK, OPERATE

resource = APIBlueprint("keys", __name__, tag="keys")
_ETAG = {"ETag": {"description": "of all of these keys; for If-Match of what lays them together", "schema": {"type": "string"}}}
_KEY = "/scopes/<path:scope>/keys/<int(max=8):module>/<int(max=1000):position>"


class KeyFacts(Said):
    """What a key does."""

    type: Text = Field(description="one of /key-types; none empties the key")
    value: Text = ""
    label: Text = Field("", description="what the key's label shows")
    line: int = Field(0, ge=0, le=1000, description="that it works with; 0 is the first")


class KeyAt(Said):
    """A key among others."""

    at: int = Field(ge=1, le=1000, description="its position until now")
    to: int | None = Field(None, ge=1, le=1000, description="where it shall be; null: where it is")
    type: Text = Field(description="one of /key-types; empty says nothing of it here")
    value: Text = ""
    label: Text = ""
    line: int = Field(0, ge=0, le=1000)


class KeyRows(Said):
    """Keys that are laid together."""

    rows: list[KeyAt] = Field(min_length=1, max_length=1000)


class KeyShown(BaseModel):
    """One key that is set."""

    scope: str
    module: int
    position: int
    type: str
    value: str
    label: str
    line: int


class KeyPlace(BaseModel):
    """A key as the phone will have it. own: what is said of it for this phone alone."""

    module: int
    n: int
    type: str
    label: str
    value: str
    own: KeyShown | None
    said_by: Literal["device", "group", "line", ""]


class KeyPlaces(BaseModel):
    """Every key of a phone, by module and position."""

    items: list[KeyPlace]


class Keys(BaseModel):
    """The keys of a scope, by module and position."""

    items: list[KeyShown]


def _provided(admin: Admin, scope: str, module: int, position: int) -> Admin:
    return provided(admin, versioned(admin, "key", f"{keys.belongs(admin, scope)} {module}/{position}"))


@resource.get("/scopes/<path:scope>/keys")
@resource.output(Keys)
@resource.doc(summary="List the keys of a phone or a group", security="key", responses=answers(200, 404, 422, headers=_ETAG, of="Keys"))
@asks(LOOK)
def list_keys(scope: str) -> Any:
    """Return the keys that were set in a scope, device:MAC or group:SITE/GROUP."""
    with in_path():
        rows = keys.listed(visitor().admin, scope)
    return {"items": rows}, 200, {"ETag": f'"{tag_of(rows)}"'}


@resource.get("/devices/<mac>/keys")
@resource.output(KeyPlaces)
@resource.doc(summary="Show a phone's keys as it will have them", security="key", responses=answers(404))
@asks(LOOK)
def list_layout(mac: str) -> Any:
    """Return every key of a phone and its modules: its own, those of its group, and the lines that sit there by themselves."""
    return {"items": keys.layout(visitor().admin, mac)}


@resource.put(_KEY)
@resource.input(KeyFacts, arg_name="said")
@resource.output(Did)
@resource.doc(summary="Set a key", security="key", responses=answers(404, 409, 412, 422))
@asks(OPERATE)
def put_key(scope: str, module: int, position: int, said: KeyFacts) -> Any:
    """Set one key; a device's key beats its group's."""
    admin = visitor().admin
    return did(keys.put(_provided(admin, scope, module, position), scope, position, said.type, said.value, said.label, said.line, module))


@resource.put("/scopes/<path:scope>/keys/<int(max=8):module>")
@resource.input(KeyRows, arg_name="said")
@resource.output(Did)
@resource.doc(summary="Lay keys together", security="key", responses=answers(404, 409, 412, 422))
@asks(OPERATE)
def lay_keys(scope: str, module: int, said: KeyRows) -> Any:
    """Set, move and forget keys of the phone itself or of one module in one change; those of which no row speaks stay, and one that another is moved onto changes places with it."""
    rows = [keys.Row(row.at, row.to if row.to is not None else row.at, row.type, row.value, row.label, row.line) for row in said.rows]
    admin = visitor().admin
    return did(keys.lay(provided(admin, lambda: tag_of(keys.listed(admin, scope))), scope, rows, module))


@resource.post(f"{_KEY}/clear")
@resource.output(Did)
@resource.doc(summary="Empty a key", security="key", responses=answers(404, 412, 422))
@asks(OPERATE)
def clear_key(scope: str, module: int, position: int) -> Any:
    """Empty a key that was set here; it stays empty."""
    admin = visitor().admin
    return did(keys.clear(_provided(admin, scope, module, position), scope, position, module))


@resource.delete(_KEY)
@resource.output(Did)
@resource.doc(summary="Forget a key", security="key", responses=answers(404, 412, 422))
@asks(OPERATE)
def forget_key(scope: str, module: int, position: int) -> Any:
    """Say nothing of a key any more: its group's word counts, or what the phone's user puts there."""
    admin = visitor().admin
    return did(keys.forget(_provided(admin, scope, module, position), scope, position, module))
