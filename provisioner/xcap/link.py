"""One request over HTTP, and its answer: an address that was checked, TLS that is verified, a password that is proven, an end in time and size."""

from __future__ import annotations

import base64
import http.client
import os
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from provisioner import __version__
from provisioner.errors import Declined, Unreached
from provisioner.kinds import Endpoint
from provisioner.outgoing import Allowed
from provisioner.sip.digest import challenges

LARGEST = 1_000_000  # bytes of one document


@dataclass(frozen=True)
class Means:
    """What requests are made with. patience: seconds for one request from the first packet to the last; trust: whose certificates are believed."""

    allowed: Allowed = Allowed()
    patience: float = 8.0
    trust: ssl.SSLContext = field(default_factory=ssl.create_default_context)


@dataclass(frozen=True)
class Answer:
    """What a server answered: the status with its word, headers by their names in lower case, the body."""

    status: int
    words: str
    headers: Mapping[str, str]
    asked: tuple[str, ...]  # the WWW-Authenticate headers
    body: bytes = field(repr=False)

    @property
    def etag(self) -> str:
        """The document's ETag as it was written, empty where there is none."""
        return self.headers.get("etag", "")


class Link:
    """Asks one server; its name is looked up once, so that all requests go to the address that was checked."""

    def __init__(self, root: str, user: str, password: str, means: Means) -> None:
        """root: the URL that paths are put behind. Raises Unreached, also where no request may go there (S24)."""
        parts = urlsplit(root)
        self._secure, self._host = parts.scheme == "https", parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self._path, self._user, self._password, self._means = parts.path.rstrip("/"), user, password, means
        self._addresses = means.allowed.addresses(self._host, self._port, self._secure)

    def __str__(self) -> str:
        """Return the server as sentences name it."""
        return str(Endpoint(self._host, self._port))

    def ask(self, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> Answer:
        """Return the answer to a request, the password proven where the server asks for it.

        path: behind the root, in the characters of a URL.

        Raises Unreached where no answer comes, and Declined where the password is refused, where
        it would go over an open wire, or where the answer leads elsewhere or is too large.
        """
        target, said = f"{self._path}/{path}", dict(headers or {})
        answer = self._once(method, target, said, body)
        for _ in range(2):  # once more where the nonce was too old
            if answer.status != 401:
                break
            proof = self._proof(method, target, answer)
            answer = self._once(method, target, {**said, "Authorization": proof}, body)
            if not any(challenge.stale for challenge in challenges(answer.asked)):
                break
        if answer.status == 401:
            raise Declined(f"{self} refuses the password of {self._user!r} ({answer.words}); correct the account's password, or its auth username", "refused")
        if 300 <= answer.status < 400 and answer.status != 304:
            elsewhere = ascii(answer.headers.get("location", "nowhere"))[1:-1]
            raise Declined(f"{self} sends us elsewhere ({answer.words}: {elsewhere}), where no password goes by itself; if that is right, write it as the account's XCAP root")
        return answer

    def _proof(self, method: str, target: str, answer: Answer) -> str:
        """Return the Authorization for what the server asks with: Digest, or Basic over TLS alone."""
        if not self._password:
            raise Declined(f"{self} asks for a password, and the account has none; `provisioner account change` gives it one")
        if found := next((one for one in challenges(answer.asked) if one.answerable), None):
            return found.answer(method, target, self._user, self._password)
        if not any(header.strip().lower().startswith("basic") for header in answer.asked):
            raise Declined(f"{self} asks for a proof in a way that is not known here; Digest with MD5 or SHA-256, and Basic over https are")
        if not self._secure:
            raise Declined(f"{self} asks for the password by Basic over http, where anybody on the way can read it; it was not sent. Write the XCAP root with https")
        return f"Basic {base64.b64encode(f'{self._user}:{self._password}'.encode()).decode()}"

    def _once(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        fault: Unreached | None = None
        for address in self._addresses:
            try:
                return self._exchanged(address, method, target, headers, body)
            except ssl.SSLCertVerificationError as why:
                raise Unreached(f"the certificate of {self} is not believed: {why.verify_message}; correct the host of the XCAP root, or name the root of its certificate with --trust", "wrong") from None
            except (ssl.SSLError, http.client.HTTPException, ValueError):  # ValueError: a length that is no number
                fault = fault or Unreached(f"{self} ({address}) does not speak {'HTTPS' if self._secure else 'HTTP'} as we do; check scheme and port of the XCAP root")
            except OSError as why:
                silent = isinstance(why, TimeoutError) or not why.strerror
                what = f"does not answer within {self._means.patience:g} seconds" if silent else f"cannot be reached ({why.strerror})"
                fault = fault or Unreached(f"{self} ({address}) {what}; check host and port of the XCAP root, and that a firewall lets it out")
        raise fault or Unreached(f"{self} has no address")

    def _exchanged(self, address: str, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        with _ending(socket.create_connection((address, self._port), self._means.patience), self._means.patience) as made:
            talk = http.client.HTTPConnection(self._host, self._port)
            talk.sock = self._means.trust.wrap_socket(made, server_hostname=self._host) if self._secure else made
            with closing(talk):
                talk.request(method, target, body or None, {"User-Agent": f"provisioner/{__version__}", "Connection": "close", **headers})
                reply = talk.getresponse()
                content = reply.read(LARGEST + 1)
        if len(content) > LARGEST:
            raise Declined(f"{self} answers with more than {LARGEST:,} bytes, which is no document of contacts; check the account's XCAP root")
        if reply.length:
            raise http.client.IncompleteRead(content, reply.length)
        said = {name.lower(): value for name, value in reply.getheaders()}
        return Answer(reply.status, f"{reply.status} {ascii(reply.reason)[1:-1]}".strip(), said, tuple(reply.headers.get_all("WWW-Authenticate", [])), content)


@contextmanager
def _ending(made: socket.socket, patience: float) -> Iterator[socket.socket]:
    """Hold a connection that ends after so many seconds, however slowly the other side goes on; then raises TimeoutError."""
    rang = threading.Event()

    def ring() -> None:
        rang.set()
        try:
            twin.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # the other side was quicker

    with made, socket.socket(fileno=os.dup(made.fileno())) as twin:  # of the same connection, also once TLS has taken the other
        bell = threading.Timer(patience, ring)
        bell.daemon = True
        bell.start()
        try:
            yield made
        except (OSError, http.client.HTTPException, ValueError):
            if not rang.is_set():
                raise
        finally:
            bell.cancel()
            bell.join()
        if rang.is_set():
            raise TimeoutError
