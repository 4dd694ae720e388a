"""A phone that knocks: boots as its family's manifest says, over HTTP or TFTP, until it rests.

`script` is the phone itself and touches no wire: it yields what it asks and is sent what it got.
`boot` and `storm` play scripts against a running server in one selectors loop; `play` plays one
against a function. The HTTP and TFTP clients here are written from the RFCs and share nothing
with the doors, so that each proves the other.

A phone boots from where it is told (its discovery URL), reads our provisioning URL in what it
gets, restarts from there, and is at rest when a whole round gives the same bytes as the one
before: at most three rounds and two restarts (F4).
"""

from __future__ import annotations

import hashlib
import heapq
import re
import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Protocol
from urllib.parse import quote, unquote, urlsplit

from provisioner.families import Family, FileRule
from provisioner.patterns import Pattern

MOST_ROUNDS = 3
_LATER = (0, 429, 500, 502, 503, 504)  # what a phone tries again: silence, and a server that says so
_TOKEN = r"[a-km-np-z2-9]{26}"
_OURS = re.compile(rf"/p/{_TOKEN}(?![a-z0-9])", re.IGNORECASE)
_BEFORE = re.compile(r"(?:(https?|tftp)://)?((?:\[[0-9a-f:.]+\]|[a-z0-9][a-z0-9.-]*)(?::\d+)?)((?:/[\w.~-]+)*)$", re.IGNORECASE)


@dataclass(frozen=True)
class Phone:
    """One phone. Without a firmware it sends no user agent that needs one, and fits no rule with a bound."""

    family: Family
    model: str
    mac: str
    firmware: str = ""
    serial: str = ""

    @property
    def values(self) -> dict[str, str]:
        """What its patterns are filled with."""
        model = self.family.model(self.model)
        code = model.code if model and model.code else self.model.lower()
        return {"mac": self.mac, "model": model.name if model else self.model, "code": code, "firmware": self.firmware, "serial": self.serial}

    @property
    def user_agent(self) -> str:
        """The family's first user agent for which the phone knows every part; empty for none."""
        return next((text for pattern in self.family.user_agents if (text := self.fill(pattern))), "")

    def fill(self, pattern: Pattern) -> str:
        """Return the text of a pattern, or empty where it needs what this phone does not know."""
        values = self.values
        return pattern.fill(values) if pattern.generates and all(values[name] for name in pattern.names) else ""

    @property
    def called(self) -> str:
        """The phone in words, for sentences."""
        return f"{self.mac} ({self.family.slug}/{self.model})"


@dataclass(frozen=True)
class Patience:
    """How long a phone waits: `wait` seconds after the first failure, twice as long after each more.

    silence: seconds without an HTTP answer; resend, resends: TFTP, seconds and how often.
    """

    tries: int = 4
    wait: float = 1.0
    silence: float = 10.0
    resend: float = 1.0
    resends: int = 8


@dataclass(frozen=True)
class Ask:
    """What the phone does next: GET a URL, or send a body there, after some seconds."""

    url: str
    user_agent: str = ""
    body: bytes | None = None
    after: float = 0.0


@dataclass(frozen=True)
class Answer:
    """What came back, in HTTP's words; status 0 is silence. why: what the wire did wrong."""

    status: int
    body: bytes = field(default=b"", repr=False)
    ms: float = 0.0
    why: str = ""


@dataclass(frozen=True)
class Fetch:
    """One file that the phone asked for or sent; the URL holds the phone's token and is not shown."""

    name: str
    url: str = field(repr=False)
    round: int
    status: int
    size: int
    sha256: str
    ms: float
    tries: int = 1
    sent: bool = False
    why: str = ""
    body: bytes = field(default=b"", repr=False, compare=False)

    @property
    def served(self) -> bool:
        """True where a file came."""
        return self.status == 200 and not self.sent

    @property
    def failed(self) -> bool:
        """True where the phone gave up."""
        return self.status in _LATER


@dataclass(frozen=True)
class Boot:
    """A boot from factory state: every fetch, where it came to rest, and what there is to say."""

    phone: Phone
    fetches: tuple[Fetch, ...]
    url: str = field(repr=False)
    rounds: int
    came_to_rest: bool
    sentences: tuple[str, ...] = ()

    @property
    def reboots(self) -> int:
        """How often the phone restarted."""
        return self.rounds - 1

    @property
    def complete(self) -> bool:
        """True where something was served and the phone never gave up."""
        return any(fetch.served for fetch in self.fetches) and not any(fetch.failed for fetch in self.fetches)

    @property
    def files(self) -> dict[str, str]:
        """What the last round gave: file name -> sha256."""
        return {fetch.name: fetch.sha256 for fetch in self.fetches if fetch.round == self.rounds and fetch.served}


Script = Generator[Ask, Answer, Boot]


# The phone


def script(phone: Phone, server_url: str, public_url: str = "", uploads: bool = False, patience: Patience | None = None) -> Script:
    """Return a phone's boot from factory state, as a generator of Asks that is sent Answers and returns a Boot.

    server_url: where the phone looks first.
    public_url: the site's, for a phone that is told it without a token (a bootstrap file, F16).
    uploads:    whether it sends its override files once, after the first round.
    """
    patience = patience or Patience()
    here, fetches, sentences, before = _folder(server_url), [], [], None
    for number in range(1, MOST_ROUNDS + 1):
        got = yield from _round(phone, here, number, patience)
        fetches += got
        if got and got[-1].failed:
            last = got[-1]
            sentences.append(f"gave up on {last.name} after {last.tries} tries ({last.why or last.status or 'silence'}) and keeps what it has")
            return Boot(phone, tuple(fetches), here, number, False, tuple(sentences))
        now = [(fetch.name, fetch.status, fetch.sha256) for fetch in got]
        if now == before:
            return Boot(phone, tuple(fetches), here, number, True, tuple(sentences))
        if not any(fetch.served for fetch in got):
            sentences.append("got no file at all and keeps what it has")
            return Boot(phone, tuple(fetches), here, number, True, tuple(sentences))
        if uploads and number == 1:
            fetches += yield from _sends(phone, here, number, patience)
        before, here = now, _in_parts(phone.family.url_parts, got) or _steady(got, here, public_url)
    sentences.append(f"did not come to rest: round {MOST_ROUNDS} still gave other bytes than the one before")
    return Boot(phone, tuple(fetches), here, MOST_ROUNDS, False, tuple(sentences))


def _folder(url: str) -> str:
    return url if url.endswith("/") else url + "/"


def _round(phone: Phone, here: str, number: int, patience: Patience) -> Generator[Ask, Answer, list[Fetch]]:
    """Ask for the family's files in their order, each name once; stops where the phone gives up."""
    got: dict[str, Fetch] = {}
    by_rule: dict[str, Fetch] = {}
    served = False
    for rule in phone.family.rules(phone.model, phone.firmware):
        if not rule.asks or (rule.otherwise and served):
            continue  # in a chain of `otherwise`, served stays true
        name = phone.fill(rule.patterns[0])
        url = _place(rule, name, here, by_rule) if name else ""
        if not url:
            served = False
            continue
        if name.lower() not in got:
            got[name.lower()] = yield from _fetch(phone, name, url, number, patience)
        fetch = by_rule[rule.match] = got[name.lower()]
        served = fetch.served
        if fetch.failed:
            break
    return list(got.values())


def _place(rule: FileRule, name: str, here: str, by_rule: Mapping[str, Fetch]) -> str:
    """Return the URL of a rule's file; empty where no served file names it."""
    if not rule.named_in:
        return here + quote(name)
    naming = by_rule.get(rule.named_in)
    return _named(naming.body.decode("utf-8", "replace"), name, here) if naming and naming.served else ""


def _named(text: str, name: str, here: str) -> str:
    """Return the URL that a text has for a file, absolute or behind `here`; empty where it does not name it."""
    found = re.search(rf"(?:(?:https?|tftp)://[^\s\"'<>;,|]*/)?{re.escape(name)}(?![\w.-])", text, re.IGNORECASE)
    if not found:
        return ""
    return found[0] if "://" in found[0] else here + quote(found[0])


def _fetch(phone: Phone, name: str, url: str, number: int, patience: Patience, body: bytes | None = None) -> Generator[Ask, Answer, Fetch]:
    """Ask until there is an answer or patience ends."""
    wait, ms = 0.0, 0.0
    for tried in range(1, patience.tries + 1):
        answer = yield Ask(url, phone.user_agent, body, wait)
        ms += answer.ms
        if answer.status not in _LATER:
            break
        wait = patience.wait * 2 ** (tried - 1)
    digest = hashlib.sha256(answer.body).hexdigest() if answer.status == 200 and body is None else ""
    size = len(answer.body) if body is None else len(body)
    kept = answer.body if answer.status == 200 and body is None else b""
    return Fetch(name, url, number, answer.status, size, digest, ms, tried, body is not None, answer.why, kept)


def _sends(phone: Phone, here: str, number: int, patience: Patience) -> Generator[Ask, Answer, list[Fetch]]:
    sent = []
    for rule in phone.family.uploads:
        name = phone.fill(rule.pattern) if rule.kind == "override" else ""
        if name:
            body = f"# kept by the user of {phone.mac}\n".encode()
            sent.append((yield from _fetch(phone, name, here + quote(name), number, patience, body)))
    return sent


def _in_parts(parts: Sequence[str], got: Sequence[Fetch]) -> str:
    """Return the URL that a served file says in parts, or empty; a phone keeps host, port and path each by itself."""
    said: dict[str, str] = {}
    for part in parts:
        before, name, after = re.split(r"\{(scheme|host|port|path)\}", part)
        for fetch in got:
            for found in re.finditer(rf"^{re.escape(before)}([^\s\"';]+){re.escape(after)}", fetch.body.decode("utf-8", "replace"), re.MULTILINE | re.IGNORECASE):
                said[name] = found[1]
    if "host" not in said:
        return ""
    scheme, host = said.get("scheme", "http").lower(), f"[{said['host']}]" if ":" in said["host"] else said["host"]
    port = f":{said['port']}" if said.get("port") not in (None, {"http": "80", "https": "443", "tftp": "69"}.get(scheme)) else ""
    return _folder(f"{scheme}://{host}{port}/{said.get('path', '').strip('/')}")


def _steady(got: Sequence[Fetch], here: str, public_url: str) -> str:
    """Return where the phone boots next: our provisioning URL in what it was served, else where it is."""
    texts = [fetch.body.decode("utf-8", "replace") for fetch in got]
    for text in texts:
        for ours in _OURS.finditer(text):
            before = _BEFORE.search(text[max(0, ours.start() - 300) : ours.start()])  # first the token: files are long
            if before:
                scheme, host, path = before.groups()
                same = urlsplit(here)
                return f"{scheme or (same.scheme if host == same.netloc else 'http')}://{host}{path}{ours[0]}/"
    bare = public_url.partition("://")[2].rstrip("/")
    named = bare and any(re.search(rf"(?<![\w.-]){re.escape(bare)}(?![\w.:-])", text) for text in texts)
    return _folder(public_url) if named else here


def play(phone: Phone, server_url: str, answer: Callable[[Ask], Answer], public_url: str = "", uploads: bool = False) -> Boot:
    """Boot a phone against a function, without a wire and without waiting."""
    asks = script(phone, server_url, public_url, uploads)
    got: Answer | None = None
    while True:
        try:
            ask = next(asks) if got is None else asks.send(got)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        got = answer(ask)


def boot(
    phone: Phone, server_url: str, public_url: str = "", uploads: bool = False, patience: Patience | None = None, through: Callable[[str], str] = str,
) -> Boot:  # fmt: skip
    """Boot a phone against a running server: http://, https:// or tftp://HOST[:PORT][/PATH]; see `script`.

    through: gives the URL that is really asked in place of one that the phone was told, where the server is reached another way from here.
    """
    patience = patience or Patience()
    return _Loop(patience, 1).run([_led(script(phone, server_url, public_url, uploads, patience), through)])[0]


def _led(asks: Script, through: Callable[[str], str]) -> Script:
    """Return a script that asks for other URLs."""
    got: Answer | None = None
    while True:
        try:
            ask = next(asks) if got is None else asks.send(got)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        got = yield replace(ask, url=through(ask.url))


def tell(boot: Boot) -> list[str]:
    """Return a boot as a person reads it, without the phone's token."""
    lines, number = [f"{boot.phone.called} boots from {_shown(_parent(boot.fetches[0].url) if boot.fetches else boot.url)}"], 1
    for fetch in boot.fetches:
        if fetch.round != number:
            number = fetch.round
            lines.append(f"restarts from {_shown(_parent(fetch.url))}")
        size = f"{fetch.size} bytes" if fetch.served or fetch.sent else ""
        notes = [note for note in ("sent" if fetch.sent else "", f"{fetch.tries} tries" if fetch.tries > 1 else "", fetch.why) if note]
        lines.append(f"  {fetch.status or '---'}  {size:>12}  {fetch.ms:7.1f} ms  {fetch.name}" + (f"  ({', '.join(notes)})" if notes else ""))
    lines += [f"the phone {sentence}" for sentence in boot.sentences]
    if boot.came_to_rest and boot.complete:
        lines.append(f"at rest after {_count(boot.rounds, 'round')} and {_count(boot.reboots, 'restart')}")
    return lines


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _parent(url: str) -> str:
    return url.rpartition("/")[0] + "/"


def _shown(url: str) -> str:
    return re.sub(rf"(?<=/p/){_TOKEN}", "…", url, flags=re.IGNORECASE)


# Many phones


@dataclass(frozen=True)
class Summary:
    """What became of many phones. wrong: a sentence for each file that was not what it should be."""

    phones: int
    boots: tuple[Boot, ...] = field(repr=False)
    wrong: tuple[str, ...]
    seconds: float

    @property
    def complete(self) -> int:
        """How many boots got their files."""
        return sum(boot.complete for boot in self.boots)

    @property
    def at_rest(self) -> int:
        """How many boots came to rest."""
        return sum(boot.came_to_rest for boot in self.boots)

    @property
    def fetches(self) -> int:
        """How many files were asked for."""
        return sum(len(boot.fetches) for boot in self.boots)

    @property
    def size(self) -> int:
        """How many bytes came over the wires."""
        return sum(fetch.size for boot in self.boots for fetch in boot.fetches if fetch.served)

    @property
    def good(self) -> bool:
        """True where every phone got every file right and rests."""
        return not self.wrong and self.complete == self.at_rest == len(self.boots)

    def slowest(self, share: float) -> float:
        """Return the milliseconds within which this share of the fetches was done."""
        times = sorted(fetch.ms for boot in self.boots for fetch in boot.fetches)
        return times[min(len(times) - 1, int(len(times) * share))] if times else 0.0

    def tell(self) -> list[str]:
        """Return the summary as a person reads it."""
        troubles = [f"{boot.phone.called} {sentence}" for boot in self.boots for sentence in boot.sentences]
        return [
            f"{self.phones} phones, {len(self.boots)} boots, {self.fetches} files, {self.size} bytes in {self.seconds:.1f} s"
            f" (half of the files within {self.slowest(0.5):.0f} ms, 99 of 100 within {self.slowest(0.99):.0f} ms)",
            f"{self.complete} complete, {self.at_rest} at rest, {len(self.wrong)} wrong",
            *self.wrong[:20],
            *troubles[:20],
        ]


def storm(
    phones: Sequence[Phone], http: str = "", tftp: str = "", at_once: int = 500,
    expected: Mapping[str, Mapping[str, str]] | None = None, both: bool = True, public_url: str = "", patience: Patience | None = None,
) -> Summary:  # fmt: skip
    """Boot many phones at once, each over every wire that is given and that its family speaks.

    both:     False lets each phone use one wire, in turn.
    expected: MAC -> file name -> sha256; what is served must be that, and be there.
    """
    patience = patience or Patience()
    jobs = []
    for place, phone in enumerate(phones):
        wires = [url for url in (http, tftp) if url and urlsplit(url).scheme in phone.family.wires]
        jobs += [(phone, url) for url in (wires if both else wires[place % len(wires) :][:1] if wires else [])]
    started = time.perf_counter()
    boots = _Loop(patience, at_once).run([script(phone, url, public_url, patience=patience) for phone, url in jobs])
    return Summary(len(phones), tuple(boots), tuple(_wrong(boots, expected or {})), time.perf_counter() - started)


def _wrong(boots: Iterable[Boot], expected: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Return a sentence for each file that came in two versions, or in another one than expected."""
    versions: dict[tuple[str, str], set[str]] = {}
    faults = []
    for boot in boots:
        mac = boot.phone.mac
        for fetch in boot.fetches:
            if fetch.served and fetch.round > boot.rounds - 2:  # before that only a bootstrap, which differs on purpose
                versions.setdefault((mac, fetch.name.lower()), set()).add(fetch.sha256)
        for name, sha256 in expected.get(mac, {}).items():
            if {lower.lower(): digest for lower, digest in boot.files.items()}.get(name.lower()) != sha256:
                faults.append(f"{boot.phone.called} did not get the {name} that it should")
    return faults + [f"{mac} got {name} in {len(digests)} versions" for (mac, name), digests in versions.items() if len(digests) > 1]


# The wires


class _Exchange(Protocol):
    """One question on a wire: tells what it waits for, and returns an Answer when it has one."""

    sock: socket.socket
    wants: int
    deadline: float

    def ready(self) -> Answer | None:
        """Go on, since the socket is ready."""

    def late(self) -> Answer | None:
        """Go on, since the deadline has passed."""


@lru_cache(maxsize=256)
def _address(host: str, port: int, kind: int) -> tuple[int, tuple[str, int]]:
    family, _, _, _, where = socket.getaddrinfo(host, port, type=kind)[0]
    return family, where  # type: ignore[return-value]


class _Http:
    """HTTP/1.1 as a phone speaks it: one request a connection, no compression, a body of a known length (RFC 9112)."""

    def __init__(self, ask: Ask, patience: Patience) -> None:
        parts = urlsplit(ask.url)
        self._secure = parts.scheme == "https"
        family, where = _address(parts.hostname or "", parts.port or (443 if self._secure else 80), socket.SOCK_STREAM)
        head = [f"{'GET' if ask.body is None else 'PUT'} {parts.path or '/'} HTTP/1.1", f"Host: {parts.netloc}", "Accept: */*", "Connection: close"]
        head += [f"User-Agent: {ask.user_agent}"] if ask.user_agent else []
        head += [f"Content-Length: {len(ask.body)}"] if ask.body is not None else []
        self._out = memoryview("\r\n".join([*head, "", ""]).encode("latin-1", "replace") + (ask.body or b""))
        self._in = bytearray()
        self._began, self.deadline = time.perf_counter(), time.monotonic() + patience.silence
        self.wants = selectors.EVENT_WRITE
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        self.sock.setblocking(False)
        self.sock.connect_ex(where)
        self._shaken = not self._secure
        self._host = parts.hostname or ""

    def ready(self) -> Answer | None:
        try:
            return self._ready()
        except ssl.SSLWantReadError:
            self.wants = selectors.EVENT_READ
        except ssl.SSLWantWriteError:
            self.wants = selectors.EVENT_WRITE
        except BlockingIOError:
            pass
        except OSError as fault:
            return self._silence(fault.strerror or str(fault))
        return None

    def _ready(self) -> Answer | None:
        if not self._shaken:
            if not isinstance(self.sock, ssl.SSLSocket):
                self._raise_refusal()
                return None
            self.sock.do_handshake()
            self._shaken, self.wants = True, selectors.EVENT_WRITE
        if self._out:
            self._raise_refusal()
            self._out = self._out[self.sock.send(self._out) :]
            self.wants = selectors.EVENT_WRITE if self._out else selectors.EVENT_READ
            if self._out:
                return None
        while True:
            piece = self.sock.recv(65536)
            self._in += piece
            answer = self._read(ended=not piece)
            if answer or not piece:
                return answer or self._silence("the connection ended before an answer")

    def _raise_refusal(self) -> None:
        code = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            raise OSError(code, "the connection was refused")
        if self._secure and not isinstance(self.sock, ssl.SSLSocket):
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self._host, do_handshake_on_connect=False)

    def _read(self, ended: bool) -> Answer | None:
        head, gap, body = self._in.partition(b"\r\n\r\n")
        if not gap:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        status = int(first.split(" ")[1]) if re.match(r"HTTP/1\.[01] \d{3}", first) else 0
        if 100 <= status < 200:
            del self._in[: len(head) + 4]
            return self._read(ended)
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if "transfer-encoding" in headers:
            return self._silence("the answer came in pieces of unknown length, which old phones do not read")
        length = int(headers["content-length"]) if headers.get("content-length", "").isdigit() else 0 if status == 204 else None
        if length is None and ended:
            length = len(body)
        if length is None or (len(body) < length and not ended):
            return None
        if len(body) < length:
            return self._silence(f"the answer ended after {len(body)} of {length} bytes")
        return Answer(status, bytes(body[:length]), self._ms)

    def late(self) -> Answer | None:
        return self._silence("no answer in time")

    def _silence(self, why: str) -> Answer:
        return Answer(0, b"", self._ms, why)

    @property
    def _ms(self) -> float:
        return (time.perf_counter() - self._began) * 1000


_RRQ, _WRQ, _DATA, _ACK, _ERROR, _OACK = range(1, 7)
_TFTP_STATUS = {1: 404, 2: 403}


class _Tftp:
    """TFTP as a phone speaks it: octet mode, a larger block where the server grants it (RFC 1350, 2347, 2348)."""

    BLOCK = 1428

    def __init__(self, ask: Ask, patience: Patience) -> None:
        parts = urlsplit(ask.url)
        family, self._where = _address(parts.hostname or "", parts.port or 69, socket.SOCK_DGRAM)
        self._body, self._sending = ask.body or b"", ask.body is not None
        name = unquote(parts.path).lstrip("/").encode()
        options = b"" if self._sending else b"blksize\0%d\0" % self.BLOCK
        self._last = (_WRQ if self._sending else _RRQ).to_bytes(2) + name + b"\0octet\0" + options
        self._block, self._size, self._peer = 0, 512, None
        self._in = bytearray()
        self._patience, self._left = patience, patience.resends
        self._began = time.perf_counter()
        self.wants = selectors.EVENT_READ
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self._send(self._last)

    _peer: tuple[str, int] | None

    def _send(self, packet: bytes) -> None:
        self._last = packet
        self.deadline = time.monotonic() + self._patience.resend
        try:
            self.sock.sendto(packet, self._peer or self._where)
        except OSError:
            pass  # a full buffer or a port that just closed: the packet is sent again at the deadline

    def late(self) -> Answer | None:
        self._left -= 1
        if self._left < 0:
            return Answer(0, b"", self._ms, "no answer in time")
        self._send(self._last)
        return None

    def ready(self) -> Answer | None:
        while True:
            try:
                packet, peer = self.sock.recvfrom(65536)
            except BlockingIOError:
                return None
            except OSError as fault:
                return Answer(0, b"", self._ms, fault.strerror or str(fault))
            if self._peer and peer[:2] != self._peer[:2]:
                self.sock.sendto(b"\0\5\0\5another transfer\0", peer)  # RFC 1350, 4: a foreign TID disturbs nothing
                continue
            answer = self._take(packet, peer)
            if answer:
                return answer

    def _take(self, packet: bytes, peer: tuple[str, int]) -> Answer | None:
        if len(packet) < 4:
            return None
        kind, number = int.from_bytes(packet[:2]), int.from_bytes(packet[2:4])
        if kind == _ERROR:
            return Answer(_TFTP_STATUS.get(number, 500), b"", self._ms, "" if number == 1 else packet[4:].split(b"\0")[0].decode("latin-1"))
        if kind == _OACK and self._block == 0 and not self._sending:
            pairs = packet[2:].split(b"\0")
            granted = {key.lower(): value for key, value in zip(pairs[::2], pairs[1::2], strict=False)}
            self._size = int(granted[b"blksize"]) if granted.get(b"blksize", b"").isdigit() else 512
            self._went_on(peer)
            self._send(_ACK.to_bytes(2) + b"\0\0")
        elif kind == _DATA and not self._sending:
            return self._data(number, packet[4:], peer)
        elif kind == _ACK and self._sending and number == self._block % 65536:
            self._went_on(peer)
            if self._block and len(self._last) - 4 < 512:
                return Answer(201, b"", self._ms)
            self._block += 1
            self._send(_DATA.to_bytes(2) + (self._block % 65536).to_bytes(2) + self._body[(self._block - 1) * 512 : self._block * 512])
        return None

    def _data(self, number: int, piece: bytes, peer: tuple[str, int]) -> Answer | None:
        if number != (self._block + 1) % 65536:
            if self._block and number == self._block % 65536:
                self._send(_ACK.to_bytes(2) + number.to_bytes(2))  # our ACK was lost
            return None
        self._went_on(peer)
        self._block += 1
        self._in += piece
        self._send(_ACK.to_bytes(2) + number.to_bytes(2))
        return Answer(200, bytes(self._in), self._ms) if len(piece) < self._size else None

    def _went_on(self, peer: tuple[str, int]) -> None:
        self._peer, self._left = peer, self._patience.resends

    @property
    def _ms(self) -> float:
        return (time.perf_counter() - self._began) * 1000


@dataclass
class _Task:
    place: int
    script: Script
    exchange: _Exchange | None = None


class _Loop:
    """Plays many scripts at once in one thread."""

    def __init__(self, patience: Patience, at_once: int) -> None:
        self._patience, self._at_once = patience, max(1, at_once)
        self._selector = selectors.DefaultSelector()
        self._due: list[tuple[float, int, _Task, Ask | _Exchange]] = []
        self._count = 0
        self._boots: dict[int, Boot] = {}

    def run(self, scripts: Sequence[Script]) -> list[Boot]:
        """Return the boots in the order of the scripts."""
        waiting = deque(_Task(place, one) for place, one in enumerate(scripts))
        try:
            while len(self._boots) < len(scripts):
                while waiting and len(scripts) - len(waiting) - len(self._boots) < self._at_once:
                    self._step(waiting.popleft(), None)
                self._turn()
        finally:
            self._selector.close()
        return [self._boots[place] for place in range(len(scripts))]

    def _turn(self) -> None:
        """Wait for what happens next, and let it happen."""
        pause = max(0.0, self._due[0][0] - time.monotonic()) if self._due else 0.0
        for key, _ in self._selector.select(pause):
            task = key.data
            self._after(task, task.exchange.ready())
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            _, _, task, what = heapq.heappop(self._due)
            if isinstance(what, Ask):
                self._start(task, what)
            elif what is task.exchange:
                if what.deadline > now:
                    self._remember(what.deadline, task, what)
                else:
                    self._after(task, what.late(), timed=True)

    def _remember(self, when: float, task: _Task, what: Ask | _Exchange) -> None:
        self._count += 1
        heapq.heappush(self._due, (when, self._count, task, what))

    def _step(self, task: _Task, answer: Answer | None) -> None:
        try:
            ask = next(task.script) if answer is None else task.script.send(answer)
        except StopIteration as done:
            self._boots[task.place] = done.value
            return
        self._remember(time.monotonic() + ask.after, task, ask)

    def _start(self, task: _Task, ask: Ask) -> None:
        try:
            exchange: _Exchange = (_Tftp if ask.url.startswith("tftp:") else _Http)(ask, self._patience)
        except OSError as fault:
            self._step(task, Answer(0, b"", 0.0, fault.strerror or str(fault)))
            return
        task.exchange = exchange
        self._selector.register(exchange.sock, exchange.wants, task)
        self._remember(exchange.deadline, task, exchange)

    def _after(self, task: _Task, answer: Answer | None, timed: bool = False) -> None:
        exchange = task.exchange
        assert exchange
        if answer is None:
            known = self._selector.get_map().get(exchange.sock.fileno())
            if known and known.fileobj is not exchange.sock:  # TLS has wrapped the socket
                self._selector.unregister(exchange.sock.fileno())
                self._selector.register(exchange.sock, exchange.wants, task)
            elif known and known.events != exchange.wants:
                self._selector.modify(exchange.sock, exchange.wants, task)
            if timed:
                self._remember(exchange.deadline, task, exchange)
            return
        self._selector.unregister(exchange.sock.fileno())
        exchange.sock.close()
        task.exchange = None
        self._step(task, answer)
