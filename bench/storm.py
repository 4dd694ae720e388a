"""Ten thousand phones boot within a minute: `python bench/storm.py [--phones N] [--seconds S] [--loss P] [--duplicate P] [--crowd]`.

Phones of every family there is, each with an address, an account and a file of its own, start at
random moments and ask for all that their manifest says, half of them over TFTP. What they ask and
what must come is worked out before, by the simulator's own phone against a booter in this process;
phonestorm.c then plays it. Writes bench/results/storm.json, or crowd.json with --crowd: there 50
phones boot among thousands of clients that mean no good. With --https N so many more boot over HTTPS
meanwhile, two at a time, played by the simulator itself.
"""

from __future__ import annotations

import argparse
import array
import contextlib
import hashlib
import json
import os
import random
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import crowd
import fleet
import page
import processes
import results

from provisioner import families, simulator, tokens
from provisioner.boot import Booter
from provisioner.simulator import Phone
from provisioner.store import Store
from provisioner.wire import PhoneRequest
from tests import authority

HERE = Path(__file__).parent
PROGRAM = HERE / "phonestorm"
GRACE = 60.0  # seconds for the last phones after the last has started
KEEPS = 3  # of the phones over HTTP each third keeps its connection
_HEAD, _WHO, _ASK, _RESULT = struct.Struct("<8sIIQ"), struct.Struct("<dIIII"), struct.Struct("<QQIIII"), struct.Struct("<fHH")
_BECAME = ("unasked", "good", "wrong", "gave up")
# What TFTP phones ask for beside the file: nothing at all, or blocks that fit an Ethernet frame.
_TFTP_OPTIONS = (b"", b"blksize\x001428\x00", b"tsize\x000\x00blksize\x001428\x00", b"blksize\x001428\x00")


@dataclass(frozen=True)
class Ask:
    """One request as it goes over the wire, and the answer that must come."""

    wire: str
    name: str
    request: bytes = field(repr=False)
    status: int
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Player:
    """One phone of the storm. start: seconds from the first."""

    phone: Phone
    wire: str
    start: float
    address: str
    keeps: bool
    asks: tuple[Ask, ...]


# Before: who asks for what


def wires(phones: Sequence[Phone]) -> list[str]:
    """Return the wire of each phone: half over each, as far as families can."""
    used: Counter[tuple[str, str]] = Counter()
    chosen = []
    for phone in phones:
        can = [wire for wire in ("http", "tftp") if wire in phone.family.wires] or ["http"]
        chosen.append(min(can, key=lambda wire: (used[phone.family.slug, wire], used["", wire])))
        used[phone.family.slug, chosen[-1]] += 1
        used["", chosen[-1]] += 1
    return chosen


def boot_of(phone: Phone, url: str, address: str, booter: Booter, keeps: bool, turn: int) -> tuple[Ask, ...]:
    """Return what a phone asks from this URL in one boot, in its order: the simulator's phone, played against a booter.

    Within a round each name is asked for once, so a name that comes again begins the next round.
    """
    asks: dict[str, Ask] = {}
    script = simulator.script(phone, url)
    ask = next(script)
    while True:
        parts = urlsplit(ask.url)
        token, path = tokens.split(unquote(parts.path))
        name = path.rpartition("/")[2].lower()
        if name in asks:
            script.close()
            return tuple(asks.values())
        over_tftp = parts.scheme == "tftp"
        reply = booter.answer(PhoneRequest(path.lstrip("/") if over_tftp else path, address, parts.scheme, "" if over_tftp else ask.user_agent, token))
        if reply.status == 503:
            raise RuntimeError(f"{phone.called}: {name}: {reply.sentence}")
        body = reply.file.read_bytes() if reply.file else reply.body
        request = _rrq(unquote(parts.path), turn) if over_tftp else _get(parts.path, parts.netloc, ask.user_agent, keeps)
        asks[name] = Ask(parts.scheme, name, request, reply.status, body)
        try:
            ask = script.send(simulator.Answer(reply.status, body))
        except StopIteration:
            return tuple(asks.values())


def _rrq(path: str, turn: int) -> bytes:
    return b"\0\1" + path.lstrip("/").encode() + b"\0octet\0" + _TFTP_OPTIONS[turn % len(_TFTP_OPTIONS)]


def _get(path: str, host: str, user_agent: str, keeps: bool) -> bytes:
    agent = f"User-Agent: {user_agent}\r\n" if user_agent else ""
    return f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\n{agent}Connection: {'keep-alive' if keeps else 'close'}\r\n\r\n".encode("latin-1", "replace")


def players(phones: Sequence[Phone], seconds: float, booter: Booter, http: str, tftp: str) -> list[Player]:
    """Return the storm, by who starts first: over HTTP with the phone's token, over TFTP with its MAC alone."""
    chance = random.Random(1)
    made, many = [], len({phone.family.slug for phone in phones})
    for number, (phone, wire) in enumerate(zip(phones, wires(phones), strict=True)):
        address = f"127.{1 + number // 62500}.{1 + number // 250 % 250}.{1 + number % 250}"
        device = booter.store.device(phone.mac)
        assert device
        url = f"{tftp}/" if wire == "tftp" else f"{http}/p/{booter.expected_token(device)}/"
        turn = number // (2 * many)  # not in step with families and wires
        keeps = wire == "http" and turn % KEEPS == 0
        made.append(Player(phone, wire, chance.uniform(0, seconds), address, keeps, boot_of(phone, url, address, booter, keeps, turn)))
    return sorted(made, key=lambda one: one.start)


def write_plan(file: Path, storm: Sequence[Player]) -> None:
    """Write what phonestorm plays; a body that several phones get is there once."""
    whos, asks, places, blob = [], [], {}, bytearray()
    count = sum(len(one.asks) for one in storm)
    start = _HEAD.size + _WHO.size * len(storm) + _ASK.size * count

    def placed(text: bytes) -> int:
        if text not in places:
            places[text] = len(blob)
            blob.extend(text)
        return places[text]

    for one in storm:
        whos.append(_WHO.pack(one.start, int.from_bytes(bytes(map(int, one.address.split(".")))), len(asks), len(one.asks), one.keeps))
        asks += [_ASK.pack(placed(ask.request), placed(ask.body), len(ask.request), len(ask.body), ask.status, ask.wire == "tftp") for ask in one.asks]
    file.write_bytes(b"".join([_HEAD.pack(b"PHONES1\0", len(whos), len(asks), start), *whos, *asks, blob]))


# Afterwards: what became of them


def percentiles(times: Sequence[float]) -> dict[str, float]:
    """Return milliseconds: the middle one, the one that 99 of 100 stay below, and the most."""
    ordered = sorted(times)
    return {"p50_ms": statistics.median(ordered), "p99_ms": ordered[int(len(ordered) * 0.99)], "max_ms": ordered[-1]} if ordered else {}


def read_result(file: Path, storm: Sequence[Player]) -> dict[str, Any]:
    """Return counts and times of what phonestorm tells, and the names of files that came wrong or not at all."""
    raw = file.read_bytes()
    asks = [(one, ask) for one in storm for ask in one.asks]
    rows = list(_RESULT.iter_unpack(raw[: _RESULT.size * len(asks)]))
    boots = array.array("f", raw[_RESULT.size * len(asks) :])
    became = Counter(_BECAME[row[1]] for row in rows)
    troubles = Counter(f"{one.phone.family.slug}: {ask.wire}: {ask.name.replace(one.phone.mac, '{mac}')}: {_BECAME[row[1]]}" for (one, ask), row in zip(asks, rows, strict=True) if row[1] > 1)
    done = [row[0] for row in rows if row[1] == 1]
    served = [(ask, row[0]) for (_, ask), row in zip(asks, rows, strict=True) if row[1] == 1 and ask.status == 200]
    whole = [ms for ms in boots if ms >= 0]
    return {
        "files": len(asks), "completed": sum(ms >= 0 for ms in boots), "failed": sum(ms < 0 for ms in boots), "wrong": became["wrong"],
        "files_not_had": became["gave up"] + became["unasked"], "bytes": sum(len(ask.body) for ask, _ in served), "file": percentiles(done), "boot": percentiles(whole),
        "by_wire": {wire: percentiles([ms for ask, ms in served if ask.wire == wire]) for wire in ("http", "tftp")}, "troubles": dict(troubles.most_common(10)),
    }  # fmt: skip


def events_of(state: Path, wanted: int) -> int:
    """Return how many events are kept, when they are all there or none has come for three seconds."""
    kept, still = -1, 0
    with contextlib.closing(sqlite3.connect(f"file:{state / 'events.db'}?mode=ro", uri=True)) as db:
        while still < 6:
            now = db.execute("SELECT coalesce(sum(times), 0) FROM events").fetchone()[0]
            still = still + 1 if now == kept else 0
            kept = int(now)
            if kept >= wanted:
                break
            time.sleep(0.5)
    return kept


# Over HTTPS


@dataclass(frozen=True)
class Secure:
    """Phones that boot over HTTPS meanwhile, and the door's options for it; none where nobody asked for any."""

    phones: Sequence[Phone]
    expected: Mapping[str, Mapping[str, str]]
    port: int
    options: Mapping[str, object]

    @classmethod
    def of(cls, phones: Sequence[Phone], booter: Booter, tmp: Path) -> Secure:
        """Return these phones, with a certificate that this process trusts."""
        if not phones:
            return cls((), {}, 0, {})
        certificate, key = authority.issue(tmp)
        os.environ["SSL_CERT_FILE"] = str(authority.put(tmp / "root.pem", authority.root().pem))
        port = processes.free_port()
        asked = {phone.mac: boot_of(phone, f"https://127.0.0.1:{port}/", "127.0.0.1", booter, False, 0) for phone in phones}
        expected = {mac: {ask.name: hashlib.sha256(ask.body).hexdigest() for ask in asks if ask.status == 200} for mac, asks in asked.items()}
        return cls(phones, expected, port, {"https_address": f"127.0.0.1:{port}", "tls_certificate": certificate, "tls_key": key})

    def boot(self) -> dict[str, Any]:
        """Let them boot from factory state, two at a time; return what became of them."""
        if not self.phones:
            return {"phones": 0, "complete": 0, "wrong": 0}
        summary = simulator.storm(self.phones, f"https://127.0.0.1:{self.port}/", at_once=2, expected=self.expected)
        return {"phones": len(self.phones), "complete": summary.complete, "wrong": len(summary.wrong), "seconds": summary.seconds, "p99_ms": summary.slowest(0.99)}


# The run


@contextlib.contextmanager
def surrounded(hostile: bool, here: processes.Ours, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Let a crowd press on both doors while the block runs, if it shall; gives what the crowd did."""
    if not hostile:
        yield {}
        return
    with crowd.pressing(here.http, here.tftp, names) as told:
        yield told


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """Return what was measured."""
    catalog = families.load()
    about = results.about()
    with tempfile.TemporaryDirectory(prefix="storm-") as tmp:
        state, plan, result = Path(tmp) / "state", Path(tmp) / "plan", Path(tmp) / "result"
        http, tftp = processes.free_port(), processes.free_port()
        victims = 100 if asked.crowd else 0  # devices whose files the crowd leaves half fetched
        phones = fleet.fleet(catalog, asked.phones + victims + asked.https)
        begun = time.monotonic()
        store = Store.open(state)
        try:
            fleet.add(store, phones, f"http://127.0.0.1:{http}", f"tftp://127.0.0.1:{tftp}")
            booter = Booter(store, catalog, lambda event: None, assets=state / "assets")
            storm = players(phones[: asked.phones], asked.seconds, booter, f"http://127.0.0.1:{http}", f"tftp://127.0.0.1:{tftp}")
            left = [booter.files_of(phone.mac)[0][0] for phone in phones[asked.phones : asked.phones + victims] if "tftp" in phone.family.wires and booter.files_of(phone.mac)]
            secure = Secure.of([phone for phone in phones[asked.phones + victims :] if "https" in phone.family.wires], booter, Path(tmp))
        finally:
            store.close()
        write_plan(plan, storm)
        print(f"{len(storm):,} phones of {len(catalog.families)} families, {sum(len(one.asks) for one in storm):,} files, are ready after {time.monotonic() - begun:.0f} s", flush=True)
        options = ["-l", str(asked.loss), "-d", str(asked.duplicate), "-D", str(asked.seconds + GRACE)]
        first = next(ask.name for one in storm for ask in one.asks if ask.status == 200)
        with (
            processes.ours(state, first, http=http, tftp=tftp, cpus=processes.ALL_CPUS, **secure.options) as here, surrounded(asked.crowd, here, left) as pressed, ThreadPoolExecutor(1) as beside,
        ):  # fmt: skip
            before = processes.cpu_seconds(here.pid)
            with processes.Peak(here.pid, every=0.5) as peak:
                over_https = beside.submit(secure.boot)
                said = subprocess.run([str(PROGRAM), *options, str(plan), str(result), str(http), str(tftp)], capture_output=True, text=True, check=True).stdout
            cpu = processes.cpu_seconds(here.pid) - before
            seen = read_result(result, storm)
            safely = over_https.result()
            seen["failed"] += safely["phones"] - safely["complete"]
            seen["wrong"] += safely["wrong"]
            answers = seen["files"] - seen["files_not_had"]
            kept = events_of(state, answers) if not asked.crowd else None
        client = json.loads(said)
    return {
        **about, "phones": asked.phones, "of_seconds": asked.seconds, "loss": asked.loss, "duplicate": asked.duplicate, "families": len(catalog.families),
        "wires": dict(Counter(one.wire for one in storm)), "kept_connections": sum(one.keeps for one in storm), "https": safely, **seen, **client, "cpu": cpu, "peak_mb": peak.megabytes, "memory_mb": [round(one, 1) for one in peak.seen[:: max(1, len(peak.seen) // 20)]],
        "events": kept, "events_lost": None if kept is None else max(0, answers - kept), **({"crowd": pressed} if asked.crowd else {}),
    }  # fmt: skip


def told(found: dict[str, Any]) -> Iterator[str]:
    """Give the lines for a terminal."""
    yield f"{found['completed']:,} of {found['phones']:,} boots whole, {found['failed']} failed, {found['wrong']} files wrong; {found['bytes'] / 1e6:,.0f} MB in {found['seconds']:.1f} s, at most {found['most_at_once']} phones at once"
    for what in ("file", "boot"):
        times = found[what]
        if times:
            yield f"a {what:<4}  half within {times['p50_ms']:,.0f} ms, 99 of 100 within {times['p99_ms']:,.0f} ms, all within {times['max_ms']:,.0f} ms"
    lost = "" if found["events"] is None else f"; {found['events']:,} events kept, {found['events_lost']} lost"
    yield f"server: {found['cpu']:.1f} CPU-seconds, {found['peak_mb']:.0f} MB at most{lost}. The clients took {found['client_cpu']:.1f} CPU-seconds, {found['client_cpu'] / found['cpu']:.0%} of the server's"
    yield f"{found['resent']} TFTP packets sent again by phones, {found['retried']} files asked for again, {found['later']} answers said later, {found['reopened']} kept connections opened anew"
    yield from (f"  {number} x {what}" for what, number in found["troubles"].items())
    if "crowd" in found:
        yield f"the crowd: {json.dumps(found['crowd'])}"


def main() -> int:
    """Measure, write, tell; the exit code is 1 where a phone did not get its bytes."""
    parser = argparse.ArgumentParser(description="Let thousands of phones boot at once.")
    parser.add_argument("--phones", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--loss", type=float, default=0.5, help="percent of the TFTP packets, each way")
    parser.add_argument("--duplicate", type=float, default=0.5, help="percent of the TFTP packets that phones send")
    parser.add_argument("--crowd", action="store_true", help="50 phones at once, among clients that mean no good")
    parser.add_argument("--https", type=int, default=0, help="so many more phones, over HTTPS")
    asked = parser.parse_args()
    asked.phones = asked.phones or (50 if asked.crowd else 10_000)
    asked.seconds = asked.seconds or (0.5 if asked.crowd else 60.0)
    found = run(asked)
    kind = "crowd" if asked.crowd else "storm"
    file = results.write(kind, found)
    page.write()
    print("", *told(found), "", *page.lines(page.judged(kind, found)), f"{file.relative_to(HERE.parent)} is written", sep="\n")
    return 0 if not found["failed"] and not found["wrong"] else 1


if __name__ == "__main__":
    sys.exit(main())
