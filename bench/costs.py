"""Where each microsecond of an answer goes: `python bench/costs.py`.

Two views of one file for one phone, first answer and kept answer, over HTTP and TFTP:
what each process of a running server spends (/proc), and what each step of ours spends, its own
time without that of the steps below it, timed by wrapping it in this process.
Writes bench/results/costs.json.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fleet
import page
import processes
import results
from storm import PROGRAM, Ask, Player, boot_of, write_plan

from provisioner import boot, families, housekeeper, renderer
from provisioner.boot import Booter
from provisioner.families import Catalog
from provisioner.housekeeper import Sender
from provisioner.records import Records
from provisioner.render import Renderer
from provisioner.repeats import Repeats
from provisioner.simulator import Phone
from provisioner.store import Store
from provisioner.tftp import Limits, Loop, open_socket
from provisioner.web import phones as door
from provisioner.web.phones import Door

PHONES = 600
KEPT_ROUNDS = 5  # so many times every phone asks again
FAMILY, MODEL = "yealink", "T46U"  # the phone of the other measurements, and an ordinary one


class Steps:
    """Times steps: each call's own time, without that of the steps which it calls."""

    def __init__(self) -> None:
        """Nothing is wrapped yet."""
        self.times: dict[str, list[float]] = defaultdict(list)
        self._local = threading.local()
        self._before: list[tuple[Any, str, Any]] = []

    def wrap(self, label: str, where: Any, name: str) -> None:
        """Time the function of this name in a module or class; AttributeError where there is none any more."""
        original = vars(where)[name] if name in vars(where) else getattr(where, name)
        work = original.__func__ if isinstance(original, staticmethod) else original

        def timed(*values: Any, **named: Any) -> Any:
            stack = self._local.__dict__.setdefault("stack", [])
            stack.append(0.0)
            begun = time.thread_time()  # of this thread alone, so that other work on the machine does not count
            try:
                return work(*values, **named)
            finally:
                took = time.thread_time() - begun
                self.times[label].append(took - stack.pop())
                if stack:
                    stack[-1] += took

        self._before.append((where, name, original))
        setattr(where, name, staticmethod(timed) if isinstance(original, staticmethod) else timed)

    def undo(self) -> None:
        """Put everything back."""
        for where, name, original in reversed(self._before):
            setattr(where, name, original)
        self._before.clear()

    def told(self, answers: int) -> list[dict[str, Any]]:
        """Return, for each step, its microseconds in one answer, and how often it is taken."""
        return [{"step": label, "us": sum(times) * 1e6 / answers, "calls": len(times) / answers} for label, times in self.times.items() if times]


@contextlib.contextmanager
def stepping(*which: tuple[str, Any, str]) -> Iterator[Steps]:
    """Time these steps while the block runs: label, module or class, name."""
    steps = Steps()
    for label, where, name in which:
        steps.times[label] = []
        steps.wrap(label, where, name)
    try:
        yield steps
    finally:
        steps.undo()


BOOT = (
    ("identify: who asks?", boot, "identify"),
    ("device: one row", Records, "device"),
    ("token: worked out and compared", boot, "token_fits"),
    ("sites: which one is it?", Records, "sites_now"),
    ("file for everyone?", Booter, "everyones"),
    ("file rule", Booter, "_file_rule"),
    ("admit", boot, "admit"),
    ("facts: lines, accounts, keys, layers", Records, "facts_for"),
    ("layers and context", boot, "context_for"),
    ("render", Renderer, "render"),
    ("digest", boot, "_etag"),
    ("event: made", boot, "_event"),
    ("event: what it takes to give the answer again", boot, "_repeat"),
    ("event: handed on", Sender, "put"),
    ("boot: the way between", Booter, "answer"),
)
HTTP = (
    *BOOT,
    ("door: request into our words", door, "asked"),
    ("door: reply into the wire's words", door, "answered"),
    ("door: what the request says, as a key", door, "_said"),
    ("kept: has anything changed?", Repeats, "allow"),
    ("kept: the event", Repeats, "leave_event"),
    ("door: the way between", Door, "_answer"),
)
TFTP = (
    ("request: read and entered", Loop, "_asked"),
    ("asker: the kept reply, or the question to the render process", renderer.Client, "ask"),
    ("asker: the render process's answer", renderer.Client, "_ready"),
    ("kept: has anything changed?", Repeats, "allow"),
    ("kept: the event", Repeats, "leave_event"),
    ("event: handed on", Sender, "put"),
    ("transfer: terms agreed, blocks cut, first packet sent", Loop, "_serve"),
    ("transfer: ACKs taken, blocks sent", Loop, "_readable"),
    ("listening socket emptied", Loop, "_arrivals"),
)


@dataclass(frozen=True)
class Place:
    """A store with phones, and what they ask over each wire."""

    state: Path
    catalog: Catalog
    http: int
    tftp: int
    asks: dict[str, list[Player]]


def prepared(tmp: Path) -> Place:
    """Return a store with the phones, and their own files as they ask for them."""
    catalog = families.load()
    family = catalog.families[FAMILY]
    firmware = fleet.firmware_of(family)
    phones = [Phone(family, MODEL, f"{family.ouis[0]}{number:06x}", firmware) for number in range(PHONES)]
    http, tftp, state = processes.free_port(), processes.free_port(), tmp / "state"
    store = Store.open(state)
    try:
        fleet.add(store, phones, f"http://127.0.0.1:{http}")
        booter = Booter(store, catalog, lambda event: None)
        asks = {wire: [_player(phone, number, wire, url, booter) for number, phone in enumerate(phones)] for wire, url in (("http", f"http://127.0.0.1:{http}/"), ("tftp", f"tftp://127.0.0.1:{tftp}/"))}
    finally:
        store.close()
    return Place(state, catalog, http, tftp, asks)


def _player(phone: Phone, number: int, wire: str, url: str, booter: Booter) -> Player:
    """Return a phone that asks for its own file alone, over a connection of its own; over TFTP in blocks of 1428 bytes."""
    address = f"127.1.{number // 250}.{1 + number % 250}"
    own = next(ask for ask in boot_of(phone, url, address, booter, False, 1) if ask.status == 200 and phone.mac in ask.name)
    return Player(phone, wire, number / 300, address, False, (own,))


# What the processes spend


def spent(pid: int) -> float:
    """Return the seconds of CPU that a process's threads have had, to the nanosecond."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def by_process(here: processes.Ours, state: Path) -> dict[str, float]:
    """Return the CPU-seconds of each process of a server, by its name; an HTTP master with its workers."""
    children = json.loads((state / "run" / "serve.json").read_text())["children"]
    return {one["name"]: sum(spent(pid) for pid in processes.tree(one["pid"])) for one in children}


def played(place: Place, plan: Path, tmp: Path, answers: int) -> None:
    """Let the phones of a plan ask; raises where one did not get its bytes."""
    subprocess.run([str(PROGRAM), str(plan), str(tmp / "result"), str(place.http), str(place.tftp)], check=True, stdout=subprocess.DEVNULL)
    rows = memoryview((tmp / "result").read_bytes())[: 8 * answers]
    if any(rows[place * 8 + 4] != 1 for place in range(answers)):
        raise RuntimeError("a phone did not get its bytes")


def processes_of(place: Place, wire: str, tmp: Path) -> dict[str, dict[str, float]]:
    """Return microseconds of CPU per answer of each process of a running server: first answers, then kept ones."""
    phones = place.asks[wire]
    again = [replace(one, asks=one.asks * KEPT_ROUNDS) for one in phones]
    write_plan(tmp / "first", phones)
    write_plan(tmp / "again", again)
    found = {}
    with processes.ours(place.state, phones[0].asks[0].name, http=place.http, tftp=place.tftp, cpus=processes.ALL_CPUS, http_workers=1) as here:
        for kind, plan, answers in (("first", "first", len(phones)), ("kept", "again", len(phones) * KEPT_ROUNDS)):
            before = by_process(here, place.state)
            played(place, tmp / plan, tmp, answers)
            time.sleep(1.0)  # until the events are written
            found[kind] = {name: (after - before[name]) / answers * 1e6 for name, after in by_process(here, place.state).items()}
    return found


# What the steps spend


def http_steps(place: Place) -> dict[str, list[dict[str, Any]]]:
    """Return the steps of the HTTP door in this process: first answers, then kept ones."""
    asked = [_environ(one.address, one.asks[0], one.phone.user_agent) for one in place.asks["http"]]
    found = {}
    with events() as sender, opened(place) as store:
        booter = Booter(store, place.catalog, sender)
        app = Door(booter, Repeats(store, sender.put))
        _ask(app, asked[0])  # templates are compiled
        with stepping(*HTTP) as steps:
            for one in asked[1:]:
                _ask(app, one)
            found["first"] = steps.told(len(asked) - 1)
        with stepping(*HTTP) as steps:
            for one in asked:
                _ask(app, one)
            found["kept"] = steps.told(len(asked))
    return found


def _environ(address: str, ask: Ask, user_agent: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET", "PATH_INFO": f"/{ask.name}", "QUERY_STRING": "", "REMOTE_ADDR": address, "HTTP_USER_AGENT": user_agent, "HTTP_HOST": "127.0.0.1",
        "HTTP_ACCEPT": "*/*", "HTTP_CONNECTION": "close", "wsgi.url_scheme": "http",
    }  # fmt: skip


def _ask(app: Door, environ: dict[str, Any]) -> None:
    said: list[str] = []
    app(environ, lambda status, headers: said.append(status))  # type: ignore[arg-type, return-value]
    if said != ["200 OK"]:
        raise RuntimeError(f"{environ['PATH_INFO']}: {said}")


@contextlib.contextmanager
def opened(place: Place) -> Iterator[Store]:
    """Open the store, and close it."""
    store = Store.open(place.state)
    try:
        yield store
    finally:
        store.close()


@contextlib.contextmanager
def events() -> Iterator[Sender]:
    """Give a sender whose events somebody reads and forgets."""
    sending, reading = housekeeper.channel()
    thread = threading.Thread(target=lambda: [None for packet in iter(lambda: reading.recv(1 << 20), b"end")], daemon=True)
    thread.start()
    sender = Sender(sending)
    try:
        yield sender
    finally:
        sender.close()
        sending.send(b"end")
        thread.join()
        sending.close()
        reading.close()


def tftp_steps(place: Place, tmp: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the steps of the TFTP loop in this process, the render process beside it: first answers, then kept ones."""
    found = {}
    sock = open_socket("127.0.0.1", place.tftp)
    listening = renderer.listen(tmp, "render.sock")
    child = multiprocessing.get_context("fork").Process(target=_render, args=(listening, place))
    child.start()
    with events() as sender, opened(place) as store, sock:
        write_plan(tmp / "tftp", place.asks["tftp"])
        with stepping(*TFTP) as steps:
            loop = Loop(sock, Limits())
            loop.answered_by(renderer.Client(loop, tmp, "render.sock", repeats=Repeats(store, sender.put)))
            thread = threading.Thread(target=loop.run)
            thread.start()
            for kind in ("first", "kept"):
                played(place, tmp / "tftp", tmp, PHONES)
                found[kind] = steps.told(PHONES)
                for times in steps.times.values():
                    times.clear()
            loop.stopper.send(b"e")  # anything but a nudge ends it
            thread.join()
    os.kill(child.pid or 0, signal.SIGTERM)
    child.join()
    return found


def _render(listening: Any, place: Place) -> None:
    renderer.serve(listening, Booter(Store.open(place.state), place.catalog, lambda event: None))


def main() -> int:
    """Measure, write, tell."""
    about = results.about()
    found: dict[str, Any] = {**about, "phones": PHONES, "family": f"{FAMILY}/{MODEL}", "families": len(families.load().families)}
    with tempfile.TemporaryDirectory(prefix="costs-") as folder:
        tmp = Path(folder)
        place = prepared(tmp)
        body = place.asks["http"][0].asks[0].body
        found |= {"file": place.asks["http"][0].asks[0].name.replace(place.asks["http"][0].phone.mac, "{mac}"), "file_bytes": len(body), "blocks": len(body) // 1428 + 1}
        found["steps"] = {"http": http_steps(place), "tftp": tftp_steps(place, tmp)}
        found["processes"] = {wire: processes_of(place, wire, tmp) for wire in ("http", "tftp")}
    file = results.write("costs", found)
    page.write()
    print(*page.costs(found), f"{file.relative_to(page.HERE.parent)} is written", sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
