"""The admin's door under attack: every route with every role, what a session outlives, and what hostile asks leave behind. Real HTTP, one server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.routing import Rule

from provisioner.admin import accounts, apikeys, devices, lines, operators, sites
from provisioner.api.door import BASE, api
from provisioner.console.door import BODY, HEADERS, console
from provisioner.console.pages import ANYBODY
from provisioner.rights import RIGHTS, RULE
from tests.console import PASSWORD, Answer, Client, admin_of, running, settled
from tests.test_server import MAC, Server, furnish

OTHER = "805ec0d57d73"
ADDRESS = "299@sip.example.com"
CANARY = "S3cr3t-Canary-7f3a"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"
ROLES = {"anna": "owner", "nora": "admin", "ben": "helpdesk", "ines": "reader"}
PARTS = {
    "mac": OTHER, "sip_address": ADDRESS, "slug": "default", "site": "default", "group": "nowhere", "name": "language", "family": "yealink", "provider": "nowhere", "scope": f"device:{OTHER}",
    "n": 1, "module": 0, "position": 1, "number": 999_999, "prefix": "00000000", "file": f"{OTHER}.cfg", "noun": "devices", "kind": "html", "form": "csv", "network": "198.51.100.0/24",
    "secret": "nobody-has-this-link", "filename": "console.css",
}  # fmt: skip


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server with an operator of each role, and a phone whose secrets hold the canary."""
    state = tmp_path_factory.mktemp("attack") / "state"
    furnish(state, mac_is_enough=True)
    with admin_of(state) as admin:
        for name, role in ROLES.items():
            settled(admin, name, role)
        accounts.add(admin, ADDRESS, {"password": CANARY, "display_name": HOSTILE})
        devices.add(admin, OTHER, "yealink/T46U", {"name": HOSTILE, "location": HOSTILE, "factory_password": CANARY})
        lines.assign(admin, OTHER, ADDRESS)
        sites.change(admin, "default", {"name": HOSTILE})
    with running(state) as server:
        yield server


@pytest.fixture(scope="module")
def clients(server: Server) -> dict[str, Client]:
    """Everybody, signed in, with the token of his forms."""
    known = {name: Client(server.port("admin")) for name in ROLES}
    for name, client in known.items():
        assert client.sign_in(name).status == 303
        client.get("/you")
    return known


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, str, str]]:
    """Return (method, rule, path, right) of every page and resource; the path names things that are there, where they can be."""
    with admin_of(tmp_path_factory.mktemp("routes") / "state") as admin:
        return [
            (method, rule.rule, path_of(rule), str(getattr(app.view_functions[rule.endpoint], "right", ANYBODY if rule.endpoint in ("static", "openapi.spec", "readable") else RULE)))
            for app in (console(admin), api(admin))
            for rule in app.url_map.iter_rules()
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        ]


def path_of(rule: Rule) -> str:
    """Return a path of a rule, its parts filled in."""
    return re.sub(r"<(?:[^<>]*:)?(\w+)>", lambda part: quote(str(PARTS[part[1]]), safe="/:@"), rule.rule)


def ask(client: Client, method: str, path: str, **headers: str) -> Answer:
    """Ask as our own page does, with an empty form or JSON."""
    said = {"X-CSRF-Token": client.token, "Origin": f"http://127.0.0.1:{client.port}", **headers}
    if method == "GET":
        return client.ask(method, path, headers=said)
    kind, body = ("application/json", "{}") if path.startswith(BASE) else ("application/x-www-form-urlencoded", f"csrf={client.token}")
    return client.ask(method, path, body, {"Content-Type": kind, **said})


# Every route with every role


@pytest.mark.parametrize("name", [name for name in ROLES if ROLES[name] != "owner"])
def test_a_route_that_takes_more_than_a_role_may_is_refused_to_it(clients: dict[str, Client], routes: list[tuple[str, str, str, str]], name: str) -> None:
    above = [(method, path) for method, _, path, right in routes if right != ANYBODY and right not in RIGHTS[ROLES[name]]]
    answers = {(method, path): ask(clients[name], method, path) for method, path in above}
    assert len(above) > 8 and {known: answer.status for known, answer in answers.items() if answer.status != 403} == {}
    assert not [known for known, answer in answers.items() if CANARY in answer.text]


def test_nobody_gets_anything_of_any_route_without_signing_in(server: Server, routes: list[tuple[str, str, str, str]]) -> None:
    stranger = Client(server.port("admin"))
    for method, _, path, right in routes:
        if right != ANYBODY:
            answer = ask(stranger, method, path)
            assert answer.status == (401 if path.startswith(BASE) else 303) and OTHER.encode() not in answer.body.replace(quote(path).encode(), b""), (method, path)


@pytest.mark.parametrize("name", ["ben", "ines"])
def test_whoever_sees_no_secrets_finds_none_at_any_route_that_he_may_ask(clients: dict[str, Client], routes: list[tuple[str, str, str, str]], name: str) -> None:
    seen = 0
    for method, _, path, right in routes:
        if method == "GET" and right in RIGHTS[ROLES[name]]:
            for query in ("", "?reveal=true&reveal=1&secrets=1"):
                answer = ask(clients[name], method, path + query)
                assert answer.status < 500 and CANARY.encode() not in answer.body, (path, query)
                seen += answer.status == 200
    assert seen > 40


def test_a_reader_changes_nothing_at_any_route(server: Server, clients: dict[str, Client], routes: list[tuple[str, str, str, str]]) -> None:
    with admin_of(server.config.state) as admin:
        before = [change.id for change in admin.store.changes(1)]
        for method, rule, path, right in routes:
            if method != "GET" and right in RIGHTS["reader"] and not rule.startswith("/you"):
                assert ask(clients["ines"], method, path).status < 500, (method, path)
        assert [change.id for change in admin.store.changes(1)] == before


def test_every_answer_has_the_policy_and_none_but_files_of_ours_is_kept(clients: dict[str, Client], routes: list[tuple[str, str, str, str]]) -> None:
    for method, _, path, _ in routes:
        if method == "GET":
            headers = ask(clients["ines"], method, path).headers
            policy = headers["Content-Security-Policy"]  # a sheet for paper has its style in it, and may do nothing at all
            assert policy == HEADERS["Content-Security-Policy"] or (path.endswith("/handout.html") and "default-src 'none'" in policy and "script-src" not in policy and policy.endswith("sandbox")), path
            assert {name: headers[name] for name in HEADERS if name != "Content-Security-Policy"} == {name: value for name, value in HEADERS.items() if name != "Content-Security-Policy"}, path
            assert path.startswith("/static/") or headers["Cache-Control"] == "no-store", path


def test_no_route_takes_a_change_without_the_sessions_token(clients: dict[str, Client], routes: list[tuple[str, str, str, str]]) -> None:
    for method, _, path, _ in routes:
        if method != "GET":
            for headers in ({"X-CSRF-Token": "0" * 64}, {"Origin": "https://evil.example"}):
                refused = clients["anna"].ask(method, path, "", {"Content-Length": "0", **({"X-CSRF-Token": clients["anna"].token} if "Origin" in headers else {}), **headers})
                assert refused.status == 403, (method, path, headers)


def test_no_text_of_others_is_more_than_text_on_any_page(clients: dict[str, Client], routes: list[tuple[str, str, str, str]]) -> None:
    for method, _, path, _ in routes:
        if method == "GET" and not path.startswith((BASE, "/static/")):
            answer = ask(clients["anna"], method, path)
            if answer.headers.get_content_type() == "text/html":
                assert "<script>alert" not in answer.text and "<img src=x" not in answer.text, path


# What a session outlives


def two_sessions(server: Server, name: str, role: str = "helpdesk") -> tuple[Client, Client]:
    with admin_of(server.config.state) as admin:
        settled(admin, name, role)
    both = Client(server.port("admin")), Client(server.port("admin"))
    for client in both:
        assert client.sign_in(name).status == 303 and client.get("/you").status == 200
    return both


def test_another_password_ends_every_other_session(server: Server) -> None:
    mine, stolen = two_sessions(server, "carl")
    kept = dict(mine.cookies)
    assert mine.post("/you/password", old=PASSWORD, password=f"{PASSWORD}!", again=f"{PASSWORD}!").status == 303
    assert stolen.get("/").status == 303 and mine.get("/").status == 200 and mine.cookies != kept
    mine.cookies = kept
    assert mine.get("/").status == 303


def test_another_role_ends_the_sessions_of_the_old_one(server: Server) -> None:
    mine, other = two_sessions(server, "dora", "admin")
    with admin_of(server.config.state) as admin:
        operators.change(admin, "dora", {"role": "reader"})
    assert [client.get("/").status for client in (mine, other)] == [303, 303]


def test_a_removed_operators_session_and_key_end_with_him(server: Server) -> None:
    mine, _ = two_sessions(server, "emil")
    with admin_of(server.config.state) as admin:
        key = {"Authorization": f"Bearer {apikeys.add(admin, 'test', 'emil')[1]}"}
        assert mine.ask("GET", f"{BASE}/devices", headers=key).status == 200
        operators.remove(admin, "emil")
    assert mine.get("/").status == 303 and Client(mine.port).ask("GET", f"{BASE}/devices", headers=key).status == 401


def test_a_token_of_a_session_that_has_ended_is_worth_nothing(server: Server) -> None:
    mine, other = two_sessions(server, "fay")
    old = mine.token
    mine.post("/sign-out")
    mine.sign_in("fay")
    mine.token = old
    assert mine.post("/you", language="pt", timezone="UTC").status == 403
    assert other.get("/").status == 200


def test_a_key_that_is_taken_back_opens_nothing(server: Server) -> None:
    with admin_of(server.config.state) as admin:
        secret = apikeys.add(admin, "test", "anna")[1]
        client, key = Client(server.port("admin")), {"Authorization": f"Bearer {secret}"}
        assert client.ask("GET", f"{BASE}/me", headers=key).status == 200
        apikeys.remove(admin, "_".join(secret.split("_")[:2]))
    assert client.ask("GET", f"{BASE}/me", headers=key).status == 401


# Odd asks


@pytest.mark.parametrize("path", ["/static/../door.py", "/static/%2e%2e/door.py", "/static/..%2fdoor.py", "/static//etc/passwd", "/static/a%00b", "/phones/..%2f..%2fserver.key", f"/phones/{MAC}/../../server.key"])
def test_no_path_leads_out_of_the_pages(clients: dict[str, Client], path: str) -> None:
    answer = clients["anna"].get(path)
    assert answer.status in (308, 400, 404, 422) and b"blueprint" not in answer.body.lower() and b"root:" not in answer.body


def test_a_body_that_is_too_large_is_refused_unread(clients: dict[str, Client]) -> None:
    anna = clients["anna"]
    for path, kind in (("/you", "application/x-www-form-urlencoded"), (f"{BASE}/import/csv", "text/csv")):
        try:
            answer = anna.ask("POST", path, b"x" * (BODY + 1), {"Content-Type": kind, "X-CSRF-Token": anna.token})
        except (BrokenPipeError, ConnectionResetError):  # it hung up before it had it all
            continue
        assert answer.status in (403, 413), path
    assert anna.get("/you").status == 200


@pytest.mark.parametrize("text", [HOSTILE, "=cmd|'/C calc'!A0", "{{7*7}}", "a\r\nSet-Cookie: x=1", "\x00", "‮evil", "' OR 1=1 --", "%_%", "x" * 5_000, "😀"])
def test_hostile_text_in_any_search_is_looked_for_and_nothing_else(clients: dict[str, Client], text: str) -> None:
    for path in ("/phones?search=", "/accounts?search=", "/events?search=", "/audit?who=", "/why?what=", "/phones?after=", "/phones?site=", f"{BASE}/devices?search=", f"{BASE}/devices?cursor="):
        answer = clients["anna"].get(path + quote(text))
        assert answer.status < 500 and "Set-Cookie" not in answer.headers, path
        assert answer.headers.get_content_type() in ("application/json", "application/problem+json") or "<script>alert" not in answer.text, path


def test_what_phones_cannot_read_is_no_fault_of_ours(clients: dict[str, Client]) -> None:
    anna = clients["anna"]
    for fields in ({"name": "a\x00b"}, {"name": "x" * 100_000}, {"language": "xx"}, {"unknown": "1"}):
        anna.get(f"/phones/{OTHER}")
        answer: Any = anna.post(f"/phones/{OTHER}/change", **fields)
        assert answer.status < 500, fields
