"""/operators, /apikeys, /me: who may come in."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from pydantic import BaseModel, Field, StringConstraints

from provisioner.admin import Admin, apikeys, operators, sessions
from provisioner.api.shapes import Did, Paged, Said, Text
from provisioner.api.views import answers, did, provided, secret, sliced, versioned
from provisioner.console.pages import asks
from provisioner.console.visitor import visitor
from provisioner.rights import LOOK, RULE

resource = APIBlueprint("operators", __name__, tag="operators")
_ETAG = {"ETag": {"description": "of the operator as he is now; for If-Match", "schema": {"type": "string"}}}
Role = Literal["owner", "admin", "helpdesk", "reader"]
Slug = Annotated[str, StringConstraints(min_length=1, max_length=63)]


class OperatorFacts(Said):
    """What can be said of an operator."""

    role: Role | None = None
    sites: list[Slug] | None = Field(None, max_length=1000, description="those that he is bound to; none: all")
    language: Text | None = None
    timezone: Text | None = None


class NewOperator(OperatorFacts):
    """An operator who is added."""

    name: Text


class OperatorShown(BaseModel):
    """An operator; of his password only whether he has set one."""

    operator: str
    role: Role
    sites: list[str]
    language: str
    timezone: str
    can_sign_in: bool
    sessions: int
    last_seen_at: str | None
    made_at: str


class OperatorRows(BaseModel):
    """A page of operators, by name."""

    items: list[OperatorShown]
    next: str | None


class Linked(Did):
    """What was done; link: the path, on the console's address, under which he sets his password, once and within a day."""

    link: str


class SessionShown(BaseModel):
    """What a browser holds after its operator has signed in."""

    address: str
    agent: str
    made_at: str
    seen_at: str


class Sessions(BaseModel):
    """The sessions of an operator, the last seen first."""

    items: list[SessionShown]


class Preferences(Said):
    """What everybody says of himself."""

    language: Text
    timezone: Text


class NewKey(Said):
    """A key that is added; never with more rights than who adds it has."""

    label: str = Field(min_length=1, max_length=80, description="which program has it")
    operator: Text = Field("", description="for whom it acts; empty: oneself")
    role: Literal["", "owner", "admin", "helpdesk", "reader"] = Field("", description="less than his own")
    sites: list[Slug] = Field([], max_length=1000, description="only these")
    days: int = Field(365, ge=1, le=3650, description="how long it is good")


class KeyAdded(Did):
    """What was done; key: what the program shows, which nobody sees again."""

    key: str


class ApiKeyRow(BaseModel):
    """A key, named by its first characters."""

    key: str
    label: str
    operator: str
    role: Role
    sites: list[str]
    made_at: str
    expires_at: str
    expired: bool
    last_used_at: str | None


class ApiKeyRows(BaseModel):
    """A page of keys."""

    items: list[ApiKeyRow]
    next: str | None


@resource.get("/operators")
@resource.input(Paged, location="query", arg_name="said")
@resource.output(OperatorRows)
@resource.doc(summary="List operators", security="key")
@asks(LOOK)
def list_operators(said: Paged) -> Any:
    """Return all operators, by name; only oneself where one does not rule."""
    return sliced(operators.listed(visitor().admin), said, "operator")


@resource.post("/operators")
@resource.input(NewOperator, arg_name="said")
@resource.output(Linked, status_code=201)
@resource.doc(summary="Add an operator", security="key", responses=answers(404, 409, 422))
@asks(RULE)
def add_operator(said: NewOperator) -> Any:
    """Add an operator, and return the link with which he sets his password."""
    done, word = operators.add(visitor().admin, said.name, **said.model_dump(exclude_none=True, exclude={"name"}))
    return secret({**did(done), "link": f"/setup/{word}"})


@resource.get("/operators/<name>")
@resource.output(OperatorShown)
@resource.doc(summary="Show an operator", security="key", responses=answers(200, 404, headers=_ETAG, of="OperatorShown"))
@asks(LOOK)
def get_operator(name: str) -> Any:
    """Return what is known of an operator."""
    return _shown(visitor().admin, name)


@resource.patch("/operators/<name>")
@resource.input(OperatorFacts, arg_name="said")
@resource.output(OperatorShown)
@resource.doc(summary="Change an operator", security="key", responses=answers(200, 404, 409, 412, 422, headers=_ETAG, of="OperatorShown"))
@asks(RULE)
def patch_operator(name: str, said: OperatorFacts) -> Any:
    """Change what is said of an operator; with another role or other sites his sessions end."""
    admin = visitor().admin
    operators.change(_provided(admin, name), name, said.model_dump(exclude_none=True))
    return _shown(admin, name)


@resource.delete("/operators/<name>")
@resource.output(Did)
@resource.doc(summary="Remove an operator", security="key", responses=answers(404, 409, 412))
@asks(RULE)
def delete_operator(name: str) -> Any:
    """Remove an operator, with his sessions and API keys."""
    admin = visitor().admin
    return did(operators.remove(_provided(admin, name), name))


@resource.post("/operators/<name>/link")
@resource.output(Linked)
@resource.doc(summary="Make a link for another password", security="key", responses=answers(404))
@asks(RULE)
def make_link(name: str) -> Any:
    """Return a new link with which an operator sets another password."""
    done, word = operators.link(visitor().admin, name)
    return secret({**did(done), "link": f"/setup/{word}"})


@resource.get("/operators/<name>/sessions")
@resource.output(Sessions)
@resource.doc(summary="List an operator's sessions", security="key", responses=answers(404))
@asks(LOOK)
def list_sessions(name: str) -> Any:
    """Return the sessions of an operator; only one's own where one does not rule."""
    return {"items": sessions.listed(visitor().admin, name)}


@resource.delete("/operators/<name>/sessions")
@resource.output(Did)
@resource.doc(summary="End an operator's sessions", security="key", responses=answers(404))
@asks(RULE)
def end_sessions(name: str) -> Any:
    """End all sessions of an operator."""
    return did(sessions.end(visitor().admin, name))


@resource.get("/me")
@resource.output(OperatorShown)
@resource.doc(summary="Show oneself", security="key")
@asks(LOOK)
def get_me() -> Any:
    """Return the operator for whom this key acts."""
    admin = visitor().admin
    return operators.shown(admin, operators.one(admin, admin.rights.operator))


@resource.patch("/me")
@resource.input(Preferences, arg_name="said")
@resource.output(Did)
@resource.doc(summary="Change one's own language and time zone", security="key", responses=answers(422))
@asks(LOOK)
def patch_me(said: Preferences) -> Any:
    """Change the language of the pages that one sees, and the zone of their times."""
    return did(operators.prefer(visitor().admin, said.language, said.timezone))


@resource.get("/apikeys")
@resource.input(Paged, location="query", arg_name="said")
@resource.output(ApiKeyRows)
@resource.doc(summary="List API keys", security="key")
@asks(LOOK)
def list_apikeys(said: Paged) -> Any:
    """Return all keys where one rules, else one's own; never what is in them."""
    return sliced(apikeys.listed(visitor().admin), said, "key")


@resource.post("/apikeys")
@resource.input(NewKey, arg_name="said")
@resource.output(KeyAdded, status_code=201)
@resource.doc(summary="Add an API key", security="key", responses=answers(404, 422))
@asks(RULE)
def add_apikey(said: NewKey) -> Any:
    """Add a key, and return it this once. It takes a key of an owner: no other one outlives itself by making more of them."""
    done, word = apikeys.add(visitor().admin, said.label, said.operator, said.role, said.sites, said.days)
    return secret({**did(done), "key": word})


@resource.delete("/apikeys/<prefix>")
@resource.output(Did)
@resource.doc(summary="Remove an API key", security="key", responses=answers(404))
@asks(RULE)
def delete_apikey(prefix: str) -> Any:
    """Remove a key, named by its first characters: from now on it opens nothing."""
    return did(apikeys.remove(visitor().admin, prefix))


def _provided(admin: Admin, name: str) -> Admin:
    return provided(admin, versioned(admin, "operator", name))


def _shown(admin: Admin, name: str) -> Any:
    with admin.store.reading():
        return operators.shown(admin, operators.one(admin, name)), 200, {"ETag": f'"{versioned(admin, "operator", name)()}"'}
