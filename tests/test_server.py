"""The whole server, as it runs: its processes, their ends, and the same bytes on both wires."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from provisioner import housekeeper, renderer
from provisioner.config import Config, Listen
from provisioner.errors import BadConfig, StoreTrouble
from provisioner.eventstore import EventStore
from provisioner.housekeeper import Sender, channel
from provisioner.server import health, serve
from provisioner.tftp import Loop, open_socket
from provisioner.things import Account, Device, Event, EventRow, Line, Network, Site
from provisioner.wire import PhoneRequest, Reply
from tests import recorded
from tests.test_tftp import client, fetch, packet, rrq, silent
from tests.wires import raw

MAC = "805ec0d57d72"
PROGRAM = """
import sys
from pathlib import Path
from provisioner.config import load
from provisioner.errors import ProvisionerError
from provisioner.server import serve
try:
    sys.exit(serve(load(), again=load))
except ProvisionerError as why:
    sys.exit(f"error: {why}")
"""


def until(what: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Return what comes, as soon as it is neither None nor empty nor False."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            found = what()
        except OSError:
            found = None
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} never came")


@dataclass
class Server:
    """A server that runs in processes of its own."""

    config: Config
    process: subprocess.Popen[str]

    @property
    def word(self) -> dict[str, Any]:
        found: dict[str, Any] = until(lambda: json.loads((self.config.run_folder / "serve.json").read_text()))
        return found

    def child(self, name: str) -> int:
        return next((int(child["pid"]) for child in self.word["children"] if child["name"] == name), 0)

    def port(self, name: str) -> int:
        return int(self.word[name].rpartition(":")[2])

    def get(self, path: str) -> bytes:
        answer = raw(self.port("http"), f"GET {path} HTTP/1.0\r\n\r\n".encode())
        assert answer.code == 200, answer
        return answer.body

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(30)


@contextmanager
def serving(state: Path, *prefix: str, **options: str) -> Iterator[Server]:
    environ = {"PROVISIONER_STATE": str(state), "PROVISIONER_HTTP_ADDRESS": "127.0.0.1:0", "PROVISIONER_TFTP_ADDRESS": "127.0.0.1:0", "PROVISIONER_ADMIN_ADDRESS": "", "PROVISIONER_HTTP_WORKERS": "1", **options}
    process = subprocess.Popen(
        [*prefix, sys.executable, "-c", PROGRAM], env={**{key: value for key, value in os.environ.items() if not key.startswith("PROVISIONER_")}, **environ},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    try:
        assert process.stdout
        process.stdout.readline()
        yield Server(Config(state=state), process)
    finally:
        if process.poll() is None:
            process.terminate()
        try:
            process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def furnish(state: Path, **network: bool) -> None:
    store = recorded.open_store(state)
    with store.change("test", "test") as tx:
        tx.put_site(Site("default", networks=(Network("127.0.0.0/8", **network),), public_url="http://192.0.2.1:8080"))
        tx.put_account(Account("212@sip.example.com", password="s3cret"))
        tx.put_device(Device(MAC, "yealink", "T46U"))
        tx.put_line(Line(MAC, 1, "212@sip.example.com"))
    store.close()


@pytest.fixture
def state(tmp_path: Path) -> Path:
    furnish(tmp_path / "state", mac_is_enough=True, tftp_serves_secrets=True)
    return tmp_path / "state"


def workers(server: Server) -> list[int]:
    master = server.child("http")
    return [int(pid) for pid in Path(f"/proc/{master}/task/{master}/children").read_text().split()]


def test_both_wires_give_the_same_bytes_and_one_event_each(state: Path) -> None:
    """F16: where both may serve the file."""
    with serving(state) as server:
        over_http = server.get(f"/{MAC}.cfg")
        assert b"s3cret" in over_http
        assert fetch(server.port("tftp"), f"{MAC}.cfg") == over_http == fetch(server.port("tftp"), f"/x/{MAC.upper()}.CFG", "blksize", 1428, block=1428)
        assert [part for part, well, _ in health(server.config) if not well] == []
        assert server.stop() == 0
    events = [event for event in EventStore.open(state).events() if event.mac == MAC]
    assert [(event.wire, event.outcome) for event in events] == [("http", "served"), ("tftp", "served"), ("tftp", "served")]
    assert len({event.sha256 for event in events}) == 1
    assert not (state / "run" / "serve.json").exists()
    assert health(server.config) == [("server", False, f"no server runs on {state}; start it with `provisioner serve`")]


def test_where_secrets_do_not_go_over_tftp_none_does(tmp_path: Path) -> None:
    """F16: a bootstrap file, or File not found; never the file itself."""
    furnish(tmp_path / "state", mac_is_enough=True)
    with serving(tmp_path / "state") as server:
        assert b"s3cret" in server.get(f"/{MAC}.cfg")
        try:
            assert b"s3cret" not in fetch(server.port("tftp"), f"{MAC}.cfg")
        except AssertionError as refused:
            assert "File not found" in str(refused)


def fetch_again(server: Server, name: str) -> bytes:
    """Fetch as a phone does, which asks again when nothing comes."""
    for _ in range(20):
        with client(seconds=0.5) as sock:
            sock.sendto(rrq(name, "blksize", 65464, "timeout", 1), ("127.0.0.1", server.port("tftp")))
            try:
                _, peer = sock.recvfrom(2000)
            except TimeoutError:
                continue
            sock.sendto(packet(5, 0, b"\0"), peer)
        return fetch(server.port("tftp"), name)
    raise AssertionError("TFTP never answered")


def test_a_reload_changes_over_without_losing_a_phone(state: Path) -> None:
    with serving(state) as server:
        body = server.get(f"/{MAC}.cfg")
        old = {name: server.child(name) for name in ("http", "tftp", "render", "events")}
        os.kill(server.process.pid, signal.SIGHUP)
        while server.child("http") == old["http"]:
            assert server.get(f"/{MAC}.cfg") == body
        until(lambda: not Path(f"/proc/{old['http']}").exists())
        assert server.get(f"/{MAC}.cfg") == fetch_again(server, f"{MAC}.cfg") == body
        assert server.child("events") == old["events"]
        assert server.stop() == 0


def test_a_reload_reads_the_config_and_a_broken_one_leaves_the_old_in_use(state: Path, tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("tftp_block_size = 1000\n")
    ask = b"\0\1" + f"{MAC}.cfg".encode() + b"\0octet\0blksize\0001428\0"
    with serving(state, PROVISIONER_CONFIG=str(file)) as server:

        def block() -> bytes:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
                phone.settimeout(10)
                phone.sendto(ask, ("127.0.0.1", server.port("tftp")))
                return phone.recv(600)

        assert block() == b"\0\6blksize\0001000\0"
        file.write_text("tftp_block_size = 1200\ntftp_workers = 2\n")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: block() == b"\0\6blksize\0001200\0")
        http = server.port("http")
        file.write_text("tftp_block_size = none at all\n")
        before = server.child("tftp")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: server.child("tftp") not in (0, before))
        assert (block(), server.port("http")) == (b"\0\6blksize\0001200\0", http)
        server.stop()
        assert server.process.stderr
        said = server.process.stderr.read()
    assert "tftp_workers: another value takes a restart" in said and str(file) in said


def test_several_processes_answer_tftp_from_one_port(state: Path) -> None:
    with serving(state, PROVISIONER_TFTP_WORKERS="3") as server:
        names = {child["name"] for child in server.word["children"]}
        assert {"tftp", "tftp-2", "tftp-3"} <= names
        os.kill(server.child("tftp-2"), signal.SIGKILL)
        bodies = {fetch_again(server, f"{MAC}.cfg") for _ in range(12)}  # each from another port, so that each process has some
        assert bodies == {server.get(f"/{MAC}.cfg")}
        until(lambda: server.child("tftp-2"))


def test_a_broken_template_is_named_at_the_start_and_at_a_reload(state: Path, tmp_path: Path) -> None:
    broken = tmp_path / "overlay" / "yealink" / "phone.cfg.j2"
    broken.parent.mkdir(parents=True)
    broken.write_text("{% if phone.mac %}\n")
    with serving(state, PROVISIONER_PHONES_PATH=str(tmp_path / "overlay")) as server:
        assert "; close the block, or take your overlay away" in heard(server, f"WARNING provisioner.server: {broken}:1: ")
        broken.write_text("x = 1\n{{ 'literal' }}\n")
        os.kill(server.process.pid, signal.SIGHUP)
        heard(server, f"WARNING provisioner.server: {broken}:2: outputs a literal")
        assert server.stop() == 0


def heard(server: Server, words: str) -> str:
    """Return the first line with these words that the server says on its standard error; it tries the templates behind all else, which takes a while."""
    assert server.process.stderr
    patience = threading.Timer(60, server.process.terminate)
    patience.start()
    try:
        return next(line for line in server.process.stderr if words in line)
    finally:
        patience.cancel()


def test_a_running_transfer_is_ended_in_peace(state: Path) -> None:
    with serving(state) as server, client() as sock:
        body = server.get(f"/{MAC}.cfg")
        sock.sendto(rrq(f"{MAC}.cfg"), ("127.0.0.1", server.port("tftp")))
        got, peer = sock.recvfrom(600)
        tftp = server.child("tftp")
        server.process.terminate()
        received = got[4:]
        while len(got) == 516:
            sock.sendto(packet(4, int.from_bytes(got[2:4], "big")), peer)
            got = sock.recv(600)
            received += got[4:]
        sock.sendto(packet(4, int.from_bytes(got[2:4], "big")), peer)
        assert received == body
        assert server.process.wait(30) == 0 and not Path(f"/proc/{tftp}").exists()


def test_nobody_outlives_the_supervisor(state: Path) -> None:
    with serving(state) as server:
        server.get(f"/{MAC}.cfg")
        pids = [child["pid"] for child in server.word["children"]] + workers(server)
        server.process.kill()
        server.process.wait(10)
        until(lambda: not any(Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2] for pid in pids))


def test_one_state_has_one_server(state: Path) -> None:
    with serving(state), serving(state) as second:
        assert second.process.wait(20) == 1
        assert second.process.stderr and f"error: another server runs on {state}" in second.process.stderr.read()


@contextmanager
def mounted_read_only(state: Path) -> Iterator[tuple[str, ...]]:
    """Let a state lie on a disk that is mounted read-only (EROFS)."""
    subprocess.run(["mount", "--bind", state, state], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", state], check=True)
        yield ()
    finally:
        subprocess.run(["umount", state], check=True)


@contextmanager
def not_ours_to_write(state: Path) -> Iterator[tuple[str, ...]]:
    """Let the folders of a state take no writes (EACCES); give the words that start a program which no mode lets through, root neither."""
    folders = (state, state / "run")
    for folder in folders:
        folder.chmod(0o500)
    yield ("setpriv", "--bounding-set", "-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
    for folder in folders:
        folder.chmod(0o700)


def may_mount() -> bool:
    """Return True where we may mount: root outside a container mostly, others never."""
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode == 0


@pytest.mark.parametrize("taking_no_writes", [not_ours_to_write, *([mounted_read_only] if may_mount() else [])])
def test_a_server_on_a_disk_that_takes_no_writes_answers_phones(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taking_no_writes: Callable[[Path], AbstractContextManager[tuple[str, ...]]]
) -> None:
    with serving(state) as server:
        body = server.get(f"/{MAC}.cfg")
        assert server.stop() == 0
    spare = tmp_path / "spare"
    spare.mkdir()
    monkeypatch.setenv("TMPDIR", str(spare))
    monkeypatch.setattr(tempfile, "tempdir", None)
    with taking_no_writes(state) as prefix, serving(state, *prefix) as server:
        word = until(lambda: [json.loads(file.read_text()) for file in spare.glob("provisioner-*/serve.json")])[0]
        answer = raw(int(word["http"].rpartition(":")[2]), f"GET /{MAC}.cfg HTTP/1.0\r\n\r\n".encode())
        assert (answer.code, answer.body) == (200, body)
        assert fetch(int(word["tftp"].rpartition(":")[2]), f"{MAC}.cfg") == body
        assert [part for part, well, _ in health(server.config) if part not in ("events",) and not well] == []
        with serving(state, *prefix) as second:
            assert second.process.wait(20) == 1
            assert second.process.stderr and f"error: another server runs on {state}" in second.process.stderr.read()
        assert server.stop() == 0
        assert server.process.stderr and f"{state} takes no writes" in server.process.stderr.read()
    assert not list(spare.glob("provisioner-*/serve.json"))


@pytest.mark.parametrize("spoil", [lambda file: file.write_bytes(b"no database" * 1000), lambda file: (file.unlink(), file.mkdir())], ids=["damaged", "a-folder"])
def test_an_event_file_that_cannot_be_used_stops_events_and_no_phone(state: Path, spoil: Callable[[Path], object]) -> None:
    file = state / "events.db"
    EventStore.open(state).close()
    spoil(file)
    with serving(state) as server:
        until(lambda: json.loads((state / "run" / "housekeeper.json").read_text())["trouble"])
        server.get(f"/{MAC}.cfg")
        until(lambda: [sentence for part, well, sentence in health(server.config) if part == "events" and not well and "events are not written" in sentence])
        file.rmdir() if file.is_dir() else file.unlink()
        until(lambda: all(well for _, well, _ in health(server.config)))
        assert server.stop() == 0
        assert server.process.stderr and "no event is kept until this is mended" in server.process.stderr.read()
    assert [event.outcome for event in EventStore.open(state).events(MAC)] == ["served"]


@pytest.mark.parametrize("option", ["http_address", "tftp_address"])
def test_a_port_that_is_taken_is_said_with_the_cure(tmp_path: Path, option: str) -> None:
    kind = socket.SOCK_STREAM if option == "http_address" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        addresses = {"http_address": Listen("127.0.0.1", 0), "tftp_address": Listen("127.0.0.1", 0), option: Listen("127.0.0.1", port)}
        with pytest.raises(BadConfig) as fault:
            serve(Config(state=tmp_path / "state", **addresses))
    assert f"{option} 127.0.0.1:{port} is taken" in str(fault.value) and f"PROVISIONER_{option.upper()}=127.0.0.1:{port + 1}" in str(fault.value)


def test_an_address_that_is_not_here_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="no such address"):
        serve(Config(state=tmp_path / "state", http_address=Listen("192.0.2.99", 0)))
    with pytest.raises(BadConfig, match="there is no user 'nobody-of-this-name'"):
        serve(Config(state=tmp_path / "state", http_address=Listen("127.0.0.1", 0), tftp_address=Listen("", 0), user="nobody-of-this-name"))


# The render process (F3)


class Slow:
    """A booter with a template that never ends, and a disk that never answers."""

    def answer(self, request: PhoneRequest) -> Reply:
        while request.path == "busy":
            pass
        if request.path == "asleep":
            time.sleep(60)
        return Reply("served", body=request.path.encode())

    def receive(self, request: PhoneRequest, body: bytes) -> Reply:
        return Reply("uploaded")


@contextmanager
def rendering(folder: Path, longest: float) -> Iterator[tuple[int, list[str]]]:
    """Serve TFTP with a render process that is started again when it ends; give the port and who failed."""
    listening = renderer.listen(folder, "render.sock")
    ended, failed = threading.Event(), []
    pids: list[int] = []

    def keep() -> None:
        while not ended.is_set():
            pid = os.fork()
            if pid == 0:
                renderer.serve(listening, Slow(), longest)
                os._exit(0)
            pids.append(pid)
            os.waitpid(pid, 0)

    keeper = threading.Thread(target=keep)
    with open_socket("127.0.0.1", 0) as sock:
        loop = Loop(sock)
        loop.answered_by(renderer.Client(loop, folder, "render.sock", lambda request, why: failed.append(request.path)))
        runner = threading.Thread(target=loop.run)
        keeper.start()
        runner.start()
        try:
            yield sock.getsockname()[1], failed
        finally:
            loop.later(0, lambda: loop.stop(0))
            loop.nudge()
            runner.join(10)
            ended.set()
            until(lambda: pids)
            os.kill(pids[-1], signal.SIGTERM)
            keeper.join(10)
            listening.close()
        assert loop.counts["faults"] == 0


@pytest.mark.parametrize("kind", ["busy", "asleep"])
def test_a_slow_answer_meets_silence_and_holds_up_nobody_for_long(tmp_path: Path, kind: str) -> None:
    deep = tmp_path / ("a" * 100) / ("b" * 100)  # a local socket's name has 107 bytes at most
    deep.mkdir(parents=True)
    with rendering(deep, 0.2) as (port, failed), client() as slow:
        assert fetch(port, "first") == b"first"
        slow.sendto(rrq(kind), ("127.0.0.1", port))
        assert [fetch(port, f"behind{number}") for number in range(5)] == [f"behind{number}".encode() for number in range(5)]
        assert silent(slow, 0.1)
        assert failed == [kind]


# Events


def event(number: int) -> Event:
    return Event(0, f"2026-01-01T00:00:{number % 60:02}.000+00:00", MAC, "yealink", "T46U", "http", "192.0.2.7", "/x", "", "served", "", 200, 1, 0.1, "")


class Disk:
    """An event store whose disk is full until it is not."""

    def __init__(self, full: bool) -> None:
        self.full, self.kept, self.pruned = full, list[Event](), list[str]()

    def log_rows(self, rows: Sequence[EventRow]) -> None:
        if self.full:
            raise StoreTrouble("the disk is full; free some space")
        self.kept += [Event.of_row(row) for row in rows]

    def prune(self, before: str) -> int:
        self.pruned.append(before)
        return 0


def test_events_wait_for_the_disk_and_are_counted_when_there_are_too_many(tmp_path: Path) -> None:
    sending, reading = channel()
    disk = Disk(full=True)
    keeper = housekeeper._Housekeeper(reading, disk, tmp_path, 30, now=lambda: recorded.AT)
    thread = threading.Thread(target=keeper.run)
    thread.start()
    sender = Sender(sending)
    for number in range(2000):
        sender(event(number))
    until(lambda: keeper.trouble)
    until(lambda: "full" in (tmp_path / "housekeeper.json").read_text())
    disk.full = False
    until(lambda: len(disk.kept) == 2000)
    sender.close()
    keeper.end()
    thread.join(10)
    assert not thread.is_alive() and disk.kept == [event(number) for number in range(2000)]
    assert disk.pruned == ["2025-12-03T03:04:05.000+00:00"]
    assert json.loads((tmp_path / "housekeeper.json").read_text())["written"] == 2000
    reading.close()
    sending.close()


def test_a_sender_never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeper, "QUEUE", 10)
    sending, reading = channel()  # which nobody reads
    sender = Sender(sending)
    for number in range(50_000):
        sender(event(number))
    assert sender.dropped > 0
    reading.close()
    sending.close()
