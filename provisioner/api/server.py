"""/config, /check: the server itself, to look at; /export: what left it."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field, StringConstraints

from provisioner import config
from provisioner.admin import bundles, carried, checks, usb
from provisioner.api.shapes import Asked, Did, Json, Said, Text, Trial
from provisioner.api.views import answers, body, did, document, takes
from provisioner.bundle import Signer
from provisioner.console.pages import asks
from provisioner.console.visitor import visitor
from provisioner.language import Language
from provisioner.rights import CHANGE, LOOK, REVEAL, RULE

resource = APIBlueprint("server", __name__, tag="server")
LARGEST = 16_000_000  # bytes of a bundle
Mac = Annotated[str, StringConstraints(min_length=1, max_length=40)]


class OptionShown(BaseModel):
    """An option of the server, and who said it."""

    option: str
    value: Any
    said_by: str


class Options(BaseModel):
    """All options; they are said in config.toml or the environment alone."""

    items: list[OptionShown]


class FindingShown(BaseModel):
    """One thing that is wrong: a fault, from which phones will suffer, or a warning."""

    kind: str
    what: str
    sentence: str


class Findings(BaseModel):
    """Everything that is wrong, faults first."""

    items: list[FindingShown]


class CheckAsked(Asked):
    """How much is checked."""

    output: bool = Field(False, description="make every file of every model too, which takes a quarter of a minute")


class Exports(BaseModel):
    """What left the server, the newest first."""

    items: list[Json]


class ExportsAsked(Asked):
    """How many exports."""

    limit: int = Field(100, ge=1, le=1000)


class PublicKey(BaseModel):
    """With what this server signs bundles; other servers name it in their option bundle_keys."""

    key: str


class StickTaken(Trial):
    """How a bundle is taken in."""

    key: Text = Field("", description="public key of the server that made it; else one of the option bundle_keys, or this server's own")


class Phrase(BaseModel):
    """With what the bundle was sealed."""

    passphrase: Text = Field("", description="percent-encoded, as in a URL")


class Taken(Did):
    """What was brought in. steps: a sentence for each thing that is added or changed."""

    steps: list[str]


class StickSaid(Said):
    """Which phones a technician carries, and how."""

    macs: list[Mac] = Field([], max_length=10_000)
    site: Text = Field("", description="all phones of a site")
    all: bool = False
    language: Text = "en"
    passphrase: Text = Field("", description="with it the phones' files are in a ZIP-AES, and another server can import the bundle")
    days: int = Field(30, ge=1, le=3650, description="after which the bundle is over")
    made_for: Text = Field("", description="who takes it; kept on record")
    clear: bool = Field(False, description="carry passwords unencrypted: whoever gets hold of the files can make calls at your cost")


@resource.get("/config")
@resource.output(Options)
@resource.doc(summary="Show the server's options", security="key")
@asks(RULE)
def get_config() -> Any:
    """Return every option that counts, and who said it; secrets masked."""
    return {"items": [{"option": name, "value": value, "said_by": by} for name, value, by in config.values(visitor().admin.config)]}


@resource.get("/check")
@resource.input(CheckAsked, location="query", arg_name="said")
@resource.output(Findings)
@resource.doc(summary="Say what is wrong before a phone meets it", security="key")
@asks(RULE)
def get_check(said: CheckAsked) -> Any:
    """Look at families' folders, config, store, sites and phones; return everything that is wrong."""
    admin = visitor().admin
    return {"items": [finding.shown() for finding in checks.run(admin.config, admin.who, "api", said.output)]}


@resource.get("/export")
@resource.input(ExportsAsked, location="query", arg_name="said")
@resource.output(Exports)
@resource.doc(summary="List what left the server", security="key")
@asks(LOOK)
def list_exports(said: ExportsAsked) -> Any:
    """Return the last exports: when, by whom, for whom, until when, which phones."""
    return {"items": bundles.exports(visitor().admin, said.limit)}


@resource.get("/export/key")
@resource.output(PublicKey)
@resource.doc(summary="Show the server's public key", security="key")
@asks(LOOK)
def get_key() -> Any:
    """Return the key with which this server signs bundles."""
    return {"key": Signer.at(visitor().admin.config.state).public}


@resource.post("/import/usb")
@resource.input(StickTaken, location="query", arg_name="how")
@resource.input(Phrase, location="headers", arg_name="sealed")
@resource.output(Taken)
@resource.doc(summary="Import another server's phones", security="key", responses=answers(404, 409, 422))
@asks(CHANGE)
@takes("application/zip")
def import_usb(how: StickTaken, sealed: Phrase) -> Any:
    """Bring the phones of another server's bundle in here, with their accounts, lines, keys and settings: all of it or nothing. It must be signed by a key that is known here or named."""
    admin, phrase = visitor().admin, unquote(sealed.passphrase)
    with tempfile.TemporaryDirectory() as room:
        file = Path(room) / "bundle.zip"
        file.write_bytes(body(LARGEST))
        trusted = bundles.known_keys(admin.config.state, (*admin.config.bundle_keys, *filter(None, (how.key,))))
        said = carried.carried_by(bundles.opened(file, phrase), phrase, trusted, admin.store.now())
        plan = carried.plan(admin, said)
    return {**did(carried.carry_out(admin, said, plan, how.dry_run)), "steps": plan.steps}


@resource.post("/export/usb")
@resource.input(StickSaid, arg_name="said")
@resource.doc(
    summary="Export what a technician carries", security="key",
    responses={**document("a ZIP to be unpacked on a stick", "application/zip"), **answers(404, 422)},
)  # fmt: skip
@asks(REVEAL)
def export_usb(said: StickSaid) -> Response:
    """Return the files of phones that no network reaches, with a page for each that says how they are put in; it is kept on record."""
    admin = visitor().admin
    with tempfile.TemporaryDirectory() as room:
        to = Path(room) / "provisioner.zip"
        usb.export(admin, usb.chosen(admin, said.macs, said.site, said.all), usb.Wish(to, Language(said.language), said.passphrase, said.days, said.made_for, said.clear))
        return Response(to.read_bytes(), content_type="application/zip")
