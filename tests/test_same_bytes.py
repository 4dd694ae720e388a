"""Bytes depend on stored state and templates alone (F1): not on the day, the process, the wire, the URL or the machine's zone."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from provisioner import families
from provisioner.boot import Booter
from provisioner.families import Catalog
from provisioner.store import Store
from provisioner.wire import PhoneRequest, Reply
from tests import recorded
from tests.test_storm import add, fleet

ROOT = Path(__file__).parent.parent
PUBLIC = "http://prov.example.com:8080"
ZONES = ("UTC", "Europe/Lisbon", "Asia/Jerusalem", "Africa/Cairo", "America/Santiago", "Australia/Lord_Howe", "America/Nuuk", "Asia/Kathmandu")
PHONES = len(families.load().families)  # one of each

DAYS = [  # the machine's zone, and its clock
    ("UTC", "2026-01-01 00:00:00"),
    ("UTC", "2026-07-01 12:00:00"),
    ("Asia/Tokyo", "2026-12-31 23:59:59"),
    ("Europe/Lisbon", "2027-03-28 01:30:00"),  # an hour that this day does not have
    ("Europe/Lisbon", "2027-10-31 01:30:00"),  # an hour that this day has twice
    ("America/New_York", "2036-02-29 02:00:00"),
]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of one state, with phones of every family in zones of every kind."""
    folder, catalog = tmp_path_factory.mktemp("same") / "state", families.load()
    store = recorded.open_store(folder)
    phones = fleet(catalog, PHONES)
    add(store, phones, PUBLIC)
    with store.change("test", "test") as tx:
        for number, phone in enumerate(phones):
            tx.say(f"device:{phone.mac}", {"timezone": ZONES[number % len(ZONES)], "phone_name": f"Zwölf & <{number}>"})
    store.close()
    return folder


def everything(state: Path, wire: str) -> dict[str, str]:
    """Return the digest of every file that the phones of a state get over a wire."""
    catalog, store = families.load(), Store.open(state)
    booter = Booter(store, catalog, lambda event: None)
    digests = {}
    for phone in fleet(catalog, PHONES):
        for name, _ in booter.files_of(phone.mac):
            reply = booter.answer(PhoneRequest(name, "127.0.0.1", wire, phone.user_agent if wire != "tftp" else ""))
            digests[f"{phone.family.slug}/{phone.model} {name}"] = digest(reply)
    store.close()
    return digests


def has_mac(name: str) -> bool:
    """Return True where a file's name alone tells whose it is; phonebook.xml needs the user agent beside it."""
    return re.search("[0-9a-f]{12}", name, re.IGNORECASE) is not None


def digest(reply: Reply) -> str:
    """Return the digest of what goes over the wire, Last-Modified with it."""
    return f"{reply.outcome} {hashlib.sha256(reply.body).hexdigest()} {reply.etag} {reply.revised_at}"


def in_a_process(state: Path, zone: str, clock: str, wire: str) -> dict[str, str]:
    """Return the same from a process of its own whose clock stands still, with dicts in another order."""
    faketime = shutil.which("faketime")
    assert faketime, "these tests need the program faketime; `apt-get install faketime`"
    environ = os.environ | {"TZ": zone, "PYTHONHASHSEED": str(len(clock + zone + wire)), "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    done = subprocess.run(
        [faketime, "-f", clock, sys.executable, "-m", "tests.test_same_bytes", str(state), wire], cwd=ROOT, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said.pop("clock")[:10] == clock[:10], "faketime does not reach this Python"
    return {str(name): str(value) for name, value in said.items()}


@pytest.fixture(scope="module")
def now(state: Path) -> dict[str, str]:
    """Return what this process makes of the state, on the day of the test."""
    return everything(state, "http")


@pytest.mark.parametrize(("zone", "clock"), DAYS)
def test_on_any_day_in_any_process_the_bytes_are_the_same(state: Path, now: dict[str, str], zone: str, clock: str) -> None:
    assert len(now) > PHONES
    assert not [name for name, value in now.items() if value.startswith("failed")]
    assert in_a_process(state, zone, clock, "http") == now


def test_over_tftp_the_bytes_are_those_of_http(state: Path, now: dict[str, str], catalog: Catalog) -> None:
    both = {f"{phone.family.slug}/{phone.model} " for phone in fleet(catalog, PHONES) if "tftp" in phone.family.wires}
    over_tftp = {name: value for name, value in everything(state, "tftp").items() if name.partition(" ")[0] + " " in both and has_mac(name)}
    assert over_tftp
    assert over_tftp.items() <= now.items()


def test_the_url_the_address_and_the_user_agent_of_a_request_change_no_byte(state: Path, catalog: Catalog) -> None:
    store = Store.open(state)
    booter = Booter(store, catalog, lambda event: None)
    for phone in fleet(catalog, len(catalog.families)):
        device = store.device(phone.mac)
        assert device
        for name, _ in booter.files_of(phone.mac):
            plain = PhoneRequest(name, "127.0.0.1", "http", phone.user_agent)
            others = [
                replace(plain, path=f"//some\\folder//{name}?mac={phone.mac}"),
                replace(plain, path=name.swapcase()),
                replace(plain, address="::1"),
                replace(plain, address="203.0.113.9", token=booter.expected_token(device)),
                replace(plain, address="", forwarded=True, token=booter.expected_token(device)),
                replace(plain, wire="https"),
                *([replace(plain, user_agent="")] if has_mac(name) else []),
            ]
            assert {digest(booter.answer(other)) for other in others} == {digest(booter.answer(plain))}, (phone.called, name)
    store.close()


def main() -> None:
    """Print what a process of its own makes of a state, and the clock that it sees."""
    print(json.dumps({"clock": datetime.now().isoformat(), **everything(Path(sys.argv[1]), sys.argv[2])}))


if __name__ == "__main__":
    main()
