"""/devices/…/files: what a phone gets; /devices/…/explain: why."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from provisioner.admin import files
from provisioner.api.shapes import Asked, Json
from provisioner.api.views import answers, document, in_path
from provisioner.console.pages import asks
from provisioner.console.visitor import visitor
from provisioner.rights import LOOK

resource = APIBlueprint("files", __name__, tag="devices")


class FileNames(BaseModel):
    """The files that a phone asks for and gets, in its order."""

    items: list[str]


class OfLine(Asked):
    """Of which line."""

    line: int = Field(0, ge=0, le=1000, description="of this line, with what its account says; 0 is the phone")


class ValueSaid(BaseModel):
    """One setting of a phone, and whose word counts."""

    setting: str
    value: Any
    said_by: str
    cannot: str | None = Field(description="why this model does not take it")


class FactLacking(BaseModel):
    """A fact of the phone's accounts that its model has no parameter for."""

    fact: str
    why: str
    source: str


class Explained(BaseModel):
    """Every setting of a phone that has a value."""

    settings: list[ValueSaid]
    facts_not_taken: list[FactLacking]


@resource.get("/devices/<mac>/files")
@resource.output(FileNames)
@resource.doc(summary="List a phone's files", security="key", responses=answers(404))
@asks(LOOK)
def list_files(mac: str) -> Any:
    """Return the names of the files that a phone asks for and gets."""
    return {"items": files.names(visitor().admin, mac)}


@resource.get("/devices/<mac>/files/<path:file>")
@resource.doc(
    summary="Show a file of a phone", security="key",
    responses={**document("as the phone gets it, secrets masked", "text/plain"), **answers(404)},
)  # fmt: skip
@asks(LOOK)
def get_file(mac: str, file: str) -> Response:
    """Return a file as it is now, as text that can be read, secrets masked."""
    return Response(files.preview(visitor().admin, mac, file)[1], content_type="text/plain; charset=utf-8")


@resource.get("/devices/<mac>/explain")
@resource.input(OfLine, location="query", arg_name="said")
@resource.output(Explained)
@resource.doc(summary="Explain a phone's settings", security="key", responses=answers(404, 422))
@asks(LOOK)
def explain_all(mac: str, said: OfLine) -> Any:
    """Return every setting that has a value, who said it, and what this model cannot take; secrets masked."""
    admin = visitor().admin
    return {"settings": [row for row in files.explain_all(admin, mac, said.line) if row["value"] is not None], "facts_not_taken": files.not_taken(admin, mac)}


@resource.get("/devices/<mac>/explain/<name>")
@resource.input(OfLine, location="query", arg_name="said")
@resource.doc(summary="Explain one setting of a phone", security="key", responses=answers(200, 404, 422))
@asks(LOOK)
def explain(mac: str, name: str, said: OfLine) -> Json:
    """Return what every layer says of a setting, who wins, and the lines of the phone's files that it became; or what its accounts say of one of their facts."""
    admin = visitor().admin
    with in_path():
        return files.explain_fact(admin, mac, name, said.line) or files.explanation(files.explain(admin, mac, name, said.line))
