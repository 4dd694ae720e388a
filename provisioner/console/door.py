"""The door for people and programs: one listener, the console's pages and, under /api/, the API beside them.

Every ask passes here before any view: is its host one of ours, did our own page make it, who is it, may he.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask, Response, g, request, url_for
from jinja2 import StrictUndefined
from werkzeug.exceptions import HTTPException

from provisioner.admin import Admin
from provisioner.console import (
    accounts,
    audit,
    knowledge,
    operators,
    overview,
    phone,
    phones,
    requests,
    server,
    signing,
    sites,
    start,
)
from provisioner.console.pages import ANYBODY, furnish, page
from provisioner.console.visitor import SAFE, Visitor, by_session, has_token, is_foreign, is_known_host, place
from provisioner.errors import BadInput, NotAllowed, NotHere, Outdated, ProvisionerError, RenderFailed, SlowDown, StoreTrouble, Unsayable
from provisioner.language import Language
from provisioner.rights import RULE

log = logging.getLogger("provisioner.console")

WSGI = Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]
BODY = 16_000_000  # bytes of one ask at most: a table of phones to import
# The pages, and what of them the menu shows.
PAGES = (
    signing.pages, start.pages, overview.pages, phones.pages, phone.pages, accounts.pages, sites.pages, knowledge.pages, requests.pages, operators.pages, audit.pages, server.pages,
)  # fmt: skip
MENU: tuple[tuple[str, Callable[[Language], str]], ...] = (
    ("overview.shown", lambda say: say("Overview")),
    ("phones.listed", lambda say: say("Phones")),
    ("accounts.listed", lambda say: say("Accounts")),
    ("sites.listed", lambda say: say("Sites")),
    ("knowledge.listed", lambda say: say("Families")),
    ("requests.listed", lambda say: say("Events")),
    ("requests.why", lambda say: say("Why?")),
    ("operators.listed", lambda say: say("Operators")),
    ("audit.listed", lambda say: say("Audit log")),
    ("server.shown", lambda say: say("Server")),
)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}  # img-src data: is for the arrows and ticks that the style sheet has within it
STATUS: tuple[tuple[type[ProvisionerError], int], ...] = (
    (NotHere, 404), (NotAllowed, 403), (Outdated, 409), (SlowDown, 429), (BadInput, 422), (Unsayable, 422), (RenderFailed, 422), (StoreTrouble, 503),
)  # fmt: skip


def status_of(why: ProvisionerError) -> int:
    """Return what an error of ours is in HTTP."""
    return next((status for kind, status in STATUS if isinstance(why, kind)), 502)


class Door:
    """The WSGI application for the admin's listener."""

    def __init__(self, pages: WSGI, api: WSGI) -> None:
        """pages: everything but what is under /api/."""
        self._pages, self._api = pages, api

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one ask."""
        return (self._api if environ["PATH_INFO"].startswith("/api/") else self._pages)(environ, start_response)


def console(admin: Admin) -> Flask:
    """Return the app of the pages. admin: over the whole store; it is made once for each process."""
    app = Flask("provisioner.console", static_folder="static", template_folder="templates")
    app.config.update(MAX_CONTENT_LENGTH=BODY, SEND_FILE_MAX_AGE_DEFAULT=31_536_000)
    app.jinja_env.undefined = StrictUndefined
    for blueprint in PAGES:
        app.register_blueprint(blueprint)
    furnish(app, MENU)

    @app.before_request
    def let_in() -> Response | None:
        if not is_known_host(request.host, admin.config.admin_names):
            return Response("this name is none of this server's; add it to the option admin_names\n", 421, content_type="text/plain")
        if request.endpoint == "static":
            return None
        view = app.view_functions.get(request.endpoint or "")
        here = g.visitor = by_session(admin, place(request.environ, admin.config.trusted_proxies), "console", getattr(view, "keeps", True))
        if request.method not in SAFE and (is_foreign(request, request.host) or not has_token(request, here)):
            raise NotAllowed(here.say("This form is from another place or another session. Go back, load the page again and send it once more."))
        right = getattr(view, "right", RULE) if view else ANYBODY
        if right == ANYBODY:
            return None
        if here.operator is None:
            return _to_sign_in()
        here.admin.rights.need(right)
        return None

    @app.after_request
    def with_headers(answer: Response) -> Response:
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        if request.endpoint != "static":
            answer.headers["Cache-Control"] = "no-store"
        return answer

    @app.errorhandler(ProvisionerError)
    def ours(why: ProvisionerError) -> Response:
        return _error(status_of(why), str(why))

    @app.errorhandler(HTTPException)
    def of_the_wire(why: HTTPException) -> Response:
        return _error(why.code or 500, _words(visitor_or_nobody(admin), why.code or 500))

    @app.errorhandler(Exception)
    def fault(why: Exception) -> Response:
        log.error("a fault of ours in the console", exc_info=why)
        return _error(500, _words(visitor_or_nobody(admin), 500))

    return app


def visitor_or_nobody(admin: Admin) -> Visitor:
    """Return who asks, also where the ask failed before that was known."""
    if "visitor" not in g:
        g.visitor = Visitor(admin, place(request.environ, admin.config.trusted_proxies), Language())
    found: Visitor = g.visitor
    return found


def _to_sign_in() -> Response:
    then = request.full_path.rstrip("?") if request.method == "GET" and "HX-Request" not in request.headers else ""
    where = url_for("signing.form", then=then) if then not in ("", "/") else url_for("signing.form")
    if "HX-Request" in request.headers:
        return Response(status=401, headers={"HX-Redirect": where})
    return Response(status=303, headers={"Location": where})


def _error(status: int, sentence: str) -> Response:
    return page("error.html", status, number=status, sentence=sentence)


def _words(here: Visitor, status: int) -> str:
    say = here.say
    if status == 404:
        return say("There is no such page.")
    if status == 405:
        return say("This page is not asked in that way.")
    if status == 413:
        return say("That is too much at once.")
    return say("Something of ours broke. The server's log says what.")
