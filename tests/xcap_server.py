"""An XCAP server to ask: Kamailio's xcap_server from Debian's packages, over HTTP and HTTPS, with Digest and with Basic."""

from __future__ import annotations

import http.client
import sqlite3
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import authority
from tests.kamailio import end, free_port, started

DOMAIN = "sip.example.com"
PASSWORD = "s3cret"
AUIDS = ("xcap-caps", "resource-lists", "rls-services", "pres-rules")
PATH = "/xcap-root/{auid}/users/{user}/index"

# A user `bare` has its documents under its bare name, as some servers want it.
_CONFIG = """
tcp_children=2
tcp_accept_no_cl=yes
listen=tcp:127.0.0.1:{plain}
listen=tcp:127.0.0.1:{open}
listen=tls:127.0.0.1:{tls}
listen=tls:127.0.0.1:{basic}
loadmodule "db_sqlite.so"
loadmodule "xhttp.so"
loadmodule "presence.so"
loadmodule "presence_xml.so"
loadmodule "xcap_server.so"
modparam("presence", "db_url", "sqlite:///{folder}/kamailio.db")
modparam("presence_xml", "db_url", "sqlite:///{folder}/kamailio.db")
modparam("presence_xml", "integrated_xcap_server", 1)
modparam("xcap_server", "db_url", "sqlite:///{folder}/kamailio.db")
modparam("xcap_server", "xcap_root", "/xcap-root/")
{algorithm}
request_route {{ sl_send_reply("404", "Not Found"); exit; }}
event_route[xhttp:request] {{
    if ($hu =~ "^/moved/") {{ append_to_reply("Location: https://elsewhere.example.com/xcap-root\\r\\n"); xhttp_reply("302", "Found", "", ""); exit; }}
    if ($Rp == {basic} || $Rp == {open}) {{
        if ($hdr(Authorization) != "Basic {proof}") {{
            append_to_reply("WWW-Authenticate: Basic realm=\\"xcap\\"\\r\\n");
            xhttp_reply("401", "Unauthorized", "", "");
            exit;
        }}
        $var(user) = "212";
    }} else {{
        if (!pv_www_authenticate("xcap", "{password}", "0")) {{ www_challenge("xcap", "1"); exit; }}
        $var(user) = $au;
    }}
    $xcapuri(u=>data) = $hu;
    if ($xcapuri(u=>auid) =~ "^xcap-caps") {{
        xhttp_reply("200", "OK", "application/xcap-caps+xml", "{caps}");
        exit;
    }}
    if ($var(user) == "212" && $xcapuri(u=>xuid) == "bare") {{ $var(user) = "bare"; }}
    if ($var(user) == "stranger") {{ xhttp_reply("403", "Forbidden", "", ""); exit; }}
    $var(uri) = "sip:" + $var(user) + "@{domain}";
    switch ($rm) {{
        case "PUT": xcaps_put("$var(uri)", "$hu", "$rb"); break;
        case "GET": xcaps_get("$var(uri)", "$hu"); break;
        case "DELETE": xcaps_del("$var(uri)", "$hu"); break;
        default: xhttp_reply("405", "Method Not Allowed", "", "");
    }}
}}
"""


@dataclass(frozen=True)
class Server:
    """Where it listens: Digest on `plain` and `tls`, Basic on `open` and `basic`, the first of each over HTTP and the second over HTTPS."""

    plain: int
    open: int
    tls: int
    basic: int

    def root(self, door: str = "tls") -> str:
        """Return the XCAP root at one of its doors."""
        return f"{'https' if door in ('tls', 'basic') else 'http'}://127.0.0.1:{getattr(self, door)}/xcap-root"

    def other_client(self, method: str, user: str, body: bytes = b"", xui: str = "", auid: str = "resource-lists") -> bytes:
        """Do what another client of an account does; return the body of the answer. xui: the user as the path has it, where that is no SIP URI."""
        talk = http.client.HTTPConnection("127.0.0.1", self.open, timeout=10)
        try:
            talk.request(method, PATH.format(auid=auid, user=xui or f"sip:{user}@{DOMAIN}"), body or None, {"Authorization": f"Basic {_PROOF}", "Content-Type": f"application/{auid}+xml"})
            reply = talk.getresponse()
            content = reply.read()
            assert reply.status == 200, (reply.status, content)
            return content
        finally:
            talk.close()


_PROOF = b64encode(f"212:{PASSWORD}".encode()).decode()


@contextmanager
def running(folder: Path, algorithm: str = "") -> Iterator[Server]:
    """Yield a server that has begun to answer; its process ends with the block. algorithm: of Digest, SHA-256 or empty for MD5."""
    made = authority.signed("xcap.example.com", authority.rsa_key(), authority.intermediate())
    chain, key = authority.put(folder / "chain.pem", made.pem + authority.intermediate().pem), authority.put(folder / "key.pem", authority.pem_of(made.key))
    (folder / "tls.cfg").write_text(f"[server:default]\nmethod = TLSv1.2+\ncertificate = {chain}\nprivate_key = {key}\n")
    with closing(sqlite3.connect(folder / "kamailio.db")) as db:
        for name in ("standard", "presence"):
            db.executescript(Path(f"/usr/share/kamailio/db_sqlite/{name}-create.sql").read_text())
    here, process = next(filter(None, (_started(folder, algorithm) for _ in range(5))))
    try:
        yield here
    finally:
        end(process)


def _started(folder: Path, algorithm: str) -> tuple[Server, subprocess.Popen[bytes]] | None:
    here = Server(*(free_port() for _ in range(4)))
    caps = "".join(f"<auid>{name}</auid>" for name in AUIDS)
    values = {
        **vars(here), "folder": folder, "domain": DOMAIN, "password": PASSWORD, "proof": _PROOF,
        "caps": f"<xcap-caps xmlns='urn:ietf:params:xml:ns:xcap-caps'><auids>{caps}</auids><namespaces/></xcap-caps>",
        "algorithm": f'modparam("auth", "algorithm", "{algorithm}")' if algorithm else "",
    }  # fmt: skip
    process = started(folder, _CONFIG.format(**values), here.plain)
    return (here, process) if process else None
