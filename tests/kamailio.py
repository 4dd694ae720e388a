"""SIP servers to ask: Kamailio from Debian's packages, over UDP, TCP and TLS, a DNS that knows where it is, one that says what it is told, and softphones."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
import time
import wave
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.flags
import dns.message
import dns.resolver
import dns.rrset
import pytest

from tests import authority

DOMAIN = "sip.example.com"
PASSWORDS = {"212": "s3cret", "213": 'he said "no": \\o/', "barred": "s3cret"}
REALM = "the realm, of tests"

# How every Kamailio of the tests begins: small, asking no DNS, TLS as tls.cfg says, with the modules that all of them need.
_HEAD = """#!KAMAILIO
debug=0
log_stderror=yes
children=1
socket_workers=1
auto_aliases=no
dns=no
rev_dns=no
dns_use_search_list=no
enable_tls=yes
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
loadmodule "tls.so"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "auth.so"
modparam("tls", "config", "{folder}/tls.cfg")
"""

# Domains and users that it does not know are told so, as the mildest of servers do. Whoever proves himself may call who is registered.
_CONFIG = """
tcp_children=1
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
listen=tls:127.0.0.1:{tls}
listen=tls:127.0.0.1:{expired}
loadmodule "rr.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("usrloc", "db_mode", 0)
{algorithm}
request_route {{
    if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}
    if (has_totag() && loose_route()) {{ t_relay(); exit; }}
    if (is_method("ACK|CANCEL")) {{ t_relay(); exit; }}
    if ($td != "{domain}" && $td != "127.0.0.1") {{ sl_send_reply("403", "Domain not served"); exit; }}
    if (!is_method("REGISTER|INVITE")) {{ sl_send_reply("405", "Method Not Allowed"); exit; }}
    $var(password) = "";
    switch ($au) {{
{users}
    }}
    if ($au != $null && $var(password) == "") {{ sl_send_reply("404", "User unknown"); exit; }}
    if (is_method("INVITE")) {{
        if (!pv_proxy_authenticate('{realm}', "$var(password)", "0")) {{ proxy_challenge('{realm}', "1"); exit; }}
        if (!lookup("location")) {{ sl_send_reply("404", "Nobody is registered"); exit; }}
        record_route();
        t_relay();
        exit;
    }}
    if (!pv_www_authenticate('{realm}', "$var(password)", "0")) {{ www_challenge('{realm}', "1"); exit; }}
    if ($au == "barred") {{ sl_send_reply("403", "Unpaid"); exit; }}
    save("location");
}}
"""


@dataclass(frozen=True)
class Registrar:
    """Where it listens: UDP and TCP on `port`, TLS on `tls`, and on `expired` with a certificate of yesterday."""

    port: int
    tls: int
    expired: int


def free_port() -> int:
    """Return a port that is free for UDP and TCP on loopback."""
    while True:
        with socket.socket() as one, socket.socket(type=socket.SOCK_DGRAM) as other:
            one.bind(("127.0.0.1", 0))
            try:
                other.bind(one.getsockname())
            except OSError:
                continue
            return int(one.getsockname()[1])


def _tls(folder: Path, places: Mapping[int, tuple[int, int]]) -> str:
    """Write a certificate for proxy.example.com for each port, valid from day to day; return tls.cfg."""
    sections = []
    for port, days in places.items():
        made = authority.signed("proxy.example.com", authority.rsa_key(), authority.intermediate(), days)
        chain = authority.put(folder / f"{port}.pem", made.pem + authority.intermediate().pem)
        key = authority.put(folder / f"{port}.key", authority.pem_of(made.key))
        sections.append(f"[server:127.0.0.1:{port}]\nmethod = TLSv1.2+\ncertificate = {chain}\nprivate_key = {key}\n")
    return "\n".join(["[server:default]\nmethod = TLSv1.2+\n" + "\n".join(sections[0].splitlines()[2:]) + "\n", *sections])


@contextmanager
def running(folder: Path, algorithm: str = "", passwords: Mapping[str, str] = PASSWORDS) -> Iterator[Registrar]:
    """Yield a registrar that has begun to answer; its process ends with the block. algorithm: SHA-256, or empty for MD5; passwords: of its users."""
    here, process = next(filter(None, (_started(folder, algorithm, passwords) for _ in range(5))))
    try:
        yield here
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a Kamailio with its own processes; one that hangs as it goes, as 5.6 does now and then, is killed."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def _started(folder: Path, algorithm: str, passwords: Mapping[str, str]) -> tuple[Registrar, subprocess.Popen[bytes]] | None:
    """Return where a registrar answers, and its process; None where somebody else took one of its ports meanwhile."""
    here = Registrar(free_port(), free_port(), free_port())
    (folder / "tls.cfg").write_text(_tls(folder, {here.tls: (-1, 365), here.expired: (-30, -1)}))
    users = "\n".join(f'        case "{user}": $var(password) = {_quoted(password)}; break;' for user, password in passwords.items())
    chosen = f'modparam("auth", "algorithm", "{algorithm}")' if algorithm else ""
    process = started(folder, _CONFIG.format(**vars(here), domain=DOMAIN, users=users, realm=REALM, algorithm=chosen), here.port)
    return (here, process) if process else None


def started(folder: Path, config: str, port: int) -> subprocess.Popen[bytes] | None:
    """Return the process of a Kamailio that listens on this port, config being what follows its _HEAD; None where somebody else took a port of it meanwhile."""
    (folder / "kamailio.cfg").write_text(_HEAD.format(folder=folder) + config.strip())
    with (folder / "kamailio.log").open("wb") as log:
        process = subprocess.Popen(["kamailio", "-f", folder / "kamailio.cfg", "-DD", "-E", "-m", "32", "-M", "4", "-Y", folder], stderr=log, stdout=log, start_new_session=True)
    while process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.1)
    assert "Address already in use" in (log_text := (folder / "kamailio.log").read_text()), log_text
    return None


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@contextmanager
def names(*records: str) -> Iterator[dns.resolver.Resolver]:
    """Yield a resolver whose DNS knows these records and no others, as `NAME TYPE DATA`; names without any are not there."""
    known: dict[tuple[str, str], list[str]] = {}
    for record in records:
        name, kind, data = record.split(" ", 2)
        known.setdefault((f"{name}.", kind), []).append(data)
    with socket.socket(type=socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        server = threading.Thread(target=_serve_names, args=(door, known), daemon=True)
        server.start()
        made = dns.resolver.Resolver(configure=False)
        made.nameservers, made.port, made.lifetime = ["127.0.0.1"], door.getsockname()[1], 5.0
        yield made
        with socket.socket(type=socket.SOCK_DGRAM) as bell:
            bell.sendto(b"", door.getsockname())
        server.join(5)


def _serve_names(door: socket.socket, known: Mapping[tuple[str, str], list[str]]) -> None:
    while True:
        asked, client = door.recvfrom(4096)
        if not asked:
            return
        query = dns.message.from_wire(asked)
        question = query.question[0]
        name, kind = question.name.to_text().lower(), question.rdtype.name
        reply = dns.message.make_response(query)
        if (name, kind) in known:
            reply.answer.append(dns.rrset.from_text_list(name, 60, "IN", kind, known[name, kind]))
        elif not any(name == other for other, _ in known):
            reply.set_rcode(dns.rcode.NXDOMAIN)
        door.sendto(reply.to_wire(), client)


@contextmanager
def answering(*answers: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the port of a server over UDP that gives each request the next of these answers, and what it was asked."""
    asked: list[str] = []

    def serve() -> None:
        for answer in answers:
            data, client = door.recvfrom(4096)
            if not data:
                return
            asked.append(data.decode())
            echoed = re.findall(r"(?m)^(?:Via|From|To|Call-ID|CSeq): .*\r\n", asked[-1])
            first, *more = answer.split("\n")
            door.sendto("".join([f"SIP/2.0 {first}\r\n", *echoed, *(f"{line}\r\n" for line in more), "Content-Length: 0\r\n\r\n"]).encode(), client)

    with socket.socket(type=socket.SOCK_DGRAM) as door:
        door.bind(("127.0.0.1", 0))
        server = threading.Thread(target=serve, daemon=True)
        server.start()
        yield door.getsockname()[1], asked
        with socket.socket(type=socket.SOCK_DGRAM) as bell:
            bell.sendto(b"", door.getsockname())
        server.join(5)


@contextmanager
def baresip(folder: Path, *accounts: str, command: str = "") -> Iterator[Path]:
    """Softphones in one process, which register and answer calls with silence; yield the file of what they say.

    command: what the first of them does at once, such as /dial sip:212@sip.example.com. They register from a network alone, not from loopback.
    """
    with socket.socket(type=socket.SOCK_DGRAM) as anywhere:
        try:
            anywhere.connect(("192.0.2.1", 5060))
        except OSError:
            pytest.skip("this machine has no network beside loopback, and baresip 1.0.0 registers from no other")
    folder.mkdir(exist_ok=True)
    with wave.open(str(folder / "silence.wav"), "wb") as silence:
        silence.setparams((1, 2, 8000, 0, "NONE", ""))
        silence.writeframes(bytes(16000))
    modules = "".join(f"module {name}.so\n" for name in ("account", "menu", "g711", "aufile"))
    (folder / "config").write_text(f"module_path /usr/lib/baresip/modules\n{modules}audio_source aufile,{folder}/silence.wav\nsip_listen 127.0.0.1:0\n")
    (folder / "accounts").write_text("".join(f"{account}\n" for account in accounts))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(["stdbuf", "-oL", "baresip", "-f", folder, *(["-e", command] if command else [])], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield folder / "log"
    finally:
        process.kill()
        process.wait(10)
