"""A million packets and a million requests that no phone sends, against a running server.

    python -m tests.fuzz [PACKETS [REQUESTS [SEED]]]        what `make fuzz` runs; exit code 1 where anything is wrong

Packets are real ones, mutated: cut, spliced, flipped, blown up; they go to the TFTP door and to the ports of transfers that
run. Requests go over raw sockets, several at once on a connection that is kept: odd methods, paths, headers, bodies,
encodings and line ends. Afterwards the same processes run as before, phones of every family boot over both wires and
get the bytes that they should, nobody has logged a fault, and memory is where it was.
"""

from __future__ import annotations

import random
import socket
import struct
import sys
import tempfile
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from bench.fleet import add, fleet
from bench.processes import megabytes
from provisioner import families
from provisioner.families import Catalog
from provisioner.simulator import Phone, storm
from provisioner.store import Store
from tests.test_server import Server, serving, until, workers
from tests.test_storm import PATIENT, expected_bytes
from tests.test_tftp import ACK, DATA, ERROR, OACK, RRQ, WRQ, packet, rrq

PATIENCE = 30.0  # seconds; a door that says nothing for so long has failed
_SENDERS = 64  # sockets that packets are sent from
_BURST = 256  # packets between two looks at whether the server still answers
_CONNECTIONS = 16  # at one time
_PIPELINED = 24  # requests on one, where none of them ends it
_MORE = 200  # megabytes that the server may have grown: three of its processes keep 32 of answers each, and the TFTP loop some thousand half-open transfers
_NOBODYS = "nobody-has-this-name"


# TFTP


def packets(names: Sequence[str], seed: int) -> Iterator[bytes]:
    """Give mutated packets without end, the same ones for the same seed."""
    dice = random.Random(f"packets {seed}")
    options = ("blksize", "tsize", "timeout", "windowsize", "BLKSIZE", "multicast", "", "\x00")
    values = ("512", "1428", "8", "0", "-1", "65464", "99999999999", "abc", "1", "16", "255", "9" * 500, "")

    def ask() -> bytes:
        said = [word for _ in range(dice.choice((0, 0, 1, 2, 5, 40))) for word in (dice.choice(options), dice.choice(values))]
        return rrq(dice.choice(names), *said, mode=dice.choice(("octet", "octet", "netascii", "OCTET", "mail", "")), op=dice.choice((RRQ, RRQ, RRQ, WRQ)))

    makers: tuple[Callable[[], bytes], ...] = (
        ask, ask, ask,
        lambda: packet(ACK, dice.choice((0, 1, 2, 3, 20, dice.randrange(65536)))),
        lambda: packet(DATA, dice.choice((0, 1, 2, dice.randrange(65536))), dice.randbytes(dice.choice((0, 1, 100, 511, 512, 513, 1500)))),
        lambda: packet(ERROR, dice.randrange(10), b"why\0"),
        lambda: struct.pack("!H", OACK) + b"blksize\x001428\0",
        lambda: dice.randbytes(dice.choice((0, 1, 2, 3, 4, 5, 40, 2000))),
    )  # fmt: skip
    while True:
        made = bytearray(dice.choice(makers)())
        for _ in range(dice.choice((0, 0, 1, 1, 2, 4))):
            place = dice.randrange(len(made) + 1)
            match dice.randrange(6):
                case 0:
                    del made[place:]
                case 1:
                    made[place:place] = dice.randbytes(dice.randrange(1, 9))
                case 2:
                    made[place : place + 1] = bytes([dice.randrange(256)])
                case 3:
                    made[place:place] = bytes(dice.choice((1, 2, 600)))
                case 4:
                    made[place:] = dice.choice(makers)()
                case 5:
                    made[place:place] = made[dice.randrange(len(made) + 1) :]
        yield bytes(made[:60_000])


def press_tftp(port: int, names: Sequence[str], count: int, seed: int) -> Counter[str]:
    """Send so many packets to the door and to the ports of its transfers; return what came of it. Raises TimeoutError where the door falls silent."""
    dice, told, peers = random.Random(seed), Counter[str](), deque[tuple[str, int]](maxlen=500)
    source = packets(names, seed)
    senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(_SENDERS)]
    try:
        for number, sock in enumerate(senders):
            sock.bind((f"127.0.{1 + number % 8}.{1 + number}", 0))
            sock.setblocking(False)
        left = count
        while left:
            for made in islice(source, min(left, _BURST)):
                to = dice.choice(peers) if peers and dice.random() < 0.3 else ("127.0.0.1", port)
                try:
                    dice.choice(senders).sendto(made, to)
                except OSError:  # an ICMP error of an earlier packet: the transfer's port is closed
                    told["to a port that was closed"] += 1
            left -= min(left, _BURST)
            for sock in senders:
                for got, peer in _arrived(sock):
                    told[("", "RRQ", "WRQ", "DATA", "ACK", "ERROR", "OACK")[got[1]]] += 1
                    if got[1] != ERROR:
                        peers.append(peer)
            _still_there(port, f"{_NOBODYS}-{left}")
    finally:
        for sock in senders:
            sock.close()
    return told


def _arrived(sock: socket.socket) -> Iterator[tuple[bytes, tuple[str, int]]]:
    while True:
        try:
            yield sock.recvfrom(65536)
        except BlockingIOError:
            return
        except ConnectionError:
            continue


def _still_there(port: int, name: str) -> None:
    """Return once the door has said that a file which nobody asked for before is not there, and so has worked off all that came before."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(1)
        for _ in range(int(PATIENCE)):
            sock.sendto(rrq(name), ("127.0.0.1", port))
            try:
                if sock.recv(600)[:4] == packet(ERROR, 1):
                    return
            except TimeoutError:
                continue
    raise TimeoutError(f"TFTP has said nothing for {PATIENCE:.0f} seconds")


# HTTP


@dataclass(frozen=True)
class Odd:
    """One request. head: its answer has no body; last: what comes behind it could be taken for a part of it."""

    text: bytes
    head: bool = False
    last: bool = False


class Requests:
    """Makes odd requests without end, the same ones for the same seed."""

    METHODS = ("GET",) * 12 + ("HEAD", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "get", "M-SEARCH", "X" * 100)
    VERSIONS = ("HTTP/1.1",) * 12 + ("HTTP/1.0",)
    BROKEN_VERSIONS = ("HTTP/0.9", "HTTP/2.0", "HTTP/1.9", "http/1.1", "HTTP/1.1 x", "HTTP/", "", "ICY", "HTTP/1.1\0")
    BEFORE = ("/", "/", "/", "//", "/tftpboot//", "/a/../", "/./", "/%2e%2e/", "/..%2f..%2fetc/", "/\\", "/%5c", "/p/", "/p/abcdefghijkmnpqrstuvwxyz23/", "http://x/", "/%00/", "/%ff/", "/?", "/x?/")
    BEHIND = ("", "", "", "", "?mac=000000000000", "/", "%00", "%0d%0a", ";x", "?a=%zz", "#x", ".bak", "%", "?" + "x" * 2000, "/" * 500)
    HEADERS = (
        "Host: x", "Host: [::1", "Host:", "Host: a b", "Host: x\r\nHost: y", "User-Agent:", "User-Agent: " + "Yealink SIP-T46U 108.86.0.20 " * 40, "Connection: keep-alive",
        "Connection: Upgrade\r\nUpgrade: h2c", "Accept-Encoding: gzip", "Accept-Encoding: gzip;q=x, *;q=-1,,,", "Accept-Encoding: br;q=1e9, gzip;q=0.5",
        "Range: bytes=0-", "Range: bytes=5-1", "Range: bytes=-", "Range: lines=1-2,3-4", "Range: bytes=" + "0-1," * 200, "If-Range: x", 'If-None-Match: "' + "0" * 64 + '"',
        "If-None-Match: " + 'W/"x",' * 300, "If-Modified-Since: yesterday", "If-Modified-Since: Thu, 99 Foo 99999 99:99:99 GMT", "X-Forwarded-For: 127.0.0.1",
        "X_Forwarded_For: 127.0.0.1", "Forwarded: for=\"[::1]:99\";;;by", "X-Real-IP: ::1", "Authorization: Basic Og==", "Authorization: Basic %%%", "Authorization: Digest",
        'Authorization: Digest username="a", realm="b", nonce="c", uri="/", response="d", nc=zz', "Authorization: Negotiate " + "A" * 500, "Cookie: " + "a=b;" * 100,
        "Content-Type: application/x-www-form-urlencoded", "Content-Type: multipart/form-data; boundary=", "Content-Type: " + "x" * 500, "Expect: 200-maybe", "Expect: 100-continue",
        "X-\xe4: \xff\xfe", "Via: " + "1.1 a, " * 50, "TE: trailers", "Accept: */*", "Max-Forwards: -1", "X: " + "y" * 3000,
    )  # fmt: skip
    BROKEN_HEADERS = (
        "Host x", ": x", " X: folded", "X: a\r\n b: folded", "X : y", "X\0: y", "X: \0", "X: a\rb", "\x01\x02: y", "X: " + "y" * 70_000, *("X: y\r\n" * many + "X: y" for many in (99, 300)),
        "Content-Length: -1", "Content-Length: 1e3", "Content-Length: 5\r\nContent-Length: 6", "Content-Length: 99999999999999999999", "Content-Length: 100000", "Content-Length: +5",
        "Transfer-Encoding: chunked", "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, gzip", "Transfer-Encoding: xchunked", "Transfer-Encoding: chunked\r\nContent-Length: 3",
        "Connection: close", "Expect: 100-continue\r\nContent-Length: 100",
    )  # fmt: skip
    BROKEN_BODIES = (b"", b"half", b"5\r\nfirst\r\n0\r\n\r\n", b"zz\r\n", b"-5\r\nfirst", b"fffffffffffffffff\r\nx", b"5;" + b"x" * 5000 + b"\r\nfirst\r\n", b"5\nfirst\n0\n\n", b"\0" * 100)
    JUNK = (b"", b"\r\n\r\n", b"\0", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", b"GET", b"GET /", b"GET / HTTP/1.1\r\nHost: x\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n")

    def __init__(self, names: Sequence[str], seed: int) -> None:
        self._names, self._dice = names, random.Random(f"requests {seed}")

    def whole(self) -> Odd:
        """Return a request whose end is where it says, so that another may follow."""
        dice = self._dice
        method = dice.choice(self.METHODS)
        lines = [f"{method} {self._target()} {dice.choice(self.VERSIONS)}", *dice.sample(self.HEADERS, dice.choice((0, 1, 1, 2, 3, 8)))]
        body = b""
        if method in ("PUT", "POST", "PATCH") or dice.random() < 0.05:
            body = dice.randbytes(dice.choice((0, 1, 100, 2000)))
            if dice.random() < 0.5:
                lines.append(f"Content-Length: {len(body)}")
            else:
                lines.append("Transfer-Encoding: chunked")
                body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:50], body[50:]) if piece) + b"0\r\n\r\n"
        return Odd("\r\n".join([*lines, "", ""]).encode("latin-1") + body, method == "HEAD")

    def last(self) -> Odd:
        """Return a request that is broken, or ends nowhere."""
        dice = self._dice
        match dice.randrange(4):
            case 0:
                whole = bytearray(self.whole().text)
                for _ in range(dice.randrange(1, 4)):
                    whole[dice.randrange(len(whole))] = dice.randrange(256)
                return Odd(bytes(whole[: dice.choice((len(whole), dice.randrange(len(whole)) + 1))]), last=True)
            case 1:
                return Odd(dice.choice(self.JUNK) + dice.randbytes(dice.choice((0, 0, 10, 5000))), last=True)
            case 2:
                return Odd(self.whole().text.replace(b"\r\n", dice.choice((b"\n", b"\r", b"\r\r\n", b"\n\r"))), last=True)
        lines = [f"{dice.choice((*self.METHODS, 'CONNECT', '', 'G E T', chr(0)))} {self._target()} {dice.choice((*self.VERSIONS, *self.BROKEN_VERSIONS))}", dice.choice(self.BROKEN_HEADERS)]
        return Odd("\r\n".join([*lines, *dice.sample(self.HEADERS, 2), "", ""]).encode("latin-1") + dice.choice(self.BROKEN_BODIES), last=True)

    def _target(self) -> str:
        dice = self._dice
        if dice.random() < 0.02:
            return dice.choice(("*", "", "/", "x:99", "http://", "http://[::1", "\xff\xfe", "/" + "a" * 9000, "/a b", "/\x7f\x01", "?", "//", "/%"))
        name = dice.choice(self._names)
        if dice.random() < 0.2:
            place = dice.randrange(len(name))
            name = name[:place] + chr(dice.choice((*b"0aZ.%-_~", 0xE4, 0x2F))) + name[place + 1 :]
        return dice.choice(self.BEFORE) + name + dice.choice(self.BEHIND)


class Line:
    """One connection: several requests at once, then their answers."""

    def __init__(self, port: int, address: str) -> None:
        self._sock = socket.socket()
        self._sock.settimeout(PATIENCE)
        self._sock.bind((address, 0))
        self._sock.connect(("127.0.0.1", port))
        self._asked: list[Odd] = []
        self._got = b""

    def ask(self, asked: list[Odd]) -> None:
        """Send requests; behind a last one nothing more."""
        self._asked = asked
        try:
            self._sock.sendall(b"".join(one.text for one in asked))
            if asked[-1].last:
                self._sock.shutdown(socket.SHUT_WR)
        except OSError:  # the server has answered and hung up
            pass

    def answers(self) -> tuple[list[int], bool]:
        """Return the status of each answer, and whether the connection goes on. Raises TimeoutError where none comes, ValueError where one is no HTTP."""
        found: list[int] = []
        for one in self._asked:
            status = self._answer(one.head or one.last)
            if status:
                found.append(status)
            if not status or one.last:
                self._sock.close()
                return found, False
        return found, True

    def _answer(self, head: bool) -> int:
        """Return the status of the next answer that is no interim one; 0 where the server has hung up."""
        while True:
            while b"\r\n\r\n" not in self._got:
                if not self._more():
                    return 0
            lines, _, rest = self._got.partition(b"\r\n\r\n")
            first, *headers = lines.split(b"\r\n")
            words = first.split(b" ", 2)
            if words[0] not in (b"HTTP/1.1", b"HTTP/1.0") or len(words) < 2 or not words[1].isdigit():
                raise ValueError(f"an answer begins with {first[:80]!r}")
            status = int(words[1])
            length = next((int(header[15:]) for header in headers if header[:15].lower() == b"content-length:"), 0)
            size = 0 if head or status < 200 or status in (204, 304) else length
            while len(rest) < size:
                if not self._more():
                    raise ValueError(f"the answer {first[:80]!r} ends after {len(rest)} of {size} bytes")
                rest = self._got.partition(b"\r\n\r\n")[2]
            self._got = rest[size:]
            if status >= 200:
                return status

    def _more(self) -> bool:
        try:
            piece = self._sock.recv(65536)
        except ConnectionError:
            return False
        self._got += piece
        return bool(piece)

    def close(self) -> None:
        """Hang up."""
        self._sock.close()


def press_http(port: int, names: Sequence[str], count: int, seed: int) -> Counter[str]:
    """Send so many requests; return how many got which answer. Raises TimeoutError where the door falls silent, ValueError where an answer is no HTTP."""
    dice, told, source = random.Random(seed), Counter[str](), Requests(names, seed)
    lines: list[Line] = []
    made = left = 0
    try:
        while left < count:
            while len(lines) < _CONNECTIONS:
                made += 1
                lines.append(Line(port, f"127.0.{1 + made % 8}.{1 + made % 200}"))
            for line in lines:
                line.ask([source.last()] if dice.random() < 0.5 else [source.whole() for _ in range(_PIPELINED)])
            going_on = []
            for line in lines:
                found, goes_on = line.answers()
                told.update(map(str, found))
                left += len(found)
                if goes_on:
                    going_on.append(line)
                else:
                    told["hung up"] += 1
                    left += not found
            lines = going_on
    finally:
        for line in lines:
            line.close()
    return told


# Both


def few(catalog: Catalog) -> Catalog:
    """Return a catalog of some families, each with a dialect of its own: the templates of all take a test too long to compile."""
    return replace(catalog, families={slug: catalog.families[slug] for slug in ("cisco-spa", "grandstream", "poly", "snom", "yealink")})


@contextmanager
def listened_to(server: Server) -> Iterator[list[str]]:
    """Give what the server says about itself, as it says it; who does not read it stops the server."""
    said: list[str] = []
    assert server.process.stderr
    thread = threading.Thread(target=lambda: said.extend(server.process.stderr or ()))
    thread.start()
    try:
        yield said
    finally:
        server.process.terminate()
        thread.join(60)


def processes(server: Server) -> dict[str, list[int]]:
    """Return the server's processes by what they are for."""
    return {**{child["name"]: [child["pid"]] for child in server.word["children"]}, "workers": workers(server)}


def fuzz(state: Path, catalog: Catalog, counts: tuple[int, int], seed: int, tell: Callable[[str], object]) -> list[str]:
    """Press on both doors of a server on this state, with so many packets and requests; return a sentence for each thing that is wrong.

    catalog: the families whose phones boot before and afterwards.
    """
    wrong: list[str] = []
    with serving(state) as server, listened_to(server) as said, closing(Store.open(state)) as store:
        http, tftp = (f"{wire}://127.0.0.1:{server.port(wire)}" for wire in ("http", "tftp"))
        phones = fleet(catalog, len(catalog.families))
        add(store, phones, http)
        expected = expected_bytes(store, catalog, phones)

        def boots(when: str) -> None:
            summary = storm(phones, http, tftp, expected=expected, patience=PATIENT)
            if not summary.good:
                wrong.extend(f"{when}: {sentence}" for sentence in summary.tell())

        boots("before")
        until(lambda: workers(server))
        before, memory = processes(server), megabytes(server.process.pid)
        for what, press, port, count in (("packets", press_tftp, server.port("tftp"), counts[0]), ("requests", press_http, server.port("http"), counts[1])):
            began = time.monotonic()
            try:
                told = press(port, _names(phones, expected), count, seed)
            except (TimeoutError, ValueError) as why:
                wrong.append(f"{what}: {why}")
                continue
            seconds = time.monotonic() - began
            tell(f"{count} {what} in {seconds:.0f} s, {count / seconds:.0f} a second; answers: {', '.join(f'{many} {name}' for name, many in sorted(told.items()))}")
            wrong += [f"{many} {what} were answered {status}" for status, many in told.items() if status[0] == "5" and status not in ("501", "503", "505")]
        boots("afterwards")
        after, grown = processes(server), megabytes(server.process.pid)
        tell(f"memory of the server: {memory:.0f} MB before, {grown:.0f} MB afterwards; processes: {after}")
        if after != before:
            wrong.append(f"the processes were {before} and are {after}")
        if grown > memory + _MORE:
            wrong.append(f"the server's memory has grown from {memory:.0f} to {grown:.0f} MB")
        if server.stop() != 0:
            wrong.append("the server did not end in peace")
    return wrong + [f"the server said: {line.rstrip()}" for line in said if "fault of ours" in line or "Traceback" in line or "has ended" in line]


def _names(phones: Sequence[Phone], expected: dict[str, dict[str, str]]) -> list[str]:
    """Return names of files: those of the phones, names that phones send files under, and some that nobody has."""
    own = [name for files in expected.values() for name in files]
    sent = [name for phone in phones for rule in phone.family.uploads if (name := phone.fill(rule.pattern))]
    return [*own, *own, *sent, *(f"{phone.mac}-boot.log" for phone in phones), _NOBODYS, "000000000000.cfg", "805ec0ffffff.cfg", "y000000000000.cfg"]


def main() -> int:
    """Run it long; return 1 where anything is wrong."""
    said = [int(word) for word in sys.argv[1:]]
    many, requests, seed = (*said, *(1_000_000, 1_000_000, 1)[len(said) :])
    with tempfile.TemporaryDirectory() as state:
        wrong = fuzz(Path(state) / "state", families.load(), (many, requests), seed, lambda line: print(line, flush=True))
    print(*(wrong[:50] or ["nothing is wrong: the same processes run, phones boot, nobody has logged a fault"]), sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
