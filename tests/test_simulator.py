"""The simulated phone: what it asks, in which order, and when it rests; and its two clients on wires that misbehave."""

from __future__ import annotations

import hashlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from provisioner import simulator
from provisioner.families import Family, read_family
from provisioner.simulator import Answer, Ask, Boot, Patience, Phone, boot, play, storm, tell

MAC = "805ec0d57d72"
TOKEN = "zyxwvutsrqpnmkjihgfedcba23"
HASTY = Patience(tries=3, wait=0.01, silence=2.0, resend=0.05, resends=6)

MANIFEST = """
name = "Phones of a test"
vendor = "Acme"

[identify]
ouis = ["805ec0"]
user_agents = ["Acme {model} {firmware} {mac}", "Acme {model} {mac}"]

[[files]]
match = "boot{mac}.cfg"

[[files]]
match = "{mac}.cfg"
template = "phone.j2"

[[files]]
match = "{code}.cfg"
otherwise = true

[[files]]
match = "000000000000.cfg"
otherwise = true

[[files]]
match = "new{mac}.cfg"
firmware = ">=2"

[[files]]
match = "book{mac}.xml"
named_in = "{mac}.cfg"

[[files]]
match = "{serial}.lic"

[[files]]
match = "*.rom"
asset = "firmware"
asks = false

[[uploads]]
match = "{mac}-own.cfg"
kind = "override"

[[uploads]]
match = "{mac}.log"
kind = "log"

[models.A1]
code = "a1x"
lines = 2
source = "made up"
"""


@pytest.fixture
def family(tmp_path: Path) -> Family:
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "family.toml").write_text(MANIFEST)
    (folder / "phone.j2").write_text("")
    return read_family([folder])


@pytest.fixture
def phone(family: Family) -> Phone:
    return Phone(family, "A1", MAC, "1.2.3")


class Server:
    """Files by the path of their URL; what is not there is a 404. `asked` is the diary."""

    def __init__(self, files: Mapping[str, bytes | int]) -> None:
        self.files, self.asked = files, []  # type: Mapping[str, bytes | int], list[Ask]

    def __call__(self, ask: Ask) -> Answer:
        self.asked.append(ask)
        found = self.files.get(ask.url.partition("://")[2].partition("/")[2], 404)
        if ask.body is not None:
            return Answer(201)
        return Answer(found) if isinstance(found, int) else Answer(200, found)

    @property
    def names(self) -> list[str]:
        return [ask.url.rpartition("/")[2] for ask in self.asked]


# The phone itself


def test_it_asks_in_the_order_of_the_manifest_and_otherwise_only_where_nothing_came(phone: Phone) -> None:
    server = Server({f"{MAC}.cfg": b"line = 212\n"})
    result = play(phone, "http://prov", server)
    assert server.names == [f"boot{MAC}.cfg", f"{MAC}.cfg"] * 2
    assert (result.came_to_rest, result.complete, result.rounds, result.reboots) == (True, True, 2, 1)
    assert result.files == {f"{MAC}.cfg": hashlib.sha256(b"line = 212\n").hexdigest()}


def test_a_url_that_is_told_in_parts_is_put_together(tmp_path: Path) -> None:
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "family.toml").write_text(MANIFEST + '[provisioning]\nparts = ["protocol: {scheme}", "server: {host}", "port: {port}", "path: {path}"]\n')
    (folder / "phone.j2").write_text("")
    phone = Phone(read_family([folder]), "A1", MAC, "1.2.3")
    body = f"protocol: HTTP\nserver: prov.example.com\nport: 8080\npath: p/{TOKEN}\n".encode()

    result = play(phone, "http://first", Server({f"{MAC}.cfg": body, f"p/{TOKEN}/{MAC}.cfg": body}))

    assert (result.url, result.came_to_rest) == (f"http://prov.example.com:8080/p/{TOKEN}/", True)
    ipv6 = Server({f"{MAC}.cfg": b"server: 2001:db8::7\nport: 80\npath: \n"})
    assert play(phone, "http://first", ipv6).url == "http://[2001:db8::7]/"


def test_a_404_leads_it_down_the_chain_to_the_end(phone: Phone) -> None:
    server = Server({})
    result = play(phone, "http://prov/", server)
    assert server.names == [f"boot{MAC}.cfg", f"{MAC}.cfg", "a1x.cfg", "000000000000.cfg"]
    assert result.came_to_rest and not result.complete
    assert result.sentences == ("got no file at all and keeps what it has",)


def test_a_firmware_and_a_serial_number_open_what_is_guarded_by_them(family: Family) -> None:
    server = Server({f"{MAC}.cfg": b"x"})
    play(Phone(family, "A1", MAC, "2.0", "SN7"), "http://prov/", server)
    assert server.names[:4] == [f"boot{MAC}.cfg", f"{MAC}.cfg", f"new{MAC}.cfg", "SN7.lic"]


def test_it_sends_the_first_user_agent_whose_parts_it_knows(family: Family) -> None:
    assert Phone(family, "a-1", MAC, "1.2.3").user_agent == f"Acme A1 1.2.3 {MAC}"
    assert Phone(family, "A1", MAC).user_agent == f"Acme A1 {MAC}"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (f'<book url="http://prov/p/{TOKEN}/book{MAC}.xml"/>', f"http://prov/p/{TOKEN}/book{MAC}.xml"),
        (f"book = book{MAC}.xml\n", f"http://prov/start/book{MAC}.xml"),
        (f"book = tftp://other:6969/deep/book{MAC.upper()}.XML,1", f"tftp://other:6969/deep/book{MAC.upper()}.XML"),
    ],
)
def test_a_file_is_asked_where_a_served_one_names_it(phone: Phone, text: str, url: str) -> None:
    server = Server({f"start/{MAC}.cfg": text.encode()})
    play(phone, "http://prov/start", server)
    assert [ask.url for ask in server.asked][2] == url


def test_a_file_that_is_not_named_is_not_asked(phone: Phone) -> None:
    server = Server({f"{MAC}.cfg": f"book = xbook{MAC}.xml.old\n".encode()})
    play(phone, "http://prov/", server)
    assert f"book{MAC}.xml" not in server.names


@pytest.mark.parametrize(
    "spelling",
    [f"url = http://prov:8080/p/{TOKEN}/\n", f"<P237>prov:8080/p/{TOKEN}</P237>", f"url=http://prov:8080/p/{TOKEN}/$MA.xml", f'<a set="HTTP://prov:8080/p/{TOKEN}/"/>'],
)
def test_it_restarts_from_the_url_that_it_was_given(phone: Phone, spelling: str) -> None:
    body = spelling.encode()
    server = Server({f"{MAC}.cfg": body, f"p/{TOKEN}/{MAC}.cfg": body})
    result = play(phone, "http://prov:8080/", server)
    assert result.url.lower() == f"http://prov:8080/p/{TOKEN}/"
    assert (result.came_to_rest, result.rounds) == (True, 2)


def test_a_url_behind_a_path_with_a_name_that_looks_like_a_token_but_is_longer_is_not_ours(phone: Phone) -> None:
    result = play(phone, "http://prov/", Server({f"{MAC}.cfg": f"http://other/p/{TOKEN}z/".encode()}))
    assert result.url == "http://prov/"


def test_a_bootstrap_leads_to_the_public_url_and_from_there_to_the_steady_one(phone: Phone) -> None:
    body = f"url = http://prov:8080/p/{TOKEN}/\n".encode()
    server = Server({f"boot/{MAC}.cfg": b"<url>http://prov:8080/</url>", f"{MAC}.cfg": body, f"p/{TOKEN}/{MAC}.cfg": body})
    result = play(phone, "tftp://prov/boot", server, public_url="http://prov:8080/")
    assert (result.came_to_rest, result.rounds, result.reboots) == (True, 3, 2)
    assert result.url == f"http://prov:8080/p/{TOKEN}/"


def test_a_server_whose_bytes_change_never_lets_it_rest(phone: Phone) -> None:
    count = iter(range(100))

    def restless(ask: Ask) -> Answer:
        return Answer(200, f"served {next(count)} times".encode()) if ask.url.endswith(f"/{MAC}.cfg") else Answer(404)

    result = play(phone, "http://prov/", restless)
    assert (result.came_to_rest, result.rounds) == (False, 3)
    assert result.sentences == ("did not come to rest: round 3 still gave other bytes than the one before",)


def test_after_503_it_waits_longer_each_time_and_then_keeps_what_it_has(phone: Phone) -> None:
    server = Server({f"boot{MAC}.cfg": 503})
    result = play(phone, "http://prov/", server)
    assert [ask.after for ask in server.asked] == [0.0, 1.0, 2.0, 4.0]
    assert result.sentences == (f"gave up on boot{MAC}.cfg after 4 tries (503) and keeps what it has",)
    assert not result.came_to_rest and not result.complete
    assert server.names == [f"boot{MAC}.cfg"] * 4, "a phone that our fault met must not go on to the next file"


def test_it_sends_its_overrides_once_where_asked_and_never_logs(phone: Phone) -> None:
    server = Server({f"{MAC}.cfg": b"x"})
    result = play(phone, "http://prov/", server, uploads=True)
    sent = [fetch for fetch in result.fetches if fetch.sent]
    assert [(fetch.name, fetch.status, fetch.round) for fetch in sent] == [(f"{MAC}-own.cfg", 201, 1)]
    assert result.came_to_rest and result.complete


def test_a_boot_is_told_without_the_token(phone: Phone) -> None:
    body = f"url = http://prov/p/{TOKEN}/\n".encode()
    result = play(phone, "http://prov/", Server({f"{MAC}.cfg": body, f"p/{TOKEN}/{MAC}.cfg": body}))
    lines = tell(result)
    assert lines[0] == f"{MAC} (acme/A1) boots from http://prov/"
    assert [line.split()[0] for line in lines[1:3]] == ["404", "200"]
    assert lines[3] == "restarts from http://prov/p/…/"
    assert lines[-1] == "at rest after 2 rounds and 1 restart"
    assert TOKEN not in "\n".join(lines) + repr(result)


# HTTP on a real socket


@contextmanager
def http(answers: Callable[[bytes], bytes | None]) -> Iterator[str]:
    """Serve what `answers` makes of a request's head; None closes without a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def work() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    head = b""
                    while b"\r\n\r\n" not in head:
                        piece = connection.recv(65536)
                        if not piece:
                            break
                        head += piece
                    answer = answers(head)
                    if answer is not None:
                        connection.sendall(answer)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def served(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


def only_its_own(body: bytes) -> Callable[[bytes], bytes]:
    return lambda head: body if head.startswith(b"GET /805ec0d57d72.cfg ") else NOT_FOUND


def test_over_http_it_asks_as_a_phone_does(phone: Phone) -> None:
    heads: list[bytes] = []

    def answers(head: bytes) -> bytes:
        heads.append(head)
        return only_its_own(served(b"x" * 300_000))(head)

    with http(answers) as url:
        result = boot(phone, url, patience=HASTY)
    assert result.came_to_rest and result.fetches[1].size == 300_000
    host = url.removeprefix("http://").rstrip("/")
    assert heads[1].decode() == (
        f"GET /{MAC}.cfg HTTP/1.1\r\nHost: {host}\r\nAccept: */*\r\nConnection: close\r\nUser-Agent: Acme A1 1.2.3 {MAC}\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (None, "the connection ended before an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "the answer ended after 5 of 10 bytes"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n", "the answer came in pieces of unknown length, which old phones do not read"),
    ],
)
def test_an_answer_that_is_none_is_silence_and_says_why(phone: Phone, answer: bytes | None, why: str) -> None:
    with http(lambda head: answer) as url:
        result = boot(phone, url, patience=HASTY)
    assert [(fetch.status, fetch.tries, fetch.why) for fetch in result.fetches] == [(0, 3, why)]


def test_a_503_that_passes_is_only_a_wait(phone: Phone) -> None:
    left = iter([b"HTTP/1.1 503 Busy\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"] * 2)
    with http(lambda head: next(left, None) or only_its_own(served(b"x"))(head)) as url:
        result = boot(phone, url, patience=HASTY)
    assert result.came_to_rest and [fetch.tries for fetch in result.fetches] == [3, 1, 1, 1]


def test_nobody_at_the_door_is_silence(phone: Phone) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    result = boot(phone, f"http://127.0.0.1:{port}/", patience=HASTY)
    assert (result.fetches[0].status, result.fetches[0].why) == (0, "the connection was refused")


# TFTP on a real socket


@contextmanager
def tftp(play_out: Callable[[socket.socket, bytes, tuple[str, int]], None]) -> Iterator[str]:
    """Hand each first packet, with its peer and a socket of its own, to `play_out`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))

        def work() -> None:
            while True:
                packet, peer = door.recvfrom(65536)
                if packet == b"end":
                    return
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                    sock.bind(("127.0.0.1", 0))
                    sock.settimeout(5)
                    play_out(sock, packet, peer)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield f"tftp://127.0.0.1:{door.getsockname()[1]}/"
        finally:
            door.sendto(b"end", door.getsockname())
            thread.join()


def refuse(sock: socket.socket, peer: tuple[str, int]) -> None:
    sock.sendto(b"\0\5\0\1none\0", peer)


def test_over_tftp_it_takes_a_larger_block_where_it_is_granted(phone: Phone) -> None:
    body, firsts = bytes(range(256)) * 20, []

    def plays(sock: socket.socket, packet: bytes, peer: tuple[str, int]) -> None:
        firsts.append(packet)
        if packet.split(b"\0")[1] != b"\1" + MAC.encode() + b".cfg":
            return refuse(sock, peer)
        sock.sendto(b"\0\6blksize\0001000\0", peer)
        for number in range(len(body) // 1000 + 2):
            got, _ = sock.recvfrom(100)
            assert got == b"\0\4" + number.to_bytes(2)
            if number <= len(body) // 1000:
                sock.sendto(b"\0\3" + (number + 1).to_bytes(2) + body[number * 1000 : (number + 1) * 1000], peer)
        return None

    with tftp(plays) as url:
        result = boot(phone, url, patience=HASTY)
    assert firsts[1] == b"\0\1" + MAC.encode() + b".cfg\0octet\0blksize\0001428\0"
    assert result.came_to_rest and result.files == {f"{MAC}.cfg": hashlib.sha256(body).hexdigest()}
    assert [fetch.status for fetch in result.fetches] == [404, 200, 404, 200]


def test_packets_that_are_lost_twice_or_foreign_do_no_harm(phone: Phone) -> None:
    """The server forgets options, loses its first DATA, sends one twice, and a stranger joins in."""
    body = b"a" * 512 + b"b" * 512 + b"c" * 100

    def plays(sock: socket.socket, packet: bytes, peer: tuple[str, int]) -> None:
        if packet.split(b"\0")[1] != b"\1" + MAC.encode() + b".cfg":
            return refuse(sock, peer)
        blocks = [b"\0\3" + number.to_bytes(2) + body[(number - 1) * 512 : number * 512] for number in (1, 2, 3)]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.settimeout(5)
            sock.sendto(blocks[0], peer)
            assert sock.recvfrom(100)[0] == b"\0\4\0\1"
            stranger.sendto(b"\0\3\0\2" + b"evil" * 128, peer)
            assert stranger.recvfrom(100)[0][:4] == b"\0\5\0\5"
            sock.sendto(blocks[0], peer)  # our ACK was lost, as far as the server knows
            assert sock.recvfrom(100)[0] == b"\0\4\0\1"
            assert sock.recvfrom(100)[0] == b"\0\4\0\1"  # the phone's own resend, since block 2 was lost
            sock.sendto(blocks[1], peer)
            while sock.recvfrom(100)[0] != b"\0\4\0\2":
                pass
            sock.sendto(blocks[2], peer)
            while sock.recvfrom(100)[0] != b"\0\4\0\3":
                pass
        return None

    with tftp(plays) as url:
        result = boot(phone, url, patience=HASTY)
    assert result.came_to_rest
    assert result.files == {f"{MAC}.cfg": hashlib.sha256(body).hexdigest()}


def test_silence_over_tftp_ends_in_giving_up(phone: Phone) -> None:
    with tftp(lambda sock, packet, peer: None) as url:
        result = boot(phone, url, patience=Patience(tries=2, wait=0.01, resend=0.02, resends=1))
    assert [(fetch.status, fetch.tries, fetch.why) for fetch in result.fetches] == [(0, 2, "no answer in time")]


def test_what_it_sends_over_tftp_arrives_whole(phone: Phone) -> None:
    got: dict[str, bytes] = {}

    def plays(sock: socket.socket, packet: bytes, peer: tuple[str, int]) -> None:
        name = packet[2:].split(b"\0")[0].decode()
        if packet[1] == 1:
            if name != f"{MAC}.cfg":
                return refuse(sock, peer)
            sock.sendto(b"\0\3\0\1x", peer)
            sock.recvfrom(100)
            return None
        number, body = 0, b""
        while True:
            sock.sendto(b"\0\4" + number.to_bytes(2), peer)
            data, _ = sock.recvfrom(1000)
            assert data[:4] == b"\0\3" + (number + 1).to_bytes(2)
            body, number = body + data[4:], number + 1
            if len(data) < 516:
                break
        sock.sendto(b"\0\4" + number.to_bytes(2), peer)
        got[name] = body
        return None

    with tftp(plays) as url:
        result = boot(phone, url, uploads=True, patience=HASTY)
    assert got == {f"{MAC}-own.cfg": f"# kept by the user of {MAC}\n".encode()}
    assert result.came_to_rest


# Many phones


def test_a_storm_says_what_came_wrong(family: Family) -> None:
    phones = [Phone(family, "A1", f"805ec000000{digit}") for digit in "0123"]

    def answers(head: bytes) -> bytes:
        name = head.split()[1].decode().lstrip("/")
        return served(name.encode()) if name in {f"{phone.mac}.cfg" for phone in phones[:3]} else NOT_FOUND

    def expected(phone: Phone) -> dict[str, str]:
        return {f"{phone.mac}.cfg": hashlib.sha256(f"{phone.mac}.cfg".encode()).hexdigest()}

    with http(answers) as url:
        fine = storm(phones[:3], http=url, at_once=2, expected={phone.mac: expected(phone) for phone in phones}, patience=HASTY)
        bad = storm(phones, http=url, expected={phones[0].mac: {f"{phones[0].mac}.cfg": "0" * 64}}, patience=HASTY)
    assert fine.good and (fine.phones, fine.complete, fine.at_rest) == (3, 3, 3)
    assert not bad.good and bad.complete == 3
    assert bad.wrong == (f"{phones[0].mac} (acme/A1) did not get the {phones[0].mac}.cfg that it should",)
    assert bad.tell()[1:] == [
        "3 complete, 4 at rest, 1 wrong",
        bad.wrong[0],
        f"{phones[3].mac} (acme/A1) got no file at all and keeps what it has",
    ]


def test_two_versions_of_one_file_are_wrong(phone: Phone) -> None:
    def one(body: bytes) -> Boot:
        return play(phone, "http://prov/", Server({f"{MAC}.cfg": body}))

    assert simulator._wrong([one(b"a"), one(b"b")], {}) == [f"{MAC} got {MAC}.cfg in 2 versions"]
    assert simulator._wrong([one(b"a"), one(b"a")], {}) == []
