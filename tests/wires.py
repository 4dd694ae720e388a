"""A real HTTP worker and a raw socket in front of it, for tests of the wire itself."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from provisioner.web.doorman import Doorman


@contextmanager
def http_server(load: Callable[[], Callable[..., Any]], workers: int = 1) -> Iterator[int]:
    """Serve an app by granian in processes of its own; give its port."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listening:
        port = listening.getsockname()[1]
        pid = os.fork()
        if pid == 0:
            try:
                Doorman(listening, workers).run(load)
            finally:
                os._exit(0)
    try:
        yield port
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)


@dataclass(frozen=True)
class Answer:
    """What came back: the status line, header lines in their order, and the body."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes

    def __getitem__(self, name: str) -> str:
        """Return a header, empty where there is none."""
        return next((value for key, value in self.headers if key == name.lower()), "")

    @property
    def code(self) -> int:
        """The number in the status line."""
        return int(self.status.split()[1])


def raw(port: int, request: bytes, more: bytes = b"") -> Answer:
    """Send bytes and return what comes until the server closes; `more` follows a 100 Continue."""
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.sendall(request)
        got = b""
        while piece := sock.recv(65536):
            got += piece
            if more and got.startswith(b"HTTP/1.1 100") and got.endswith(b"\r\n\r\n"):
                sock.sendall(more)
                got, more = b"", b""
    return parse(got)


def parse(got: bytes) -> Answer:
    """Return the answer of a connection that was closed."""
    head, _, body = got.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    return Answer(status, [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)], body)
