"""/devices/…/files: what a phone gets; /devices/…/explain: why."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from provisioner.admin import files, reveals
from provisioner.api.shapes import Asked, Json, Reveal
from provisioner.api.views import answers, document, in_path
from provisioner.console.pages import asks
from provisioner.console.visitor import visitor
from provisioner.rights import LOOK, REVEAL

resource = APIBlueprint("files", __name__, tag="devices")


class FileNames(BaseModel):
    """The files that a phone asks for and gets, in its order."""

    items: list[str]


class FetchOf(BaseModel):
    """A file that the phone fetched, as far back as its events go. same: it is the same file now."""

    file: str
    at: str
    same: bool


class Fetches(BaseModel):
    """The files that the phone fetched."""

    items: list[FetchOf]


class Before(Asked):
    """Which file, and before which change."""

    file: str = Field(min_length=1, max_length=1000)
    number: int = Field(ge=1, le=2**53, description="of the change, as /audit has it")


class Difference(BaseModel):
    """Lines of a unified diff; none where nothing differs."""

    lines: list[str]


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
@resource.input(Reveal, location="query", arg_name="said")
@resource.doc(summary="Show a file of a phone", security="key", responses={**document("as people read it", "text/plain"), **answers(404)})
@asks(LOOK)
def get_file(mac: str, file: str, said: Reveal) -> Response:
    """Return a file as it is now, as text that can be read, secrets masked unless they are asked for; that is on record."""
    admin = visitor().admin
    text = reveals.file(admin, mac, file) if said.reveal else files.preview(admin, mac, file)[1]
    return Response(text, content_type="text/plain; charset=utf-8")


@resource.post("/devices/<mac>/files.zip")
@resource.doc(summary="Get all files of a phone with their secrets", security="key", responses={**document("byte for byte as the phone gets them", "application/zip"), **answers(404)})
@asks(REVEAL)
def get_packed(mac: str) -> Response:
    """Return every file of a phone in a ZIP, with its secrets; it is on record."""
    return Response(reveals.packed(visitor().admin, mac), content_type="application/zip")


@resource.get("/devices/<mac>/fetched")
@resource.output(Fetches)
@resource.doc(summary="Say whether a phone has its files as they are now", security="key", responses=answers(404))
@asks(LOOK)
def list_fetched(mac: str) -> Any:
    """Return when the phone last fetched each file, and whether it is the same now."""
    return {"items": [{"file": name, "at": at, "same": same} for name, (at, same) in files.fetched(visitor().admin, mac).items()]}


@resource.get("/devices/<mac>/difference")
@resource.input(Before, location="query", arg_name="said")
@resource.output(Difference)
@resource.doc(summary="Say how a change made a phone's file another one", security="key", responses=answers(404, 409, 422))
@asks(LOOK)
def get_difference(mac: str, said: Before) -> Any:
    """Return how a file differs from what it was before a change of history, as unified diff, secrets masked on both sides."""
    return {"lines": files.difference(visitor().admin, mac, said.file, said.number)}


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
