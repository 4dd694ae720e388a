"""TFTP over a bad network: the clients of the world get a phone's own bytes through a link that loses, doubles and reorders.

The link stands between client and server and keeps TFTP's ports apart as a router does: for each port that the server
answers from (its TID, RFC 1350 section 4) the client sees one of its own. It notes what the server sends, so that each
DATA can be held against the ACK that called for it: an ACK that comes twice calls for nothing (RFC 1123, 4.2.3.1).
"""

from __future__ import annotations

import heapq
import itertools
import random
import selectors
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field

import pytest

from tests.test_server import MAC, furnish, serving
from tests.test_tftp import ACK, DATA, ERROR, OACK, RRQ, client, packet, rrq

NAME = f"{MAC}.cfg"
SHORTEST_WAIT = 0.25  # seconds without an ACK, before which the server never repeats itself
Address = tuple[str, int]

# The clients, in the words that get one file into the folder where they run. Each has patience of its own: tftp-hpa asks again every
# 5 seconds, for 25; atftp five times; busybox twelve, from 0.1 to 2 seconds apart; curl three times, until the first packet has come.
CLIENTS: dict[str, Callable[[int], tuple[str, ...]]] = {
    "tftp-hpa": lambda port: ("tftp", "-m", "binary", "127.0.0.1", str(port), "-c", "get", NAME, "got"),
    "atftp": lambda port: ("atftp", "--tftp-timeout", "1", "-g", "-r", NAME, "-l", "got", "127.0.0.1", str(port)),
    "atftp 1024": lambda port: ("atftp", "--tftp-timeout", "1", "--option", "blksize 1024", "-g", "-r", NAME, "-l", "got", "127.0.0.1", str(port)),
    "curl 512": lambda port: ("curl", "-sS", "--connect-timeout", "4", "-m", "60", "--tftp-no-options", f"tftp://127.0.0.1:{port}/{NAME}", "-o", "got"),
    "curl 1400": lambda port: ("curl", "-sS", "--connect-timeout", "4", "-m", "60", "--tftp-blksize", "1400", f"tftp://127.0.0.1:{port}/{NAME}", "-o", "got"),
    "busybox 512": lambda port: ("busybox", "tftp", "-g", "-r", NAME, "-l", "got", "127.0.0.1", str(port)),
    "busybox 700": lambda port: ("busybox", "tftp", "-g", "-b", "700", "-r", NAME, "-l", "got", "127.0.0.1", str(port)),
}
BLOCKS = {name: int(name.rpartition(" ")[2]) if name[-1].isdigit() else 512 for name in CLIENTS}


@dataclass(frozen=True)
class Weather:
    """What becomes of packets: the shares that are lost and that come twice, and how late one may be, in seconds."""

    lost: float = 0.0
    twice: float = 0.0
    late: float = 0.0


@dataclass
class Transfer:
    """What the link saw of one transfer: when it passed each ACK on for the first time (block 0 stands for the request as well), and each DATA that came."""

    asked: float = 0.0
    called: dict[int, float] = field(default_factory=dict)
    sent: Counter[int] = field(default_factory=Counter)
    last: dict[int, float] = field(default_factory=dict)

    def wrong(self, blocks: int) -> list[str]:
        """Return a sentence for each DATA that no ACK called for, and for each that was repeated without waiting."""
        found = [f"DATA {number} of {blocks}" for number in self.sent if not 1 <= number <= blocks]
        for number, times in sorted(self.sent.items()):
            called = self.called.get(number - 1, self.asked if number == 1 else None)
            if called is None:
                found.append(f"DATA {number} before ACK {number - 1}")
            elif (times - 1) * SHORTEST_WAIT > self.last[number] - called:
                found.append(f"DATA {number} {times} times within {self.last[number] - called:.3f} s")
        return found


class Flow:
    """One client's way through the link."""

    def __init__(self, client: Address) -> None:
        self.client = client
        self.back = _bound()
        self.copies: Counter[bytes] = Counter()
        self.doors: dict[int, socket.socket] = {}  # the server's port -> the one that the client sees
        self.asked = 0.0
        self.transfers: dict[int, Transfer] = {}  # by the server's port


class Link:
    """A network between clients and one server's port. The third copy of ACK 7 meets the same fate in every run, however slow the machine is."""

    def __init__(self, server: int, seed: int, weather: Weather) -> None:
        self._server, self._seed, self._weather = server, seed, weather
        self._front = _bound()
        self._selector = selectors.DefaultSelector()
        self._flows: dict[Address, Flow] = {}
        self._late: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._stopped, self._stopper = socket.socketpair()
        self._selector.register(self._stopped, selectors.EVENT_READ)
        self._watch(self._front, lambda packet, client: self._up(self._flow(client), packet, server))
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where clients find the server."""
        return int(self._front.getsockname()[1])

    @property
    def transfers(self) -> list[Transfer]:
        """What was seen of every transfer in which DATA came."""
        return [transfer for flow in self._flows.values() for transfer in flow.transfers.values() if transfer.sent]

    def close(self) -> None:
        self._stopper.close()
        self._thread.join(10)
        assert not self._thread.is_alive()
        for flow in self._flows.values():
            for sock in (flow.back, *flow.doors.values()):
                sock.close()
        for sock in (self._front, self._stopped):
            sock.close()
        self._selector.close()

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select(max(0.0, self._late[0][0] - time.monotonic()) if self._late else None):
                if key.data is None:
                    return
                packet, peer = key.fileobj.recvfrom(65536)  # type: ignore[union-attr]
                key.data(packet, peer)
            while self._late and self._late[0][0] <= time.monotonic():
                heapq.heappop(self._late)[2]()

    def _watch(self, sock: socket.socket, arrived: Callable[[bytes, Address], None]) -> None:
        self._selector.register(sock, selectors.EVENT_READ, arrived)

    def _flow(self, client: Address) -> Flow:
        if client not in self._flows:
            flow = self._flows[client] = Flow(client)
            self._watch(flow.back, lambda packet, server: self._down(flow, packet, server[1]))
        return self._flows[client]

    def _up(self, flow: Flow, packet: bytes, port: int) -> None:
        self._pass(flow, packet, lambda: self._passed(flow, packet, port))

    def _passed(self, flow: Flow, packet: bytes, port: int) -> None:
        """Send a client's packet on, and note when that was; before, so that no answer can be earlier."""
        kind, now = packet[1], time.monotonic()
        if kind == RRQ:
            flow.asked = flow.asked or now
        elif kind == ACK and port in flow.transfers:
            flow.transfers[port].called.setdefault(int.from_bytes(packet[2:4], "big"), now)
        flow.back.sendto(packet, ("127.0.0.1", port))

    def _down(self, flow: Flow, packet: bytes, port: int) -> None:
        transfer = flow.transfers.setdefault(port, Transfer(flow.asked))
        if packet[1] == DATA:
            number = int.from_bytes(packet[2:4], "big")
            transfer.sent[number] += 1
            transfer.last[number] = time.monotonic()
        if port != self._server and port not in flow.doors:
            flow.doors[port] = _bound()
            self._watch(flow.doors[port], lambda packet, client: self._up(flow, packet, port))
        door = flow.doors.get(port, self._front)
        self._pass(flow, packet, lambda: door.sendto(packet, flow.client))

    def _pass(self, flow: Flow, packet: bytes, send: Callable[[], object]) -> None:
        """Lose a packet, or send it on once or twice, each at its own time."""
        weather, head = self._weather, packet[:4]  # its kind and number, and the start of the name where it is a request
        flow.copies[head] += 1
        dice = random.Random(f"{self._seed} {head.hex()} {flow.copies[head]}")
        if dice.random() < weather.lost:
            return
        often = 2 if dice.random() < weather.twice and packet[1] != OACK else 1  # at a second OACK atftp gives up, and curl writes block 1 twice
        for _ in range(often):
            heapq.heappush(self._late, (time.monotonic() + dice.random() * weather.late, next(self._order), lambda: self._sent(send)))

    @staticmethod
    def _sent(send: Callable[[], object]) -> None:
        try:
            send()
        except ConnectionError:  # whom it is for has closed its port
            pass


def _bound() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    return sock


@dataclass(frozen=True)
class Fetched:
    """What one client got, what it said, and the transfers that it took."""

    body: bytes
    said: str
    transfers: list[Transfer]


SKIES = {"lossy": Weather(lost=0.3, twice=0.1, late=0.03), "doubled": Weather(twice=1.0, late=0.03)}
SEED = 1  # one with which no client loses more in a row than its own patience bears; at 30 % every fourth seed has such a row for one of them
RUNS = [(sky, kind, name) for sky in SKIES for kind in ("a port each", "one port") for name in CLIENTS]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, int], bytes]]:
    """Give the TFTP ports of two servers, of one that answers each phone from a port of its own and of one with a single port, and the file that both have."""
    with ExitStack() as running:
        ports, body = {}, b""
        for kind, single in (("a port each", "off"), ("one port", "on")):
            state = tmp_path_factory.mktemp("lossy") / "state"
            furnish(state, mac_is_enough=True, tftp_serves_secrets=True)
            server = running.enter_context(serving(state, PROVISIONER_TFTP_SINGLE_PORT=single))
            running.callback(server.process.terminate)  # then comes a second signal: nobody waits for the clients that have left
            ports[kind], body = server.port("tftp"), server.get(f"/{NAME}")
        yield ports, body


@pytest.fixture(scope="module")
def fetched(served: tuple[dict[str, int], bytes], tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str, str], Fetched]:
    """Let every client fetch at once, over both kinds of ports and in both weathers; most of that time is waiting."""
    with ExitStack() as links_up:
        links = {run: links_up.enter_context(closing(Link(served[0][run[1]], SEED, SKIES[run[0]]))) for run in RUNS}
        folders = {run: tmp_path_factory.mktemp("client") for run in RUNS}
        clients = {run: subprocess.Popen(CLIENTS[run[2]](links[run].port), cwd=folders[run], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for run in RUNS}
        try:
            said = {run: client.communicate(timeout=60)[0] for run, client in clients.items()}
        finally:
            for client in clients.values():
                client.kill()
                client.wait()
    files = {run: folders[run] / "got" for run in RUNS}
    return {run: Fetched(files[run].read_bytes() if files[run].exists() else b"", said[run], links[run].transfers) for run in RUNS}


@pytest.mark.parametrize("run", RUNS, ids=" ".join)
def test_a_bad_network_changes_no_byte_and_wastes_no_block(served: tuple[dict[str, int], bytes], fetched: dict[tuple[str, str, str], Fetched], run: tuple[str, str, str]) -> None:
    """Where every packet comes twice and out of order, a server that answers an old ACK sends each DATA twice for ever after (Sorcerer's Apprentice)."""
    _, body = served
    got = fetched[run]
    assert got.body == body, got.said
    blocks = len(body) // BLOCKS[run[2]] + 1
    assert [transfer.wrong(blocks) for transfer in got.transfers] == [[]] * len(got.transfers)
    assert any(len(transfer.sent) == blocks for transfer in got.transfers)


@pytest.mark.parametrize("kind", ["a port each", "one port"])
def test_a_late_copy_of_the_request_does_not_end_its_transfer(served: tuple[dict[str, int], bytes], kind: str) -> None:
    ports, body = served
    with client() as sock:
        sock.sendto(rrq(NAME), ("127.0.0.1", ports[kind]))
        got, peer = sock.recvfrom(600)
        received = got[4:]
        for number in range(1, len(body) // 512 + 1):
            sock.sendto(packet(ACK, number), peer)
            got, peer = sock.recvfrom(600)
            assert got[:4] == packet(DATA, number + 1)
            received += got[4:]
            sock.sendto(rrq(NAME), ("127.0.0.1", ports[kind]))
        sock.sendto(packet(ACK, number + 1), peer)
    assert received == body


@pytest.mark.parametrize("kind", ["a port each", "one port"])
def test_a_phone_that_starts_over_from_the_same_port_is_served(served: tuple[dict[str, int], bytes], kind: str) -> None:
    ports, body = served
    with client(seconds=0.5) as sock:
        sock.sendto(rrq(NAME), ("127.0.0.1", ports[kind]))
        _, peer = sock.recvfrom(600)
        sock.sendto(packet(ACK, 1), peer)
        got = b""
        for _ in range(20):  # block 2 comes now, and again until the phone's request is no copy any more
            if got[:4] == packet(DATA, 1):
                break
            sock.sendto(rrq(NAME), ("127.0.0.1", ports[kind]))
            try:
                got, peer = sock.recvfrom(600)
            except TimeoutError:
                continue
        assert got == packet(DATA, 1, body[:512])
        sock.sendto(packet(ERROR, 0, b"\0"), peer)
