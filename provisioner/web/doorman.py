"""granian, started with a socket that is bound already.

By itself it would bind in each worker: too late to say that the port is taken, after privileges are
dropped, and with a queue of waiting phones that dies with its worker. So its workers share one
socket here, as they do on systems where each cannot have its own. The test that replaces a killed
worker, and those of both ports, hold this to what granian does.

Nor does granian part well with a phone that has knocked and not yet said what it wants: on SIGTERM it hangs
up. So where other processes have taken over (SIGHUP), its workers first take no more, and have time for
those that came in before.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
from collections.abc import Callable
from typing import Any

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

WSGI = Callable[..., Any]

DRAIN = 10  # seconds that a worker has to end what it answers
HEARS_OUT = 4  # seconds that a worker which is relieved leaves to phones for their TLS handshake and their question
CONNECTIONS = 4096  # of one worker; a slow client holds a connection, not a thread
THREADS = 16  # of one worker, started when needed: one for each answer or upload under way
_HEADERS_WITHIN = 10_000  # milliseconds
_BUFFER = 65_536  # bytes of a request's head


class Doorman(MPServer):
    """granian's master: keeps its workers running, and ends them in peace on SIGTERM."""

    def __init__(self, listening: socket.socket, workers: int, tls: tuple[str, str] | None = None) -> None:
        """listening: bound and listening, of TCP or local; workers: how many processes; tls: files of certificate and key, both in PEM and known to be good."""
        self._listening, self._relieved = listening, False
        self._is_local = listening.family == socket.AF_UNIX
        host, port = ("a local socket", 0) if self._is_local else listening.getsockname()[:2]
        super().__init__(
            "provisioner", address=host, port=port, interface=Interfaces.WSGI, workers=workers, http=HTTPModes.http1, websockets=False,
            backpressure=CONNECTIONS, blocking_threads=THREADS, http1_settings=HTTP1Settings(header_read_timeout=_HEADERS_WITHIN, max_buffer_size=_BUFFER),
            log_level=LogLevels.error, log_access=False, respawn_failed_workers=True, workers_kill_timeout=DRAIN,
        )  # fmt: skip
        if tls:  # as granian's own `build_ssl_context` does, which follows links and so does not find a file in memory
            self.ssl_ctx = (True, *tls, None, str(SSLProtocols.tls12), None, [], False)  # type: ignore[assignment]

    def run(self, load: Callable[[], WSGI]) -> None:
        """Serve until SIGTERM or SIGINT; `load` makes the app, in each worker."""
        multiprocessing.set_start_method("fork", force=True)
        self.serve(target_loader=lambda *_: self._load(load), wrap_loader=False)

    def _load(self, load: Callable[[], WSGI]) -> WSGI:
        """Make the app in a worker; until it serves, SIGTERM ends it, where the master's handler would swallow it."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.signal(signal.SIGHUP, lambda *_: _take_no_more(self._listening))
        return load()

    def signal_handler_reload(self, *args: Any, **kwargs: Any) -> None:
        """End, since others have taken over; granian would start its workers again."""
        self._relieved = True
        self.signal_handler_interrupt()  # type: ignore[no-untyped-call]

    def _stop_workers(self) -> None:
        if self._relieved:
            self.main_loop_interrupt.clear()
            for worker in self.wrks:
                if worker.is_alive():  # type: ignore[no-untyped-call]
                    os.kill(worker.inner.pid, signal.SIGHUP)
            self.main_loop_interrupt.wait(HEARS_OUT)  # SIGTERM cuts it short
        super()._stop_workers()  # type: ignore[no-untyped-call]

    def _init_shared_socket(self) -> None:
        self._ssp: Any = None
        self._sso: Any = None
        self._shd: Any = SocketHolder(os.dup(self._listening.fileno()), self._is_local, 1024)  # type: ignore[call-arg]
        self._sfd = self._shd.get_fd()


def _take_no_more(listening: socket.socket) -> None:
    """Let every descriptor of the door in this process become one at which nobody knocks; connections that are there go on."""
    nobody = socket.socket(socket.AF_UNIX)
    nobody.bind("")  # a name that the system chooses, outside the file system
    nobody.listen()
    nobody.setblocking(False)
    door = os.fstat(listening.fileno())
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.path.samestat(os.fstat(int(name)), door):
                os.dup2(nobody.fileno(), int(name), inheritable=False)
        except OSError:  # it has been closed since
            pass
