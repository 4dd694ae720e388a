"""The TFTP door, by packets of our own and by the clients that the world uses."""

from __future__ import annotations

import hashlib
import random
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import tftpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioner.tftp import Done, Limits, Loop, open_socket
from provisioner.tftp.packets import NOT_FOUND, BodyBlocks, from_netascii, to_netascii
from provisioner.wire import PhoneRequest, Reply

RRQ, WRQ, DATA, ACK, ERROR, OACK = 1, 2, 3, 4, 5, 6


@dataclass
class Shelf:
    """A booter in small: it answers from a table, keeps what it is sent, and says what it was asked."""

    files: dict[str, bytes | Path | Reply] = field(default_factory=dict)
    asked: list[PhoneRequest] = field(default_factory=list)
    kept: dict[str, bytes] = field(default_factory=dict)
    held: list[Done] | None = None

    def ask(self, request: PhoneRequest, body: bytes | None, done: Done) -> None:
        self.asked.append(request)
        if self.held is not None:
            self.held.append(done)
            return
        done(self.answer(request) if body is None else self.receive(request, body))

    def answer(self, request: PhoneRequest) -> Reply:
        found = self.files.get(request.path.lstrip("/"))
        if isinstance(found, Reply):
            return found
        if isinstance(found, Path):
            return Reply("served", file=found)
        return Reply("missing") if found is None else Reply("served", body=found, etag=hashlib.sha256(found).hexdigest())

    def receive(self, request: PhoneRequest, body: bytes) -> Reply:
        if not request.path.endswith(".log"):
            return Reply("refused")
        self.kept[request.path] = body
        return Reply("uploaded")


@contextmanager
def serving(shelf: Shelf, limits: Limits = Limits(), host: str = "127.0.0.1") -> Iterator[tuple[int, Loop]]:
    """Serve a shelf on a free port; leaving it checks that the loop met no fault of ours."""
    with closing(open_socket(host, 0)) as sock:
        loop = Loop(sock, limits)
        loop.answered_by(shelf)
        thread = threading.Thread(target=loop.run)
        thread.start()
        try:
            yield sock.getsockname()[1], loop
        finally:
            loop.later(0, lambda: loop.stop(0))
            loop.nudge()
            thread.join(20)
        assert not thread.is_alive()
        assert loop.counts["faults"] == 0
        assert not loop.open_transfers


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def port(shelf: Shelf) -> Iterator[int]:
    with serving(shelf) as (number, _):
        yield number


@contextmanager
def client(host: str = "127.0.0.1", seconds: float = 10) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        sock.settimeout(seconds)
        yield sock


def rrq(name: str | bytes, *options: object, mode: str = "octet", op: int = RRQ) -> bytes:
    words = [name if isinstance(name, bytes) else name.encode(), mode.encode(), *(str(option).encode() for option in options)]
    return struct.pack("!H", op) + b"".join(word + b"\0" for word in words)


def packet(kind: int, number: int, rest: bytes = b"") -> bytes:
    return struct.pack("!HH", kind, number & 0xFFFF) + rest


def silent(sock: socket.socket, seconds: float = 0.3) -> bool:
    sock.settimeout(seconds)
    try:
        sock.recv(65536)
    except TimeoutError:
        return True
    return False


def fetch(port: int, name: str | bytes, *options: object, mode: str = "octet", host: str = "127.0.0.1", block: int = 512) -> bytes:
    """Fetch as a plain phone does; raises AssertionError with the packet where it is an ERROR."""
    with client(host) as sock:
        sock.sendto(rrq(name, *options, mode=mode), (host, port))
        body, expected = b"", 1
        while True:
            got, peer = sock.recvfrom(65536)
            kind, number = struct.unpack("!HH", got[:4]) if got[1] != OACK else (OACK, 0)
            if kind == OACK:
                sock.sendto(packet(ACK, 0), peer)
                continue
            assert kind == DATA, got
            if number == expected & 0xFFFF:
                body, expected = body + got[4:], expected + 1
            sock.sendto(packet(ACK, number), peer)
            if len(got) - 4 < block:
                return body


# What is sent


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 1024, 5120])
def test_every_size_arrives_whole(shelf: Shelf, port: int, size: int) -> None:
    shelf.files["a.cfg"] = random.Random(size).randbytes(size)
    assert fetch(port, "a.cfg") == shelf.files["a.cfg"]


def test_more_blocks_than_sixteen_bits_can_count(shelf: Shelf, port: int) -> None:
    shelf.files["long"] = random.Random(1).randbytes(65_540 * 8)
    assert fetch(port, "long", "blksize", 8, block=8) == shelf.files["long"]


def test_an_asset_is_read_block_by_block(shelf: Shelf, port: int, tmp_path: Path) -> None:
    (tmp_path / "fw.rom").write_bytes(random.Random(2).randbytes(1428 * 40))
    shelf.files["fw.rom"] = tmp_path / "fw.rom"
    assert fetch(port, "fw.rom", "blksize", 1428, block=1428) == (tmp_path / "fw.rom").read_bytes()


def test_a_file_that_shrinks_is_not_sent_as_if_it_were_whole(shelf: Shelf, port: int, tmp_path: Path) -> None:
    (tmp_path / "fw.rom").write_bytes(bytes(2000))
    shelf.files["fw.rom"] = tmp_path / "fw.rom"
    with client() as sock:
        sock.sendto(rrq("fw.rom"), ("127.0.0.1", port))
        _, peer = sock.recvfrom(600)
        (tmp_path / "fw.rom").write_bytes(bytes(600))
        sock.sendto(packet(ACK, 1), peer)
        assert sock.recv(600)[:4] == packet(ERROR, 0)


def test_short_bodies_are_cut_once_for_all() -> None:
    blocks = BodyBlocks(b"x" * 600, 512)
    (one,), (other,) = blocks.packets(1, 1) or [], blocks.packets(1, 1) or []
    assert one is other


# Options


def options_of(answer: bytes) -> dict[str, str]:
    assert answer[:2] == b"\0\6", answer
    words = answer[2:].decode().split("\0")
    return dict(zip(words[0::2], words[1::2], strict=False))


def first_answer(port: int, ask: bytes) -> bytes:
    with client() as sock:
        sock.sendto(ask, ("127.0.0.1", port))
        answer, peer = sock.recvfrom(65536)
        sock.sendto(packet(ERROR, 0, b"\0"), peer)
        return answer


def test_options_are_answered_case_blind_and_within_bounds(shelf: Shelf, port: int) -> None:
    shelf.files["a"] = bytes(3000)
    assert options_of(first_answer(port, rrq("a", "BlkSize", 1000, "TSIZE", 0, "timeout", 3))) == {"blksize": "1000", "tsize": "3000", "timeout": "3"}
    assert options_of(first_answer(port, rrq("a", "blksize", 65464))) == {"blksize": "1428"}
    assert options_of(first_answer(port, rrq("a", "windowsize", 64))) == {"windowsize": "16"}
    assert options_of(first_answer(port, rrq("a", "blksize", 512, "blksize", 9))) == {"blksize": "512"}


@pytest.mark.parametrize("value", ["7", "0", "-1", "abc", "", "9" * 5000, "1e3", "\u0663", " 512"])
def test_an_option_that_is_junk_was_not_asked(shelf: Shelf, port: int, value: str) -> None:
    shelf.files["a"] = b"body"
    assert first_answer(port, rrq("a", "blksize", value)) == packet(DATA, 1, b"body")
    assert first_answer(port, rrq("a", "timeout", "256", "windowsize", "0", "unheard-of", value)) == packet(DATA, 1, b"body")


def test_a_window_is_sent_at_once_and_resumed_where_the_phone_lost_it(shelf: Shelf, port: int) -> None:
    shelf.files["a"] = random.Random(3).randbytes(512 * 8 + 5)
    with client() as sock:
        sock.sendto(rrq("a", "windowsize", 4), ("127.0.0.1", port))
        _, peer = sock.recvfrom(600)
        sock.sendto(packet(ACK, 0), peer)
        first = [sock.recv(600) for _ in range(4)]
        assert [one[3] for one in first] == [1, 2, 3, 4]
        sock.sendto(packet(ACK, 2), peer)  # 3 was lost
        assert [sock.recv(600)[3] for _ in range(4)] == [3, 4, 5, 6]
        sock.sendto(packet(ACK, 6), peer)
        assert [sock.recv(600)[3] for _ in range(3)] == [7, 8, 9]
        sock.sendto(packet(ACK, 9), peer)


def test_netascii_is_written_as_the_rfc_says(shelf: Shelf, port: int) -> None:
    shelf.files["a"] = b"one\ntwo\rthree\r\n"
    assert fetch(port, "a", mode="NetASCII") == b"one\r\ntwo\r\0three\r\0\r\n"
    assert from_netascii(to_netascii(shelf.files["a"])) == shelf.files["a"]


@pytest.mark.parametrize("mode", ["mail", "", "octets"])
def test_other_modes_are_refused_with_a_sentence(shelf: Shelf, port: int, mode: str) -> None:
    answer = first_answer(port, rrq("a", mode=mode))
    assert answer[:4] == packet(ERROR, 4) and b"octet" in answer
    assert shelf.asked == []


# What is refused


def test_unknown_refused_and_missing_are_alike_in_every_byte(shelf: Shelf, port: int) -> None:
    shelf.files |= {outcome: Reply(outcome, sentence="nobody may see this") for outcome in ("unknown", "refused", "missing")}
    answers = {first_answer(port, rrq(name)) for name in ("unknown", "refused", "missing", "", "n" * 600, b"\xff\xfe\x80")}
    answers.add(first_answer(port, rrq("refused", "blksize", 1000, "tsize", 0)))
    assert answers == {NOT_FOUND} == {b"\0\5\0\1File not found\0"}


def test_our_own_fault_is_silence(shelf: Shelf, port: int) -> None:
    shelf.files["a"] = Reply("failed")
    with client() as sock:
        sock.sendto(rrq("a"), ("127.0.0.1", port))
        assert silent(sock)
        shelf.files["a"] = b"mended"
        sock.settimeout(10)
        sock.sendto(rrq("a"), ("127.0.0.1", port))
        assert sock.recv(600) == packet(DATA, 1, b"mended")


def test_the_name_goes_down_as_it_came_without_its_token(shelf: Shelf, port: int) -> None:
    first_answer(port, rrq("/p/abcdefghijkmnpqrstuvwxyz23/x.cfg"))
    first_answer(port, rrq(b"\\tftp\\sep001.cnf.xml"))
    first_answer(port, rrq(b"caf\xe9"))
    assert [(one.path, one.token, one.address, one.wire) for one in shelf.asked] == [
        ("/x.cfg", "abcdefghijkmnpqrstuvwxyz23", "127.0.0.1", "tftp"),
        ("\\tftp\\sep001.cnf.xml", "", "127.0.0.1", "tftp"),
        ("caf\xe9", "", "127.0.0.1", "tftp"),
    ]


# Whom it speaks with


def test_a_stranger_is_told_so_and_the_transfer_goes_on(shelf: Shelf, port: int) -> None:
    shelf.files["a"] = bytes(600)
    with client() as sock, client() as stranger:
        sock.sendto(rrq("a"), ("127.0.0.1", port))
        _, peer = sock.recvfrom(600)
        stranger.sendto(packet(ACK, 1), peer)
        assert stranger.recv(600)[:4] == packet(ERROR, 5)
        stranger.sendto(packet(ERROR, 5, b"\0"), peer)
        sock.sendto(packet(ACK, 1), peer)
        assert len(sock.recv(600)) == 4 + 88
        assert silent(stranger)


def test_an_old_ack_never_makes_a_block_come_twice(shelf: Shelf, port: int) -> None:
    shelf.files["a"] = bytes(512 * 3)
    with client() as sock:
        sock.sendto(rrq("a", "timeout", 255), ("127.0.0.1", port))
        _, peer = sock.recvfrom(600)
        sock.sendto(packet(ACK, 0), peer)
        assert sock.recv(600)[:4] == packet(DATA, 1)
        for _ in range(3):
            sock.sendto(packet(ACK, 0), peer)
        sock.sendto(packet(ACK, 1), peer)
        assert sock.recv(600)[:4] == packet(DATA, 2)
        for number in (1, 0, 3, 60000):
            sock.sendto(packet(ACK, number), peer)
        assert silent(sock)


def test_a_request_that_is_sent_twice_is_one(shelf: Shelf, port: int) -> None:
    shelf.files["a"], shelf.held = b"body", []
    with client() as sock:
        for _ in range(3):
            sock.sendto(rrq("a"), ("127.0.0.1", port))
        sock.sendto(rrq("a", op=7), ("127.0.0.1", port))
        assert silent(sock)
        assert len(shelf.asked) == 1


def test_another_request_from_the_same_port_takes_the_place_of_the_first(shelf: Shelf, port: int) -> None:
    shelf.files |= {"a": bytes(600), "b": b"second"}
    with client() as sock:
        sock.sendto(rrq("a"), ("127.0.0.1", port))
        assert sock.recv(600)[:4] == packet(DATA, 1)
        sock.sendto(rrq("b"), ("127.0.0.1", port))
        assert sock.recv(600) == packet(DATA, 1, b"second")


def test_the_answer_comes_from_the_address_that_was_asked(shelf: Shelf) -> None:
    shelf.files["a"] = b"body"
    for single in (False, True):
        with serving(shelf, Limits(single_port=single), host="0.0.0.0") as (port, _), client() as sock:
            sock.sendto(rrq("a"), ("127.0.0.5", port))
            _, peer = sock.recvfrom(600)
            assert peer[0] == "127.0.0.5" and (peer[1] == port) is single
            sock.sendto(packet(ACK, 1), peer)


def test_one_socket_speaks_ipv6_and_ipv4(shelf: Shelf) -> None:
    shelf.files["a"] = bytes(700)
    for single in (False, True):
        with serving(shelf, Limits(single_port=single), host="::") as (port, _):
            assert fetch(port, "a", host="::1") == fetch(port, "a") == bytes(700)
    assert [one.address for one in shelf.asked] == ["::1", "127.0.0.1"] * 2


def test_one_port_carries_many_transfers(shelf: Shelf) -> None:
    shelf.files |= {str(number): random.Random(number).randbytes(3000) for number in range(20)}
    with serving(shelf, Limits(single_port=True)) as (port, _), client() as stranger:
        bodies: dict[str, bytes] = {}
        threads = [threading.Thread(target=lambda name=name: bodies.update({name: fetch(port, name)})) for name in shelf.files]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        stranger.sendto(packet(ACK, 1), ("127.0.0.1", port))
        assert stranger.recv(600)[:4] == packet(ERROR, 5)
    assert bodies == shelf.files


# How much it bears


def test_a_source_that_never_answers_gets_little(shelf: Shelf) -> None:
    shelf.files["a"] = bytes(5000)
    clock = Clock()
    with clocked(shelf, clock) as (port, loop), client() as sock:
        ask = rrq("a", "blksize", 65464)
        sock.sendto(ask, ("127.0.0.1", port))
        got = [sock.recv(65536)]
        for _ in range(60):
            clock.forward(1, loop)
            sock.settimeout(0.02)
            try:
                got.append(sock.recv(65536))
            except TimeoutError:
                continue
        assert len(got) == 5
        assert sum(map(len, got)) <= 20 * len(ask)
        assert not loop.open_transfers


def test_a_lost_block_is_sent_again_and_a_dead_phone_given_up(shelf: Shelf) -> None:
    shelf.files["a"] = bytes(5000)
    clock = Clock()
    with clocked(shelf, clock) as (port, loop), client() as sock:
        sock.sendto(rrq("a"), ("127.0.0.1", port))
        _, peer = sock.recvfrom(600)
        sock.sendto(packet(ACK, 1), peer)
        assert sock.recv(600)[:4] == packet(DATA, 2)
        clock.forward(2, loop)
        assert sock.recv(600)[:4] == packet(DATA, 2)
        for _ in range(20):
            clock.forward(3, loop)
        assert not loop.open_transfers


def test_the_longest_idle_makes_room(shelf: Shelf) -> None:
    shelf.files["a"] = bytes(5000)
    with serving(shelf, Limits(transfers=3, per_address=2)) as (port, loop), client() as first, client() as second, client() as third:
        peers = []
        for sock in (first, second):
            sock.sendto(rrq("a"), ("127.0.0.1", port))
            peers.append(sock.recvfrom(600)[1])
        first.sendto(packet(ACK, 1), peers[0])
        assert first.recv(600)[:4] == packet(DATA, 2)
        third.sendto(rrq("a"), ("127.0.0.1", port))  # of one address two: the second was silent longest
        assert third.recv(600)[:4] == packet(DATA, 1)
        first.sendto(packet(ACK, 2), peers[0])
        assert first.recv(600)[:4] == packet(DATA, 3)
        assert loop.counts["evicted"] == 1 and len(loop.open_transfers) == 2
        with client("127.0.0.9") as other, client("127.0.0.8") as another:
            for sock in (other, another):
                sock.sendto(rrq("a"), ("127.0.0.1", port))
                sock.recv(600)
            assert len(loop.open_transfers) == 3


def test_half_open_requests_do_not_keep_phones_out(shelf: Shelf) -> None:
    shelf.files["a"] = bytes(5000)
    with serving(shelf, Limits(transfers=200, per_address=100)) as (port, loop), client("127.0.0.7") as flood:
        for number in range(400):
            with client("127.0.0.7") as sock:
                sock.sendto(rrq("a", "x", number), ("127.0.0.1", port))
        for _ in range(20):
            assert fetch(port, "a") == bytes(5000)
        assert flood.getsockname()[1] and len(loop.open_transfers) <= 200


BAD = [b"", b"\0", b"\0\1", b"\0\1a", b"\0\1a\0", b"\0\1a\0octet", b"\0\6abc", b"\0\7abcd", b"\0\xff\0\0", b"\0\0\0\0", b"\xff" * 60_000, b"\0\3\0\1" + b"x" * 600]  # fmt: skip
BAD += [b"\0\5\0\5\0", b"\0\4\0", b"\0\4\0\0\0\0\0", b"\0\1\0octet\0", b"\0\1" + b"\0" * 5000, b"\0\2a\0octet\0tsize\0" + b"9" * 5000 + b"\0"]


def test_bad_packets_end_nothing(shelf: Shelf, port: int) -> None:
    shelf.files["a"] = bytes(600)
    with client() as sock:
        for bad in BAD:
            sock.sendto(bad, ("127.0.0.1", port))
    with client() as sock:
        sock.sendto(rrq("a"), ("127.0.0.1", port))
        _, peer = sock.recvfrom(600)
        for bad in BAD:
            if bad[:2] not in (b"\0\5", b"\0\4"):
                sock.sendto(bad, peer)
        sock.sendto(packet(ACK, 1), peer)
        assert sock.recv(600)[:4] == packet(DATA, 2)


def test_a_request_larger_than_any_phones_is_not_kept(shelf: Shelf, port: int) -> None:
    shelf.files["a"] = b"body"
    with client() as sock:
        sock.sendto(rrq("a", *["x", "y"] * 5000), ("127.0.0.1", port))
        assert silent(sock) and shelf.asked == []
    assert fetch(port, "a") == b"body"


WORDS = st.one_of(st.binary(max_size=40), st.sampled_from([b"a", b"octet", b"netascii", b"mail", b"blksize", b"tsize", b"timeout", b"windowsize", b"0", b"8", b"-1", b"99999"]))
PACKETS = st.one_of(
    st.binary(max_size=80),
    st.builds(lambda kind, words, end: bytes([0, kind]) + b"\0".join(words) + end, st.integers(0, 9), st.lists(WORDS, max_size=12), st.sampled_from([b"", b"\0"])),
    st.builds(packet, st.integers(0, 8), st.integers(0, 65535), st.binary(max_size=600)),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(PACKETS, min_size=1, max_size=4))
def test_no_packet_ends_the_loop(shelf: Shelf, port: int, sent: list[bytes]) -> None:
    shelf.files["a"] = bytes(100)
    with client() as sock:
        for one in sent:
            sock.sendto(one, ("127.0.0.1", port))
    assert fetch(port, "a") == bytes(100)


def test_a_fault_of_ours_ends_one_transfer(shelf: Shelf) -> None:
    class Broken(Shelf):
        def ask(self, request: PhoneRequest, body: bytes | None, done: Done) -> None:
            if request.path == "bad":
                raise RuntimeError("a fault of ours")
            super().ask(request, body, done)

    broken = Broken({"a": b"body"})
    with serving(broken) as (port, loop):
        with client() as sock:
            sock.sendto(rrq("bad"), ("127.0.0.1", port))
            assert fetch(port, "a") == b"body"
            assert silent(sock)
        assert loop.counts.pop("faults") == 1


# What phones send


def send_file(port: int, name: str, body: bytes, *options: object, block: int = 512, mode: str = "octet") -> bytes:
    """Send as a phone does; return the last packet that came back."""
    with client() as sock:
        sock.sendto(rrq(name, *options, op=WRQ, mode=mode), ("127.0.0.1", port))
        answer, peer = sock.recvfrom(600)
        for number in range(len(body) // block + 1):
            if answer[1] == ERROR:
                return answer
            sock.sendto(packet(DATA, number + 1, body[number * block : (number + 1) * block]), peer)
            answer = sock.recv(600)
        return answer


def test_an_upload_is_kept_where_the_booter_admits_it(shelf: Shelf, port: int) -> None:
    body = random.Random(4).randbytes(512 * 3)
    assert send_file(port, "boot.log", body) == packet(ACK, 4)
    assert send_file(port, "net.log", b"a\r\n\r\0", mode="netascii") == packet(ACK, 1)
    assert send_file(port, "big.log", body, "blksize", 1024, "tsize", len(body), block=1024) == packet(ACK, 2)
    assert shelf.kept == {"boot.log": body, "net.log": b"a\n\r", "big.log": body}
    assert send_file(port, "evil.cfg", b"x") == NOT_FOUND


def test_an_upload_that_is_too_large_ends_early(shelf: Shelf) -> None:
    with serving(shelf, Limits(upload=1000)) as (port, _):
        assert send_file(port, "a.log", bytes(5000))[:4] == packet(ERROR, 3)
        assert send_file(port, "a.log", bytes(10), "tsize", 5000)[:4] == packet(ERROR, 3)
        assert send_file(port, "a.log", bytes(1000)) == packet(ACK, 2)
    assert list(shelf.kept) == ["a.log"]


def test_a_block_that_comes_twice_is_kept_once(shelf: Shelf, port: int) -> None:
    with client() as sock:
        sock.sendto(rrq("a.log", op=WRQ), ("127.0.0.1", port))
        _, peer = sock.recvfrom(600)
        for number, block in ((1, b"x" * 512), (1, b"x" * 512), (2, b"end")):
            sock.sendto(packet(DATA, number, block), peer)
            assert sock.recv(600) == packet(ACK, number)
    assert shelf.kept == {"a.log": b"x" * 512 + b"end"}


# A poor network


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._passed = threading.Event()

    def __call__(self) -> float:
        return self.now

    def forward(self, seconds: float, loop: Loop) -> None:
        """Move on, and return when the loop has looked at its timers."""
        self._passed.clear()
        loop.later(seconds, self._passed.set)
        self.now += seconds
        loop.nudge()
        assert self._passed.wait(10)


@contextmanager
def clocked(shelf: Shelf, clock: Clock) -> Iterator[tuple[int, Loop]]:
    with closing(open_socket("127.0.0.1", 0)) as sock:
        loop = Loop(sock, clock=clock)
        loop.answered_by(shelf)
        thread = threading.Thread(target=loop.run)
        thread.start()
        try:
            yield sock.getsockname()[1], loop
        finally:
            loop.later(0, lambda: loop.stop(0))
            loop.nudge()
            thread.join(10)
        assert not thread.is_alive() and loop.counts["faults"] == 0


# The clients of the world

SIZES = [0, 1, 511, 512, 513, 1400, 2800, 30_011]


def run(*command: str, cwd: Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, text=True, timeout=60)


def curl(port: int, name: str, cwd: Path, block: int) -> None:
    run("curl", "-sS", "--tftp-blksize", str(block), f"tftp://127.0.0.1:{port}/{name}", "-o", name, cwd=cwd)


def tftp_hpa(port: int, name: str, cwd: Path, block: int) -> None:
    run("tftp", "-m", "binary", "127.0.0.1", str(port), "-c", "get", name, cwd=cwd)


def atftp(port: int, name: str, cwd: Path, block: int) -> None:
    run("atftp", "--option", f"blksize {block}", "-g", "-r", name, "-l", name, "127.0.0.1", str(port), cwd=cwd)


def busybox(port: int, name: str, cwd: Path, block: int) -> None:
    run("busybox", "tftp", "-g", "-b", str(block), "-r", name, "-l", name, "127.0.0.1", str(port), cwd=cwd)


def tftpy_client(port: int, name: str, cwd: Path, block: int) -> None:
    tftpy.TftpClient("127.0.0.1", port, options={"blksize": block, "tsize": 0}).download(name, str(cwd / name))


CLIENTS = [curl, tftp_hpa, atftp, busybox, tftpy_client]


@pytest.mark.parametrize("block", [512, 1400])
@pytest.mark.parametrize("get", CLIENTS)
def test_every_client_gets_every_size(shelf: Shelf, port: int, tmp_path: Path, get: Callable[[int, str, Path, int], None], block: int) -> None:
    shelf.files |= {f"f{size}": random.Random(size).randbytes(size) for size in SIZES}
    for name, body in shelf.files.items():
        get(port, name, tmp_path, block)
        got = tmp_path / name
        assert (got.read_bytes() if got.exists() else b"") == body, name  # tftp-hpa leaves no file where it is empty


def test_clients_are_told_that_a_file_is_not_there(port: int, tmp_path: Path) -> None:
    assert "File not found" in run("tftp", "127.0.0.1", str(port), "-c", "get", "none", cwd=tmp_path).stdout
    assert run("curl", "-sS", f"tftp://127.0.0.1:{port}/none", cwd=tmp_path).returncode == 68
    assert "File not found" in run("busybox", "tftp", "-g", "-r", "none", "127.0.0.1", str(port), cwd=tmp_path).stderr
    with pytest.raises(tftpy.TftpException):
        tftpy.TftpClient("127.0.0.1", port).download("none", str(tmp_path / "none"))


def test_clients_can_send(shelf: Shelf, port: int, tmp_path: Path) -> None:
    body = random.Random(5).randbytes(5000)
    (tmp_path / "c.log").write_bytes(body)
    run("tftp", "-m", "binary", "127.0.0.1", str(port), "-c", "put", "c.log", "hpa.log", cwd=tmp_path)
    run("curl", "-sS", "-T", "c.log", f"tftp://127.0.0.1:{port}/curl.log", cwd=tmp_path)
    run("busybox", "tftp", "-p", "-l", "c.log", "-r", "busybox.log", "127.0.0.1", str(port), cwd=tmp_path)
    assert {name.lstrip("/"): sent for name, sent in shelf.kept.items()} == {"hpa.log": body, "curl.log": body, "busybox.log": body}
