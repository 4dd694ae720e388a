"""Many phones at once against the real server: every phone gets its own bytes over both wires, and rests.

The long one is `make storm`: ten thousand phones in a minute.
"""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bench.fleet import add, fleet
from provisioner.boot import Booter
from provisioner.families import Catalog
from provisioner.simulator import Patience, Phone, Summary, boot, storm, tell
from provisioner.store import Store

ROOT = Path(__file__).parent.parent
SERVE = "import sys; from provisioner import config, server; sys.exit(server.serve(config.load()))"
PATIENT = Patience(tries=6, wait=0.2, silence=30.0, resend=1.0, resends=20)


def expected_bytes(store: Store, catalog: Catalog, phones: list[Phone]) -> dict[str, dict[str, str]]:
    """Return MAC -> file -> sha256 of what each phone asks for by itself, from the same state in another process."""
    booter = Booter(store, catalog, lambda event: None)
    told: dict[str, dict[str, str]] = {}
    for phone in phones:
        own = [(name, rule) for name, rule in booter.files_of(phone.mac) if rule.asks and not rule.named_in and not rule.otherwise and rule.scope == "phone"]
        told[phone.mac] = {name: hashlib.sha256(booter.preview(phone.mac, name, reveal=True)).hexdigest() for name, _ in own}
    return told


@dataclass(frozen=True)
class Server:
    """A running server."""

    pid: int
    http: str
    tftp: str
    store: Store


@contextmanager
def running(state: Path) -> Iterator[Server]:
    """Run the real server on ports of the system's choice, and end it by its own signal."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PROVISIONER_")} | {
        "PROVISIONER_STATE": str(state), "PROVISIONER_HTTP_ADDRESS": "127.0.0.1:0", "PROVISIONER_TFTP_ADDRESS": "127.0.0.1:0", "PROVISIONER_ADMIN_ADDRESS": "",
        "PROVISIONER_LOG_LEVEL": "warning", "PROVISIONER_TFTP_TRANSFERS_PER_ADDRESS": "4096",
    }  # fmt: skip
    process = subprocess.Popen([sys.executable, "-c", SERVE], cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        http, tftp = (process.stdout.readline().strip().rpartition(" ")[2] for _ in range(2))
        assert http.startswith("http://") and tftp.startswith("tftp://"), "the server did not start"
        store = Store.open(state)
        try:
            yield Server(process.pid, http, tftp, store)
        finally:
            store.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        if process.stdout:
            process.stdout.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("storm") / "state") as one:
        yield one


def rush(server: Server, catalog: Catalog, phones: list[Phone]) -> Summary:
    """Let every phone boot over both wires at once."""
    return storm(phones, server.http, server.tftp, at_once=2 * len(phones), expected=expected_bytes(server.store, catalog, phones), patience=PATIENT)


def test_sixty_phones_of_all_families_boot_at_once_over_both_wires(server: Server, catalog: Catalog) -> None:
    phones = fleet(catalog, 60)
    add(server.store, phones, server.http)
    summary = rush(server, catalog, phones)
    assert summary.good, "\n".join(summary.tell())
    assert len(summary.boots) == sum(bool({"http", "tftp"} & set(phone.family.wires)) + ("tftp" in phone.family.wires and "http" in phone.family.wires) for phone in phones)
    assert max(one.rounds for one in summary.boots) <= 3


def test_one_phone_is_told_of_in_words_without_its_token(server: Server, catalog: Catalog) -> None:
    phone = fleet(catalog, 60)[0]
    add(server.store, [phone], server.http)
    lines = tell(boot(phone, server.http, patience=PATIENT))
    assert lines[0] == f"{phone.mac} ({phone.family.slug}/{phone.model}) boots from {server.http}"
    assert f"restarts from {server.http}p/…/" in lines
    assert lines[-1] == "at rest after 2 rounds and 1 restart"


def test_a_phone_that_nobody_added_gets_nothing_and_rests(server: Server, catalog: Catalog) -> None:
    private = [phone for phone in fleet(catalog, len(catalog.families)) if all(rule.scope == "phone" for rule in phone.family.files)]
    for phone, url in ((replace(phone, mac="0a1b2cfffffe"), url) for phone in private for url in (server.http, server.tftp)):
        stranger = boot(phone, url, patience=PATIENT)
        assert {fetch.status for fetch in stranger.fetches} == {404}
        assert stranger.sentences == ("got no file at all and keeps what it has",)
