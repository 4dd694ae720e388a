"""The HTTP door for phones: every path is a file's name.

The wire's words go down as a PhoneRequest, a Reply comes up and becomes the wire's words again.
GET and HEAD ask. PUT sends a file. POST sends one too, except that a POST with a form or with
nothing in it asks: that is how some phones search their directory. There is no redirect, no page
and no cookie here; unknown, refused and missing are one empty 404 (D12).
"""

from __future__ import annotations

import gzip
import ipaddress
import logging
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from flask import Flask, request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import ClientDisconnected
from werkzeug.http import parse_date
from werkzeug.wrappers import Response

from provisioner import tokens
from provisioner.wire import PhoneRequest, Reply

log = logging.getLogger("provisioner.http")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

RETRY_AFTER = 30  # seconds, after a fault of ours
# Of one process. A phone that sends or takes slowly holds one of the worker's threads (doorman.THREADS) all the
# while; beyond these numbers it is asked to come back, so that the rest stay free for short answers.
UPLOADS_AT_ONCE, ASSETS_AT_ONCE = 6, 18
_PIECE = 65536
_LONGEST = 1024  # characters of a header that goes down
_FORM = "application/x-www-form-urlencoded"


class Booter(Protocol):
    """Who answers; boot.Booter does."""

    def answer(self, request: PhoneRequest) -> Reply:
        """Return what the phone gets."""

    def receive(self, request: PhoneRequest, body: bytes) -> Reply:
        """Take what the phone sends."""


class _Answer(Response):
    """A response whose headers are those that we say, and no others."""

    default_mimetype = None


def create_app(booter: Booter, *, trusted_proxies: Sequence[Network] = (), upload_limit: int = 1_000_000) -> Flask:
    """Return the app for phones; it is built once for each process.

    upload_limit: bytes. One byte more is read, so that the booter can say that it is too much.
    """
    app = Flask("provisioner.phones", static_folder=None)
    uploading = threading.BoundedSemaphore(UPLOADS_AT_ONCE)
    streaming = threading.BoundedSemaphore(ASSETS_AT_ONCE)

    @app.before_request  # and not a route: routes see patterns, slashes and redirects where we only see names
    def door() -> Response:
        asked = _asked(trusted_proxies)
        if request.method in ("GET", "HEAD"):
            return _answer(booter.answer(asked), streaming)
        if request.method == "POST" and (request.mimetype == _FORM or _is_empty()):
            return _answer(booter.answer(asked), streaming)
        if request.method not in ("PUT", "POST"):
            return _plain(405, {"Allow": "GET, HEAD, POST, PUT"})
        if not uploading.acquire(blocking=False):
            return _later()
        try:
            body = _body(upload_limit)
        finally:
            uploading.release()
        return _plain(400, {}) if body is None else _answer(booter.receive(asked, body), streaming)

    @app.errorhandler(Exception)
    def fault(why: Exception) -> Response:
        log.error("a fault of ours in the HTTP door", exc_info=why)
        return _answer(Reply("failed"), streaming)

    return app


def _asked(trusted_proxies: Sequence[Network]) -> PhoneRequest:
    """Return the request in our words."""
    token, path = tokens.split(request.path)
    address, forwarded = origin(request.remote_addr or "", request.headers, trusted_proxies)
    secure = request.scheme == "https" or (address and "https" in _last(request.headers.get("X-Forwarded-Proto", "")) and _among(request.remote_addr or "", trusted_proxies))
    return PhoneRequest(
        path=path,
        address=address,
        wire="https" if secure else "http",
        user_agent=request.headers.get("User-Agent", "")[:_LONGEST],
        token=token,
        forwarded=forwarded,
        etags=_etags(request.headers.get("If-None-Match", "")),
    )


def origin(peer: str, headers: Headers, trusted: Sequence[Network]) -> tuple[str, bool]:
    """Return the phone's address and False; or nowhere, an empty text, and True where only an untrusted word tells it (F18).

    peer: who opened the connection. Where it is a trusted proxy, the right-most hop that is not one
    counts; where X-Forwarded-For, Forwarded (RFC 7239) and X-Real-IP differ, one of them is a guest's, and none counts.
    """
    here = _parsed(peer)
    if not any(name.lower().startswith("x-forwarded-") or name.lower() in ("forwarded", "x-real-ip") for name, _ in headers):
        return (str(here), False) if here else ("", True)
    if here is None or not _in(here, trusted):
        return "", True
    hops = [
        [hop.strip() for hop in headers["X-Forwarded-For"].split(",")] if "X-Forwarded-For" in headers else None,
        [_for(element) for element in headers["Forwarded"].split(",")] if "Forwarded" in headers else None,
    ]
    said = {_right_most(one, trusted) for one in hops if one is not None}
    if "X-Real-IP" in headers:
        said.add(_right_most([headers["X-Real-IP"]], trusted))
    found = said.pop() if len(said) == 1 else None
    return (str(found), False) if found else ("", True)


def _right_most(hops: list[str], trusted: Sequence[Network]) -> Address | None:
    """Return the right-most hop that is no trusted proxy, else the first one; None where one on the way is garbage."""
    address = None
    for hop in reversed(hops):
        address = _parsed(hop)
        if address is None or not _in(address, trusted):
            return address
    return address


_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*("[^"]*"|[^;\s"]+)', re.IGNORECASE)
_HOP = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?|(\d[\d.]+)(?::\d{1,5})?|([0-9A-Fa-f:.]+)")


def _for(element: str) -> str:
    """Return the node of one element of Forwarded, without its quotes; empty where it names none."""
    found = _FOR.search(element)
    return found[1].strip('"') if found else ""


def _parsed(text: str) -> Address | None:
    """Return an address as a proxy or the system writes it, IPv4-mapped IPv6 unmapped; None for anything else."""
    found = _HOP.fullmatch(text.strip().partition("%")[0])
    if not found:
        return None
    try:
        address = ipaddress.ip_address(found[1] or found[2] or found[3])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _among(peer: str, networks: Sequence[Network]) -> bool:
    address = _parsed(peer)
    return address is not None and _in(address, networks)


def _last(text: str) -> str:
    return text.rpartition(",")[2].strip().lower()


def _etags(text: str) -> tuple[str, ...]:
    """Return the digests of an If-None-Match, ours by their form: weak ones and those of the gzip form count as well."""
    return tuple(re.findall(r'(?:W/)?"?([0-9a-f]{64})(?:-gzip)?"?', text[: 16 * _LONGEST]))


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


def _plain(status: int, headers: Mapping[str, str]) -> Response:
    """Return an answer without a body."""
    return _Answer(b"", status=status, headers={**headers, "Cache-Control": "no-store, private", "Server": "provisioner"})


def _later() -> Response:
    """Return our own fault, or that we are busy: the phone keeps what it has, and comes back (F3)."""
    return _plain(503, {"Retry-After": str(RETRY_AFTER)})


def _answer(reply: Reply, streaming: threading.BoundedSemaphore) -> Response:
    """Return the reply in the wire's words; an asset takes one of `streaming` until it is through."""
    if reply.outcome == "failed":
        return _later()
    if reply.outcome == "uploaded":
        return _plain(201, {})
    if reply.outcome not in ("served", "not-modified"):
        return _plain(404, {})
    headers = Headers({"Cache-Control": "no-store, private", "Server": "provisioner"})
    if reply.etag:
        headers["ETag"] = f'"{reply.etag}"'
    if reply.revised_at:
        headers["Last-Modified"] = format_datetime(reply.revised_at.astimezone(UTC).replace(microsecond=0), usegmt=True)
    if reply.outcome == "not-modified":
        return _Answer(b"", status=304, headers=headers)
    headers["Content-Type"] = reply.media_type or "application/octet-stream"
    return _file(reply.file, reply, headers, streaming) if reply.file else _bytes(reply, headers)


def _bytes(reply: Reply, headers: Headers) -> Response:
    """Return a rendered file; packed where the phone asks for that by name, always into the same bytes (F1)."""
    body = reply.body
    headers["Vary"] = "Accept-Encoding"
    if any(name.lower() == "gzip" and quality > 0 for name, quality in request.accept_encodings):
        body = gzip.compress(body, mtime=0)
        headers["Content-Encoding"] = "gzip"
        if reply.etag:
            headers["ETag"] = f'"{reply.etag}-gzip"'
    return _Answer(body, status=200, headers=headers)


def _file(file: Path, reply: Reply, headers: Headers, streaming: threading.BoundedSemaphore) -> Response:
    """Return an asset, or the one range of it that was asked (RFC 9110, 14), read piece by piece.

    Only here does If-Modified-Since count, and only without If-None-Match (RFC 9110, 13.1.3): a rendered
    file can change without its revision, when a template does, so its time alone proves nothing.
    """
    try:
        source = file.open("rb")
        length = file.stat().st_size
    except OSError as why:
        log.error("%s cannot be read: %s", file, why.strerror)
        return _later()
    headers["Accept-Ranges"] = "bytes"
    if "If-None-Match" not in request.headers and _unmodified(reply.revised_at):
        source.close()
        del headers["Content-Type"]
        return _Answer(b"", status=304, headers=headers)
    start, end = 0, length
    status = 200
    wanted = request.range if request.method == "GET" and _range_counts(headers) else None
    if wanted and wanted.units == "bytes" and len(wanted.ranges) == 1:
        found = wanted.range_for_length(length)
        if found is None:
            source.close()
            return _Answer(b"", status=416, headers={"Content-Range": f"bytes */{length}", "Cache-Control": "no-store, private", "Server": "provisioner"})
        start, end = found
        status = 206
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{length}"
    if not streaming.acquire(blocking=False):
        source.close()
        return _later()
    headers["Content-Length"] = str(end - start)
    return _Answer(_Pieces(source, start, end, streaming), status=status, headers=headers, direct_passthrough=True)


def _range_counts(headers: Headers) -> bool:
    """Return True unless If-Range names another state of the file than this one."""
    condition = request.headers.get("If-Range")
    return condition is None or condition in (headers.get("ETag"), headers.get("Last-Modified"))


def _unmodified(revised_at: datetime | None) -> bool:
    since = parse_date(request.headers.get("If-Modified-Since"))
    return bool(since and revised_at and revised_at.replace(microsecond=0) <= since)


class _Pieces:
    """The bytes of a file from start to end, piece by piece; lets go of file and place once, when closed or forgotten.

    granian 2.8 forgets the pieces of a phone that went away without closing them.
    """

    def __init__(self, source: BinaryIO, start: int, end: int, streaming: threading.BoundedSemaphore) -> None:
        self._source, self._left, self._streaming, self._open = source, end - start, streaming, True
        source.seek(start)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = self._source.read(min(_PIECE, self._left))
        if not piece:
            raise StopIteration
        self._left -= len(piece)
        return piece

    def close(self) -> None:
        if self._open:
            self._open = False
            self._source.close()
            self._streaming.release()

    __del__ = close
