"""/families, /providers: what this server knows of phones and of who gives accounts; /identify: who a request would be from."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from pydantic import BaseModel, Field

from provisioner.admin import families, providers
from provisioner.api.shapes import Asked, Json, Paged
from provisioner.api.views import answers, in_path, sliced
from provisioner.console.pages import asks
from provisioner.console.visitor import visitor
from provisioner.rights import LOOK

resource = APIBlueprint("families", __name__, tag="families")


class ModelRow(BaseModel):
    """A model of phones; a count that is null is unknown."""

    name: str
    brand: str
    lines: int | None
    keys: int | None
    modules: int
    aliases: list[str]
    confidence: str


class FamilyRow(BaseModel):
    """A family of phones with its models."""

    name: str
    title: str
    vendor: str
    kind: str
    brands: list[str]
    models: list[ModelRow]


class FamilyRows(BaseModel):
    """A page of families."""

    items: list[FamilyRow]
    next: str | None


class Matrix(BaseModel):
    """What the models of a family really take, models that take the same together."""

    items: list[Json]


class ProviderRow(BaseModel):
    """Who gives accounts."""

    provider: str
    name: str
    kind: str
    country: str
    domains: list[str]
    fills: list[str]
    settings: list[str]
    closed: bool
    cannot: bool


class ProviderRows(BaseModel):
    """A page of providers."""

    items: list[ProviderRow]
    next: str | None


class Question(Asked):
    """What a phone sends."""

    user_agent: str = Field("", max_length=families.LONGEST)
    path: str = Field("", max_length=families.LONGEST, description="what it asks for")
    dhcp_class: str = Field("", max_length=families.LONGEST, description="what it says to DHCP (option 60), where there is no user agent")


class Identified(BaseModel):
    """Who would be asking; null where unknown."""

    vendor: str | None
    family: str | None
    model: str | None
    firmware: str | None
    mac: str | None
    candidates: list[str] | None = Field(None, description="families that it could be of")
    maker: str | None = Field(None, description="who has the first half of the MAC by the registry, where no family does")
    note: str | None = None


@resource.get("/families")
@resource.input(Paged, location="query", arg_name="said")
@resource.output(FamilyRows)
@resource.doc(summary="List families of phones", security="key")
@asks(LOOK)
def list_families(said: Paged) -> Any:
    """Return every family with its models."""
    return sliced(families.listed(visitor().admin.catalog), said, "name")


@resource.get("/families/<family>")
@resource.doc(summary="Show a family of phones", security="key", responses=answers(200, 404))
@asks(LOOK)
def get_family(family: str) -> Json:
    """Return one family: how it is recognised, its files, models, key types and what it cannot."""
    with in_path():
        return families.shown(visitor().admin.catalog, family)


@resource.get("/families/<family>/matrix")
@resource.output(Matrix)
@resource.doc(summary="Show what a family's models really take", security="key", responses=answers(404))
@asks(LOOK)
def get_matrix(family: str) -> Any:
    """Render the files of a family's models with each setting toggled, and return what changes; it takes a second for a large family."""
    with in_path():
        return {"items": list(families.matrix(visitor().admin.catalog, [family]))}


@resource.get("/providers")
@resource.input(Paged, location="query", arg_name="said")
@resource.output(ProviderRows)
@resource.doc(summary="List providers", security="key")
@asks(LOOK)
def list_providers(said: Paged) -> Any:
    """Return every provider, and which facts of an account it fills."""
    return sliced(providers.listed(visitor().admin.providers), said, "provider")


@resource.get("/providers/<provider>")
@resource.doc(summary="Show a provider", security="key", responses=answers(200, 404))
@asks(LOOK)
def get_provider(provider: str) -> Json:
    """Return all that is known of one provider, each fact with its source."""
    with in_path():
        return providers.shown(visitor().admin.providers, provider)


@resource.get("/identify")
@resource.input(Question, location="query", arg_name="said")
@resource.output(Identified)
@resource.doc(summary="Say who would be asking", security="key", responses=answers(422))
@asks(LOOK)
def identify(said: Question) -> Any:
    """Return vendor, family, model, firmware and MAC that a user agent and a path tell of."""
    return families.who(visitor().admin.catalog, said.user_agent, said.path, said.dhcp_class)
