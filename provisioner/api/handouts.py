"""/handouts: a sheet of paper for each phone."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import Field, StringConstraints

from provisioner.admin import handouts
from provisioner.api.shapes import Asked, Said, Text
from provisioner.api.views import answers, document
from provisioner.console.pages import asks
from provisioner.console.visitor import visitor
from provisioner.rights import LOOK

resource = APIBlueprint("handouts", __name__, tag="handouts")
_MEDIA = {"pdf": "application/pdf", "html": "text/html; charset=utf-8"}
_DOCUMENT = document("The document; the header Notes has what to look at, as a JSON list", "application/pdf", "text/html")
Mac = Annotated[str, StringConstraints(min_length=1, max_length=40)]


class SheetAsked(Asked):
    """How a phone's handout shall be."""

    kind: Literal["pdf", "html"] = "pdf"
    language: Text = Field("en", description="of the sentences; menus are quoted as the phone shows them")
    labels: Text = Field("", description="paper labels for the keys, width x height in millimetres, such as 40x9.5; else as the model's facts tell")
    secrets: bool = Field(False, description="with the phone's own URL, which holds its token; takes the right to see secrets")


class SheetsSaid(Said):
    """Of which phones, and how."""

    macs: list[Mac] = Field(min_length=1, max_length=handouts.MOST)
    kind: Literal["pdf", "html"] = "pdf"
    language: Text = "en"
    labels: Text = ""
    secrets: bool = False


@resource.get("/devices/<mac>/handout")
@resource.input(SheetAsked, location="query", arg_name="said")
@resource.doc(summary="Print a phone's handout", security="key", responses={**_DOCUMENT, **answers(404, 422)})
@asks(LOOK)
def get_handout(mac: str, said: SheetAsked) -> Response:
    """Return a sheet of paper: whose the phone is, how it is given its address, what its keys do."""
    return _document([mac], said)


@resource.post("/handouts")
@resource.input(SheetsSaid, arg_name="said")
@resource.doc(summary="Print handouts", security="key", responses={**_DOCUMENT, **answers(404, 422)})
@asks(LOOK)
def make_handouts(said: SheetsSaid) -> Response:
    """Return the handouts of phones as one document, each on a page of its own."""
    return _document(said.macs, said)


def _document(macs: list[str], said: Any) -> Response:
    made, notes = handouts.made(visitor().admin, macs, said.kind, said.language, said.secrets, said.labels)
    return Response(made, content_type=_MEDIA[said.kind], headers={"Notes": json.dumps(notes)})
