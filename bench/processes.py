"""Processes that are measured: started on a core of their own, their CPU and memory read from /proc, ended by their ids."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
CPUS = sorted(os.sched_getaffinity(0))
SERVER_CPU, CLIENT_CPU = str(CPUS[0]), str(CPUS[-1])


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


@contextlib.contextmanager
def running(command: Sequence[str], environ: Mapping[str, str] | None = None, cwd: Path | None = None, out: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[str]]:
    """Run a server on the servers' core; at the end it gets SIGTERM, and what is left of its own tree SIGKILL."""
    process = subprocess.Popen(
        ["taskset", "-c", SERVER_CPU, *command], env={**os.environ, **(environ or {})}, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL, text=True
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
