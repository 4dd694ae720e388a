"""What every page is made with: its right, its template, and the words, times and numbers of who reads it."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from flask import Flask, Response, render_template, request, url_for

from provisioner.admin import Admin, Done, audit
from provisioner.admin.words import text
from provisioner.console.visitor import Visitor, visitor
from provisioner.errors import Outdated
from provisioner.language import LANGUAGES, Language

STATIC = Path(__file__).parent / "static"
ANYBODY = "anybody"  # the right that takes no signing in
PER_PAGE = 50
_TOLD: OrderedDict[str, tuple[str, Done]] = OrderedDict()  # what verbs did, for the page that comes next; of this process alone, which is the only one
_MOST_TOLD = 500
_View = TypeVar("_View", bound=Callable[..., Any])


def asks(right: str, keeps: bool = True) -> Callable[[_View], _View]:
    """Say what a view takes: a right of rights.py, or ANYBODY. A view that says nothing takes an owner.

    keeps: False for what a page asks by itself, which is no use of the session.
    """

    def said(view: _View) -> _View:
        view.right, view.keeps = right, keeps  # type: ignore[attr-defined]
        return view

    return said


def page(template: str, status: int = 200, **values: Any) -> Response:
    """Return a page of a template, which has `say`, `here` and what stands in `furnish` beside the values."""
    return Response(render_template(template, **values), status, content_type="text/html; charset=utf-8")


def go(endpoint: str, **values: Any) -> Response:
    """Send the browser to another page, after a form."""
    return Response(status=303, headers={"Location": url_for(endpoint, **values)})


def tell(done: Done, endpoint: str, **values: Any) -> Response:
    """Send the browser to another page, which says what a verb did."""
    key = secrets.token_urlsafe(9)
    _TOLD[key] = visitor().token, done
    while len(_TOLD) > _MOST_TOLD:
        _TOLD.popitem(last=False)
    return go(endpoint, told=key, **values)


def _told() -> Done | None:
    token, done = _TOLD.get(request.args.get("told", ""), ("", None))
    return done if token == visitor().token else None


def still(noun: str, name: str) -> Admin:
    """Return the admin who writes only where a thing is still as the form's page showed it: the form says its version, as `audit.version` tells it."""
    here, seen = visitor(), request.form.get("version", "")

    def unless() -> None:
        if seen != audit.version(here.admin, noun, name):
            raise Outdated(here.say("Somebody else has changed it since you opened it. What you typed is still here: look at what is new, and send it again if it shall be so."))

    return here.admin.provided(unless) if seen else here.admin


def inside(path: str) -> str:
    """Return a path of our own, else the first page: nobody is sent elsewhere after signing in."""
    fits = path.startswith("/") and not path.startswith("//") and "\\" not in path and path.isprintable()
    return path if fits else url_for("overview.shown")


def furnish(app: Flask, nav: tuple[tuple[str, Callable[[Language], str]], ...]) -> None:
    """Give templates what they all use. nav: (endpoint, its word) of what the menu shows."""

    @app.context_processor
    def known() -> dict[str, Any]:
        here = visitor()
        return {"say": here.say, "here": here, "menu": [(endpoint, word(here.say)) for endpoint, word in nav], "languages": LANGUAGES, "live": "HX-Request" in request.headers, "told": _told()}

    app.jinja_env.globals.update(asset=asset, when=when, plain=text, pairs=lambda words: [(word, word) for word in words])
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True


def asset(name: str) -> str:
    """Return the URL of a file of ours, another one for each of its versions, so that browsers keep it."""
    return url_for("static", filename=name, v=_digest(name))


@lru_cache
def _digest(name: str) -> str:
    return hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]


def when(at: str, seconds: bool = False) -> str:
    """Return a time (UTC, ISO 8601) as its reader's clock shows it; `-` where there is none."""
    if not at:
        return "-"
    zone = ZoneInfo(_zone(visitor()))
    return datetime.fromisoformat(at).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def _zone(here: Visitor) -> str:
    return here.operator.timezone if here.operator else "UTC"


