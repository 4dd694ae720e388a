"""/scopes/…/settings: what operators say, and whose word it is; /settings: what can be said."""

from __future__ import annotations

from typing import Annotated, Any

from apiflask import APIBlueprint
from pydantic import BaseModel, Field, RootModel, StringConstraints

from provisioner.admin import Admin, dictionary, scopes, settings
from provisioner.api.shapes import Did, Json, Reveal
from provisioner.api.views import answers, did, in_path, one, provided, secret, versioned
from provisioner.console.pages import asks
from provisioner.console.visitor import visitor
from provisioner.rights import CHANGE, LOOK

resource = APIBlueprint("settings", __name__, tag="settings")
_ETAG = {"ETag": {"description": "of what this scope says; for If-Match", "schema": {"type": "string"}}}
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Value = Annotated[str, StringConstraints(max_length=20_000)]


class Sayings(RootModel[Annotated[dict[Name, Value], Field(min_length=1, max_length=500)]]):
    """Settings by their names, each value as people write it: `on`, `opus,g722`; an empty one switches off what is text, a host, a URL, a list or a secret."""


class SettingRow(BaseModel):
    """One setting that there is."""

    name: str
    group: str
    type: str
    default: Any
    unit: str
    per: str = Field(description="device; or line, for what an account or a line may say too")
    secret: bool
    may_strand: bool = Field(description="a wrong value can cut the phone off from this server")
    help: str


class Vocabulary(BaseModel):
    """All settings."""

    items: list[SettingRow]


class KeyType(BaseModel):
    """One type of keys."""

    type: str
    help: str


class KeyTypes(BaseModel):
    """All types of keys."""

    items: list[KeyType]


@resource.get("/settings")
@resource.output(Vocabulary)
@resource.doc(summary="List the settings that there are", security="key")
@asks(LOOK)
def list_settings() -> Any:
    """Return every setting with its type, default and meaning."""
    return {"items": dictionary.settings()}


@resource.get("/key-types")
@resource.output(KeyTypes)
@resource.doc(summary="List the types of keys that there are", security="key")
@asks(LOOK)
def list_key_types() -> Any:
    """Return every type of keys with its meaning."""
    return {"items": dictionary.key_types()}


@resource.get("/scopes/<path:scope>/settings")
@resource.input(Reveal, location="query", arg_name="said")
@resource.doc(summary="Show what a scope says", security="key", responses=answers(200, 404, 422, headers=_ETAG))
@asks(LOOK)
def get_settings(scope: str, said: Reveal) -> Any:
    """Return the settings that are said in a scope, by name, secrets masked."""
    admin = visitor().admin
    with in_path(), admin.store.reading():
        known: Json = settings.shown(admin, scope, said.reveal)
        answer = one(known, versioned(admin, "setting", str(scopes.read(admin, scope)))())
    return secret(answer) if said.reveal else answer


@resource.patch("/scopes/<path:scope>/settings")
@resource.input(Sayings, arg_name="said")
@resource.output(Did)
@resource.doc(summary="Say settings", security="key", responses=answers(404, 409, 412, 422))
@asks(CHANGE)
def say_settings(scope: str, said: Sayings) -> Any:
    """Say settings in a scope: all of them or none. The notes tell what it costs: phones that restart, that cannot take one, that could lose the network."""
    admin = visitor().admin
    where = _scope(admin, scope)
    return did(settings.say(provided(admin, versioned(admin, "setting", where)), where, said.root))


@resource.delete("/scopes/<path:scope>/settings/<name>")
@resource.output(Did)
@resource.doc(summary="Take a setting back", security="key", responses=answers(404, 409, 412, 422))
@asks(CHANGE)
def unsay_setting(scope: str, name: str) -> Any:
    """Take a setting back: what a lower layer says counts again, and phones that had it are told to forget it."""
    admin = visitor().admin
    where = _scope(admin, scope)
    with in_path():
        return did(settings.unsay(provided(admin, versioned(admin, "setting", where)), where, [name]))


def _scope(admin: Admin, text: str) -> str:
    with in_path():
        return str(scopes.read(admin, text))
