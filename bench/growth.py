"""What becomes slower, and larger, when there are more devices: `python bench/growth.py [--most N]`.

One store grows to 1,000, 10,000, 100,000 and 1,000,000 devices, a thousand to a site; at each size
answers are timed in one process, and what operators do is timed by the command itself, with the
most memory that it took. Writes bench/results/growth.json.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fleet
import page
import processes
import results

from provisioner import families
from provisioner.boot import Booter
from provisioner.families import Catalog
from provisioner.repeats import Repeats
from provisioner.seal import Seal
from provisioner.simulator import Phone
from provisioner.store import FILE, KEY_FILE, Store
from provisioner.things import Network, Site
from provisioner.web.phones import Door

SIZES = (1_000, 10_000, 100_000, 1_000_000)
SEEDS = 1_000  # devices that are put through the store; the others are rows of the same shape
OF_A_SITE = 1_000
PUBLIC_URL = "http://127.0.0.1:18080"
COLD, WARM = 140, 2_000  # phones that are asked for, each family in turn
PASSES = 5  # of which the quickest counts: other work on the machine only ever adds
LONGEST = 900.0  # seconds for one command


@dataclass(frozen=True)
class Growing:
    """A store that grows: device number N is like seed N, with names of its own."""

    state: Path
    catalog: Catalog
    seeds: Sequence[Phone]

    def mac(self, number: int) -> str:
        """Return the MAC of a device."""
        return f"{self.seeds[number % len(self.seeds)].mac[:6]}{number:06x}"

    def address(self, number: int) -> str:
        """Return an address in the network of the device's site."""
        if number < len(self.seeds):
            return "127.0.0.1"
        where = number // OF_A_SITE
        return f"10.{where >> 8}.{where & 255}.7"


def begun(state: Path, catalog: Catalog) -> Growing:
    """Return a store with the seeds."""
    phones = fleet.fleet(catalog, SEEDS // len(catalog.families) * len(catalog.families))
    store = Store.open(state)
    try:
        fleet.add(store, phones, PUBLIC_URL)
    finally:
        store.close()
    return Growing(state, catalog, phones)


def grow(here: Growing, have: int, most: int) -> None:
    """Add devices `have` to `most`, each with an account, a line and its history, and their sites."""
    seal = Seal.at(here.state / KEY_FILE)
    store = Store.open(here.state)
    try:
        with store.change("growth", "console") as tx:
            for number in range(have // OF_A_SITE, -(-most // OF_A_SITE)):
                tx.put_site(Site(f"site-{number}", networks=(Network(f"10.{number >> 8}.{number & 255}.0/24", mac_is_enough=True),), public_url=PUBLIC_URL))
        with store.writing() as connection:
            kept = [_rows_of(connection, phone.mac) for phone in here.seeds]
        for first in range(have, most, 50_000):
            with store.writing() as connection:
                batch: dict[str, list[tuple[Any, ...]]] = {}
                for number in range(first, min(first + 50_000, most)):
                    for table, row in _like(kept[number % len(kept)], here, number, seal):
                        batch.setdefault(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", []).append(tuple(row.values()))
                for statement, rows in batch.items():
                    connection.executemany(statement, rows)
    finally:
        store.close()


def _rows_of(connection: Any, mac: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the rows that one device has, parents first."""

    def rows(table: str, condition: str, value: str) -> list[tuple[str, dict[str, Any]]]:
        return [(table, dict(row)) for row in connection.execute(f"SELECT * FROM {table} WHERE {condition}", (value,))]

    lines = rows("lines", "mac = ?", mac)
    account = lines[0][1]["sip_address"]
    history = rows("changes", "noun = 'device' AND name = ?", mac) + rows("changes", "noun = 'account' AND name = ?", account) + rows("changes", "noun = 'line' AND name = ?", f"{mac}/1")
    return rows("devices", "mac = ?", mac) + rows("accounts", "sip_address = ?", account) + lines + history


def _like(seed: list[tuple[str, dict[str, Any]]], here: Growing, number: int, seal: Seal) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give a seed's rows with the names of device `number`."""
    old_mac, old_address = seed[0][1]["mac"], seed[1][1]["sip_address"]
    mac, address = here.mac(number), f"{1000 + number}@sip.example.com"
    for table, row in seed:
        new = {name: value.replace(old_mac, mac).replace(old_address, address) if isinstance(value, str) else value for name, value in row.items()}
        if table == "devices":
            new |= {"site": f"site-{number // OF_A_SITE}", "serial": f"SN{number:08}", "name": f"Desk {number}"}
        elif table == "accounts":
            new |= {"username": str(1000 + number), "auth_username": str(1000 + number), "display_name": f"Desk {number}"}
            new["password"] = seal.seal(f"secret-{mac}", f"accounts:{address}:password")
        elif table == "changes":
            del new["id"]
        yield table, new


# What is measured


def answers(here: Growing, devices: int) -> dict[str, float]:
    """Return microseconds of one process's HTTP door: a first answer, a kept one, and one that is kept but asks whether its device has changed; and of look-ups."""
    chance = random.Random(devices)
    store = Store.open(here.state)
    try:
        # The same seeds at every size, so that the same files are asked for; which of their likes is drawn.
        likes = max(1, devices // len(here.seeds))
        own = [own_file(Booter(store, here.catalog, lambda event: None), phone) for phone in here.seeds]
        seeds = [seed for number in range(WARM * 2) if own[seed := number * 7 % len(here.seeds)]][:WARM]
        drawn = list(dict.fromkeys(seed + len(here.seeds) * chance.randrange(likes) for seed in seeds))
        macs = [here.mac(number) for number in drawn]
        asked = [
            environ(own[seed].replace(here.seeds[seed].mac, mac), here.address(number), here.seeds[seed].user_agent)
            for number, mac in zip(drawn, macs, strict=True)
            for seed in [number % len(here.seeds)]
        ]

        def door() -> Door:
            booter = Booter(store, here.catalog, lambda event: None, kept_bytes=1 << 30)
            fresh = Door(booter, Repeats(store, lambda row: None))
            for one in asked[-COLD:]:
                served(fresh, one)  # templates are compiled
            return fresh

        def written() -> None:
            with store.change("growth", "console") as tx:
                tx.put_meta("growth", str(time.monotonic_ns()))

        def first() -> float:
            fresh = door()
            return per(lambda one: served(fresh, one), asked[:COLD])

        warm = door()
        per(lambda one: served(warm, one), asked)
        return {
            "cold_us": best(first),
            "warm_us": best(lambda: per(lambda one: served(warm, one), asked)),
            "checked_us": best(lambda: (written(), per(lambda one: served(warm, one), asked))[1]),
            "lookup_us": best(lambda: per(store.device, macs)),
            "nobody_us": best(lambda: per(store.device, [f"0a{mac[2:]}" for mac in macs])),
        }  # fmt: skip
    finally:
        store.close()


def environ(name: str, address: str, user_agent: str) -> dict[str, Any]:
    """Return a phone's GET as WSGI has it."""
    return {"REQUEST_METHOD": "GET", "PATH_INFO": f"/{name}", "QUERY_STRING": "", "REMOTE_ADDR": address, "HTTP_USER_AGENT": user_agent, "HTTP_HOST": "127.0.0.1", "wsgi.url_scheme": "http"}


def served(door: Door, one: dict[str, Any]) -> bytes:
    """Ask once and return the body; raises where a phone gets no file."""
    said: list[str] = []
    body = b"".join(door(one, lambda status, headers: said.append(status)))  # type: ignore[arg-type]
    if said != ["200 OK"]:
        raise RuntimeError(f"{one['PATH_INFO']}: {said}")
    return body


def own_file(booter: Booter, phone: Phone) -> str:
    """Return the phone's own file, as it is named over the wire; empty where it has none."""
    return next((name for name, rule in booter.files_of(phone.mac) if rule.scope == "phone" and not rule.seeds and phone.mac in name), "")


def per(work: Callable[[Any], object], values: Sequence[Any]) -> float:
    """Return the middle time of one call, in microseconds."""
    times = []
    for value in values:
        begun = time.perf_counter()
        work(value)
        times.append(time.perf_counter() - begun)
    return statistics.median(times) * 1e6


def best(measure: Callable[[], float]) -> float:
    """Return the least of several measurements."""
    return min(measure() for _ in range(PASSES))


def command(state: Path, *words: str) -> dict[str, Any]:
    """Return the CPU-seconds and the most memory of one of the operator's commands; None where it takes too long."""
    environ = {**os.environ, "PROVISIONER_STATE": str(state), "PYTHONPATH": str(page.HERE.parent)}
    begun, most = time.monotonic(), 0.0
    process = subprocess.Popen([sys.executable, "-m", "provisioner", *words], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while time.monotonic() - begun < LONGEST:
        most = max(most, processes.most_megabytes(process.pid))  # and not what wait4 says: that begins with this process's own
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            process.returncode = os.waitstatus_to_exitcode(status)
            return {"cpu": usage.ru_utime + usage.ru_stime, "mb": most, "code": process.returncode}
        time.sleep(0.01)
    process.kill()
    process.wait()
    return {"cpu": None, "mb": most, "code": None}


def commands(here: Growing, devices: int) -> dict[str, Any]:
    """Return what operators do, timed."""
    mac = here.mac(devices // 2)
    wrong = mac[:-1] + ("0" if mac[-1] != "0" else "1")
    wrong = f"{'2' if wrong[0] != '2' else '4'}{wrong[1:]}"  # two digits off: nobody has it, and somebody is near
    state = here.state
    return {
        "device explain": command(state, "device", "explain", mac, "language"),
        "device list --site": command(state, "device", "list", "--site", f"site-{devices // 2 // OF_A_SITE}" if devices > OF_A_SITE else "default"),
        "device list --limit 100": command(state, "device", "list", "--limit", "100"),
        "device list --search": command(state, "device", "list", "--search", mac[4:]),
        "device show, mistyped": command(state, "device", "show", wrong),
        "set site": command(state, "set", "site:default", "language=it"),
        "set defaults": command(state, "set", "defaults", f"ntp_server=ntp{devices}.example.com"),
        "check": command(state, "check"),
    }  # fmt: skip


def server(here: Growing, devices: int) -> dict[str, float]:
    """Return the memory of a server that has answered 500 phones, and its time from start to first answer."""
    store = Store.open(here.state)
    try:
        booter = Booter(store, here.catalog, lambda event: None)
        seeds = [number for number, phone in enumerate(here.seeds) if phone.family.slug == here.seeds[0].family.slug]
        names = [own_file(booter, here.seeds[seed]) for seed in seeds]
    finally:
        store.close()
    own = [name for name in names if name]
    with processes.ours(here.state, own[0], cpus=processes.ALL_CPUS) as ours:
        for turn in range(500):
            processes.got(ours.http, own[turn % len(own)])
        return {"server_mb": processes.megabytes(ours.pid), "started_in": ours.started_in}


def measured(here: Growing, devices: int) -> dict[str, Any]:
    """Return all numbers at one size."""
    size = sum(file.stat().st_size for file in here.state.glob(f"{FILE}*"))
    return {"devices": devices, "store_mb": size / 1e6, **answers(here, devices), **server(here, devices), "commands": commands(here, devices)}


def told(size: Mapping[str, Any]) -> Iterator[str]:
    """Give the lines for a terminal."""
    yield f"{size['devices']:,} devices: store {size['store_mb']:,.0f} MB; kept answer {size['warm_us']:.0f} us ({size['checked_us']:.0f} us after a change elsewhere), first answer {size['cold_us']:.0f} us, look-up {size['lookup_us']:.1f} us, of nobody {size['nobody_us']:.1f} us; server {size['server_mb']:.0f} MB, first answer after {size['started_in']:.2f} s"
    for what, one in size["commands"].items():
        yield f"  {what:<26} {'given up' if one['cpu'] is None else f'''{one['cpu']:8.2f} CPU-seconds {one['mb']:8.0f} MB  (exit code {one['code']})'''}"


def main() -> int:
    """Measure, write, tell."""
    parser = argparse.ArgumentParser(description="Measure the same at more and more devices.")
    parser.add_argument("--most", type=int, default=SIZES[-1])
    asked = parser.parse_args()
    about = results.about()
    catalog = families.load()
    sizes: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="growth-") as tmp:
        here = begun(Path(tmp) / "state", catalog)
        have = len(here.seeds)
        for devices in (size for size in SIZES if size <= asked.most):
            at = time.monotonic()
            grow(here, have, devices)
            have = devices
            print(f"{devices:,} devices are there after {time.monotonic() - at:.0f} s", flush=True)
            sizes.append(measured(here, devices))
            print(*told(sizes[-1]), sep="\n", flush=True)
    found = {**about, "families": len(catalog.families), "sizes": sizes}
    file = results.write("growth", found)
    page.write()
    print("", *page.lines(page.judged("growth", found)), f"{file.relative_to(page.HERE.parent)} is written", sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
