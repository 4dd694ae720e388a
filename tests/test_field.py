"""Rules of the field at the wires: F3, F14, F16 and F18, as bytes on real sockets."""

from __future__ import annotations

import hashlib
import random
import socket
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provisioner.web.phones import Door
from provisioner.wire import PhoneRequest, Reply
from tests.wires import Answer, http_server, raw

BODY = b"account.1.user_name = 212\n" * 300
FIRMWARE = random.Random(1).randbytes(12_000_000)


class Shelf:
    """A booter in small, which keeps uploads in a folder, since it runs in the workers' processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def answer(self, request: PhoneRequest) -> Reply:
        name = request.path.replace("\\", "/").rpartition("/")[2].lower()
        if name == "a.cfg":
            return Reply("served", body=BODY, media_type="text/plain", etag=hashlib.sha256(BODY).hexdigest(), revised_at=datetime(2026, 1, 2, tzinfo=UTC))
        if name == "fw.rom":
            return Reply("served", file=self.folder / name)
        if name == "where":
            return Reply("served", body=f"{request.address} {request.forwarded} {request.user_agent}".encode())
        return Reply({"fault.cfg": "failed", "mine.cfg": "refused", "new.cfg": "unknown"}.get(name, "missing"), sentence="nobody may see this")

    def receive(self, request: PhoneRequest, body: bytes) -> Reply:
        if not request.path.endswith(".log") or len(body) > 1_000_000:
            return Reply("refused")
        (self.folder / request.path.strip("/")).write_bytes(body)
        return Reply("uploaded")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shelf")
    (folder / "fw.rom").write_bytes(FIRMWARE)
    return folder


@pytest.fixture(scope="module")
def port(folder: Path) -> Iterator[int]:
    def load() -> Door:
        return Door(Shelf(folder))

    with http_server(load, workers=2) as number:
        yield number


def get(port: int, path: str, *headers: str, protocol: str = "HTTP/1.1", method: str = "GET") -> Answer:
    lines = [f"{method} {path} {protocol}", *(["Host: x", "Connection: close"] if protocol == "HTTP/1.1" else []), *headers]
    return raw(port, ("\r\n".join(lines) + "\r\n\r\n").encode())


# F14: wires as phones speak them


@pytest.mark.parametrize("path", ["/a.cfg", "/A.cfg", "//a.cfg", "/tftpboot//a.cfg", "\\a.cfg", "/x\\a.cfg", "/a.cfg?mac=805ec0d57d72", "/%61.cfg", "http://elsewhere/a.cfg"])
def test_the_last_segment_decides(port: int, path: str) -> None:
    if path.startswith("\\"):
        assert get(port, path).code == 400  # granian's own: a target begins with a slash or is a URL (RFC 9112, 3.2)
        return
    assert (get(port, path).code, get(port, path).body) == (200, BODY)


def test_a_phone_of_the_last_century_is_served(port: int) -> None:
    for request in (b"GET /a.cfg HTTP/1.0\r\n\r\n", b"GET /a.cfg HTTP/1.1\r\nConnection: close\r\n\r\n", b"GET /a.cfg HTTP/1.0\r\nUser-Agent:\r\n\r\n"):
        answer = raw(port, request)
        assert (answer.code, answer.body, answer["content-length"], answer["transfer-encoding"]) == (200, BODY, str(len(BODY)), "")


def test_nothing_is_chunked_and_nothing_packed_unasked(port: int) -> None:
    for path in ("/a.cfg", "/fw.rom", "/none", "/fault.cfg"):
        answer = get(port, path)
        assert answer["content-length"] == str(len(answer.body))
        assert answer["transfer-encoding"] == answer["content-encoding"] == ""
    assert get(port, "/a.cfg", "Accept-Encoding: gzip")["content-encoding"] == "gzip"
    head = get(port, "/fw.rom", method="HEAD")
    assert (head["content-length"], head.body) == (str(len(FIRMWARE)), b"")


def test_an_upload_may_wait_for_100_continue_and_come_in_chunks(port: int, folder: Path) -> None:
    head = b"PUT /chunks.log HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert raw(port, head, b"5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n").code == 201
    assert (folder / "chunks.log").read_bytes() == b"firstsecond"


def test_half_an_upload_is_not_kept(port: int, folder: Path) -> None:
    """Where the phone said its length: granian 2.8 hands a chunked body that broke off on as if it were whole."""
    with socket.create_connection(("127.0.0.1", port), 10) as sock:
        sock.sendall(b"PUT /half.log HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(4096):
            pass
    assert not (folder / "half.log").exists()


def test_curl_sends_and_fetches(port: int, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "big.log").write_bytes(FIRMWARE[:1_000_000])
    url = f"http://127.0.0.1:{port}"
    run = subprocess.run(["curl", "-sS", "-f", "-T", "big.log", f"{url}/curl.log"], cwd=tmp_path, timeout=30, check=False)
    assert run.returncode == 0 and (folder / "curl.log").read_bytes() == FIRMWARE[:1_000_000]
    assert subprocess.run(["curl", "-sS", "-r", "10-19", f"{url}/fw.rom"], capture_output=True, timeout=30, check=True).stdout == FIRMWARE[10:20]
    (tmp_path / "big.log").write_bytes(FIRMWARE[:1_000_001])
    assert subprocess.run(["curl", "-sS", "-f", "-T", "big.log", f"{url}/more.log"], cwd=tmp_path, stderr=subprocess.DEVNULL, timeout=30, check=False).returncode == 22


# F3, D12: what a phone is told


def test_unknown_refused_and_missing_are_alike_in_every_byte(port: int) -> None:
    def whole(answer: Answer) -> tuple[str, list[tuple[str, str]], bytes]:
        return answer.status, [header for header in answer.headers if header[0] != "date"], answer.body

    for protocol in ("HTTP/1.0", "HTTP/1.1"):
        answers = [whole(get(port, path, protocol=protocol)) for path in ("/mine.cfg", "/new.cfg", "/none", "/%00", "/")]
        assert all(answer == answers[0] for answer in answers)
        assert answers[0][0].endswith("404 Not Found") and answers[0][2] == b""
    assert get(port, "/none")["server"] == "provisioner"


def test_our_own_fault_asks_the_phone_to_come_back(port: int) -> None:
    answer = get(port, "/fault.cfg")
    assert (answer.code, answer["retry-after"], answer.body) == (503, "30", b"")


# F18: who is believed


@pytest.mark.parametrize("header", ["X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1", "X-Real-IP: 127.0.0.1", "X-Forwarded-Host: x", "x-forwarded-for:"])
def test_a_proxy_that_nobody_named_makes_nothing_local(port: int, header: str) -> None:
    assert get(port, "/where", header).body == b" True "
    assert get(port, "/where").body == b"127.0.0.1 False "


# R9: slow clients


def test_slow_clients_keep_nobody_out(port: int) -> None:
    slow = []
    try:
        for number in range(300):
            sock = socket.create_connection(("127.0.0.1", port), 10)
            slow.append(sock)
            if number < 200:
                sock.sendall(b"GET /a.cfg HT")
            elif number < 250:
                sock.sendall(b"PUT /slow.log HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nh")
            else:
                sock.sendall(b"GET /fw.rom HTTP/1.1\r\nHost: x\r\n\r\n")
        for _ in range(5):
            assert get(port, "/a.cfg").body == BODY
    finally:
        for sock in slow:
            sock.close()
    assert any(get(port, "/fw.rom").code == 200 for _ in range(2000))  # the slow ones are gone, so assets go out again
