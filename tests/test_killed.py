"""Whoever is killed under load is replaced, a phone that asks again gets its file, and nothing that was acknowledged is lost; a template at fault costs its phone alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from bench.fleet import add, fleet
from provisioner.eventstore import EventStore
from provisioner.families import Catalog
from provisioner.server import health
from provisioner.simulator import Patience, Phone, boot, storm, tell
from provisioner.store import Store
from provisioner.things import Device
from tests import recorded
from tests.fuzz import few
from tests.test_server import MAC, Server, furnish, serving, until, workers
from tests.test_storm import expected_bytes
from tests.test_tftp import client, fetch, rrq, silent
from tests.wires import raw

PATIENT = Patience(tries=8, wait=0.2, silence=10.0, resend=0.5, resends=4)
ROOT = Path(__file__).parent.parent


@contextmanager
def going_on(*works: object) -> Iterator[None]:
    """Do each work again and again while the block runs; a work that fails fails the block."""
    over = threading.Event()

    def again(work: object) -> None:
        assert callable(work)
        while not over.is_set():
            work()

    with ThreadPoolExecutor(len(works)) as pool:
        runs = [pool.submit(again, work) for work in works]
        try:
            yield
        finally:
            over.set()
            for run in runs:
                run.result()


class Sends:
    """A phone that sends log files over both wires; remembers those that were acknowledged."""

    def __init__(self, mac: str, server: Server) -> None:
        self.kept: dict[str, bytes] = {}
        self._mac, self._number = mac, 0
        self._urls = [f"{wire}://127.0.0.1:{server.port(wire)}/" for wire in ("http", "tftp")]

    def __call__(self) -> None:
        self._number += 1
        name, body = f"{self._mac}-{self._number % 40}.log", f"{self._number}\n".encode() * 300
        said = subprocess.run(
            ["curl", "-sS", "-f", "--connect-timeout", "4", "-m", "5", "-T", "-", self._urls[self._number % 2] + name], input=body, capture_output=True, check=False,
        )  # fmt: skip
        if said.returncode == 0:
            self.kept[name] = body
        else:
            self.kept.pop(name, None)  # which of the two is there now, nobody was told


class Changes:
    """An operator who changes a name, and looks over both wires whether the phone gets it."""

    def __init__(self, phone: Phone, account: str, state: Path, http: str, tftp: str) -> None:
        self.done = 0
        self._phone, self._account, self._state, self._urls = phone, account, state, (http, tftp)

    def __call__(self) -> None:
        name = f"Desk {self.done + 1}"
        command = [sys.executable, "-m", "provisioner", "--state", str(self._state), "account", "change", self._account, "--display-name", name]
        said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stderr
        self.done += 1
        for url in self._urls:
            one = boot(self._phone, url, patience=PATIENT)
            assert one.complete and one.came_to_rest, "\n".join(tell(one))
            assert f"display_name = {name}\n".encode() in next(fetch.body for fetch in one.fetches if fetch.name == f"{self._phone.mac}.cfg")


def kill(server: Server, name: str) -> None:
    """Kill one of the server's processes, and return when another one is there."""
    if name == "worker":
        old = until(lambda: workers(server))[0]
        os.kill(old, signal.SIGKILL)
        until(lambda: [worker for worker in workers(server) if worker != old])
    else:
        old = server.child(name)
        os.kill(old, signal.SIGKILL)
        until(lambda: server.child(name) not in (0, old))


def test_whoever_is_killed_under_load_is_replaced_and_nothing_acknowledged_is_lost(tmp_path: Path, catalog: Catalog) -> None:
    state = tmp_path / "state"
    with serving(state, PROVISIONER_UPLOADS_PER_PHONE="100") as server, closing(Store.open(state)) as store:
        http, tftp = (f"{wire}://127.0.0.1:{server.port(wire)}/" for wire in ("http", "tftp"))
        phones = fleet(few(catalog), 15)
        add(store, phones, http)
        expected = expected_bytes(store, catalog, phones)
        number, mine = next((number, phone) for number, phone in enumerate(phones) if phone.family.slug == "yealink")
        others = [phone for phone in phones if phone is not mine]

        booted: list[int] = []

        def boots() -> None:
            summary = storm(others, http, tftp, expected=expected, patience=PATIENT)
            assert summary.good, "\n".join(summary.tell())
            booted.append(summary.complete)

        sends, changes = Sends(mine.mac, server), Changes(mine, f"{1000 + number}@sip.example.com", state, http, tftp)
        with going_on(boots, sends, changes):
            for name in ("render", "tftp", "http", "worker", "events"):
                kill(server, name)
                until(lambda before=len(booted): len(booted) > before, 60)
            until(lambda: changes.done > 1, 60)
        until(lambda: all(well for _, well, _ in health(server.config)))
        assert server.stop() == 0
        assert {name: store.upload(mine.mac, name) for name in sends.kept} == sends.kept and len(sends.kept) > 3
        account = store.account(f"{1000 + number}@sip.example.com")
        assert account and account.display_name == f"Desk {changes.done}"


ODD = "02ac0e000001"
ENDLESS = "{% for digit in '0123456789' %}" * 12 + "{{ digit }}" + "{% endfor %}" * 12
MANIFEST = """
name = "Phones with templates at fault"
vendor = "Odd"
[identify]
ouis = ["02ac0e"]
user_agents = ["Odd {model} {firmware}"]
[[files]]
match = "{mac}-endless.cfg"
template = "endless.j2"
[[files]]
match = "{mac}-broken.cfg"
template = "broken.j2"
[models.Odd]
source = "made up"
"""


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """Return a folder with a family whose templates are at fault."""
    folder = tmp_path / "phones" / "odd"
    folder.mkdir(parents=True)
    (folder / "family.toml").write_text(MANIFEST)
    (folder / "endless.j2").write_text(ENDLESS)
    (folder / "broken.j2").write_text("a = {{ set.no_such_setting }}\n")
    return folder.parent


def test_a_template_at_fault_costs_its_phone_alone(tmp_path: Path, overlay: Path) -> None:
    state = tmp_path / "state"
    furnish(state, mac_is_enough=True, tftp_serves_secrets=True)
    with closing(recorded.open_store(state)) as store, store.change("test", "test") as tx:
        tx.put_device(Device(ODD, "odd", "Odd"))
    with serving(state, PROVISIONER_PHONES_PATH=str(overlay)) as server, client() as endless, client() as broken:
        body, processes = server.get(f"/{MAC}.cfg"), [server.child(name) for name in ("http", "tftp", "render")]
        with ThreadPoolExecutor(40) as pool:  # more than the worker has threads
            answers = [pool.submit(raw, server.port("http"), f"GET /{ODD}-{kind}.cfg HTTP/1.0\r\n\r\n".encode()) for kind, often in (("endless", 10), ("broken", 30)) for _ in range(often)]
            for sock, kind in ((endless, "endless"), (broken, "broken")):
                sock.sendto(rrq(f"{ODD}-{kind}.cfg"), ("127.0.0.1", server.port("tftp")))
            assert server.get(f"/{MAC}.cfg") == fetch(server.port("tftp"), f"{MAC}.cfg") == body
            assert {(answer.result().code, answer.result()["retry-after"], answer.result().body) for answer in answers} == {(503, "30", b"")}
        assert silent(endless) and silent(broken)
        assert server.get(f"/{MAC}.cfg") == fetch(server.port("tftp"), f"{MAC}.cfg") == body
        assert [server.child(name) for name in ("http", "tftp", "render")] == processes
        assert server.stop() == 0
    events = EventStore.open(state).events(ODD, limit=200)
    assert len(events) == 42 and {event.outcome for event in events} == {"failed"}
    assert {event.sentence.partition(": ")[2].partition(" ")[0] for event in events} == {"its", "set"}, "its loops take more …; set has no …"
