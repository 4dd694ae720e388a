"""A server whose console runs, and a browser without a screen: forms, links and cookies over real HTTP."""

from __future__ import annotations

import html
import http.client
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from provisioner.admin import Admin, operators
from provisioner.config import Config
from tests.test_server import Server, serving, until

PASSWORD = "correct horse 9"


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        """The body, as it stands."""
        return self.body.decode()

    @property
    def words(self) -> str:
        """What a reader sees of it."""
        return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", self.text)))

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


@dataclass
class Client:
    """A browser without a screen: it keeps cookies, and knows the token of its forms."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    token: str = ""

    def ask(self, method: str, path: str, body: bytes | str = b"", headers: Mapping[str, str] | None = None) -> Answer:
        """Ask, and remember cookies."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        said = {**({"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())} if self.cookies else {}), **(headers or {})}
        try:
            connection.request(method, path, body or None, said)
            got = connection.getresponse()
            answer = Answer(got.status, got.headers, got.read())
        finally:
            connection.close()
        for line in got.headers.get_all("Set-Cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies.pop(name, None)
            if value:
                self.cookies[name] = value
        found = re.search(r'name="csrf" value="(\w+)"', answer.text) if b"csrf" in answer.body else None
        self.token = found[1] if found else self.token
        return answer

    def get(self, path: str, **headers: str) -> Answer:
        """Read a page."""
        return self.ask("GET", path, headers=headers)

    def post(self, path: str, headers: Mapping[str, str] | None = None, **fields: str) -> Answer:
        """Send a form of the page that was read last."""
        body = urlencode({"csrf": self.token, **fields})
        return self.ask("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"http://127.0.0.1:{self.port}", **(headers or {})})

    def sign_in(self, name: str = "anna", password: str = PASSWORD) -> Answer:
        """Sign in."""
        self.get("/sign-in")
        return self.post("/sign-in", name=name, password=password)


@contextmanager
def running(state: Path, **options: str) -> Iterator[Server]:
    """Run a server with its console; yields it once the console answers."""
    with serving(state, PROVISIONER_ADMIN_ADDRESS="127.0.0.1:0", PROVISIONER_TFTP_ADDRESS="", **options) as server:
        until(lambda: Client(server.port("admin")).get("/sign-in").status == 200)
        yield server


@contextmanager
def admin_of(state: Path) -> Iterator[Admin]:
    """Open the verbs on a server's state, as the command line does."""
    admin = Admin.open(Config(state=state), "test", "cli")
    try:
        yield admin
    finally:
        admin.close()


def settled(admin: Admin, name: str = "anna", role: str = "owner", **facts: Any) -> None:
    """Have somebody who can sign in with PASSWORD."""
    if not admin.people.any():
        operators.settle(admin, operators.first_link(admin), "anna", PASSWORD)
    if name != "anna" and admin.people.operator(name) is None:
        operators.settle(admin, operators.add(admin, name, role, **facts)[1], "", PASSWORD)
