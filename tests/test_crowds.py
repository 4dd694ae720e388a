"""Thousands that mean no good: TFTP transfers that stay half open and HTTP clients as slow as they can be keep no phone from its boot, and leave nothing behind."""

from __future__ import annotations

import os
import resource
import selectors
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from bench import crowd
from bench.fleet import add, fleet
from bench.processes import megabytes, tree
from provisioner.families import Catalog
from provisioner.simulator import storm
from provisioner.store import Store
from tests.fuzz import few
from tests.test_server import serving, until
from tests.test_storm import PATIENT, expected_bytes
from tests.test_tftp import ACK, DATA, client, packet, rrq

FILES = crowd.HALF_OPEN + sum(crowd.SLOW.values()) + 1000  # of this process: each of the crowd holds one


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process open as many files as the crowd needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < FILES:
        pytest.skip(f"this user may open {hard} files, and the crowd alone is {FILES}; raise `ulimit -Hn`")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def held(*pids: int) -> int:
    """Return how many descriptors processes hold; each connection is one."""
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)


@contextmanager
def half_open(port: int, name: str, many: int) -> Iterator[list[socket.socket]]:
    """Give sockets that have got the first block of a file and do not say so."""
    with ExitStack() as opened:
        socks = [opened.enter_context(client()) for _ in range(many)]
        for sock in socks:
            sock.sendto(rrq(name), ("127.0.0.1", port))
        for sock in socks:
            got, peer = sock.recvfrom(600)
            assert got[:4] == packet(DATA, 1)
            sock.connect(peer)
        yield socks


def arrived(socks: list[socket.socket], seconds: float) -> list[bytes]:
    """Return the heads of what comes to these sockets; nothing, if nothing comes for so long."""
    with selectors.DefaultSelector() as selector:
        for sock in socks:
            selector.register(sock, selectors.EVENT_READ, sock)
        found = []
        while ready := selector.select(0 if found else seconds):
            found += [key.data.recv(600)[:4] for key, _ in ready]
    return found


def test_fifty_phones_boot_among_thousands_who_hold_the_doors_open(tmp_path: Path, catalog: Catalog, many_files: None) -> None:
    state = tmp_path / "state"
    with serving(state, PROVISIONER_TFTP_RETRIES="2") as server, closing(Store.open(state)) as store:
        http, tftp = (f"{wire}://127.0.0.1:{server.port(wire)}" for wire in ("http", "tftp"))
        phones = fleet(few(catalog), 50)
        add(store, phones, http)
        expected = expected_bytes(store, catalog, phones)
        first = storm(phones, http, tftp, expected=expected, patience=PATIENT)
        assert first.good, "\n".join(first.tell())
        names = sorted({fetch.name for boot in first.boots for fetch in boot.fetches if fetch.served and fetch.size > 512 and fetch.url.startswith("tftp:")})
        processes = tree(server.process.pid)
        quiet, memory = held(*processes), megabytes(server.process.pid)
        with crowd.pressing(server.port("http"), server.port("tftp"), names), half_open(server.port("tftp"), names[0], 50) as left_open:
            summary = storm(phones, http, tftp, expected=expected, patience=PATIENT)
            assert summary.good, "\n".join(summary.tell())
            until(lambda: not arrived(left_open, 5), 60)  # a block is sent again after 1, 2 and 4 seconds, and then no more
            for sock in left_open:
                sock.send(packet(ACK, 1))
            assert packet(DATA, 2) not in arrived(left_open, 1)
        until(lambda: held(*processes) <= quiet, 60)
        assert tree(server.process.pid) == processes
        assert megabytes(server.process.pid) < 1.5 * memory
        assert server.stop() == 0
