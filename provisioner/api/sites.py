"""/sites: where phones stand, and what their networks may have."""

from __future__ import annotations

from typing import Any, Literal

from apiflask import APIBlueprint
from flask import request
from pydantic import BaseModel, Field

from provisioner.admin import Admin, sites
from provisioner.api.problems import problem
from provisioner.api.shapes import Did, Json, Paged, Said, Text
from provisioner.api.views import answers, did, provided, sliced, versioned
from provisioner.console.pages import asks
from provisioner.console.visitor import visitor
from provisioner.errors import NotHere
from provisioner.rights import LOOK, RULE

resource = APIBlueprint("sites", __name__, tag="sites")
_ETAG = {"ETag": {"description": "of the site as it is now; for If-Match", "schema": {"type": "string"}}}


class SiteFacts(Said):
    """What can be said of a site; an empty text takes a fact away."""

    name: Text | None = None
    public_url: Text | None = Field(None, description="where its phones reach this server over HTTP; written into the phones")
    tftp_public_url: Text | None = None
    country: Text | None = Field(None, description="two letters: its emergency numbers are always dialled at once")
    enrols: bool | None = Field(None, description="serve the makers' generic files to new phones")
    unknown_phones: Literal["", "refuse", "hold", "add"] | None = Field(None, description="what becomes of phones that nobody added; empty: the server's option")
    passwords: Literal["off", "digest", "basic", "basic-over-http"] | None = Field(None, description="how a phone may prove itself with its user and password, too")


class NetworkFacts(Said):
    """What phones of a network may have; both are off unless said."""

    mac_is_enough: bool | None = Field(None, description="a phone that names its MAC gets its file; else it needs its token")
    tftp_serves_secrets: bool | None = Field(None, description="files with passwords may go over TFTP, which anybody on the way can read")


class NetworkShown(BaseModel):
    """A network of a site."""

    network: str
    mac_is_enough: bool
    tftp_serves_secrets: bool


class SiteShown(BaseModel):
    """A whole site."""

    slug: str
    name: str
    public_url: str
    tftp_public_url: str
    country: str
    enrols: bool
    unknown_phones: str
    passwords: str
    networks: list[NetworkShown]
    groups: list[str]
    phones: int
    settings: Json


class SiteRows(BaseModel):
    """A page of sites, by their short names."""

    items: list[SiteShown]
    next: str | None


@resource.get("/sites")
@resource.input(Paged, location="query", arg_name="said")
@resource.output(SiteRows)
@resource.doc(summary="List sites", security="key")
@asks(LOOK)
def list_sites(said: Paged) -> Any:
    """Return the sites."""
    admin = visitor().admin
    return sliced([sites.shown(admin, site) for site in admin.store.sites()], said, "slug")


@resource.get("/sites/<slug>")
@resource.output(SiteShown)
@resource.doc(summary="Show a site", security="key", responses=answers(200, 404, headers=_ETAG, of="SiteShown"))
@asks(LOOK)
def get_site(slug: str) -> Any:
    """Return all that is known of a site."""
    return _shown(visitor().admin, slug)


@resource.put("/sites/<slug>")
@resource.input(SiteFacts, arg_name="said")
@resource.output(SiteShown)
@resource.doc(summary="Add a site, or replace its facts", security="key", responses=answers(200, 201, 409, 412, 422, headers=_ETAG, of="SiteShown"))
@asks(RULE)
def put_site(slug: str, said: SiteFacts) -> Any:
    """Add a site, or replace what was said of it; its networks stay. If-None-Match: * only adds, If-Match only replaces."""
    admin = visitor().admin
    facts = said.model_dump(exclude_none=True)
    try:
        sites.one(admin, slug)
    except NotHere:
        if request.headers.get("If-Match"):
            return problem(412, f"site {slug} is not there, so it is not as If-Match says")
        sites.add(admin, slug, facts)
        return _shown(admin, slug, 201)
    if request.headers.get("If-None-Match") == "*":
        return problem(412, f"site {slug} is there already")
    whole = {"name": "", "public_url": "", "tftp_public_url": "", "country": "", "enrols": False, "unknown_phones": "", "passwords": "off", **facts}
    sites.change(_provided(admin, slug), slug, whole)
    return _shown(admin, slug)


@resource.patch("/sites/<slug>")
@resource.input(SiteFacts, arg_name="said")
@resource.output(SiteShown)
@resource.doc(summary="Change a site", security="key", responses=answers(200, 404, 409, 412, 422, headers=_ETAG, of="SiteShown"))
@asks(RULE)
def patch_site(slug: str, said: SiteFacts) -> Any:
    """Change the facts that are said; the site's phones are tried first."""
    admin = visitor().admin
    sites.change(_provided(admin, slug), slug, said.model_dump(exclude_none=True))
    return _shown(admin, slug)


@resource.delete("/sites/<slug>")
@resource.output(Did)
@resource.doc(summary="Remove a site", security="key", responses=answers(404, 409, 412))
@asks(RULE)
def delete_site(slug: str) -> Any:
    """Remove a site that has no phones."""
    admin = visitor().admin
    return did(sites.remove(_provided(admin, slug), slug))


@resource.put("/sites/<slug>/networks/<path:network>")
@resource.input(NetworkFacts, arg_name="said")
@resource.output(Did)
@resource.doc(summary="Add a network to a site, or change what its phones may have", security="key", responses=answers(404, 409, 412, 422))
@asks(RULE)
def put_network(slug: str, network: str, said: NetworkFacts) -> Any:
    """Add a network, or change what its phones may have."""
    admin = visitor().admin
    return did(sites.add_network(_provided(admin, slug), slug, network, said.mac_is_enough, said.tftp_serves_secrets))


@resource.delete("/sites/<slug>/networks/<path:network>")
@resource.output(Did)
@resource.doc(summary="Take a network from a site", security="key", responses=answers(404, 412, 422))
@asks(RULE)
def delete_network(slug: str, network: str) -> Any:
    """Take a network from a site."""
    admin = visitor().admin
    return did(sites.remove_network(_provided(admin, slug), slug, network))


def _provided(admin: Admin, slug: str) -> Admin:
    return provided(admin, versioned(admin, "site", slug))


def _shown(admin: Admin, slug: str, status: int = 200) -> Any:
    with admin.store.reading():
        return sites.shown(admin, sites.one(admin, slug)), status, {"ETag": f'"{versioned(admin, "site", slug)()}"'}
