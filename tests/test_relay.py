"""The door for proxies that send PROXY headers: each header as it is read, and whole requests behind them."""

from __future__ import annotations

import asyncio
import ipaddress
import signal
import socket
import ssl
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.config import load
from provisioner.errors import BadConfig
from provisioner.eventstore import EventStore
from provisioner.server import health
from provisioner.store import Store
from provisioner.things import Network, Site
from provisioner.web.relay import BadHeader, read_header
from tests.authority import issue
from tests.test_certificates import options, trusting
from tests.test_server import MAC, Server, furnish, serving, until
from tests.wires import parse

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
GET = f"GET /{MAC}.cfg HTTP/1.0\r\n\r\n".encode()
PEER = "10.0.0.1"


def v2(source: str, *, command: int = 1, family: int | None = None, protocol: int = 1, values: bytes = b"", version: int = 2) -> bytes:
    """Return a header of version 2."""
    address = ipaddress.ip_address(source)
    rest = address.packed + address.packed + struct.pack("!HH", 50123, 80) + values
    return SIGNATURE + struct.pack("!BBH", version << 4 | command, (family if family is not None else {4: 1, 6: 2}[address.version]) << 4 | protocol, len(rest)) + rest


def v1(source: str, kind: str = "TCP4") -> bytes:
    """Return a header of version 1."""
    return f"PROXY {kind} {source} {source} 50123 80\r\n".encode()


def value(kind: int, content: bytes) -> bytes:
    return struct.pack("!BH", kind, len(content)) + content


def name_of(sent: bytes) -> tuple[str, bytes]:
    """Return the name that a header gives its connection, and what is left behind the header."""

    async def read() -> tuple[str, bytes]:
        reader = asyncio.StreamReader()
        reader.feed_data(sent)
        reader.feed_eof()
        return await read_header(reader, PEER), await reader.read()

    return asyncio.run(read())


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (v1("192.0.2.7"), "192.0.2.7"),
        (v1("2001:db8::7", "TCP6"), "2001:db8::7"),
        (b"PROXY UNKNOWN\r\n", "nowhere"),
        (b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "nowhere"),
        (v2("192.0.2.7"), "192.0.2.7"),
        (v2("2001:db8::7"), "2001:db8::7"),
        (v2("192.0.2.7", values=value(0x01, b"h2") + value(0x04, b"")), "192.0.2.7"),
        (v2("192.0.2.7", values=value(0x20, b"\x01\0\0\0\0" + value(0x21, b"TLSv1.3"))), "192.0.2.7,https"),
        (v2("192.0.2.7", values=value(0x20, b"\0\0\0\0\0")), "192.0.2.7"),
        (v2("192.0.2.7", command=0), PEER),
        (SIGNATURE + b"\x20\0\0\0", PEER),
        (v2("192.0.2.7", family=0), "nowhere"),
        (v2("192.0.2.7", family=3), "nowhere"),
        (v2("192.0.2.7", protocol=2), "nowhere"),
    ],
)
def test_a_header_names_whose_connection_it_is_and_nothing_behind_it_is_lost(header: bytes, name: str) -> None:
    assert name_of(header + GET) == (name, GET)


@pytest.mark.parametrize(
    "header",
    [
        GET,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 20,
        v1("192.0.2.7", "TCP6"),
        v1("192.0.2.7", "UDP4"),
        v1("192.0.2.999"),
        v1("192.0.2.7").replace(b"50123", b"70000"),
        v1("192.0.2.7").replace(b"50123", b"-1"),
        v1("192.0.2.7").replace(b" 80", b""),
        v1("192.0.2.7").replace(b" 80", b" 80 81"),
        v1("192.0.2.7").replace(b"\r\n", b"\n"),
        b"PROXY " + b"x" * 200 + b"\r\n",
        b"PROXY TCP4 \xff\xff\r\n",
        v2("192.0.2.7", version=1),
        v2("192.0.2.7", command=2),
        v2("192.0.2.7", family=2),
        v2("192.0.2.7", values=b"\x20\0"),
        v2("192.0.2.7", values=b"\x20\0\xff\x01"),
        SIGNATURE + struct.pack("!BBH", 0x21, 0x11, 65535) + b"x" * 65535,
    ],
)
def test_what_is_no_header_is_refused(header: bytes) -> None:
    with pytest.raises((BadHeader, asyncio.IncompleteReadError)):
        name_of(header)


@given(st.binary(max_size=64) | st.binary(max_size=64).map(SIGNATURE.__add__) | st.binary(max_size=64).map(b"PROXY ".__add__))
def test_no_bytes_whatever_are_a_fault(sent: bytes) -> None:
    try:
        name, _ = name_of(sent)
    except (BadHeader, asyncio.IncompleteReadError):
        return
    assert name in ("nowhere", PEER) or ipaddress.ip_address(name.removesuffix(",https"))


# Whole requests.


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state whose phone gets its file by its MAC alone from 192.0.2.0/24, 2001:db8::/32, and nowhere else."""
    furnish(tmp_path / "state")
    store = Store.open(tmp_path / "state")
    with store.change("test", "test") as tx:
        tx.put_site(replace(store.site("default") or Site("default"), networks=tuple(Network(one, mac_is_enough=True) for one in ("192.0.2.0/24", "2001:db8::/32"))))
    store.close()
    return tmp_path / "state"


@pytest.fixture
def server(state: Path, tmp_path: Path) -> Iterator[Server]:
    with serving(state, **BEHIND, **options(*issue(tmp_path))) as running:
        yield running


BEHIND = {"PROVISIONER_PROXY_ADDRESS": "127.0.0.1:0", "PROVISIONER_TRUSTED_PROXIES": "127.0.0.1, 198.51.100.0/24"}


def code(server: Server, sent: bytes) -> int:
    """Return the status of what comes back, 0 where the connection is closed without a word."""
    with socket.create_connection(("127.0.0.1", server.port("proxy")), 15) as sock:
        try:
            sock.sendall(sent)
            got = b""
            while piece := sock.recv(65536):
                got += piece
        except ConnectionResetError:
            return 0
    return parse(got).code if got else 0


def test_the_address_in_the_header_is_the_phones(server: Server, state: Path) -> None:
    assert code(server, v1("192.0.2.7") + GET) == code(server, v2("192.0.2.8") + GET) == code(server, v2("2001:db8::7") + GET) == 200
    assert code(server, v1("203.0.113.7") + GET) == code(server, v2("203.0.113.7") + GET) == 404
    assert code(server, v2("192.0.2.9", values=value(0x20, b"\x01\0\0\0\0")) + GET) == 200
    assert code(server, b"PROXY UNKNOWN\r\n" + GET) == 404  # behind a proxy on this machine nobody becomes local
    assert code(server, v2("192.0.2.7", family=0) + GET) == 404
    assert code(server, v2("192.0.2.7", command=0) + GET) == 404  # the proxy itself, 127.0.0.1, which is in none of the networks
    assert [part for part, well, _ in health(server.config) if not well] == []
    assert {"proxy", "http-behind", "https-behind"} <= {part for part, *_ in health(server.config)}
    assert server.stop() == 0
    events = [(event.address, event.wire) for event in EventStore.open(state).events(MAC)]
    assert events.count(("192.0.2.7", "http")) == 1 and ("192.0.2.9", "https") in events and ("2001:db8::7", "http") in events and ("", "http") in events


def test_a_forwarded_word_of_the_phone_itself_is_not_believed_and_the_event_says_whose_it_was(server: Server, state: Path) -> None:
    forged = GET.replace(b"\r\n\r\n", b"\r\nX-Forwarded-For: 192.0.2.7\r\n\r\n")
    assert code(server, v1("203.0.113.7") + forged) == 404
    assert code(server, v1("192.0.2.7") + forged) == 404
    assert code(server, v1("198.51.100.1") + forged) == 200  # another proxy before this one, which is trusted
    assert server.stop() == 0
    sentences = [event.sentence for event in EventStore.open(state).events(MAC) if event.outcome == "refused"]
    assert "(203.0.113.7: trusted_proxies does not name it" in sentences[0]


def test_tls_is_passed_on_as_it_is(server: Server, tmp_path: Path) -> None:
    with socket.create_connection(("127.0.0.1", server.port("proxy")), 10) as plain:
        plain.sendall(v2("192.0.2.7"))
        with trusting(tmp_path).wrap_socket(plain, server_hostname="127.0.0.1") as sock:
            sock.sendall(GET)
            got = b""
            while piece := sock.recv(65536):
                got += piece
    assert parse(got).code == 200


def test_a_connection_may_ask_more_than_once_and_send_a_body(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port("proxy")), 10) as sock:
        sock.sendall(v1("192.0.2.7"))
        for _ in range(3):
            sock.sendall(f"GET /{MAC}.cfg HTTP/1.1\r\nHost: h\r\n\r\n".encode())
            head = b""
            while b"\r\n\r\n" not in head:
                head += sock.recv(1)
            length = int(parse(head)["content-length"])
            while length:
                length -= len(sock.recv(length))
        body = b"x" * 100_000
        sock.sendall(f"PUT /{MAC}-local.cfg HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        got = b""
        while piece := sock.recv(65536):
            got += piece
    assert parse(got).code == 201


def test_the_header_may_come_in_pieces(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port("proxy")), 10) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in v2("192.0.2.7"):
            sock.sendall(bytes([byte]))
        sock.sendall(GET)
        assert sock.recv(20).startswith((b"HTTP/1.0 200", b"HTTP/1.1 200"))


@pytest.mark.parametrize("sent", [GET, b"PROXY TCP4 x\r\n" + GET, SIGNATURE + b"\xff" * 100, b"\x16\x03\x01" + b"x" * 100, b"\0" * 5000])
def test_a_connection_without_a_header_is_closed_without_a_word(server: Server, sent: bytes) -> None:
    assert code(server, sent) == 0
    assert code(server, v1("192.0.2.7") + GET) == 200


def test_slow_headers_hold_up_nobody(server: Server) -> None:
    slow = [socket.create_connection(("127.0.0.1", server.port("proxy")), 20) for _ in range(50)]
    for sock in slow:
        sock.sendall(b"PROXY TCP4 192")
    assert code(server, v1("192.0.2.7") + GET) == 200
    assert all(sock.recv(1) == b"" for sock in slow)  # closed, each after its ten seconds
    for sock in slow:
        sock.close()


def test_whoever_is_no_trusted_proxy_is_closed_at_once_and_told_once(state: Path) -> None:
    with serving(state, **{**BEHIND, "PROVISIONER_TRUSTED_PROXIES": "198.51.100.1"}) as server:
        assert [code(server, v1("192.0.2.7") + GET) for _ in range(3)] == [0, 0, 0]
        server.process.terminate()
        _, said = server.process.communicate(timeout=30)
    assert said.count("127.0.0.1 is not one of trusted_proxies; its connections are closed") == 1


def test_a_proxys_door_that_trusts_nobody_is_a_slip_that_is_named() -> None:
    with pytest.raises(BadConfig, match="trusted_proxies names nobody"):
        load(environ={"PROVISIONER_PROXY_ADDRESS": "127.0.0.1:0"})


def test_without_a_certificate_tls_is_closed_and_told(state: Path) -> None:
    with serving(state, **BEHIND) as server:
        assert code(server, v1("192.0.2.7") + b"\x16\x03\x01" + b"x" * 100) == 0
        assert code(server, v1("192.0.2.7") + GET) == 200
        server.process.terminate()
        _, said = server.process.communicate(timeout=30)
    assert "there is no certificate" in said


def test_a_reload_and_the_end_lose_no_connection(server: Server) -> None:
    before = server.child("http-behind")
    server.process.send_signal(signal.SIGHUP)
    while server.child("http-behind") in (0, before):
        assert code(server, v1("192.0.2.7") + GET) == 200
    until(lambda: not Path(f"/proc/{before}").exists(), 90)
    assert code(server, v1("192.0.2.7") + GET) == 200
    room = Path(f"/proc/{server.child('proxy')}/cwd").resolve()
    assert sorted(file.name for file in room.iterdir()) == ["http.sock", "https.sock"] and room.stat().st_mode & 0o077 == 0
    assert server.stop() == 0
    assert not room.exists()


def test_the_same_certificate_behind_a_proxy_is_renewed_too(server: Server, tmp_path: Path) -> None:
    issue(tmp_path, days=(-1, 300))
    server.process.send_signal(signal.SIGHUP)

    def shown() -> bytes:
        with socket.create_connection(("127.0.0.1", server.port("proxy")), 10) as plain:
            plain.sendall(v2("192.0.2.7"))
            with trusting(tmp_path).wrap_socket(plain, server_hostname="127.0.0.1") as sock:
                return sock.getpeercert(binary_form=True) or b""

    wanted = ssl.PEM_cert_to_DER_cert((tmp_path / "fullchain.pem").read_text().partition("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----")
    until(lambda: shown() == wanted, 90)


def test_what_a_killed_server_left_in_memory_is_taken_over(server: Server, state: Path) -> None:
    room = Path(f"/proc/{server.child('proxy')}/cwd").resolve()
    server.process.kill()
    server.process.wait(30)
    assert room.exists()
    with serving(state, **BEHIND) as again:
        until(lambda: again.word["pid"] == again.process.pid)  # what the killed one said of itself is still there
        assert Path(f"/proc/{again.child('proxy')}/cwd").resolve() == room
        assert code(again, v1("192.0.2.7") + GET) == 200
        assert again.stop() == 0
    assert not room.exists()
