"""Measure this server beside others, in pairs and in rounds; `python bench/run.py [--rounds N] [--seconds S]`.

Everything is on loopback, on ports of its own. Servers run on one core, their clients on another.
Each round measures every pair once, and who goes first changes from round to round: a ratio is
made of two numbers that stand next to each other in time. Writes bench/results/latest.json,
and page.py makes docs/performance.md of it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import page
import results
from marks import BENCH
from processes import ALL_CPUS, CLIENT_CPU, Ours, Peak, cpu_seconds, free_port, got, ours, running, until

from provisioner import families
from provisioner.boot import Booter
from provisioner.store import Store
from provisioner.things import Account, Device, Line

HERE = Path(__file__).parent
PEERS = HERE / "peers" / "usr" / "sbin"
BIN = Path(sys.executable).parent
PREFIX = "001565"
DEVICES = 10_000
TFTP_PHONES = 2_000  # of the devices, the first; each has a file for the peers
WARM_PHONES = 500  # of these, those that ask while answers are kept
FIRMWARE = f"{PREFIX}000000-T46U-108.86.0.20.rom"  # over TFTP only the name can tell which phone asks
FIRMWARE_SIZE = 20_000_000
FAMILIES = 60  # that a start is measured with; what is missing is made up of copies
BUDGET = 400.0  # seconds; no round starts that would not end within
DNSMASQ = "127.0.0.69"  # its TFTP port is always 69, so it gets an address of its own

NGINX = """worker_processes 1; daemon off; pid {tmp}/nginx.pid; error_log /dev/null crit; user root;
events {{ worker_connections 4096; multi_accept on; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 10000000; open_file_cache max=4000;
client_body_temp_path {tmp}/t1; proxy_temp_path {tmp}/t2; fastcgi_temp_path {tmp}/t3; uwsgi_temp_path {tmp}/t4; scgi_temp_path {tmp}/t5;
server {{ listen 127.0.0.1:{port} backlog=4096; root {www}; }} }}
"""


@dataclass(frozen=True)
class Place:
    """Where a run keeps its things: the state of this server, families beside the shipped ones, the files of the others, and the yardstick's database."""

    tmp: Path
    state: Path
    copies: Path
    www: Path
    db: Path


def name_of(number: int) -> str:
    """Return the file of a phone."""
    return f"{PREFIX}{number:06x}.cfg"


def prepare(tmp: Path) -> Place:
    """Fill the store, write the very same bytes as files for the others, and make the yardstick's database."""
    place = Place(tmp, tmp / "state", tmp / "families", tmp / "www", tmp / "yardstick.db")
    place.www.mkdir()
    tmp.chmod(0o755)
    store = Store.open(place.state)
    try:
        site = store.site("default")
        assert site
        with store.change("bench", "bench") as tx:
            tx.put_site(replace(site, public_url="http://127.0.0.1:18080/"))
            for number in range(DEVICES):
                mac, address = name_of(number)[:12], f"{100000 + number}@sip.example.com"
                tx.put_device(Device(mac, "yealink", "T46U", firmware="108.86.0.20"))
                tx.put_account(Account(address, password=f"secret-{mac}", display_name=f"Desk {number}"))
                tx.put_line(Line(mac, 1, address))
        booter = Booter(store, families.load(), lambda event: None)
        for number in range(TFTP_PHONES):
            (place.www / name_of(number)).write_bytes(booter.preview(name_of(number)[:12], name_of(number), reveal=True))
    finally:
        store.close()
    firmware = os.urandom(FIRMWARE_SIZE)
    assets = place.state / "assets" / "yealink"
    assets.mkdir(parents=True, exist_ok=True)
    for folder in (assets, place.www):
        (folder / FIRMWARE).write_bytes(firmware)
    subprocess.run([sys.executable, str(HERE / "yardstick.py"), "make", str(place.db), str(DEVICES)], check=True)
    copy_families(place.copies)
    return place


def copy_families(folder: Path) -> None:
    """Make copies of the shipped families under other names, until there are FAMILIES with the shipped ones."""
    folder.mkdir()
    known = sorted(families.load().families)
    for number in range(max(0, FAMILIES - len(known))):
        slug = known[number % len(known)]
        shutil.copytree(families.shipped() / slug, folder / f"{slug}-copy{number // len(known)}")


# The servers


def serving(place: Place, workers: int = 1) -> contextlib.AbstractContextManager[Ours]:
    """Run this server, all of its processes on one core."""
    return ours(place.state, name_of(DEVICES - 1), http_workers=workers, tftp_transfers_per_address=4096)


@contextlib.contextmanager
def nginx(place: Place) -> Iterator[tuple[int, int]]:
    """Run nginx; gives its process and port."""
    port = free_port()
    conf = place.tmp / "nginx.conf"
    conf.write_text(NGINX.format(tmp=place.tmp, port=port, www=place.www))
    with running([str(PEERS / "nginx"), "-e", "/dev/null", "-c", str(conf), "-p", str(place.tmp)]) as process:
        until(lambda: got(port, name_of(0)))
        yield process.pid, port


@contextlib.contextmanager
def yardstick(place: Place) -> Iterator[tuple[int, int]]:
    """Run the yardstick under the doorman of this server's own HTTP door; gives its process and port."""
    port = free_port()
    environ = {"BENCH_DB": str(place.db), "PYTHONPATH": str(HERE.parent)}
    with running([sys.executable, str(HERE / "yardstick.py"), "serve", str(port)], environ) as process:
        until(lambda: got(port, name_of(0)))
        yield process.pid, port


@contextlib.contextmanager
def tftp_peers(place: Place) -> Iterator[dict[str, tuple[int, str, int]]]:
    """Run the TFTP servers; gives name -> (process, address, port)."""
    atftpd, hpa = free_port(), free_port()
    with (
        running(["dnsmasq", "--keep-in-foreground", "--port=0", "--enable-tftp", f"--tftp-root={place.www}", "--tftp-max=4000", "--quiet-tftp", "--bind-interfaces",
                 f"--listen-address={DNSMASQ}", "--conf-file=/dev/null", "--user=root", "--pid-file=", "--no-resolv", "--no-hosts", "--log-facility=/dev/null"]) as one,
        running([str(PEERS / "atftpd"), "--daemon", "--no-fork", "--port", str(atftpd), "--bind-address", "127.0.0.1", "--maxthread", "4000", "--tftpd-timeout", "600",
                 "--user", "root.root", "--verbose=0", "--logfile", "/dev/null", str(place.www)]) as two,
        running([str(PEERS / "in.tftpd"), "-L", "-a", f"127.0.0.1:{hpa}", "-u", "root", "-s", str(place.www)]) as three,
    ):  # fmt: skip
        found = {"dnsmasq": (one.pid, DNSMASQ, 69), "atftpd": (two.pid, "127.0.0.1", atftpd), "tftpd-hpa": (three.pid, "127.0.0.1", hpa)}
        for _, address, port in found.values():
            until(lambda address=address, port=port: tftp(place, address, port, name_of(0), phones=1, transfers=1, most=2)["ok"])
        yield found


# The clients


def wrk(port: int, seconds: float, close: bool, first: int = 0, count: int = WARM_PHONES) -> dict[str, float]:
    """Let 32 connections ask for the files of `count` phones in turn; returns requests, per_second, p99 in ms, bad answers and errors."""
    environ = {**os.environ, "BENCH_FIRST": str(first), "BENCH_COUNT": str(count), "BENCH_PREFIX": PREFIX, "BENCH_CLOSE": str(int(close))}
    command = ["taskset", "-c", CLIENT_CPU, "wrk", "-t1", "-c32", f"-d{seconds:g}s", "--latency", "--timeout", "5s", "-s", str(HERE / "phones.lua"), f"http://127.0.0.1:{port}"]
    said = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=seconds + 30, check=True).stdout

    def number(pattern: str) -> float:
        found = re.search(pattern, said)
        return float(found[1]) if found else 0.0

    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", said)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    return {
        "requests": number(r"(\d+) requests in"), "per_second": number(r"Requests/sec:\s+([\d.]+)"),
        "p99_ms": float(p99[1]) * {"us": 0.001, "ms": 1, "s": 1000}[p99[2]] if p99 else 0.0,
        "bad": number(r"Non-2xx or 3xx responses: (\d+)"), "errors": sum(map(int, errors.groups())) if errors else 0,
    }  # fmt: skip


def tftp(place: Place, address: str, port: int, name: str, phones: int, transfers: int, *options: str, most: int = 12) -> dict[str, Any]:
    """Let phones fetch a file (%m is each one's MAC) at the same time, for at most `most` seconds; every byte is compared."""
    command = ["taskset", "-c", CLIENT_CPU, str(HERE / "tftpstorm"), "-j", "-D", str(most), "-m", str(TFTP_PHONES), "-n", str(phones), "-T", str(transfers), *options]
    said = subprocess.run([*command, "-v", str(place.www / name), address, str(port), name], capture_output=True, text=True, timeout=most + 30, check=False).stdout
    found: dict[str, Any] = json.loads(said)
    found["failed"] = found["failed"] + found["unfinished"] + found["bad"]
    return found


# What is measured

Row = dict[str, Any]


def http_load(pid: int, port: int, seconds: float) -> Row:
    """Return one server's numbers: a connection each, then kept connections."""
    found = {}
    for label, close in (("new", True), ("kept", False)):
        wrk(port, 1.0, close)  # warm: these very requests have been answered
        before = cpu_seconds(pid)
        one = wrk(port, seconds, close)
        used = cpu_seconds(pid) - before
        found[label] = {**one, "cpu": used, "per_cpu_second": one["requests"] / used if used else 0.0}
    return found


def measure_http(place: Place, seconds: float, first: bool) -> Row:
    """Return this server and nginx with the same files."""

    def us() -> Row:
        with serving(place) as here:
            for number in (0, 1, WARM_PHONES - 1):
                assert got(here.http, name_of(number)) == (place.www / name_of(number)).read_bytes(), "this server gave other bytes"
            for number in range(WARM_PHONES):
                got(here.http, name_of(number))
            return {**http_load(here.pid, here.http, seconds), "started_in": here.started_in}

    def peer() -> Row:
        with nginx(place) as (pid, port):
            return http_load(pid, port, seconds)

    return in_turn(first, {"ours": us, "nginx": peer})


def measure_cold(place: Place, seconds: float, first: bool) -> Row:
    """Return this server right after its start, where each phone asks for the first time, and the yardstick."""

    def us() -> Row:
        with serving(place) as here:
            for number in range(DEVICES - 20, DEVICES):  # templates are compiled
                got(here.http, name_of(number))
            one = wrk(here.http, seconds, close=False, count=DEVICES - 20)
            return {**one, "all_cold": one["requests"] <= DEVICES - 20}

    def peer() -> Row:
        with yardstick(place) as (_, port):
            for number in range(20):
                got(port, name_of(number))
            return wrk(port, seconds, close=False, count=DEVICES)

    return in_turn(first, {"ours": us, "yardstick": peer})


def measure_tftp(place: Place, seconds: float, first: bool) -> Row:
    """Return every TFTP server at each size; all of them run, one of them works."""
    found: Row = {}
    with serving(place) as here, tftp_peers(place) as peers:
        doors = {"ours": (here.pid, "127.0.0.1", here.tftp), **peers}
        for _, address, port in doors.values():
            tftp(place, address, port, "%m.cfg", 20, TFTP_PHONES)  # warm: answers worked out, files in the page cache
        for case, phones, transfers, who in (
            ("phones_50", 50, 3000, ("ours", "dnsmasq")),
            ("phones_500", 500, 3000, ("ours", "dnsmasq", "tftpd-hpa", "atftpd")),
            ("phones_2000", 2000, 4000, ("ours", "dnsmasq", "tftpd-hpa", "atftpd")),
        ):  # fmt: skip
            found[case] = in_turn(first, {name: lambda name=name, n=phones, t=transfers: tftp(place, *doors[name][1:], "%m.cfg", n, t) for name in who})
        found["firmware"] = in_turn(first, {name: lambda name=name: firmware(place, *doors[name]) for name in ("ours", "atftpd")})
    return found


def firmware(place: Place, pid: int, address: str, port: int) -> Row:
    """Return eight phones that fetch 20 MB with windows of 16 blocks of 1428 bytes, and how much the server grew meanwhile."""
    with Peak(pid, every=0.05) as peak:
        found = tftp(place, address, port, FIRMWARE, 8, 8, "-b", "1428", "-w", "16", "-s")
    return {**found, "grew_mb": peak.megabytes - peak.seen[0]}


def measure_change(place: Place, seconds: float, first: bool) -> Row:
    """Return how many of 20 answers over HTTP, from two processes, and of 5 over TFTP, had a setting that was just changed."""
    number = DEVICES - 1 - int(first)
    new = f"Moved {time.monotonic_ns()}"
    mac, address = name_of(number)[:12], f"{100000 + number}@sip.example.com"
    with serving(place, workers=2) as here:
        for _ in range(20):
            got(here.http, name_of(number))
        store = Store.open(place.state)
        try:
            with store.change("bench", "bench") as tx:
                tx.put_account(Account(address, password=f"secret-{mac}", display_name=new))
        finally:
            store.close()
        http = sum(new.encode() in got(here.http, name_of(number)) for _ in range(20))
        url = f"tftp://127.0.0.1:{here.tftp}/{name_of(number)}"
        over_tftp = sum(new.encode() in subprocess.run(["curl", "-s", "-m", "5", url], capture_output=True, check=False).stdout for _ in range(5))
    return {"http": http, "of_http": 20, "tftp": over_tftp, "of_tftp": 5}


def measure_start(place: Place, seconds: float, first: bool) -> Row:
    """Return how long this server takes from its start to its first answer, as it is shipped, on all cores, with so many families."""
    with ours(place.state, name_of(DEVICES - 1), cpus=ALL_CPUS, phones_path=place.copies) as here:
        return {"ours": {"started_in": here.started_in}}


def in_turn(first: bool, who: dict[str, Callable[[], Row]]) -> Row:
    """Call each one, this server first or last."""
    names = list(who) if first else list(reversed(who))
    return {name: who[name]() for name in names}


# A run


def versions() -> dict[str, str]:
    """Return who is measured beside this server."""
    return {"nginx": said([str(PEERS / "nginx"), "-v"]), "dnsmasq": said(["dnsmasq", "--version"]), "atftpd": said([str(PEERS / "atftpd"), "--version"]),
            "tftpd-hpa": said([str(PEERS / "in.tftpd"), "-V"]), "granian": said([str(BIN / "granian"), "--version"])}  # fmt: skip


def said(command: list[str]) -> str:
    """Return the version in the first line of what a program says of itself."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d+[\w.+-]*", done.stdout + done.stderr)
    return found[0].rstrip(",") if found else "unknown"


def main() -> int:
    """Measure, write, tell; the exit code says that it ran, not that a mark is met."""
    parser = argparse.ArgumentParser(description="Measure this server beside others.")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each HTTP load")
    asked = parser.parse_args()
    begun, longest = time.monotonic(), 0.0
    rounds: list[Row] = []
    about = results.about()
    with tempfile.TemporaryDirectory(prefix="bench-") as tmp:
        print(f"preparing {DEVICES} devices", flush=True)
        place = prepare(Path(tmp))
        size = statistics.median(one.stat().st_size for one in place.www.glob("*.cfg"))
        for number in range(1, asked.rounds + 1):
            at = time.monotonic()
            if rounds and at - begun + longest > BUDGET:
                print(f"no time for round {number}: {len(rounds)} count", flush=True)
                break
            first = bool(number % 2)
            rounds.append({what: measure(place, asked.seconds, first) for what, measure in
                           (("start", measure_start), ("http", measure_http), ("cold", measure_cold), ("tftp", measure_tftp), ("change", measure_change))})  # fmt: skip
            longest = max(longest, time.monotonic() - at)
            print(f"round {number} took {time.monotonic() - at:.0f} s", flush=True)
    result = {
        **about, "versions": versions(), "devices": DEVICES, "families": len(families.load().families), "file_bytes": size,
        "seconds": asked.seconds, "rounds": rounds, "took": round(time.monotonic() - begun),
    }  # fmt: skip
    file = results.write("latest", result)
    page.write()
    print("", *page.lines(page.judged("latest", result)), f"{file.relative_to(HERE.parent)} and docs/performance.md are written; {len(BENCH)} marks", sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
