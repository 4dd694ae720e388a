"""What is known of phones and of providers: families, models, what they really take; and who gives accounts."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from provisioner.admin import families, providers
from provisioner.console.pages import asks, page
from provisioner.console.visitor import visitor
from provisioner.errors import NotHere, UnknownName
from provisioner.rights import LOOK

pages = Blueprint("knowledge", __name__)
_MATRICES: dict[str, list[dict[str, Any]]] = {}  # by the fingerprint of the family's folder: it takes seconds to find, and stays the same


@pages.get("/families")
@asks(LOOK)
def listed() -> Response:
    """Show every family with its brands and models."""
    known, search = visitor().admin.catalog, request.args.get("search", "").strip()
    rows = [row for row in families.listed(known) if search.casefold() in " ".join([row["name"], row["title"], *row["brands"], *(model["name"] for model in row["models"])]).casefold()]
    return page("families.html", rows=rows, search=search, totals=families.totals(known))


@pages.get("/families/<family>")
@asks(LOOK)
def one(family: str) -> Response:
    """Show a family: how it is recognised, its files and models, and what it cannot."""
    try:
        known = families.shown(visitor().admin.catalog, family)
    except UnknownName as why:
        raise NotHere(str(why)) from None
    return page("family.html", known=known, matrix=None)


@pages.get("/families/<family>/matrix")
@asks(LOOK)
def matrix(family: str) -> Response:
    """Show what a family's models really take, found by rendering their files; it takes a second for a large family."""
    catalog = visitor().admin.catalog
    try:
        known, mark = families.shown(catalog, family), catalog.family(family.lower()).fingerprint
    except UnknownName as why:
        raise NotHere(str(why)) from None
    if mark not in _MATRICES:
        _MATRICES[mark] = list(families.matrix(catalog, [family]))
    rows = _MATRICES[mark]
    names = list(dict.fromkeys(name for row in rows for name in row["settings"]))
    return page("family.html", known=known, matrix=rows, names=names)


@pages.get("/providers")
@asks(LOOK)
def providers_listed() -> Response:
    """Show who gives accounts, and what is known of theirs."""
    search = request.args.get("search", "").strip()
    rows = [row for row in providers.listed(visitor().admin.providers) if search.casefold() in " ".join([row["provider"], row["name"], *row["domains"]]).casefold()]
    return page("providers.html", rows=rows, search=search)
