"""What a phone gets over HTTP: a Reply in the wire's words."""

from __future__ import annotations

import gzip
import logging
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO
from wsgiref.types import WSGIEnvironment

from werkzeug.http import parse_accept_header, parse_date, parse_range_header

from provisioner.wire import Reply

log = logging.getLogger("provisioner.http")

RETRY_AFTER = 30  # seconds, after a fault of ours
_PIECE = 65536
_ALWAYS = (("Cache-Control", "no-store, private"), ("Server", "provisioner"))


@dataclass(frozen=True)
class Answered:
    """Status line, headers and body, as WSGI has them."""

    status: str
    headers: list[tuple[str, str]]
    body: Iterable[bytes]


def plain(status: int, *headers: tuple[str, str]) -> Answered:
    """Return an answer without a body."""
    return Answered(_line(status), [*headers, *_ALWAYS, ("Content-Length", "0")], [b""])


def later() -> Answered:
    """Return our own fault, or that we are busy: the phone keeps what it has, and comes back (F3)."""
    return plain(503, ("Retry-After", str(RETRY_AFTER)))


def answered(reply: Reply, environ: WSGIEnvironment, streaming: threading.BoundedSemaphore) -> Answered:
    """Return the reply in the wire's words; an asset takes one of `streaming` until it is through."""
    if reply.outcome == "failed":
        return later()
    if reply.outcome == "uploaded":
        return plain(201)
    if reply.challenges:
        return plain(401, *(("WWW-Authenticate", challenge) for challenge in reply.challenges))
    if reply.outcome not in ("served", "not-modified"):
        return plain(404)
    headers = list(_ALWAYS)
    if reply.revised_at:
        headers.append(("Last-Modified", _date(reply.revised_at)))
    if reply.outcome == "not-modified":
        return Answered(_line(304), [*headers, *_etag(reply)], [b""])
    return _file(reply.file, reply, headers, environ, streaming) if reply.file else _bytes(reply, headers, environ)


def _bytes(reply: Reply, headers: list[tuple[str, str]], environ: WSGIEnvironment) -> Answered:
    """Return a rendered file; packed where the phone asks for that by name, always into the same bytes (F1)."""
    body, suffix = reply.body, ""
    headers += [("Content-Type", _type(reply)), ("Vary", "Accept-Encoding")]
    if _takes_gzip(environ):
        body, suffix = gzip.compress(body, mtime=0), "-gzip"
        headers.append(("Content-Encoding", "gzip"))
    headers += [*_etag(reply, suffix), ("Content-Length", str(len(body)))]
    return Answered(_line(200), headers, [b"" if environ["REQUEST_METHOD"] == "HEAD" else body])


def _takes_gzip(environ: WSGIEnvironment) -> bool:
    accepted = environ.get("HTTP_ACCEPT_ENCODING", "")
    return "gzip" in accepted.lower() and any(name.lower() == "gzip" and quality > 0 for name, quality in parse_accept_header(accepted))


def _file(file: Path, reply: Reply, headers: list[tuple[str, str]], environ: WSGIEnvironment, streaming: threading.BoundedSemaphore) -> Answered:
    """Return an asset, or the one range of it that was asked (RFC 9110, 14), read piece by piece.

    Only here does If-Modified-Since count, and only without If-None-Match (RFC 9110, 13.1.3): a rendered
    file can change without its revision, when a template does, so its time alone proves nothing.
    """
    try:
        source = file.open("rb")
        length = file.stat().st_size
    except OSError as why:
        log.error("%s cannot be read: %s", file, why.strerror)
        return later()
    headers += [*_etag(reply), ("Accept-Ranges", "bytes")]
    if "HTTP_IF_NONE_MATCH" not in environ and _unmodified(environ, reply.revised_at):
        source.close()
        return Answered(_line(304), headers, [b""])
    start, end, status = 0, length, 200
    wanted = parse_range_header(environ.get("HTTP_RANGE")) if environ["REQUEST_METHOD"] == "GET" and _range_counts(environ, headers) else None
    if wanted and wanted.units == "bytes" and len(wanted.ranges) == 1:
        found = wanted.range_for_length(length)
        if found is None:
            source.close()
            return plain(416, ("Content-Range", f"bytes */{length}"))
        start, end = found
        status = 206
        headers.append(("Content-Range", f"bytes {start}-{end - 1}/{length}"))
    headers += [("Content-Type", _type(reply)), ("Content-Length", str(end - start))]
    if environ["REQUEST_METHOD"] == "HEAD":
        source.close()
        return Answered(_line(status), headers, [b""])
    if not streaming.acquire(blocking=False):
        source.close()
        return later()
    return Answered(_line(status), headers, _Pieces(source, start, end, streaming))


def _range_counts(environ: WSGIEnvironment, headers: list[tuple[str, str]]) -> bool:
    """Return True unless If-Range names another state of the file than this one."""
    condition = environ.get("HTTP_IF_RANGE")
    return condition is None or condition in [value for name, value in headers if name in ("ETag", "Last-Modified")]


def _unmodified(environ: WSGIEnvironment, revised_at: datetime | None) -> bool:
    since = parse_date(environ.get("HTTP_IF_MODIFIED_SINCE"))
    return bool(since and revised_at and revised_at.replace(microsecond=0) <= since)


def _line(status: int) -> str:
    return f"{status} {HTTPStatus(status).phrase}"


def _type(reply: Reply) -> str:
    return reply.media_type or "application/octet-stream"


def _etag(reply: Reply, suffix: str = "") -> list[tuple[str, str]]:
    return [("ETag", f'"{reply.etag}{suffix}"')] if reply.etag else []


def _date(at: datetime) -> str:
    return format_datetime(at.astimezone(UTC).replace(microsecond=0), usegmt=True)


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
