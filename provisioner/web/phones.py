"""The HTTP door for phones: every path is a file's name.

The wire's words go down as a PhoneRequest (asked.py), a Reply comes up and becomes the wire's words again
(answered.py). GET and HEAD ask, and are answered here, before any framework: thousands come at once.
PUT sends a file. POST sends one too, except that a POST with a form or with nothing in it asks: that is
how some phones search their directory. There is no redirect, no page and no cookie here; unknown, refused
and missing are one empty 404, or one empty 401 where the address's site asks for passwords (D12).

A reply that may be given again is kept with all that its request said; the very same request gets it
once more where nothing it depended on has changed, which repeats.py tells.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Protocol
from wsgiref.types import StartResponse, WSGIEnvironment

from flask import Flask, request
from werkzeug.exceptions import ClientDisconnected
from werkzeug.wrappers import Response

from provisioner.answers import Kept
from provisioner.repeats import Repeats
from provisioner.web.answered import Answered, answered, later, plain
from provisioner.web.asked import Network, asked
from provisioner.wire import PhoneRequest, Repeat, Reply

log = logging.getLogger("provisioner.http")

KEPT_BYTES = 32_000_000  # of one process; the bodies are those that `boot` keeps
_OVERHEAD = 3_000  # bytes of one kept reply beside its body
# Of one process. A phone that sends or takes slowly holds one of the worker's threads (doorman.THREADS) all the
# while; beyond these numbers it is asked to come back, so that the rest stay free for short answers.
UPLOADS_AT_ONCE, ASSETS_AT_ONCE = 3, 9
_PIECE = 65536
_FORM = "application/x-www-form-urlencoded"


class Booter(Protocol):
    """Who answers; boot.Booter does."""

    def answer(self, request: PhoneRequest) -> Reply:
        """Return what the phone gets."""

    def receive(self, request: PhoneRequest, body: bytes) -> Reply:
        """Take what the phone sends."""


class _Response(Response):
    """A response whose headers are those that we say, and no others."""

    default_mimetype = None


class Door:
    """The WSGI application for phones; it is built once for each process."""

    def __init__(self, booter: Booter, repeats: Repeats | None = None, *, trusted_proxies: Sequence[Network] = (), upload_limit: int = 1_000_000) -> None:
        """repeats: who allows a reply once more; without it each is worked out anew. upload_limit: bytes."""
        self._booter, self._repeats, self._trusted = booter, repeats, trusted_proxies
        self._kept: Kept[tuple[Answered, Repeat]] = Kept(KEPT_BYTES)
        self._streaming = threading.BoundedSemaphore(ASSETS_AT_ONCE)
        self._others = _app(booter, self._streaming, trusted_proxies, upload_limit)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self._others(environ, start_response)
        try:
            answer = self._answer(environ)
        except Exception as why:
            log.error("a fault of ours in the HTTP door", exc_info=why)
            answer = later()
        start_response(answer.status, answer.headers)
        return answer.body

    def _answer(self, environ: WSGIEnvironment) -> Answered:
        started = time.perf_counter()
        said = _said(environ)
        kept = self._kept.get(said) if said and self._repeats else None
        if kept and self._repeats and self._repeats.allow(kept[1]):
            self._repeats.leave_event(kept[1], time.perf_counter() - started)
            return kept[0]
        reply = self._booter.answer(asked(environ, self._trusted))
        answer = answered(reply, environ, self._streaming)
        if reply.repeat and said:
            self._kept.put(said, (answer, reply.repeat), len(reply.body) + _OVERHEAD)
        return answer


def _said(environ: WSGIEnvironment) -> tuple[str, ...] | None:
    """Return all that a GET for a rendered file says: what asked.py and answered.py read of it, and which headers there are.

    None where an answer holds for this request alone.
    """
    if environ["REQUEST_METHOD"] != "GET" or "HTTP_AUTHORIZATION" in environ:
        return None
    get = environ.get
    return (
        environ["PATH_INFO"], environ["wsgi.url_scheme"], get("REMOTE_ADDR", ""), get("HTTP_USER_AGENT", ""), get("HTTP_IF_NONE_MATCH", ""), get("HTTP_ACCEPT_ENCODING", ""),
        get("HTTP_X_FORWARDED_FOR", ""), get("HTTP_FORWARDED", ""), get("HTTP_X_REAL_IP", ""), get("HTTP_X_FORWARDED_PROTO", ""), "".join(environ),
    )  # fmt: skip


def _app(booter: Booter, streaming: threading.BoundedSemaphore, trusted_proxies: Sequence[Network], upload_limit: int) -> Flask:
    """Return the app for what is no GET.

    upload_limit: bytes. One byte more is read, so that the booter can say that it is too much.
    """
    app = Flask("provisioner.phones", static_folder=None)
    uploading = threading.BoundedSemaphore(UPLOADS_AT_ONCE)

    @app.before_request  # and not a route: routes see patterns, slashes and redirects where we only see names
    def door() -> Response:
        if request.method == "POST" and (request.mimetype == _FORM or _is_empty()):
            return _response(answered(booter.answer(asked(request.environ, trusted_proxies)), request.environ, streaming))
        if request.method not in ("PUT", "POST"):
            return _response(plain(405, ("Allow", "GET, HEAD, POST, PUT")))
        if not uploading.acquire(blocking=False):
            return _response(later())
        try:
            body = _body(upload_limit)
        finally:
            uploading.release()
        if body is None:
            return _response(plain(400))
        return _response(answered(booter.receive(asked(request.environ, trusted_proxies), body), request.environ, streaming))

    @app.errorhandler(Exception)
    def fault(why: Exception) -> Response:
        log.error("a fault of ours in the HTTP door", exc_info=why)
        return _response(later())

    return app


def _response(answer: Answered) -> Response:
    return _Response(answer.body, status=answer.status, headers=answer.headers, direct_passthrough=True)


def _is_empty() -> bool:
    return request.content_length == 0 or (request.content_length is None and "chunked" not in request.headers.get("Transfer-Encoding", ""))


def _body(most: int) -> bytes | None:
    """Return what is sent, at most one byte more than `most`; None where the phone broke off.

    granian 2.8 ends a chunked body that broke off as if it were whole, so that is not seen there.
    """
    pieces, size = [], 0
    try:
        while size <= most and (piece := request.stream.read(min(_PIECE, most + 1 - size))):
            pieces.append(piece)
            size += len(piece)
    except (OSError, ClientDisconnected):
        return None
    whole = request.content_length is None or size > most or size == request.content_length
    return b"".join(pieces) if whole else None
