"""One request and its final response, over a socket of its own: the client's side of RFC 3261, 17.1.2 and 18."""

from __future__ import annotations

import re
import secrets
import socket
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import dns.resolver
from cryptography import x509
from cryptography.x509.oid import NameOID
from sipmessage import URI, Message, Parameters, Request, Response, Via

from provisioner import __version__
from provisioner.errors import BadValue, Unreached
from provisioner.sip.locate import Hop

_LARGEST = 65_536  # bytes of one message
Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Means:
    """What questions are asked with.

    names:    what asks the DNS.
    patience: seconds until a server counts as silent, timer F; RFC 3261 has 32, and who waits at a terminal less.
    first:    seconds until a request is sent again over UDP, timer E, doubled each time to `longest` (T1 and T2).
    trust:    whose certificates are believed; see `trusting`.
    """

    names: dns.resolver.Resolver
    patience: float = 8.0
    first: float = 0.5
    longest: float = 4.0
    trust: ssl.SSLContext = field(default_factory=ssl.create_default_context)


def trusting(file: Path) -> ssl.SSLContext:
    """Return what believes the roots of a file of PEM beside the system's own; raises BadValue."""
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(file)
    except ssl.SSLError:
        raise BadValue(f"{file} holds no certificate in PEM; it begins with -----BEGIN CERTIFICATE-----") from None
    except OSError as why:
        raise BadValue(f"{file} cannot be read ({why.strerror}); check its name and its mode") from None
    return context


class Link:
    """Holds a socket to one place open; use it in `with`."""

    def __init__(self, hop: Hop, means: Means) -> None:
        """Connect; raises Unreached."""
        self.hop, self._means = hop, means
        self._read = b""
        try:
            self._socket = self._connected()
        except ssl.SSLCertVerificationError as why:
            cure = _CURES.get(why.verify_code, "phones need its root; where they have it, name its file here with --trust")
            raise Unreached(f"{_of_certificate(hop, means)}: {plain(why.verify_message)}; {cure}", "wrong") from None
        except ssl.SSLError as why:
            raise Unreached(f"{hop} does not speak TLS as we do ({plain(why.reason or 'no handshake')})") from None
        except OSError as why:
            raise Unreached(_of_socket(hop, why, means)) from None

    def __enter__(self) -> Link:
        """Return the link."""
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None) -> None:
        """Close the socket."""
        self._socket.close()

    @property
    def local(self) -> tuple[str, int]:
        """Our own address as SIP writes it, IPv6 in brackets, and port."""
        host, port = self._socket.getsockname()[:2]
        return (f"[{host}]" if ":" in host else host), port

    def _connected(self) -> socket.socket:
        where = (self.hop.address, self.hop.port)
        if self.hop.transport == "udp":
            made = socket.socket(socket.AF_INET6 if ":" in where[0] else socket.AF_INET, socket.SOCK_DGRAM)
            made.connect(where)  # so that only this place is heard, and its refusal too
            return made
        made = socket.create_connection(where, self._means.patience)
        if self.hop.transport == "tcp":
            return made
        try:
            return self._means.trust.wrap_socket(made, server_hostname=self.hop.host)
        except OSError:
            made.close()
            raise

    def ask(self, method: str, uri: URI, headers: Headers, body: bytes = b"") -> Response:
        """Send a request and return its final response; raises Unreached where none comes."""
        branch = f"z9hG4bK{secrets.token_hex(12)}"
        request = Request(method, uri, body)
        host, port = self.local
        request.via = [Via(self.hop.transport.upper(), host, port, Parameters(branch=branch, rport=None))]
        for name, value in (("Max-Forwards", "70"), *headers, ("User-Agent", f"provisioner/{__version__}"), ("Content-Length", str(len(body)))):
            request.headers.add(name, value)
        try:
            return self._asked(bytes(request), branch, method)
        except OSError as why:  # TimeoutError is one
            raise Unreached(_of_socket(self.hop, why, self._means)) from None

    def _asked(self, request: bytes, branch: str, method: str) -> Response:
        """Send, over UDP again and again (timer E), until a final response is there or timer F ends."""
        ends, wait, provisional = time.monotonic() + self._means.patience, self._means.first, False
        while time.monotonic() < ends:
            self._socket.sendall(request)
            until = min(ends, time.monotonic() + wait) if self.hop.transport == "udp" else ends
            while time.monotonic() < until:
                try:
                    response = _response(self._message(until), branch, method)
                except TimeoutError:
                    break
                if response and response.code >= 200:
                    return response
                provisional = provisional or response is not None
            wait = self._means.longest if provisional else min(2 * wait, self._means.longest)
        raise TimeoutError

    def _received(self, until: float) -> bytes:
        """Return what comes next; raises TimeoutError where nothing does until a time of the monotonic clock."""
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        return self._socket.recv(_LARGEST)

    def _message(self, until: float) -> bytes:
        """Return the next message, raw; raises OSError."""
        if self.hop.transport == "udp":
            return self._received(until)
        while True:
            self._read = self._read.lstrip(b"\r\n")  # keep-alives
            head, blank, rest = self._read.partition(b"\r\n\r\n")
            length = re.search(rb"\r\n(?:content-length|l)[ \t]*:[ \t]*(\d{1,6})[ \t]*(?:\r\n|$)", head, re.IGNORECASE)
            size = int(length[1]) if length else 0
            if blank and len(rest) >= size:
                self._read = rest[size:]
                return head + blank + rest[:size]
            more = self._received(until)
            self._read += more
            if not more or len(self._read) > 2 * _LARGEST:
                raise ConnectionResetError


def _response(data: bytes, branch: str, method: str) -> Response | None:
    """Return the response to our request; None for anything else that came."""
    head, blank, body = data.partition(b"\r\n\r\n")
    plain = re.sub(rb"\r\n([^\s:]+)[ \t]+:", rb"\r\n\1:", re.sub(rb"\r\n[ \t]+", b" ", head))  # sipmessage 0.7.1 knows neither folded lines nor a blank before the colon
    try:
        message = Message.parse(plain + blank + body)
        ours = isinstance(message, Response) and message.via[0].parameters.get("branch") == branch and message.cseq.method == method
    except (ValueError, LookupError):
        return None
    return message if ours and isinstance(message, Response) else None


def _of_socket(hop: Hop, why: OSError, means: Means) -> str:
    """Return what became of a socket, as a clause about the place."""
    if isinstance(why, TimeoutError):
        return f"{hop} does not answer within {means.patience:g} seconds"
    if isinstance(why, ConnectionRefusedError):
        return f"{hop} refuses the connection: nothing listens there"
    if isinstance(why, ConnectionError):
        return f"{hop} closed the connection without an answer"
    return f"{hop} cannot be reached from here ({plain(why.strerror or type(why).__name__)})"


_CURES = {
    9: "it counts later only; is this machine's clock right?",
    10: "whoever runs that server renews it",
    62: "write the server's name as its certificate does",
    64: "write the server's name, which its certificate is for, in place of its address",
}  # X509_V_ERR_… of OpenSSL


def _of_certificate(hop: Hop, means: Means) -> str:
    """Return whose certificate it is that a place shows; it is fetched once more for that, and nothing is sent."""
    said = f"{hop} shows a certificate that is not believed"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with socket.create_connection((hop.address, hop.port), means.patience) as opened, context.wrap_socket(opened, server_hostname=hop.host) as secured:
            shown = x509.load_der_x509_certificate(secured.getpeercert(True) or b"")
            return f"{said}, for {', '.join(_names(shown)) or 'nobody'}, by {_common(shown.issuer)}, good until {shown.not_valid_after_utc:%Y-%m-%d}"
    except (OSError, ValueError):
        return said


def _names(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = [*names.get_values_for_type(x509.DNSName), *(str(one) for one in names.get_values_for_type(x509.IPAddress))]
    except x509.ExtensionNotFound:
        found = [_common(certificate.subject)]
    return [plain(name) for name in found[:4]]


def _common(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return plain(str(found[0].value)) if found else plain(name.rfc4514_string())


def plain(text: str, most: int = 120) -> str:
    """Return what a server chose, short and without anything that a terminal or a log should not meet.

    >>> plain("Bad\\x1b[2J")
    'Bad?[2J'
    """
    return "".join(char if char.isprintable() else "?" for char in text[:most]).strip()
