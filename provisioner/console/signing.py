"""Signing in, out, and the first time; and one's own password, language and zone."""

from __future__ import annotations

from zoneinfo import available_timezones

from flask import Blueprint, Response, request

from provisioner.admin import operators, sessions
from provisioner.console.pages import ANYBODY, asks, go, inside, page
from provisioner.console.visitor import let_in, let_out, visitor
from provisioner.errors import BadInput, NotAllowed, SlowDown
from provisioner.rights import LOOK

pages = Blueprint("signing", __name__)


@pages.get("/sign-in")
@asks(ANYBODY)
def form() -> Response:
    """Ask who it is."""
    if visitor().operator:
        return go("overview.shown")
    return page("sign-in.html", then=inside(request.args.get("then", "")), fault="", name="")


@pages.post("/sign-in")
@asks(ANYBODY)
def sign_in() -> Response:
    """Begin a session, a new one whatever cookie came with the ask."""
    here, then, name = visitor(), inside(request.form.get("then", "")), request.form.get("name", "").strip()
    try:
        secret = sessions.sign_in(here.admin, name, request.form.get("password", ""), here.place.address, request.user_agent.string)
    except SlowDown as why:
        answer = page("sign-in.html", 429, then=then, name=name, fault=here.say("Too many wrong passwords from your address. Try again in {n} seconds.", n=why.seconds))
        answer.headers["Retry-After"] = str(why.seconds)
        return answer
    except NotAllowed:
        return page("sign-in.html", 403, then=then, name=name, fault=here.say("Name or password is wrong."))
    return let_in(Response(status=303, headers={"Location": then}), secret, here.place)


@pages.post("/sign-out")
@asks(ANYBODY)
def sign_out() -> Response:
    """End the session here as well as in the browser."""
    here = visitor()
    if here.session:
        sessions.sign_out(here.admin, here.session)
    return let_out(go("signing.form"), here.place)


@pages.get("/setup/<secret>")
@asks(ANYBODY)
def link(secret: str) -> Response:
    """Ask the holder of a one-time link for his password; the first of all for his name, too."""
    found = operators.linked(visitor().admin, secret)
    return page("setup.html", secret=secret, operator=found.operator, zones=_zones(), fault="", said={})


@pages.post("/setup/<secret>")
@asks(ANYBODY)
def settle(secret: str) -> Response:
    """Use a one-time link up, and begin a session."""
    here, said = visitor(), request.form
    found = operators.linked(here.admin, secret)
    fault = ""
    if said.get("password", "") != said.get("again", ""):
        fault = here.say("The two passwords differ.")
    else:
        try:
            operator = operators.settle(here.admin, secret, said.get("name", ""), said.get("password", ""), said.get("language", ""), said.get("timezone", ""))
        except BadInput as why:
            fault = str(why)
    if fault:
        return page("setup.html", 422, secret=secret, operator=found.operator, zones=_zones(), fault=fault, said=said)
    return let_in(go("overview.shown" if found.operator or here.admin.store.devices() else "start.shown"), sessions.begin(here.admin, operator, here.place.address, request.user_agent.string), here.place)


@pages.get("/you")
@asks(LOOK)
def you() -> Response:
    """Show what one may change of oneself."""
    return _you()


@pages.post("/you")
@asks(LOOK)
def prefer() -> Response:
    """Keep one's language and time zone."""
    try:
        operators.prefer(visitor().admin, request.form.get("language", ""), request.form.get("timezone", ""))
    except BadInput as why:
        return _you(str(why))
    return go("signing.you")


@pages.post("/you/password")
@asks(LOOK)
def password() -> Response:
    """Change one's password; all sessions end, and this browser gets another one."""
    here, said = visitor(), request.form
    assert here.operator
    if said.get("password", "") != said.get("again", ""):
        return _you(here.say("The two passwords differ."))
    try:
        operators.set_password(here.admin, here.operator.name, said.get("old", ""), said.get("password", ""), here.place.address)
    except (BadInput, SlowDown) as why:
        return _you(str(why))
    return let_in(go("signing.you"), sessions.begin(here.admin, here.operator, here.place.address, request.user_agent.string), here.place)


@pages.post("/you/sessions/end")
@asks(LOOK)
def end_sessions() -> Response:
    """End all of one's sessions, this one too."""
    here = visitor()
    assert here.operator
    sessions.end(here.admin, here.operator.name)
    return let_out(go("signing.form"), here.place)


def _you(fault: str = "") -> Response:
    here = visitor()
    assert here.operator
    return page("you.html", 422 if fault else 200, fault=fault, zones=_zones(), sessions=sessions.listed(here.admin, here.operator.name))


def _zones() -> list[str]:
    return sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "posix/", "right/")) or zone == "UTC")
