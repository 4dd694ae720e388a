"""Processes that are measured: this server and its peers, started on cores of their own, their CPU and memory read from /proc, ended by their ids."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU, CLIENT_CPU = str(CPUS[0]), str(CPUS[-1])
ALL_CPUS = ",".join(map(str, CPUS))
_SERVE = "import sys; from provisioner import config, server; sys.exit(server.serve(config.load()))"


def tree(pid: int) -> list[int]:
    """Return a process and all below it."""
    found, left = [], [pid]
    while left:
        here = left.pop()
        with contextlib.suppress(OSError):  # gone in the meantime
            found.append(here)
            for task in Path(f"/proc/{here}/task").iterdir():
                left += [int(child) for child in (task / "children").read_text().split()]
    return found


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and all below it, user and system, with children that ended already."""
    ticks = 0
    for one in tree(pid):
        with contextlib.suppress(OSError):
            ticks += sum(int(field) for field in Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[11:15])
    return ticks / _TICK


def megabytes(pid: int) -> float:
    """Return the memory of a process and all below it, shared pages counted once (PSS)."""
    kilobytes = 0
    for one in tree(pid):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kilobytes / 1024


def most_megabytes(pid: int) -> float:
    """Return the most memory that one process has had since its program began; 0 where it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0


@contextlib.contextmanager
def running(
    command: Sequence[str], environ: Mapping[str, str] | None = None, cwd: Path | None = None, out: int = subprocess.DEVNULL, cpus: str = SERVER_CPU
) -> Iterator[subprocess.Popen[str]]:
    """Run a server on the servers' core, or on those that are named; at the end it gets SIGTERM, and what is left of its own tree SIGKILL."""
    process = subprocess.Popen(
        ["taskset", "-c", cpus, *command], env={**os.environ, **(environ or {})}, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield process
    finally:
        below = tree(process.pid)[1:]
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for pid in below:
            _end(pid, process.pid)
        if process.stdout:
            process.stdout.close()


def _end(pid: int, parent: int) -> None:
    """End a process that outlived the one that started it; a process of another's that has its number by now is left alone."""
    try:
        if int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) in (1, parent):
            os.kill(pid, signal.SIGKILL)
    except OSError:
        pass


def until(ready: object, within: float = 15.0) -> None:
    """Call `ready` until it raises no OSError and returns something; raises RuntimeError when that takes too long."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if callable(ready) and ready():
                return
        time.sleep(0.01)
    raise RuntimeError("a server did not answer in time")


def free_port() -> int:
    """Return a port that is free on both wires now."""
    with socket.socket() as one, socket.socket(type=socket.SOCK_DGRAM) as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", one.getsockname()[1]))
        return int(one.getsockname()[1])


def got(port: int, name: str) -> bytes:
    """Return a file over HTTP."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}", timeout=5) as answer:
        return bytes(answer.read())


@dataclass(frozen=True)
class Ours:
    """This server, running."""

    pid: int
    http: int
    tftp: int
    started_in: float  # seconds from start to first answer


@contextlib.contextmanager
def ours(state: Path, first: str, *, http: int = 0, tftp: int = 0, cpus: str = SERVER_CPU, **options: object) -> Iterator[Ours]:
    """Run this server on a state folder until it answers a phone's file.

    first:   the file; http, tftp: ports, 0 lets the system choose.
    options: of the server, by name; what is not said is as shipped, but it logs errors alone.
    """
    said = {"state": state, "http_address": f"127.0.0.1:{http}", "tftp_address": f"127.0.0.1:{tftp}", "admin_address": "", "log_level": "error", **options}
    environ = {**{f"PROVISIONER_{name.upper()}": str(value) for name, value in said.items()}, "PYTHONPATH": str(Path(__file__).parent.parent)}
    begun = time.monotonic()
    with running([sys.executable, "-c", _SERVE], environ, cwd=state, out=subprocess.PIPE, cpus=cpus) as process:
        assert process.stdout
        ports: dict[str, int] = {}
        while "tftp" not in ports and (line := process.stdout.readline()):  # the last door that it tells
            scheme, _, where = line.strip().rstrip("/").rpartition(" ")[2].partition("://")
            ports[scheme] = int(where.rpartition(":")[2])
        until(lambda: got(ports["http"], first))
        yield Ours(process.pid, ports["http"], ports["tftp"], time.monotonic() - begun)


class Peak:
    """The memory that a server's processes have together while the block runs, in megabytes: each look at it, and the most."""

    def __init__(self, pid: int, every: float) -> None:
        """every: seconds between two looks."""
        self.seen = [megabytes(pid)]
        self._pid, self._every, self._over = pid, every, threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(self._every):
            self.seen.append(megabytes(self._pid))

    @property
    def megabytes(self) -> float:
        """The most."""
        return max(self.seen)
