"""Clients that mean no good: TFTP transfers that stay half open, HTTP clients that send or read as slowly as they can.

None of them breaks a rule that a door could refuse at once; each holds what it got for as long as it is let.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

HALF_OPEN = 2_000  # TFTP transfers that get their first block and never acknowledge it
SLOW = {"heads": 600, "bodies": 200, "readers": 200}  # HTTP clients, by what is slow
_TURNS = 100  # of a tenth of a second, after which a half-open transfer is begun anew
_PIPELINED = 50  # requests that a slow reader sends at once; it takes no answer


@dataclass
class _Slow:
    sock: socket.socket
    kind: str
    number: int


@dataclass
class _Crowd:
    http: int
    tftp: int
    names: Sequence[str]
    over: threading.Event = field(default_factory=threading.Event)
    counts: Counter[str] = field(default_factory=Counter)

    def run(self) -> None:
        """Press on both doors until told to end."""
        half = [self._half_open(number) for number in range(HALF_OPEN)]
        slow = [self._connected(kind, number) for kind, many in SLOW.items() for number in range(many)]
        turn = 0
        while not self.over.wait(0.1):
            for place in range(turn % 10, len(slow), 10):  # a byte a second from each
                slow[place] = self._drips(slow[place])
            for place in range(turn % _TURNS, HALF_OPEN, _TURNS):
                half[place].close()
                half[place] = self._half_open(place)
            turn += 1
        for sock in (*half, *(client.sock for client in slow)):
            sock.close()

    def _half_open(self, number: int) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind((f"127.200.0.{1 + number % 50}", 0))
        sock.setblocking(False)
        sock.sendto(b"\0\1" + self.names[number % len(self.names)].encode() + b"\0octet\0", ("127.0.0.1", self.tftp))
        self.counts["half-open transfers begun"] += 1
        return sock

    def _connected(self, kind: str, number: int) -> _Slow:
        sock = socket.socket()
        if kind == "readers":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.bind((f"127.201.0.{1 + number % 50}", 0))
        sock.settimeout(5)
        client = _Slow(sock, kind, number)
        with contextlib.suppress(OSError):
            sock.connect(("127.0.0.1", self.http))
            sock.setblocking(False)
            sock.send(self._first(client))
        self.counts[f"slow {kind} connected"] += 1
        return client

    def _first(self, client: _Slow) -> bytes:
        name = self.names[client.number % len(self.names)]
        if client.kind == "heads":
            return f"GET /{name} HTTP/1.1\r\nHost: x\r\nX-Slow: ".encode()
        if client.kind == "bodies":
            return f"PUT /{name} HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n".encode()
        return f"GET /{name} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * _PIPELINED

    def _drips(self, client: _Slow) -> _Slow:
        """Send one byte more; where the server has hung up, come again."""
        try:
            if client.kind != "readers":
                client.sock.send(b"x")
                if client.sock.recv(1024, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                    raise OSError("it has answered")
                raise OSError("it has hung up")
        except BlockingIOError:
            return client
        except OSError:
            self.counts[f"slow {client.kind} ended by the server"] += 1
            client.sock.close()
            return self._connected(client.kind, client.number)
        return client


@contextlib.contextmanager
def pressing(http: int, tftp: int, names: Sequence[str], settle: float = 3.0) -> Iterator[dict[str, Any]]:
    """Press on the doors at these ports of 127.0.0.1 while the block runs.

    names: files of phones that are known, which half-open transfers are of; settle: seconds until the block begins.
    """
    crowd = _Crowd(http, tftp, names)
    thread = threading.Thread(target=crowd.run, name="crowd")
    thread.start()
    try:
        time.sleep(settle)
        told: dict[str, Any] = {"half_open": HALF_OPEN, **{f"slow_{kind}": many for kind, many in SLOW.items()}}
        yield told
        told.update(crowd.counts)
    finally:
        crowd.over.set()
        thread.join()
