"""granian, started with a socket that is bound already.

By itself it would bind in each worker: too late to say that the port is taken, after privileges are
dropped, and with a queue of waiting phones that dies with its worker. So its workers share one
socket here, as they do on systems where each cannot have its own. The test that replaces a killed
worker, and those of both ports, hold this to what granian does.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
from collections.abc import Callable
from typing import Any

from flask import Flask
from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

DRAIN = 10  # seconds that a worker has to end what it answers
CONNECTIONS = 4096  # of one worker; a slow client holds a connection, not a thread
THREADS = 32  # of one worker, started when needed: one for each answer or upload under way
_HEADERS_WITHIN = 10_000  # milliseconds
_BUFFER = 65_536  # bytes of a request's head


class Doorman(MPServer):
    """granian's master: keeps its workers running, and ends them in peace on SIGTERM."""

    def __init__(self, listening: socket.socket, workers: int) -> None:
        """listening: bound and listening; workers: how many processes."""
        self._listening = listening
        host, port = listening.getsockname()[:2]
        super().__init__(
            "provisioner", address=host, port=port, interface=Interfaces.WSGI, workers=workers, http=HTTPModes.http1, websockets=False,
            backpressure=CONNECTIONS, blocking_threads=THREADS, http1_settings=HTTP1Settings(header_read_timeout=_HEADERS_WITHIN, max_buffer_size=_BUFFER),
            log_level=LogLevels.error, log_access=False, respawn_failed_workers=True, workers_kill_timeout=DRAIN,
        )  # fmt: skip

    def run(self, load: Callable[..., Flask]) -> None:
        """Serve until SIGTERM or SIGINT; `load` makes the app, in each worker."""
        multiprocessing.set_start_method("fork", force=True)
        self.serve(target_loader=lambda *_: self._load(load), wrap_loader=False)

    @staticmethod
    def _load(load: Callable[..., Flask]) -> Flask:
        """Make the app in a worker; until it serves, SIGTERM ends it, where the master's handler would swallow it."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        return load()

    def _init_shared_socket(self) -> None:
        self._ssp: Any = None
        self._sso: Any = None
        self._shd: Any = SocketHolder(os.dup(self._listening.fileno()), False, 1024)  # type: ignore[call-arg]
        self._sfd = self._shd.get_fd()
