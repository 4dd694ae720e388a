"""The API's app: who asks, once or again, and in which words an error comes back. Resources are blueprints beside this file."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Sequence
from typing import Any

from apiflask import APIFlask, HTTPError
from flask import Response, g, render_template, request
from werkzeug.exceptions import HTTPException

from provisioner import __version__
from provisioner.admin import Admin, apikeys
from provisioner.api import (
    accounts,
    audit,
    bulk,
    devices,
    events,
    families,
    files,
    groups,
    handouts,
    keys,
    lines,
    operators,
    phonebooks,
    server,
    settings,
    sites,
    start,
    xcap,
)
from provisioner.api.problems import of, problem
from provisioner.api.spec import ONCE, by_noun, completed
from provisioner.console.door import HEADERS
from provisioner.console.visitor import SAFE, Place, Visitor, by_session, has_token, is_foreign, is_known_host, place
from provisioner.errors import ProvisionerError
from provisioner.language import Language
from provisioner.people import Answer
from provisioner.rights import RULE

log = logging.getLogger("provisioner.api")

BASE = "/api/v1"
RESOURCES = (
    devices.resource, lines.resource, keys.resource, settings.resource, files.resource, accounts.resource, xcap.resource, sites.resource, groups.resource, phonebooks.resource,
    families.resource, events.resource, handouts.resource, bulk.resource, operators.resource, audit.resource, server.resource, start.resource,
)  # fmt: skip
BODY = 16_000_000  # bytes of one ask at most
_WORDS = {
    404: "there is nothing of that name; /api/v1/ tells what there is", 405: "this is not asked in that way; Allow says how", 413: f"that is too much at once; send at most {BODY:,} bytes",
}  # fmt: skip
_OPEN = ("openapi.spec", "readable")  # they tell what stands in the code
_KEPT = ("Content-Type", "ETag", "Location", "Link")  # headers of an answer that are given again
_ABOUT = """\
All that the console can do. A program shows an API key (`Authorization: Bearer pk_…`, from `provisioner apikey add` or the console); a page of the console its session.

Errors are RFC 9457 problem details whose `detail` says what to do. Lists come in pages: ask with `cursor` what `next` said. What has an `ETag` takes `If-Match`, and 412 means
that somebody else was first; nothing is lost. With an `Idempotency-Key` a repeated ask is done once and answered alike, for a day; an answer that shows a secret is given once.
Secrets are masked unless `reveal=true` asks for them and the key's operator may see them. Many things at once come as rows at `/bulk/{noun}`, or as a file at `/import/csv`: all of them, or nothing."""


_DOING: set[tuple[str, str]] = set()  # whose asks of which idempotency keys are being done; the API has one process
_LOCK = threading.Lock()


def bare() -> APIFlask:
    """Return the app with its resources and its spec, which stand in the code alone; it lets nobody in."""
    app = APIFlask("provisioner.api", title="provisioner", version=__version__, spec_path=f"{BASE}/openapi.json", docs_path=None, static_folder=None)  # type: ignore[arg-type]
    app.config.update(
        MAX_CONTENT_LENGTH=BODY, OPENAPI_VERSION="3.1.0", DESCRIPTION=_ABOUT, SERVERS=[{"url": "/"}], AUTO_VALIDATION_ERROR_RESPONSE=False, AUTO_404_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False, SECURITY_SCHEMES={"key": {"type": "http", "scheme": "bearer", "description": "an API key"}}, SYNC_LOCAL_SPEC=False,
    )  # fmt: skip
    app.url_map.merge_slashes = False
    for resource in RESOURCES:
        app.register_blueprint(resource, url_prefix=BASE)

    @app.spec_processor
    def with_what_is_alike(known: Any) -> Any:
        return completed(known, app)

    return app


def api(admin: Admin) -> APIFlask:
    """Return the app. admin: over the whole store; it is made once for each process."""
    app = bare()

    @app.get(f"{BASE}/")
    @app.doc(hide=True)
    def readable() -> str:
        known: Any = app.spec
        return render_template("api.html", spec=known, nouns=by_noun(known))

    @app.before_request
    def let_in() -> Response | None:
        if not is_known_host(request.host, admin.config.admin_names):
            return problem(421, "this name is none of this server's; add it to the option admin_names")
        if request.endpoint in _OPEN:
            return None
        here = place(request.environ, admin.config.trusted_proxies)
        found = _who(admin, here)
        if found is None:
            return problem(401, "show an API key: Authorization: Bearer pk_…; `provisioner apikey add` makes one")
        g.visitor = found
        if request.method not in SAFE and found.session and (is_foreign(request, request.host) or not has_token(request, found)):
            return problem(403, "a page that asks by its session sends its token as X-CSRF-Token, and is one of ours")
        view = app.view_functions.get(request.endpoint or "")
        if view:
            found.admin.rights.need(getattr(view, "right", RULE))
        return _unread(getattr(view, "takes", ("application/json",))) or _asked_before(found)

    @app.after_request
    def with_headers(answer: Response) -> Response:
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        answer.headers.setdefault("Cache-Control", "no-store")
        if answer.status_code == 401:
            answer.headers["WWW-Authenticate"] = 'Bearer realm="provisioner"'
        _keep(answer)
        return answer

    @app.teardown_request
    def done(why: BaseException | None) -> None:
        _DOING.discard(g.pop("doing", ("", "")))

    @app.error_processor
    def of_the_wire(why: HTTPError) -> Response:
        detail: dict[str, Any] = why.detail if isinstance(why.detail, dict) else {}
        fields = [f"{name}: {', '.join(map(str, words))}" for some in detail.values() if isinstance(some, dict) for name, words in some.items()]
        return problem(why.status_code, "; ".join(fields) or why.message or "", fields=detail)

    @app.errorhandler(HTTPException)
    def of_werkzeug(why: HTTPException) -> Response:
        answer = problem(why.code or 500, _WORDS.get(why.code or 500) or why.description or why.name)
        if why.code == 405:
            answer.headers["Allow"] = ", ".join(getattr(why, "valid_methods", None) or ())
        return answer

    @app.errorhandler(ProvisionerError)
    def ours(why: ProvisionerError) -> Response:
        return of(why)

    @app.errorhandler(Exception)
    def fault(why: Exception) -> Response:
        log.error("a fault of ours in the API", exc_info=why)
        return problem(500, "something of ours broke; the server's log says what")

    return app


def _who(admin: Admin, here: Place) -> Visitor | None:
    """Return who asks: a program by its key, or a page of ours by its session; None where neither counts."""
    kind, _, key = request.headers.get("Authorization", "").partition(" ")
    if kind:
        found = apikeys.opened(admin, key.strip()) if kind.lower() == "bearer" else None
        return Visitor(admin.acting(found[0], "api", found[1]), here, Language()) if found else None
    visitor = by_session(admin, here, "api")
    return visitor if visitor.operator else None


def _unread(takes: Sequence[str]) -> Response | None:
    """Return what to say of a body whose media type is another one than this ask takes, or whose JSON nests too deeply to be read."""
    if request.method in SAFE or not request.content_length:
        return None
    if request.mimetype in takes:
        try:
            request.get_json(silent=True)
        except RecursionError:
            return problem(400, "that nests too deeply; nothing that is read here has so many levels")
        return None
    return problem(415, f"{request.mimetype or 'a body without a Content-Type'} is not what is read here; send {' or '.join(takes)}")


def _asked_before(found: Visitor) -> Response | None:
    """Return what this very ask was answered before, where it has an idempotency key; another ask of the same key is refused."""
    key = request.headers.get(ONCE, "")
    if not key or request.method in SAFE:
        return None
    if len(key) > 200:
        return problem(400, f"{ONCE}: at most 200 characters")
    asked = hashlib.sha256(b"\n".join((request.method.encode(), request.full_path.encode(), request.headers.get("If-Match", "").encode(), request.get_data()))).hexdigest()
    doing = (found.admin.who, key)
    with _LOCK:
        if doing in _DOING:
            return problem(409, f"the ask of this {ONCE} is still being done; ask again in a moment")
        _DOING.add(doing)
    g.doing = doing
    before = found.admin.people.answered(*doing)
    if before is None:
        g.asked = asked
        return None
    if before.asked != asked:
        return problem(422, f"this {ONCE} was used for another ask; use a new one for each")
    answer = Response(before.body, before.status, dict(before.headers))
    answer.headers["Idempotency-Replayed"] = "true"
    return answer


def _keep(answer: Response) -> None:
    """Keep an answer for when it is asked again; not where something broke, for then it may be tried again, nor a document, which is only made anew."""
    if "asked" in g and answer.status_code < 500 and answer.mimetype in ("application/json", "application/problem+json"):
        found: Visitor = g.visitor
        if "shows_secret" in g:  # it is shown once, and kept nowhere
            answer = problem(409, "this was done already, and its answer held a secret, which is given once; make another one where it is lost")
        headers = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
        found.admin.people.put_answer(found.admin.who, request.headers[ONCE], Answer(g.asked, answer.status_code, headers, answer.get_data(as_text=True)))


