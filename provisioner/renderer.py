"""The render process, which answers TFTP's cold questions, and its client in the TFTP loop.

A reply that may be given again is kept by the client, and given again to the very same question without asking
the process (repeats.py). Only what is new goes there, for a slow template must stall nobody: the loop puts its questions over a local socket and goes on. The
process answers one after the other. A question that takes more work than LONGEST ends the process, by
an alarm that no code of a template can hold up; the supervisor starts another one, that phone
meets silence and asks again (F3), and the questions behind it are put again.

On the wire: two lengths (4 bytes each, network order), a JSON text, then the bytes of a body.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import struct
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from provisioner.answers import OVERHEAD, Kept
from provisioner.errors import StoreTrouble
from provisioner.repeats import Repeats
from provisioner.tftp import Done, Loop
from provisioner.wire import PhoneRequest, Repeat, Reply

log = logging.getLogger("provisioner.renderer")

KEPT_BYTES = 32_000_000  # of replies in the loop's process
LONGEST = 2.0  # seconds of work for one answer
_ASLEEP = 5  # times as long by the clock, since a busy machine works slowly, and the first answer compiles its templates
_PATIENCE = 20.0  # seconds that a question waits its turn: a whole site may boot at once, and a late answer is still one
_QUEUE = 1000  # questions on their way; more come from a flood, and a phone asks again anyway
_LENGTHS = struct.Struct("!II")
_AGAIN = 0.05  # seconds until the client tries to reach a new process
_FAREWELL = 0  # instead of a question's number: the process ends of itself, and has none in hand


class Booter(Protocol):
    """Who answers; boot.Booter does."""

    def answer(self, request: PhoneRequest) -> Reply:
        """Return what the phone gets."""

    def receive(self, request: PhoneRequest, body: bytes) -> Reply:
        """Take what the phone sends."""


@contextmanager
def short_name(folder: Path, name: str) -> Iterator[str]:
    """Give a name of a local socket that fits into its 107 bytes, however deep the folder lies."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{name}"
    finally:
        os.close(fd)


def listen(folder: Path, name: str) -> socket.socket:
    """Return a listening local socket that only our own user reaches; an old one of the name is replaced."""
    (folder / name).unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with short_name(folder, name) as path:
        sock.bind(path)
        os.chmod(path, 0o600)
    sock.listen(16)
    return sock


# The process


def serve(listening: socket.socket, booter: Booter, longest: float = LONGEST) -> None:
    """Answer one client after the other until SIGTERM; runs in a process of its own, in its main thread.

    longest: seconds of work for one answer. SIGTERM lets the question in hand be answered; the client puts
    its others to the next process.
    """
    for number in (signal.SIGPROF, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)  # the system itself ends the process
    client: socket.socket | None = None
    ended = False

    def end(*_: object) -> None:
        nonlocal ended
        ended = True
        listening.close()
        if client:
            client.shutdown(socket.SHUT_RD)

    signal.signal(signal.SIGTERM, end)
    while not ended:
        try:
            client, _ = listening.accept()
        except OSError:
            if ended:
                return
            raise
        with client, client.makefile("rb") as stream:
            try:
                while not ended and (question := _read(stream)):
                    client.sendall(_packed(*_answered(booter, *question, longest)))
                client.sendall(_packed({"n": _FAREWELL}, b""))
            except (OSError, EOFError):  # the client is gone; there is another one soon
                pass
        client = None


def _answered(booter: Booter, words: Mapping[str, Any], body: bytes, longest: float) -> tuple[dict[str, Any], bytes]:
    asked = words["request"]
    request = PhoneRequest(asked["path"], asked["address"], asked["wire"], token=asked["token"])
    signal.setitimer(signal.ITIMER_PROF, longest)
    signal.setitimer(signal.ITIMER_REAL, _ASLEEP * longest)
    try:
        reply = booter.receive(request, body) if words["sends"] else booter.answer(request)
    except Exception:
        log.exception("a fault of ours while answering over TFTP")
        reply = Reply("failed")
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
    said = {
        "n": words["n"], "outcome": reply.outcome, "file": str(reply.file) if reply.file else None, "media_type": reply.media_type,
        "etag": reply.etag, "revised_at": reply.revised_at.isoformat() if reply.revised_at else None,
        "repeat": [reply.repeat.mac, reply.repeat.standing, reply.repeat.event] if reply.repeat else None,
    }  # fmt: skip
    return said, reply.body


def _read(stream: Any) -> tuple[dict[str, Any], bytes] | None:
    head = stream.read(_LENGTHS.size)
    if not head:
        return None
    words, body = _LENGTHS.unpack(head)
    rest = stream.read(words + body)
    if len(rest) < words + body:
        raise EOFError
    return json.loads(rest[:words]), rest[words:]


def _packed(words: Mapping[str, Any], body: bytes) -> bytes:
    text = json.dumps(words).encode()
    return _LENGTHS.pack(len(text), len(body)) + text + body


# The client in the loop


@dataclass(frozen=True)
class _Question:
    packet: bytes
    request: PhoneRequest
    done: Done
    at: float


class Client:
    """Puts the loop's questions to the render process, and finds the next one where one has ended."""

    def __init__(
        self, loop: Loop, folder: Path, name: str, failed: Callable[[PhoneRequest, str], None] = lambda request, why: None, repeats: Repeats | None = None,
    ) -> None:  # fmt: skip
        """folder, name: of the process's socket; failed: hears of a question that ended its process; repeats: who allows a reply once more."""
        self._loop, self._folder, self._name, self._failed, self._repeats = loop, folder, name, failed, repeats
        self._kept: Kept[tuple[Reply, Repeat]] = Kept(KEPT_BYTES)
        self._sock: socket.socket | None = None
        self._out, self._in = bytearray(), bytearray()
        self._writing = self._sweeping = self._trying = self._farewell = False
        self._open: OrderedDict[int, _Question] = OrderedDict()  # the oldest first: it is the one in hand
        self._number = _FAREWELL

    def ask(self, request: PhoneRequest, body: bytes | None, done: Done) -> None:
        """Put a question; see tftp.Asker."""
        if body is None and self._repeats and self._again(request, self._repeats, done):
            return
        if len(self._open) >= _QUEUE:
            done(None)
            return
        self._number += 1
        asked = {"path": request.path, "address": request.address, "wire": request.wire, "token": request.token}
        packet = _packed({"n": self._number, "sends": body is not None, "request": asked}, body or b"")
        self._open[self._number] = _Question(packet, request, done, time.monotonic())
        if not self._sweeping:
            self._sweeping = True
            self._loop.later(1, self._sweep)
        if self._sock is None:
            self._connect()
        else:
            self._out += packet
            self._flush()

    def _again(self, request: PhoneRequest, repeats: Repeats, done: Done) -> bool:
        """Give the reply that the very same question had, where it may be given once more."""
        started = time.perf_counter()
        kept = self._kept.get(request)
        try:
            if kept is None or not repeats.allow(kept[1]):
                return False
        except StoreTrouble:  # the render process meets it, too, and says so in its event
            return False
        repeats.leave_event(kept[1], time.perf_counter() - started)
        done(kept[0])
        return True

    def _sweep(self) -> None:
        """Give up what has waited too long; the phone meets silence and asks again."""
        late = time.monotonic() - _PATIENCE
        while self._open and next(iter(self._open.values())).at <= late:
            _, question = self._open.popitem(last=False)
            log.warning("no answer within %s seconds to a question of %s; it will ask again", _PATIENCE, question.request.address)
            question.done(None)
        self._sweeping = bool(self._open)
        if self._sweeping:
            self._loop.later(1, self._sweep)

    def _connect(self) -> None:
        """Reach the process, and put to it all that is open, the oldest first."""
        if self._sock or self._trying or not self._open:
            return
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            with short_name(self._folder, self._name) as path:
                sock.connect(path)
        except OSError:
            sock.close()
            self._trying = True
            self._loop.later(_AGAIN, self._try_again)
            return
        self._sock = sock
        self._in.clear()
        self._out = bytearray().join(question.packet for question in self._open.values())
        self._writing = self._farewell = False
        self._loop.watch(sock, self._ready)
        self._flush()

    def _try_again(self) -> None:
        self._trying = False
        self._connect()

    def _flush(self) -> None:
        """Send what the socket takes now."""
        if self._sock is None:
            return
        try:
            while self._out:
                del self._out[: self._sock.send(self._out[: 1 << 18])]
        except BlockingIOError:
            pass
        except OSError:
            return  # the process is gone; reading tells the same, after its last answers
        if self._writing != bool(self._out):
            self._writing = bool(self._out)
            self._loop.watch_writing(self._sock, self._writing)

    def _ready(self) -> None:
        """Take answers, and send on."""
        if self._sock is None:
            return
        try:
            news = self._sock.recv(1 << 20)
        except BlockingIOError:
            self._flush()
            return
        except OSError:
            news = b""
        if not news:
            self._lost()
            return
        self._in += news
        for words, body in self._answers():
            self._farewell = self._farewell or words["n"] == _FAREWELL
            question = self._open.pop(words["n"], None)
            if question:
                reply = _reply(words, body)
                if reply.repeat:
                    self._kept.put(question.request, (reply, reply.repeat), len(body) + OVERHEAD)
                question.done(reply)
        self._flush()

    def _answers(self) -> list[tuple[dict[str, Any], bytes]]:
        """Return the answers that are whole, and keep the rest for later."""
        found, place = [], 0
        while len(self._in) - place >= _LENGTHS.size:
            words, body = _LENGTHS.unpack_from(self._in, place)
            start = place + _LENGTHS.size
            if len(self._in) < start + words + body:
                break
            place = start + words + body
            found.append((json.loads(self._in[start : start + words]), bytes(self._in[start + words : place])))
        del self._in[:place]
        return found

    def _lost(self) -> None:
        """The process is gone: the question that it had in hand meets silence, the others wait for the next process."""
        if self._sock:
            self._loop.unwatch(self._sock)
            self._sock.close()
            self._sock = None
        if self._open and not self._farewell:
            _, question = self._open.popitem(last=False)
            self._failed(question.request, "the render process ended while it made this file; `provisioner check` tries every template")
            question.done(None)
        self._connect()


def _reply(words: Mapping[str, Any], body: bytes) -> Reply:
    return Reply(
        words["outcome"],
        body=body,
        file=Path(words["file"]) if words["file"] else None,
        media_type=words["media_type"],
        etag=words["etag"],
        revised_at=datetime.fromisoformat(words["revised_at"]) if words["revised_at"] else None,
        repeat=Repeat(words["repeat"][0], tuple(words["repeat"][1]), words["repeat"][2]) if words["repeat"] else None,
    )
