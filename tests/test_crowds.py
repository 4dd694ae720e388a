"""Thousands that mean no good: TFTP transfers that stay half open and HTTP clients as slow as they can be keep no phone from its boot, and leave nothing behind."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bench import crowd
from bench.fleet import add, fleet
from bench.processes import megabytes, tree
from provisioner.families import Catalog
from provisioner.simulator import storm
from provisioner.store import Store
from tests.test_server import serving, until
from tests.test_storm import PATIENT, expected_bytes

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
    """Return how many descriptors processes hold: each TFTP transfer and each connection is one."""
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)


def test_fifty_phones_boot_among_thousands_who_hold_the_doors_open(tmp_path: Path, catalog: Catalog, many_files: None) -> None:
    state = tmp_path / "state"
    with serving(state, PROVISIONER_TFTP_RETRIES="3") as server, closing(Store.open(state)) as store:  # a half-open transfer is given up after 1 + 2 + 4 + 8 seconds
        http, tftp = (f"{wire}://127.0.0.1:{server.port(wire)}" for wire in ("http", "tftp"))
        phones = fleet(catalog, 50)
        add(store, phones, http)
        expected = expected_bytes(store, catalog, phones)
        first = storm(phones, http, tftp, expected=expected, patience=PATIENT)
        assert first.good, "\n".join(first.tell())
        names = sorted({fetch.name for boot in first.boots for fetch in boot.fetches if fetch.served and fetch.url.startswith("tftp:")})
        processes = tree(server.process.pid)
        quiet, memory = held(*processes), megabytes(server.process.pid)
        with crowd.pressing(server.port("http"), server.port("tftp"), names, settle=1):
            until(lambda: held(server.child("tftp")) > crowd.HALF_OPEN)
            summary = storm(phones, http, tftp, expected=expected, patience=PATIENT)
        assert summary.good, "\n".join(summary.tell())
        until(lambda: held(*processes) <= quiet, 40)
        assert tree(server.process.pid) == processes
        assert megabytes(server.process.pid) < 1.3 * memory
        assert server.stop() == 0
