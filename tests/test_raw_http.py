"""F14 at the running server: requests as phones of three decades write them, byte by byte; test_field.py has the door alone."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from provisioner.store import Store
from tests.test_server import MAC, Server, furnish, serving
from tests.wires import Answer, parse, raw

NAME = f"{MAC}.cfg"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    state = tmp_path_factory.mktemp("raw") / "state"
    furnish(state, mac_is_enough=True, tftp_serves_secrets=True)
    with serving(state) as one:
        yield one


@pytest.fixture(scope="module")
def port(server: Server) -> int:
    return server.port("http")


@pytest.fixture(scope="module")
def body(server: Server) -> bytes:
    return server.get(f"/{NAME}")


def asked(port: int, text: str, more: bytes = b"") -> Answer:
    return raw(port, text.replace("\n", "\r\n").encode("latin-1"), more)


def several(port: int, request: bytes, count: int) -> list[Answer]:
    """Return so many answers that come on one connection; what comes after them is told as one more."""
    found: list[Answer] = []
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.sendall(request)
        got = b""
        while len(found) < count and (piece := sock.recv(65536)):
            got += piece
            while b"\r\n\r\n" in got:
                answer = parse(got)
                size = int(answer["content-length"])
                if len(answer.body) < size:
                    break
                end = got.index(b"\r\n\r\n") + 4 + size
                found.append(parse(got[:end]))
                got = got[end:]
    return [*found, *([parse(got)] if got else [])]


@pytest.mark.parametrize("request_text", [
    f"GET /{NAME} HTTP/1.0\n\n",
    f"GET /{NAME} HTTP/1.1\nConnection: close\n\n",
    f"GET /{NAME} HTTP/1.0\nHost: \nUser-Agent: \nAccept: \n\n",
    f"GET /{NAME} HTTP/1.1\nHOST: x\nconnection: CLOSE\nuSeR-aGeNt: x\n\n",
    f"GET /{NAME} HTTP/1.1\nHost:x\nConnection:\tclose \nUser-Agent:   x   \n\n",
    f"GET /{NAME} HTTP/1.1\nHost: [::1\nHost: a b\nConnection: close\n\n",
    f"GET //{NAME} HTTP/1.0\n\n",
    f"GET /cfg//tftpboot///{NAME} HTTP/1.0\n\n",
    f"GET /{NAME.upper()} HTTP/1.0\n\n",
    f"GET /{NAME}?mac={MAC}&x=/y HTTP/1.0\n\n",
    f"GET /x\\y\\{NAME} HTTP/1.0\n\n",
    f"GET /%38{NAME[1:]} HTTP/1.0\n\n",
    f"GET http://prov.example.com:8080/x/{NAME} HTTP/1.0\n\n",
    f"GET http://prov.example.com/{NAME} HTTP/1.1\nHost: elsewhere\nConnection: close\n\n",
    f"GET /{NAME} HTTP/1.1\nHost: x\nConnection: close\nContent-Length: 0\nTE: trailers\nCookie: a=b\nPragma: no-cache\nRange: lines=1-2\n\n",
    f"GET /{NAME} HTTP/1.0\nX-Long: {'y' * 8000}\n\n",
], ids=lambda text: ascii(text[:50]))  # fmt: skip
def test_a_file_comes_however_a_phone_asks(port: int, body: bytes, request_text: str) -> None:
    answer = asked(port, request_text)
    assert (answer.code, answer.body, answer["content-length"], answer["transfer-encoding"], answer["content-encoding"]) == (200, body, str(len(body)), "", "")


def test_bare_line_ends_are_line_ends(port: int, body: bytes) -> None:
    assert raw(port, f"GET /{NAME} HTTP/1.0\nHost: x\n\n".encode()).body == body


def test_head_tells_the_length_and_sends_nothing(port: int, body: bytes) -> None:
    answer = asked(port, f"HEAD /{NAME} HTTP/1.0\n\n")
    assert (answer.code, answer["content-length"], answer.body) == (200, str(len(body)), b"")


@pytest.mark.parametrize("method", ["get", "Get", "BREW", "DELETE"])
def test_a_method_is_spelled_in_capitals(port: int, method: str) -> None:
    """RFC 9110, 9.1: methods are case-sensitive; no phone is known that would not know."""
    answer = asked(port, f"{method} /{NAME} HTTP/1.0\n\n")
    assert (answer.code, answer["allow"], answer.body) == (405, "GET, HEAD, POST, PUT", b"")


@pytest.mark.parametrize("request_text", [
    f"GET /{NAME} HTTP/1.1\nHost: x\nX-Folded: a\n  b\nConnection: close\n\n",  # RFC 9112, 5.2: a folded line may be refused, and never be read as another header
    f"GET /{NAME} HTTP/1.1\nHost : x\n\n",  # RFC 9112, 5.1: must be refused
    f"GET /a b/{NAME} HTTP/1.1\nHost: x\n\n",
    f"PUT /{MAC}-a.log HTTP/1.1\nHost: x\nContent-Length: 1\nContent-Length: 2\n\nxx",
    f"PUT /{MAC}-a.log HTTP/1.1\nHost: x\nContent-Length: -1\n\nx",
    f"GET /{NAME}\n\n",
    "\x16\x03\x01\x02\x00",  # a TLS hello
], ids=lambda text: ascii(text[:60]))  # fmt: skip
def test_what_is_no_http_is_refused_and_ends_its_connection(port: int, body: bytes, request_text: str) -> None:
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.sendall(request_text.replace("\n", "\r\n").encode("latin-1"))
        sock.shutdown(socket.SHUT_WR)
        got = b""
        while piece := sock.recv(65536):
            got += piece
    assert got == b"" or parse(got).code == 400
    assert body[:20] not in got


def test_several_requests_follow_each_other_on_one_connection(port: int, body: bytes) -> None:
    one = f"GET /{NAME} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    missing = b"GET /none HTTP/1.1\r\nHost: x\r\n\r\n"
    answers = several(port, one + missing + one, 3)
    assert [(answer.code, answer.body) for answer in answers] == [(200, body), (404, b""), (200, body)]


def test_an_old_phone_may_keep_its_connection(port: int, body: bytes) -> None:
    one = f"GET /{NAME} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".encode()
    answers = several(port, one + one, 2)
    assert [(answer.body, answer["connection"]) for answer in answers] == [(body, "keep-alive")] * 2


@pytest.mark.parametrize(("head", "sent", "kept"), [
    ("HTTP/1.1\nHost: x\nConnection: close\nExpect: 100-continue\nContent-Length: 5", b"first", b"first"),
    ("HTTP/1.1\nHost: x\nConnection: close\nexpect: 100-Continue\nTransfer-Encoding: chunked", b"3\r\nsec\r\n3;x=y\r\nond\r\n0\r\nX-Trailer: z\r\n\r\n", b"second"),
], ids=["length", "chunked"])  # fmt: skip
def test_an_upload_waits_to_be_asked_for(server: Server, port: int, head: str, sent: bytes, kept: bytes) -> None:
    name = f"{MAC}-waits-{len(kept)}.log"
    assert asked(port, f"PUT /{name} {head}\n\n", sent).code == 201
    with closing(Store.open(server.config.state)) as store:
        assert store.upload(MAC, name) == kept


def test_an_upload_of_an_old_phone_comes_with_its_head(server: Server, port: int) -> None:
    name = f"{MAC}-old.log"
    assert raw(port, f"PUT //logs/{name.upper()} HTTP/1.0\r\nContent-Length: 3\r\n\r\nold".encode()).code == 201
    with closing(Store.open(server.config.state)) as store:
        assert store.upload(MAC, name) == b"old"
