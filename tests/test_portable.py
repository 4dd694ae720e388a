"""A portable server: a laptop serves the phones of a server that is not there, until its time is over, and its events come home."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bench.fleet import add, fleet
from provisioner import bundle, eventfile, excerpt, families, providers, tokens
from provisioner.admin import Admin, portable
from provisioner.boot import Booter
from provisioner.bundle import Signer
from provisioner.config import Config
from provisioner.errors import BadConfig, BadValue, StoreTrouble
from provisioner.eventfile import EventFile
from provisioner.families import Catalog
from provisioner.simulator import Patience, Phone, storm
from provisioner.store import Store
from provisioner.things import EVENT_ROW, Device, Event
from provisioner.wire import PhoneRequest
from tests.kamailio import free_port
from tests.test_storm import expected_bytes

ROOT = Path(__file__).parent.parent
PHRASE = "correct horse battery staple"
PATIENT = Patience(tries=6, wait=0.2, silence=30.0, resend=1.0, resends=20)
SECRET = "secret-"  # how the fleet's passwords begin


@dataclass(frozen=True)
class Made:
    """A bundle of phones of every family, the server that it was made from moved away; what each phone shall get, and one that stayed at home."""

    folder: Path
    phrase: Path
    home: Path
    phones: Sequence[Phone]
    expected: dict[str, dict[str, str]]
    other: Phone
    port: int  # of the server's URL, at which the laptop listens: its DNS leads the server's name to itself


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Iterator[Made]:
    place = tmp_path_factory.mktemp("portable")
    state, folder, port = place / "state", place / "lisbon", free_port()
    every = fleet(catalog, len(catalog.families) + 1)
    phones, other = every[:-1], every[-1]
    admin = Admin.open(Config(state=state), "ana", "cli")
    add(admin.whole, every, f"http://127.0.0.1:{port}")
    expected = expected_bytes(admin.whole, catalog, list(phones))
    (state / "assets" / "fanvil").mkdir(parents=True)
    (state / "assets" / "fanvil" / "C56.z").write_bytes(b"firmware")
    done = portable.export(admin, [admin.device(phone.mac) for phone in phones], portable.Wish(folder, PHRASE, 7, "Rui Costa"))
    admin.close()
    assert done.sentence.startswith(f"exported {len(phones)} phones to {folder} for Rui Costa, until 20") and not done.notes
    (place / "phrase").write_text(PHRASE + "\n")
    state.rename(place / "home")
    yield Made(folder, place / "phrase", place / "home", phones, expected, other, port)


def environ(port: int = 0) -> dict[str, str]:
    """Return the environment of a laptop that has no server of its own. port: where it listens over HTTP."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PROVISIONER_")}
    return clean | {"PROVISIONER_STATE": "/nonexistent/state", "PROVISIONER_HTTP_ADDRESS": f"127.0.0.1:{port}", "PROVISIONER_TFTP_ADDRESS": "127.0.0.1:0", "PROVISIONER_LOG_LEVEL": "warning"}


def command(made: Made, *more: str, phrase: Path | None = None, folder: Path | None = None) -> list[str]:
    return [sys.executable, "-m", "provisioner", "serve", "--bundle", str(folder or made.folder), "--passphrase-file", str(phrase or made.phrase), *more]


@contextmanager
def serving(made: Made, *more: str, folder: Path | None = None) -> Iterator[tuple[str, str]]:
    """Serve a bundle as a technician does; yield its HTTP and TFTP addresses."""
    process = subprocess.Popen(command(made, *more, folder=folder), cwd=ROOT, env=environ(made.port), stdout=subprocess.PIPE, text=True)
    assert process.stdout
    try:
        first, *urls = (process.stdout.readline().strip() for _ in range(3))
        assert first.startswith(f"{len(made.phones)} phones of the bundle lisbon, until "), first
        yield urls[0].rpartition(" ")[2], urls[1].rpartition(" ")[2]
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
        process.stdout.close()


def refused(made: Made, *more: str, phrase: Path | None = None, folder: Path | None = None, at: str = "") -> str:
    """Return the sentence with which a bundle is not served."""
    clock = ["faketime", at] if at else []
    done = subprocess.run([*clock, *command(made, *more, phrase=phrase, folder=folder)], cwd=ROOT, env=environ(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and not done.stdout, done
    return done.stderr


def room_of(folder: Path) -> Path:
    """Return where a bundle that is served is opened, in memory; other tests beside this one have rooms of their own."""
    return Path("/dev/shm", f"provisioner-portable-{hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]}")


def test_phones_of_all_families_boot_over_both_wires_with_the_server_gone(made: Made, catalog: Catalog) -> None:
    room = room_of(made.folder)
    with serving(made) as (http, tftp):
        summary = storm(made.phones, http, tftp, at_once=30, expected=made.expected, patience=PATIENT)
        stranger = storm([made.other], http, tftp, patience=PATIENT)
        assert room.stat().st_mode & 0o777 == 0o700

    assert summary.good, "\n".join(summary.tell())
    assert len(summary.boots) == sum(wire in phone.family.wires for phone in made.phones for wire in ("http", "tftp"))
    assert {one.phone.family.slug for one in summary.boots if one.complete} == set(catalog.families)
    assert not [fetch.name for one in stranger.boots for fetch in one.fetches if fetch.served and made.other.mac in fetch.name.lower()]
    assert not room.exists()  # nothing that was opened stays
    events, bad = eventfile.read(made.folder / eventfile.FILE, datetime.now(UTC), datetime.now(UTC))
    assert {event.mac for event in events if event.outcome == "served"} >= {phone.mac for phone in made.phones} and not bad


def test_nothing_of_a_bundle_can_be_read_without_its_passphrase(made: Made) -> None:
    bodies = {name: (made.folder / name).read_bytes() for name in bundle.Folder(made.folder)}
    assert bodies[portable.SEALED].startswith(b"provisioner sealed 1\n")
    for name, body in bodies.items():
        assert SECRET.encode() not in body and b"sip.example.com" not in body, name
        assert (made.folder / name).stat().st_mode & 0o077 == 0, name


def test_a_bundle_refuses_without_its_passphrase_after_its_time_and_with_the_clock_set_back(made: Made, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("wrong")
    assert refused(made, phrase=tmp_path / "wrong") == f"provisioner: {made.folder} does not open with this passphrase; give the one that it was made with\n"
    day = datetime.now(UTC)
    over = refused(made, at=f"{day + timedelta(days=8):%Y-%m-%d %H:%M:%S}")
    assert f"{made.folder} expired at " in over and "make a new one with `provisioner export portable`" in over
    early = refused(made, at=f"{day - timedelta(days=1):%Y-%m-%d %H:%M:%S}")
    assert "this machine's clock says" in early and "was in use at" in early and "set the clock" in early


def test_one_that_is_being_served_ends_with_its_time_and_when_the_clock_is_set_back(made: Made) -> None:
    clock = [datetime.now(UTC)]
    with portable.opened(made.folder, PHRASE, Config(), now=lambda: clock[0]) as served:
        assert served.over() == ""
        clock[0] += timedelta(days=7, minutes=1)
        assert "expired at" in served.over()
        clock[0] -= timedelta(days=9)
        assert "set the clock" in served.over()


@pytest.mark.parametrize("name", [portable.SEALED, bundle.MANIFEST, "assets/fanvil/C56.z"])
def test_one_changed_byte_is_not_served(made: Made, tmp_path: Path, name: str) -> None:
    copy = shutil.copytree(made.folder, tmp_path / "lisbon")
    body = bytearray((copy / name).read_bytes())
    body[len(body) // 2] ^= 1
    (copy / name).write_bytes(body)
    assert any(words in refused(made, folder=copy) for words in (f"{copy} is not as it was written: {name} was changed", "was changed since it was signed"))


def test_a_later_end_that_somebody_else_signed_is_not_believed(made: Made, tmp_path: Path) -> None:
    copy = shutil.copytree(made.folder, tmp_path / "lisbon")
    (tmp_path / "state").mkdir()
    manifest = bundle.manifest_of(bundle.Folder(copy))
    about = replace(manifest.about, expires_at=(datetime.now(UTC) + timedelta(days=300)).isoformat(timespec="seconds"))
    (copy / bundle.MANIFEST).write_bytes(bundle.written(replace(manifest, about=about), Signer.at(tmp_path / "state")))
    assert "is another's than that of its sealed part" in refused(made, folder=copy)


def test_a_network_of_the_place_is_let_in_and_a_strange_one_is_not(made: Made, catalog: Catalog) -> None:
    phone = next(one for one in made.phones if "tftp" in one.family.wires)
    name = next(iter(made.expected[phone.mac]))
    with portable.opened(made.folder, PHRASE, Config(), ["198.51.100.0/24"]) as served:
        booter = Booter(Store.open(served.config.state), catalog, lambda event: None)
        got = {address: booter.answer(PhoneRequest(name, address, "tftp")).outcome for address in ("198.51.100.7", "203.0.113.7")}
        booter.store.close()
    assert got == {"198.51.100.7": "served", "203.0.113.7": "refused"}


def test_a_bundle_holds_its_own_phones_alone_and_opens_no_other(made: Made, admin: Admin) -> None:
    home = Store.open(made.home)
    token = tokens.token(home.server_key, made.phones[0].mac, 0)
    with portable.opened(made.folder, PHRASE, Config()) as served:
        store = Store.open(served.config.state)
        assert {device.mac for device in store.devices()} == {phone.mac for phone in made.phones} and len(store.accounts()) == len(made.phones)
        assert tokens.token(store.server_key, made.phones[0].mac, 0) == token
        assert tokens.token(store.server_key, made.other.mac, 0) != tokens.token(home.server_key, made.other.mac, 0)
        with pytest.raises(StoreTrouble, match="made by another release"):
            tokens.generated_password(store.server_key, made.phones[0].mac, "another", "ab", 8)
        with pytest.raises(StoreTrouble, match="only read"), store.change("x", "cli"):
            pass
        assert served.config.admin_address == ("", 0) and served.config.account_check_hours == 0
        store.close()
    home.close()


def test_every_table_goes_along_or_stays_on_purpose(made: Made) -> None:
    stays = {"changes", "account_checks", "account_fetches", "operators", "sessions", "api_keys", "links", "repeated_asks", "_sqlite_migrations", "sqlite_sequence"}
    with sqlite3.connect(made.home / "provisioner.db") as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == stays | set(excerpt.TAKEN)


def test_two_servers_do_not_share_a_bundle_and_a_user_is_not_changed(made: Made) -> None:
    with portable.opened(made.folder, PHRASE, Config()), pytest.raises(BadValue, match="another server serves"):
        portable.opened(made.folder, PHRASE, Config()).__enter__()
    with pytest.raises(BadConfig, match="leave the option `user` empty"):
        portable.opened(made.folder, PHRASE, Config(user="nobody")).__enter__()


# Coming home.


@pytest.fixture
def home(made: Made) -> Iterator[Admin]:
    """Return the server that made the bundle."""
    found = Admin.open(Config(state=made.home), "ana", "cli")
    yield found
    found.close()


def event(mac: str, path: str, at: datetime | None = None, **more: object) -> Event:
    values = {
        "mac": mac, "family": "yealink", "model": "T46U", "wire": "http", "address": "192.0.2.7", "path": path, "rule": "{mac}.cfg", "outcome": "served", "sentence": "", "status": 200,
        "bytes": 10, "ms": 1.5, "sha256": "0" * 64, "times": 1, "firmware": "", "known": True, "held": None,
    }  # fmt: skip
    return Event(0, at=(at or datetime.now(UTC)).isoformat(timespec="milliseconds"), **{**values, **more})  # type: ignore[arg-type]


def test_events_come_home_once_under_the_bundles_name_and_what_is_hostile_stays_out(made: Made, home: Admin, tmp_path: Path) -> None:
    copy = shutil.copytree(made.folder, tmp_path / "lisbon", ignore=shutil.ignore_patterns(eventfile.FILE))
    file, phone = copy / eventfile.FILE, made.phones[0].mac
    EventFile(file).log_rows([event(phone, "/one.cfg").row, event("0a0b0c0d0e0f", "/two.cfg", outcome="unknown").row, event(phone, "/\x1b[2J\u202e.cfg").row])
    good = json.loads(file.read_bytes().splitlines()[0])
    hostile = [
        {**good, "at": "2019-01-01T00:00:00.000+00:00"}, {**good, "at": "yesterday"}, {**good, "mac": "x"}, {**good, "id": 7}, {**good, "outcome": "root"}, {**good, "address": "a b"},
        {**good, "bytes": 2**70}, {**good, "status": True}, {**good, "path": ["x"]}, {**good, "sha256": "'; DROP TABLE events"}, [], None,
    ]  # fmt: skip
    with file.open("ab") as more:
        more.write(b"".join(json.dumps(line).encode() + b"\n" for line in hostile) + b"\xff\xfe\n" + b"[" * 9000 + b"\n" + b'{"at": "20')
    before = len(home.eventstore.events(limit=10_000))

    done = portable.take_events(home, copy)

    assert done.sentence == "took 3 events of the bundle lisbon; 0 events were here already"
    assert done.notes == (f"{len(hostile) + 3} lines could not be read, or are of another time, and were left out",)
    kept = home.eventstore.events(limit=10_000)[before:]
    assert [(one.mac, one.known, one.sentence) for one in kept] == [(phone, True, "bundle lisbon"), ("0a0b0c0d0e0f", False, "bundle lisbon"), (phone, True, "bundle lisbon")]
    assert all(one.path.isprintable() for one in kept) and home.eventstore.waiting() == []

    EventFile(file).log_rows([event(phone, "/three.cfg").row])  # after a line that was torn
    assert portable.take_events(home, copy).sentence == "took 1 event of the bundle lisbon; 3 events were here already"
    with home.writing() as tx:
        tx.put_device(Device("0a0b0c0d0e0f", "yealink", "T46U"))
    assert not portable.take_events(home, copy).changed  # also where a phone is known meanwhile


def test_events_of_a_bundle_that_another_server_made_are_not_taken(made: Made, admin: Admin) -> None:
    with pytest.raises(BadValue, match="was made by another server"):
        portable.take_events(admin, made.folder)


def test_a_full_file_of_events_is_told_and_grows_no_more(tmp_path: Path) -> None:
    file = tmp_path / eventfile.FILE
    with file.open("wb") as sparse:
        sparse.truncate(eventfile.LARGEST)
    with pytest.raises(StoreTrouble, match="is full"):
        EventFile(file).log_rows([event("0a0b0c0d0e0f", "/x").row])
    assert file.stat().st_size == eventfile.LARGEST and set(EVENT_ROW) >= {"at", "held"}


# Making one.


def test_a_bundle_is_on_record_and_takes_the_place_of_an_older_one_whose_events_are_home(made: Made, home: Admin, tmp_path: Path) -> None:
    folder, phones = tmp_path / "porto", [home.device(made.phones[0].mac)]
    portable.export(home, phones, portable.Wish(folder, "short", 1))
    assert portable.export(home, phones, portable.Wish(folder, "short", 1)).notes[0].startswith("the passphrase has 5 characters")
    change = home.store.changes(1, noun="export")[0]
    assert change.after and (change.after["phones"], change.after["secrets"]) == ([made.phones[0].mac], "sealed") and "short" not in repr(change.after)
    EventFile(folder / eventfile.FILE).log_rows([event(made.phones[0].mac, "/x").row])
    with pytest.raises(BadValue, match="import events"):
        portable.export(home, phones, portable.Wish(folder, "short", 1))


def test_a_blocked_phone_stays_at_home(made: Made, home: Admin, tmp_path: Path) -> None:
    one, other = (home.device(phone.mac) for phone in made.phones[:2])
    done = portable.export(home, [one, replace(other, state="blocked")], portable.Wish(tmp_path / "faro", PHRASE, 1))
    assert done.notes == (f"left out, for they are blocked: {other.mac}",)
    with portable.opened(tmp_path / "faro", PHRASE, Config()) as served:
        store = Store.open(served.config.state)
        assert [device.mac for device in store.devices()] == [one.mac]
        store.close()


def test_the_commands_make_one_and_bring_its_events_home(made: Made, tmp_path: Path) -> None:
    def run(*arguments: str) -> tuple[int, str]:
        done = subprocess.run([sys.executable, "-m", "provisioner", "--state", made.home, *arguments], cwd=ROOT, env=environ(), capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    folder = str(tmp_path / "evora")
    code, said = run("export", "portable", folder, made.phones[0].mac, "--passphrase-file", str(made.phrase), "--expires", "1")
    assert code == 0 and f"exported 1 phone to {folder}, until 20" in said
    assert run("import", "events", folder) == (1, f"provisioner: there is no {folder}/{eventfile.FILE}: this bundle has served nobody yet\n")
    EventFile(tmp_path / "evora" / eventfile.FILE).log_rows([event(made.phones[0].mac, "/x.cfg").row])
    assert run("import", "events", folder) == (0, "took 1 event of the bundle evora; 0 events were here already\n")


def test_families_of_the_servers_own_go_along(admin: Admin, tmp_path: Path) -> None:
    with admin.writing() as tx:
        tx.put_device(Device("0a1b2c000001", "acme", "One"))
    files = {name: admin.booter.preview("0a1b2c000001", name, reveal=True) for name, _ in admin.booter.files_of("0a1b2c000001")}
    portable.export(admin, [admin.device("0a1b2c000001")], portable.Wish(tmp_path / "braga", PHRASE, 1))
    with portable.opened(tmp_path / "braga", PHRASE, Config(), now=admin.store.now) as served:
        catalog, store = families.load(served.config.phones_path, served.config.base_phones), Store.open(served.config.state)
        booter = Booter(store, catalog, lambda event: None, providers=providers.load(served.config.providers_path, served.config.base_providers))
        assert {name: booter.preview("0a1b2c000001", name, reveal=True) for name in files} == files and files and not catalog.faults
        store.close()


@pytest.mark.parametrize(("change", "words"), [
    ({"days": 0}, "write 1 to 366 days"), ({"passphrase": ""}, "give a passphrase"), ({"to": Path("/tmp/a\nb")}, "cannot be the name of a bundle"),
])  # fmt: skip
def test_what_cannot_be_is_said_before_anything_is_written(made: Made, home: Admin, change: dict[str, object], words: str) -> None:
    with pytest.raises(BadValue, match=words):
        portable.export(home, [home.device(made.phones[0].mac)], replace(portable.Wish(Path("/tmp/x"), PHRASE, 1), **change))  # type: ignore[arg-type]
