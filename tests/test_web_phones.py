"""The HTTP door for phones, without a server in front of it; test_field.py has the raw wire."""

from __future__ import annotations

import gzip
import hashlib
import ipaddress
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from werkzeug.test import Client, EnvironBuilder, TestResponse

from provisioner.web.asked import origin
from provisioner.web.phones import Door
from provisioner.wire import PhoneRequest, Reply

AT = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
BODY = b"account.1.user_name = 212\n" * 40
ETAG = hashlib.sha256(BODY).hexdigest()
TOKEN = "abcdefghijkmnpqrstuvwxyz23"


@dataclass
class Shelf:
    """A booter in small: it answers from a table, keeps what it is sent, and says what it was asked."""

    files: dict[str, Reply] = field(default_factory=dict)
    asked: list[PhoneRequest] = field(default_factory=list)
    kept: dict[str, bytes] = field(default_factory=dict)

    def answer(self, request: PhoneRequest) -> Reply:
        self.asked.append(request)
        found = self.files.get(request.path.replace("\\", "/").rpartition("/")[2].lower(), Reply("missing"))
        return Reply("not-modified", etag=found.etag, revised_at=found.revised_at) if found.etag in request.etags else found

    def receive(self, request: PhoneRequest, body: bytes) -> Reply:
        self.asked.append(request)
        if len(body) > 1000 or not request.path.endswith(".log"):
            return Reply("refused")
        self.kept[request.path] = body
        return Reply("uploaded")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf({"a.cfg": Reply("served", body=BODY, media_type="text/plain; charset=utf-8", etag=ETAG, revised_at=AT), "fault.cfg": Reply("failed")})


@pytest.fixture
def client(shelf: Shelf) -> Client:
    return Client(Door(shelf, upload_limit=1000))


# What is asked


@pytest.mark.parametrize("path", ["/a.cfg", "/A.CFG", "/x//y/a.cfg", "/x/../a.cfg", "/a.cfg?mac=000000000000", "/%61.cfg", "/x\\a.cfg", "/x%5ca.cfg", "/x/./%2e%2e/a.cfg"])
def test_the_last_segment_decides_and_nothing_redirects(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.data) == (200, BODY)


def test_a_doubled_slash_in_front_is_one(client: Client) -> None:
    assert client.get("/", environ_overrides={"PATH_INFO": "//a.cfg"}).data == BODY


def test_percent_signs_are_read_once(client: Client, shelf: Shelf) -> None:
    assert client.get("/%2561.cfg").status_code == 404
    assert shelf.asked[-1].path == "/%61.cfg"


def test_the_request_goes_down_in_our_words(client: Client, shelf: Shelf) -> None:
    client.get(f"/p/{TOKEN.upper()}/x/a.cfg?x=1", headers={"User-Agent": "Yealink SIP-T46U", "If-None-Match": f'W/"{"0" * 64}", "{ETAG}-gzip"'}, environ_base={"REMOTE_ADDR": "::ffff:192.0.2.7"})
    assert shelf.asked == [PhoneRequest("/x/a.cfg", "192.0.2.7", "http", "Yealink SIP-T46U", TOKEN, False, ("0" * 64, ETAG))]
    client.get("/a.cfg", base_url="https://phones.example", environ_base={"REMOTE_ADDR": "2001:db8::1"})
    assert (shelf.asked[-1].wire, shelf.asked[-1].address, shelf.asked[-1].token) == ("https", "2001:db8::1", "")


def test_a_request_without_host_or_user_agent_is_normal(client: Client, shelf: Shelf) -> None:
    for host in ("", "a b", '"><', "x" * 500, "[::1", "phones.example:99999"):
        environ = {"HTTP_HOST": host, "HTTP_USER_AGENT": "", "SERVER_PROTOCOL": "HTTP/1.0"}
        assert client.get("/a.cfg", environ_overrides=environ).status_code == 200, host
    assert {one.user_agent for one in shelf.asked} == {""}


@pytest.mark.parametrize("path", ["/", "/a%00b", "/a%0ab.cfg", "/%ff%fe", "/" + "a" * 5000, "/..%2f..%2fetc/passwd", "/a.cfg/", "/%e2%80%ae"])
def test_odd_names_are_only_names(client: Client, shelf: Shelf, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.data) in ((404, b""), (200, BODY))
    assert len(shelf.asked) == 1


# What comes back


def whole(answer: TestResponse) -> tuple[str, list[tuple[str, str]], bytes]:
    return answer.status, [(name, value) for name, value in answer.headers.items() if name != "Date"], answer.data


def test_unknown_refused_and_missing_are_alike_in_every_byte(client: Client, shelf: Shelf) -> None:
    for outcome in ("unknown", "refused"):
        shelf.files[outcome] = Reply(outcome, sentence="nobody may see this", etag=ETAG, revised_at=AT, media_type="text/xml")
    for method in ("GET", "HEAD"):
        answers = [whole(client.open(f"/{name}", method=method)) for name in ("unknown", "refused", "none", f"p/{TOKEN}/none")]
        assert all(answer == answers[0] for answer in answers)
        assert answers[0] == ("404 Not Found", [("Cache-Control", "no-store, private"), ("Server", "provisioner"), ("Content-Length", "0")], b"")
    assert whole(client.put("/none", data=b"x")) == whole(client.get("/none"))


def test_our_own_fault_is_not_not_found(client: Client, shelf: Shelf) -> None:
    answer = client.get("/fault.cfg")
    assert (answer.status_code, answer.headers["Retry-After"], answer.data) == (503, "30", b"")
    shelf.files = None  # type: ignore[assignment]
    assert whole(client.get("/a.cfg")) == whole(answer)


def test_a_file_comes_with_its_length_digest_and_time(client: Client) -> None:
    answer = client.get("/a.cfg")
    assert dict(answer.headers) == {
        "Cache-Control": "no-store, private", "Server": "provisioner", "ETag": f'"{ETAG}"', "Last-Modified": "Fri, 02 Jan 2026 03:04:05 GMT",
        "Content-Type": "text/plain; charset=utf-8", "Vary": "Accept-Encoding", "Content-Length": str(len(BODY)),
    }  # fmt: skip
    head = client.head("/a.cfg")
    assert (dict(head.headers), head.data) == (dict(answer.headers), b"")


def test_a_file_that_the_phone_has_is_not_sent(client: Client) -> None:
    for etag in (f'"{ETAG}"', f'W/"{ETAG}"', f'"{ETAG}-gzip"', f'"x", "{ETAG}"'):
        answer = client.get("/a.cfg", headers={"If-None-Match": etag})
        assert (answer.status_code, answer.data, answer.headers["ETag"]) == (304, b"", f'"{ETAG}"')
    assert client.get("/a.cfg", headers={"If-None-Match": '"other"'}).status_code == 200


def test_the_time_of_a_rendered_file_proves_nothing(client: Client) -> None:
    assert client.get("/a.cfg", headers={"If-Modified-Since": "Fri, 02 Jan 2026 03:04:05 GMT"}).data == BODY


def test_a_file_is_packed_only_where_that_is_asked_by_name(client: Client) -> None:
    first, second = (client.get("/a.cfg", headers={"Accept-Encoding": "deflate, GZIP;q=0.5"}) for _ in range(2))
    assert gzip.decompress(first.data) == BODY and first.data == second.data
    assert (first.headers["Content-Encoding"], first.headers["Vary"], first.headers["ETag"]) == ("gzip", "Accept-Encoding", f'"{ETAG}-gzip"')
    assert first.headers["Content-Length"] == str(len(first.data))
    for words in ("", "*", "gzip;q=0", "identity", "deflate"):
        assert client.get("/a.cfg", headers={"Accept-Encoding": words}).data == BODY, words


# Assets


@pytest.fixture
def firmware(tmp_path: Path, shelf: Shelf) -> bytes:
    body = random.Random(1).randbytes(200_000)
    (tmp_path / "fw.rom").write_bytes(body)
    shelf.files["fw.rom"] = Reply("served", file=tmp_path / "fw.rom", etag="e" * 64, revised_at=AT)
    return body


def test_an_asset_is_sent_whole_or_in_one_range(client: Client, firmware: bytes) -> None:
    answer = client.get("/fw.rom", headers={"Accept-Encoding": "gzip"})
    assert (answer.status_code, answer.data, answer.headers["Content-Length"], answer.headers["Accept-Ranges"]) == (200, firmware, "200000", "bytes")
    for asked, start, end in (("bytes=0-9", 0, 10), ("bytes=199990-", 199_990, 200_000), ("bytes=-5", 199_995, 200_000), ("bytes=100-999999", 100, 200_000)):
        part = client.get("/fw.rom", headers={"Range": asked})
        assert (part.status_code, part.data) == (206, firmware[start:end])
        assert part.headers["Content-Range"] == f"bytes {start}-{end - 1}/200000" and part.headers["Content-Length"] == str(end - start)
    beyond = client.get("/fw.rom", headers={"Range": "bytes=200000-"})
    assert (beyond.status_code, beyond.data, beyond.headers["Content-Range"]) == (416, b"", "bytes */200000")
    for other in ("bytes=0-1,5-6", "lines=1-2", "bytes=x"):
        assert client.get("/fw.rom", headers={"Range": other}).status_code == 200
    assert client.get("/fw.rom", headers={"Range": "bytes=0-9", "If-Range": '"old"'}).status_code == 200
    assert client.get("/fw.rom", headers={"Range": "bytes=0-9", "If-Range": f'"{"e" * 64}"'}).status_code == 206
    assert client.head("/fw.rom").headers["Content-Length"] == "200000"


def test_an_asset_goes_by_its_time_only_without_a_digest(client: Client, firmware: bytes) -> None:
    since = {"If-Modified-Since": "Fri, 02 Jan 2026 03:04:05 GMT"}
    assert client.get("/fw.rom", headers=since).status_code == 304
    assert client.get("/fw.rom", headers={"If-Modified-Since": "Fri, 02 Jan 2026 03:04:04 GMT"}).status_code == 200
    assert client.get("/fw.rom", headers={"If-Modified-Since": "yesterday"}).status_code == 200
    assert client.get("/fw.rom", headers={**since, "If-None-Match": '"other"'}).status_code == 200


def test_an_asset_that_cannot_be_read_is_our_fault(client: Client, firmware: bytes, tmp_path: Path) -> None:
    (tmp_path / "fw.rom").unlink()
    assert client.get("/fw.rom").status_code == 503


# What phones send


def test_an_upload_is_kept_where_the_booter_admits_it(client: Client, shelf: Shelf) -> None:
    assert (client.put("/boot.log", data=b"line").status_code, client.post("/app.log", data=b"", content_type="text/plain").status_code) == (201, 404)
    assert client.post("/app.log", data=b"x", content_type="text/plain").status_code == 201
    assert shelf.kept == {"/boot.log": b"line", "/app.log": b"x"}


def test_one_byte_too_many_is_read_and_no_more(client: Client, shelf: Shelf) -> None:
    assert client.put("/a.log", data=bytes(1000)).status_code == 201
    assert client.put("/a.log", data=bytes(50_000)).status_code == 404


def test_half_an_upload_is_none(client: Client, shelf: Shelf) -> None:
    assert client.put("/a.log", data=b"half", environ_overrides={"CONTENT_LENGTH": "8"}).status_code == 400
    assert shelf.kept == {} and shelf.asked == []


def test_a_form_or_an_empty_post_asks(client: Client) -> None:
    """Snom searches its directory so."""
    assert client.post("/a.cfg", data={"search": "anna"}).data == BODY
    assert client.post("/a.cfg").data == BODY


@pytest.mark.parametrize("method", ["DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "FOO"])
def test_other_methods_are_the_same_for_every_name(client: Client, shelf: Shelf, method: str) -> None:
    answers = [whole(client.open(path, method=method)) for path in ("/a.cfg", "/none")]
    assert answers[0] == answers[1] and answers[0][0] == "405 Method Not Allowed" and answers[0][2] == b""
    assert shelf.asked == []


# Where a request comes from (F18)

TRUSTED = (ipaddress.ip_network("127.0.0.1"), ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8::/64"))
NOWHERE = ("", True)


@pytest.mark.parametrize(
    ("peer", "headers", "found"),
    [
        ("192.0.2.7", {}, ("192.0.2.7", False)),
        ("::ffff:192.0.2.7", {}, ("192.0.2.7", False)),
        ("fe80::1%eth0", {}, ("fe80::1", False)),
        ("", {}, NOWHERE),
        ("192.0.2.7", {"X-Forwarded-For": "127.0.0.1"}, NOWHERE),
        ("192.0.2.7", {"Forwarded": "for=127.0.0.1"}, NOWHERE),
        ("192.0.2.7", {"X-Real-IP": "127.0.0.1"}, NOWHERE),
        ("192.0.2.7", {"X-Forwarded-Proto": "https"}, NOWHERE),
        ("127.0.0.1", {"X-Forwarded-For": "198.51.100.1"}, ("198.51.100.1", False)),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1, 198.51.100.1"}, ("198.51.100.1", False)),
        ("127.0.0.1", {"X-Forwarded-For": "198.51.100.1, 10.1.1.1, 10.2.2.2"}, ("198.51.100.1", False)),
        ("127.0.0.1", {"X-Forwarded-For": "10.9.9.9, 10.1.1.1"}, ("10.9.9.9", False)),
        ("::ffff:127.0.0.1", {"X-Forwarded-For": "[2001:db8:1::5]:443"}, ("2001:db8:1::5", False)),
        ("2001:db8::1", {"X-Forwarded-For": "198.51.100.1:5060"}, ("198.51.100.1", False)),
        ("127.0.0.1", {"X-Forwarded-For": ", ".join(["203.0.113.9"] * 49 + ["198.51.100.1"])}, ("198.51.100.1", False)),
        ("127.0.0.1", {"X-Forwarded-For": "198.51.100.1, garbage, 10.1.1.1"}, NOWHERE),
        ("127.0.0.1", {"X-Forwarded-For": ""}, NOWHERE),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1\t;rm"}, NOWHERE),
        ("127.0.0.1", {"Forwarded": 'for="[2001:db8:1::5]:47";proto=https, for=10.1.1.1'}, ("2001:db8:1::5", False)),
        ("127.0.0.1", {"Forwarded": "By=10.0.0.1; For=198.51.100.1"}, ("198.51.100.1", False)),
        ("127.0.0.1", {"Forwarded": "for=_hidden"}, NOWHERE),
        ("127.0.0.1", {"Forwarded": "proto=https"}, NOWHERE),
        ("127.0.0.1", {"X-Real-IP": "198.51.100.1"}, ("198.51.100.1", False)),
        ("127.0.0.1", {"X-Real-IP": "127.0.0.1", "X-Forwarded-For": "198.51.100.1"}, NOWHERE),
        ("127.0.0.1", {"X-Real-IP": "198.51.100.1", "X-Forwarded-For": "198.51.100.1"}, ("198.51.100.1", False)),
        ("127.0.0.1", {"X-Real-IP": "203.0.113.5", "X-Forwarded-For": "192.168.1.9"}, NOWHERE),
        ("127.0.0.1", {"X-Forwarded-For": "198.51.100.1", "Forwarded": "for=127.0.0.1"}, NOWHERE),
        ("127.0.0.1", {"X-Forwarded-For": "198.51.100.1", "Forwarded": "for=198.51.100.1"}, ("198.51.100.1", False)),
        ("127.0.0.1", {"X-Forwarded-Host": "phones.example"}, NOWHERE),
    ],
)
def test_only_a_named_proxy_is_believed(peer: str, headers: dict[str, str], found: tuple[str, bool]) -> None:
    assert origin(EnvironBuilder(headers=headers, environ_base={"REMOTE_ADDR": peer}).get_environ(), TRUSTED) == found


def test_an_untrusted_proxy_never_makes_a_request_local(shelf: Shelf) -> None:
    client = Client(Door(shelf))
    client.get("/a.cfg", headers={"X-Forwarded-For": "127.0.0.1"}, environ_base={"REMOTE_ADDR": "127.0.0.1"})
    assert (shelf.asked[0].address, shelf.asked[0].forwarded) == ("", True)


def test_a_trusted_proxy_may_say_that_it_was_https(shelf: Shelf) -> None:
    client = Client(Door(shelf, trusted_proxies=TRUSTED))
    said = {"X-Forwarded-For": "198.51.100.1", "X-Forwarded-Proto": "https"}
    client.get("/a.cfg", headers=said, environ_base={"REMOTE_ADDR": "127.0.0.1"})
    client.get("/a.cfg", headers=said, environ_base={"REMOTE_ADDR": "192.0.2.7"})
    for node in ("for=198.51.100.1;proto=https", 'for=203.0.113.9;proto=http, for=198.51.100.1; Proto="HTTPS"', "for=198.51.100.1;proto=https, for=198.51.100.2;proto=http"):
        client.get("/a.cfg", headers={"Forwarded": node}, environ_base={"REMOTE_ADDR": "127.0.0.1"})
    assert [one.wire for one in shelf.asked] == ["https", "http", "https", "https", "http"]
