"""/phonebooks: whom the phones of a site show."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field, StringConstraints

from provisioner.admin import phonebook
from provisioner.api.shapes import Asked, Did, Paged, Said, Trial
from provisioner.api.views import answers, body, did, document, provided, sliced, takes, versioned
from provisioner.console.pages import asks
from provisioner.console.visitor import visitor
from provisioner.csvfile import LARGEST
from provisioner.rights import LOOK, OPERATE

resource = APIBlueprint("phonebooks", __name__, tag="phone books")
Number = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class NumberOf(BaseModel):
    """One number of a person."""

    kind: str
    number: str


class Person(BaseModel):
    """A person in a phone book."""

    name: str
    numbers: list[NumberOf]


class People(BaseModel):
    """A page of a phone book, by name."""

    items: list[Person]
    next: str | None


class Numbers(Said):
    """How a person is reached."""

    numbers: list[Number] = Field(min_length=1, max_length=50, description="213, or with its kind: mobile=+351912345678")


class Bringing(Trial):
    """How a file is put into a phone book."""

    replace: bool = Field(False, description="the file is the whole phone book: who is not in it is taken out")


class Form(Asked):
    """In which form a phone book is given."""

    format: Literal["csv", "vcard"] = "csv"


@resource.get("/phonebooks/<site>")
@resource.input(Paged, location="query", arg_name="said")
@resource.output(People)
@resource.doc(summary="List a site's phone book", security="key", responses=answers(404))
@asks(LOOK)
def list_people(site: str, said: Paged) -> Any:
    """Return a site's phone book, by name."""
    return sliced(phonebook.listed(visitor().admin, site), said, "name")


@resource.put("/phonebooks/<site>/contacts/<path:name>")
@resource.input(Numbers, arg_name="said")
@resource.output(Did)
@resource.doc(summary="Put a person into a phone book", security="key", responses=answers(404, 409, 412, 422))
@asks(OPERATE)
def put_contact(site: str, name: str, said: Numbers) -> Any:
    """Put a person into a site's phone book, in place of one of the same name."""
    admin = visitor().admin
    return did(phonebook.add(provided(admin, versioned(admin, "contact", f"{site}/{name}")), site, name, said.numbers))


@resource.delete("/phonebooks/<site>/contacts/<path:name>")
@resource.output(Did)
@resource.doc(summary="Take a person out of a phone book", security="key", responses=answers(404, 412))
@asks(OPERATE)
def delete_contact(site: str, name: str) -> Any:
    """Take a person out of a site's phone book."""
    admin = visitor().admin
    return did(phonebook.remove(provided(admin, versioned(admin, "contact", f"{site}/{name}")), site, name))


@resource.post("/phonebooks/<site>/import")
@resource.input(Bringing, location="query", arg_name="said")
@resource.output(Did)
@resource.doc(summary="Import a phone book", security="key", responses=answers(404, 409, 422))
@asks(OPERATE)
@takes("text/csv", "text/vcard")
def import_contacts(site: str, said: Bringing) -> Any:
    """Put the people of a CSV or vCard file into a site's phone book: all of them, or none where a row is wrong."""
    return did(phonebook.bring(visitor().admin, site, body(LARGEST), said.replace, said.dry_run))


@resource.get("/phonebooks/<site>/export")
@resource.input(Form, location="query", arg_name="said")
@resource.doc(
    summary="Export a phone book", security="key",
    responses={**document("as a file that import reads again", "text/csv", "text/vcard"), **answers(404)},
)  # fmt: skip
@asks(LOOK)
def export_contacts(site: str, said: Form) -> Response:
    """Return a site's phone book as CSV or vCard; in CSV a cell that a spreadsheet would take for a formula begins with a '."""
    return Response(phonebook.given(visitor().admin, site, said.format), content_type=f"text/{said.format}; charset=utf-8")
