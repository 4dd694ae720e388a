"""What phones ask for: the events as they come, and why a request gets what it gets."""

from __future__ import annotations

from flask import Blueprint, Response, request

from provisioner.admin import events, families
from provisioner.admin import why as verbs
from provisioner.console.pages import PER_PAGE, asks, page
from provisioner.console.visitor import visitor
from provisioner.errors import BadInput
from provisioner.rights import LOOK

pages = Blueprint("requests", __name__)
_LONGEST = 4096  # characters of a URL or a user agent
_WIRES = ("", "http", "https", "tftp")


@pages.get("/events")
@asks(LOOK)
def listed() -> Response:
    """Show the last events; the list comes again by itself."""
    return _events("events.html")


@pages.get("/events/feed")
@asks(LOOK, keeps=False)
def feed() -> Response:
    """Show the last events alone, as the page asks for them by itself."""
    return _events("event-rows.html")


@pages.get("/why")
@asks(LOOK)
def why() -> Response:
    """Say what a phone would get for a URL, a file's name or a user agent, and why; nothing is fetched or written."""
    said = {name: request.args.get(name, "").strip()[:_LONGEST] for name in ("what", "user_agent", "address", "wire")}
    admin, found, fault = visitor().admin, None, ""
    who = families.who(admin.catalog, said["user_agent"], said["what"]) if said["user_agent"] or said["what"] else {}
    try:
        found = verbs.why(admin, said["what"], said["user_agent"], said["address"] or "127.0.0.1", said["wire"] if said["wire"] in _WIRES else "") if said["what"] else None
    except BadInput as why:
        fault = str(why)
    return page("why.html", 422 if fault else 200, said=said, found=found, who={name: value for name, value in who.items() if value}, fault=fault, wires=_WIRES)


def _events(template: str) -> Response:
    mac, fault, rows = request.args.get("mac", "").strip(), "", []
    try:
        rows = events.latest(visitor().admin, mac, PER_PAGE)[::-1]
    except BadInput as why:
        fault = str(why)
    return page(template, 422 if fault else 200, rows=rows, mac=mac, fault=fault)
