"""Operators and API keys: who may come in, as whom, and how far."""

from __future__ import annotations

from flask import Blueprint, Response, request, url_for

from provisioner.admin import apikeys, operators, sessions
from provisioner.console.pages import asks, page, tell
from provisioner.console.visitor import visitor
from provisioner.errors import BadInput, BadValue
from provisioner.language import LANGUAGES
from provisioner.people import ROLES
from provisioner.rights import LOOK, RULE

pages = Blueprint("operators", __name__)


@pages.get("/operators")
@asks(LOOK)
def listed() -> Response:
    """Show all operators; oneself where one does not rule."""
    return _listed()


@pages.post("/operators")
@asks(RULE)
def add() -> Response:
    """Add an operator, and show the link with which he sets his password: once."""
    said = request.form
    try:
        done, secret = operators.add(visitor().admin, said.get("name", "").strip(), said.get("role", ""), _sites(), said.get("language", ""), said.get("timezone", ""))
    except BadInput as why:
        return _listed(str(why))
    return page("once.html", done=done, secret=url_for("signing.link", secret=secret, _external=True), back=url_for("operators.listed"), link=True)


@pages.get("/operators/<name>")
@asks(LOOK)
def one(name: str) -> Response:
    """Show an operator, his sessions and his keys."""
    return _one(name)


@pages.post("/operators/<name>/change")
@asks(RULE)
def change(name: str) -> Response:
    """Change his role, sites, language and zone; with less to see his sessions end."""
    said = request.form
    try:
        done = operators.change(visitor().admin, name, {"role": said.get("role", ""), "sites": _sites(), "language": said.get("language", ""), "timezone": said.get("timezone", "")})
    except BadInput as why:
        return _one(name, str(why))
    return tell(done, "operators.one", name=name)


@pages.post("/operators/<name>/link")
@asks(RULE)
def link(name: str) -> Response:
    """Show a new one-time link of an operator, once."""
    done, secret = operators.link(visitor().admin, name)
    return page("once.html", done=done, secret=url_for("signing.link", secret=secret, _external=True), back=url_for("operators.one", name=name), link=True)


@pages.post("/operators/<name>/sessions/end")
@asks(RULE)
def end_sessions(name: str) -> Response:
    """End all sessions of an operator."""
    return tell(sessions.end(visitor().admin, name), "operators.one", name=name)


@pages.post("/operators/<name>/remove")
@asks(RULE)
def remove(name: str) -> Response:
    """Remove an operator with his sessions and keys."""
    return tell(operators.remove(visitor().admin, name), "operators.listed")


@pages.get("/apikeys")
@asks(LOOK)
def keys() -> Response:
    """Show the keys of programs: all where one rules, else one's own."""
    return _keys()


@pages.post("/apikeys")
@asks(LOOK)
def add_key() -> Response:
    """Add a key, and show it: once."""
    said = request.form
    try:
        if not (days := said.get("days", "365")).isascii() or not days.isdigit():
            raise BadValue("days: write a number of days, such as 365")
        done, secret = apikeys.add(visitor().admin, said.get("label", ""), said.get("operator", ""), said.get("role", ""), _sites(), int(days[:6]))
    except BadInput as why:
        return _keys(str(why))
    return page("once.html", done=done, secret=secret, back=url_for("operators.keys"), link=False)


@pages.post("/apikeys/<prefix>/remove")
@asks(LOOK)
def remove_key(prefix: str) -> Response:
    """Remove a key: from now on it opens nothing."""
    return tell(apikeys.remove(visitor().admin, prefix), "operators.keys")


def _sites() -> list[str]:
    return request.form.getlist("sites")


def _listed(fault: str = "") -> Response:
    admin = visitor().admin
    return page("operators.html", 422 if fault else 200, rows=operators.listed(admin), fault=fault, said=request.form, roles=ROLES, sites=[site.slug for site in admin.store.sites()])


def _one(name: str, fault: str = "") -> Response:
    admin = visitor().admin
    operator = operators.one(admin, name)
    return page(
        "operator.html", 422 if fault else 200, known=operators.shown(admin, operator), sessions=sessions.listed(admin, name), fault=fault, roles=ROLES,
        keys=[key for key in apikeys.listed(admin) if key["operator"] == name], sites=[site.slug for site in admin.store.sites()], languages=LANGUAGES,
    )  # fmt: skip


def _keys(fault: str = "") -> Response:
    admin = visitor().admin
    return page(
        "apikeys.html", 422 if fault else 200, rows=apikeys.listed(admin), fault=fault, said=request.form, roles=ROLES, sites=[site.slug for site in admin.store.sites()],
        names=[row["operator"] for row in operators.listed(admin)],
    )  # fmt: skip
