"""The guided start: from an empty server to a phone that has booted, a step at a time; each is done by the same verbs as elsewhere."""

from __future__ import annotations

from flask import Blueprint, Response, request

from provisioner.admin import Done, accounts, devices, discovery, lines, sites, trials
from provisioner.console.pages import asks, go, page, tell
from provisioner.console.visitor import visitor
from provisioner.errors import BadInput
from provisioner.rights import CHANGE, LOOK, OPERATE, RULE

pages = Blueprint("start", __name__)
_SITE = "default"


@pages.get("/start")
@asks(LOOK)
def shown() -> Response:
    """Show the steps, and the next one as a form."""
    return _start()


@pages.post("/start/site")
@asks(RULE)
def site() -> Response:
    """Name the site, say where its phones reach us, and whose network they stand in."""
    admin, said = visitor().admin, request.form
    try:
        done = sites.change(admin, _SITE, {"name": said.get("name", "").strip(), "public_url": said.get("public_url", "").strip()})
        if network := said.get("network", "").strip():
            sites.add_network(admin, _SITE, network, "mac_is_enough" in said)
    except BadInput as why:
        return _start(str(why))
    return tell(done, "start.shown")


@pages.post("/start/account")
@asks(CHANGE)
def account() -> Response:
    """Add the first account by what most e-mails say."""
    admin, said = visitor().admin, request.form
    facts = {name: value for name in ("password", "outbound_proxy") if (value := said.get(name, "").strip())}
    try:
        done = accounts.add(admin, said.get("sip_address", "").strip(), facts)
    except BadInput as why:
        return _start(str(why))
    return tell(done, "start.shown")


@pages.post("/start/phone")
@asks(CHANGE)
def phone() -> Response:
    """Add the first phone, and give it its account."""
    admin, said = visitor().admin, request.form
    try:
        added = devices.add(admin, said.get("mac", ""), said.get("model", ""), {"site": _SITE, "name": said.get("name", "").strip()})
        given = lines.assign(admin, said.get("mac", ""), said.get("account", ""))
    except BadInput as why:
        return _start(str(why))
    return tell(Done(f"{added.sentence}; {given.sentence}", notes=(*added.notes, *given.notes)), "start.shown")


@pages.get("/phones/<mac>/boot")
@asks(LOOK)
def trial(mac: str) -> Response:
    """Offer to play a phone's boot."""
    device = visitor().admin.device(mac)
    return page("trial.html", phone=device, result=None)


@pages.post("/phones/<mac>/boot")
@asks(OPERATE)
def boot(mac: str) -> Response:
    """Play a phone's boot against this server, and show every file that it asked for."""
    admin = visitor().admin
    return page("trial.html", phone=admin.device(mac), result=trials.shown(trials.boot(admin, mac)))


@pages.get("/sites/<slug>/dhcp")
@asks(LOOK)
def dhcp(slug: str) -> Response:
    """Show what to write into the site's DHCP server."""
    return page("dhcp.html", slug=slug, servers=discovery.dhcp(visitor().admin, slug))


def _start(fault: str = "") -> Response:
    admin = visitor().admin
    where = admin.store.site(_SITE)
    if where is None:
        return go("overview.shown")
    phones, some = devices.listed(admin, most=1), accounts.some(admin, most=20)
    servers = discovery.dhcp(admin, _SITE) if where.public_url else []
    models = [f"{family.slug}/{model.name}" for family in admin.catalog.families.values() for model in family.models.values()] if not phones else []
    step = 1 if not where.public_url or not where.name else 2 if not some else 3 if not phones else 4
    return page("start.html", 422 if fault else 200, fault=fault, site=where, servers=servers, accounts=some, phone=phones[0] if phones else None, models=models, step=step, host=request.host.rpartition(":")[0] or request.host, port=_port(), said=request.form)


def _port() -> int:
    return visitor().admin.config.http_address.port or 8080
