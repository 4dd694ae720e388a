"""The API's app: who asks, once or again, and in which words an error comes back. Resources are blueprints beside this file."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from apiflask import APIFlask, HTTPError
from flask import Response, g, render_template, request
from werkzeug.exceptions import HTTPException

from provisioner import __version__
from provisioner.admin import Admin, apikeys
from provisioner.api import devices
from provisioner.api.problems import of, problem
from provisioner.console.door import HEADERS
from provisioner.console.visitor import SAFE, Place, Visitor, by_session, has_token, is_foreign, is_known_host, place
from provisioner.errors import ProvisionerError
from provisioner.language import Language
from provisioner.people import Answer
from provisioner.rights import RULE

log = logging.getLogger("provisioner.api")

BASE = "/api/v1"
RESOURCES = (devices.resource,)
BODY = 16_000_000  # bytes of one ask at most
ONCE = "Idempotency-Key"
_OPEN = ("openapi.spec", "readable")  # they tell what stands in the code
_KEPT = ("Content-Type", "ETag", "Location", "Link")  # headers of an answer that are given again
_ABOUT = """\
All that the console can do. A program shows an API key (`Authorization: Bearer pk_…`, from `provisioner apikey add` or the console); a page of the console its session.

Errors are RFC 9457 problem details whose `detail` says what to do. Lists come in pages: ask with `cursor` what `next` said. What has an `ETag` takes `If-Match`, and 412 means
that somebody else was first; nothing is lost. With an `Idempotency-Key` a repeated ask is done once and answered alike, for a day."""


def api(admin: Admin) -> APIFlask:
    """Return the app. admin: over the whole store; it is made once for each process."""
    app = APIFlask("provisioner.api", title="provisioner", version=__version__, spec_path=f"{BASE}/openapi.json", docs_path=None, static_folder=None)  # type: ignore[arg-type]
    app.config.update(
        MAX_CONTENT_LENGTH=BODY, OPENAPI_VERSION="3.1.0", DESCRIPTION=_ABOUT, SERVERS=[{"url": "/"}], AUTO_VALIDATION_ERROR_RESPONSE=False, AUTO_404_RESPONSE=False,
        SECURITY_SCHEMES={"key": {"type": "http", "scheme": "bearer", "description": "an API key"}}, SYNC_LOCAL_SPEC=False,
    )  # fmt: skip
    for resource in RESOURCES:
        app.register_blueprint(resource, url_prefix=BASE)

    @app.get(f"{BASE}/")
    @app.doc(hide=True)
    def readable() -> str:
        return render_template("api.html", spec=app.spec)

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
        return _asked_before(found)

    @app.after_request
    def with_headers(answer: Response) -> Response:
        for name, value in HEADERS.items():
            answer.headers.setdefault(name, value)
        answer.headers.setdefault("Cache-Control", "no-store")
        if answer.status_code == 401:
            answer.headers["WWW-Authenticate"] = 'Bearer realm="provisioner"'
        _keep(answer)
        return answer

    @app.error_processor
    def of_the_wire(why: HTTPError) -> Response:
        detail: dict[str, Any] = why.detail if isinstance(why.detail, dict) else {}
        fields = [f"{name}: {', '.join(map(str, words))}" for some in detail.values() if isinstance(some, dict) for name, words in some.items()]
        return problem(why.status_code, "; ".join(fields) or why.message or "", fields=detail)

    @app.errorhandler(HTTPException)
    def of_werkzeug(why: HTTPException) -> Response:
        answer = problem(why.code or 500, why.description or why.name)
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


def _asked_before(found: Visitor) -> Response | None:
    """Return what this very ask was answered before, where it has an idempotency key; another ask of the same key is refused."""
    key = request.headers.get(ONCE, "")
    if not key or request.method in SAFE:
        return None
    if len(key) > 200:
        return problem(400, f"{ONCE}: at most 200 characters")
    asked = hashlib.sha256(b"\n".join((request.method.encode(), request.full_path.encode(), request.headers.get("If-Match", "").encode(), request.get_data()))).hexdigest()
    before = found.admin.people.answered(found.admin.who, key)
    if before is None:
        g.asked = asked
        return None
    if before.asked != asked:
        return problem(422, f"this {ONCE} was used for another ask; use a new one for each")
    answer = Response(before.body, before.status, dict(before.headers))
    answer.headers["Idempotency-Replayed"] = "true"
    return answer


def _keep(answer: Response) -> None:
    """Keep an answer for when it is asked again; not where something of ours broke, for then it may be tried again."""
    if "asked" in g and answer.status_code < 500:
        found: Visitor = g.visitor
        headers = {name: answer.headers[name] for name in _KEPT if name in answer.headers}
        found.admin.people.put_answer(found.admin.who, request.headers[ONCE], Answer(g.asked, answer.status_code, headers, answer.get_data(as_text=True)))


