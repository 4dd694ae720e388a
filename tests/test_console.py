"""The door for people and programs, over real HTTP: who is let in, what a foreign page cannot do, what nobody sees; and the API's manners."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.routing import Rule

from provisioner.admin import accounts, apikeys, devices, lines, operators, sites
from provisioner.api.door import BASE, api
from provisioner.console.door import console
from provisioner.console.pages import ANYBODY, inside
from provisioner.language import LANGUAGES, catalogue
from provisioner.rights import RIGHTS
from provisioner.server import health
from tests.console import PASSWORD, Client, admin_of, running, settled
from tests.test_server import MAC, Server, furnish

HOUSE = Path(__file__).parent.parent / "provisioner"
VENDOR = HOUSE / "console/static/vendor"
OTHER = "805ec0d57d73"
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests of this file; each makes the operators and phones that it needs."""
    state = tmp_path_factory.mktemp("console") / "state"
    furnish(state, mac_is_enough=True)
    with admin_of(state) as admin:
        settled(admin)
        settled(admin, "ben", "helpdesk")
        settled(admin, "ines", "reader", language="pt", timezone="Asia/Kolkata")
        sites.add(admin, "north", {})
        settled(admin, "nora", "admin", sites=("north",))
        accounts.add(admin, "299@sip.example.com", {"password": "s3cret-299", "display_name": HOSTILE[:60]})
        devices.add(admin, OTHER, "yealink/T46U", {"name": HOSTILE[:60], "location": HOSTILE, "factory_password": "s3cret-factory"})
        lines.assign(admin, OTHER, "299@sip.example.com")
    with running(state) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Client:
    return Client(server.port("admin"))


@pytest.fixture
def anna(client: Client) -> Client:
    assert client.sign_in().status == 303
    return client


def key_of(server: Server, name: str = "anna", **facts: Any) -> dict[str, str]:
    """Return the header of a new API key."""
    with admin_of(server.config.state) as admin:
        return {"Authorization": f"Bearer {apikeys.add(admin, 'test', name, **facts)[1]}"}


def said(client: Client, method: str, path: str, key: dict[str, str], body: Any = None, **headers: str) -> Any:
    known = {**key, **({"Content-Type": "application/json"} if body is not None else {}), **{name.replace("_", "-"): value for name, value in headers.items()}}
    return client.ask(method, BASE + path, json.dumps(body) if body is not None else "", known)


# Coming in


def test_nobody_sees_a_page_before_signing_in(client: Client) -> None:
    for path in ("/", "/phones", f"/phones/{MAC}", "/you", "/overview/feed"):
        answer = client.get(path)
        assert answer.status == 303 and answer.headers["Location"].startswith("/sign-in") and MAC.encode() not in answer.body
    assert client.get("/phones", **{"HX-Request": "true"}).headers["HX-Redirect"] == "/sign-in"


def test_signing_in_leads_back_to_where_one_wanted_to_go(client: Client) -> None:
    assert client.get("/phones?search=x").headers["Location"] == "/sign-in?then=/phones?search%3Dx"
    client.get("/sign-in")
    answer = client.post("/sign-in", name="anna", password=PASSWORD, then="/phones?search=x")
    assert answer.headers["Location"] == "/phones?search=x" and client.get("/phones?search=x").status == 200


@pytest.mark.parametrize("then", ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "/a\r\nSet-Cookie: x=1"])
def test_nobody_is_led_elsewhere(then: str, client: Client) -> None:
    client.get("/sign-in")
    assert client.post("/sign-in", name="anna", password=PASSWORD, then=then).headers["Location"] == "/"
    assert inside("/phones?x=1") == "/phones?x=1"


def test_the_cookie_is_a_new_one_each_time_and_no_script_reads_it(client: Client) -> None:
    client.cookies["provisioner"] = "chosen-by-somebody-else"
    line = client.sign_in().headers["Set-Cookie"]
    assert "HttpOnly" in line and "SameSite=Lax" in line and "Path=/" in line and "Secure" not in line and "chosen" not in line
    first = client.cookies["provisioner"]
    client.get("/")
    client.post("/sign-out")
    assert "provisioner" not in client.cookies
    client.cookies["provisioner"] = first
    assert client.get("/").status == 303  # it counts nowhere any more


def test_behind_a_proxy_with_tls_the_cookie_is_secure_and_this_hosts_alone(tmp_path: Path) -> None:
    furnish(tmp_path / "state")
    with admin_of(tmp_path / "state") as admin:
        settled(admin)
    with running(tmp_path / "state", PROVISIONER_TRUSTED_PROXIES="127.0.0.1", PROVISIONER_ADMIN_NAMES="phones.example.com") as server:
        client = Client(server.port("admin"))
        proxied = {"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https", "Host": "phones.example.com", "Origin": "https://phones.example.com"}
        line = client.post("/sign-in", proxied, name="anna", password=PASSWORD).headers["Set-Cookie"]
        assert line.startswith("__Host-provisioner=") and "Secure" in line and "Path=/" in line and "Domain" not in line
        assert client.get("/you", **proxied).words.count("198.51.100.7") == 1
        assert [(part, well) for part, well, _ in health(server.config) if part == "admin"] == [("admin", True)]


def test_a_wrong_password_a_name_that_nobody_has_and_one_without_a_password_are_told_alike(client: Client, server: Server) -> None:
    with admin_of(server.config.state) as admin:
        if admin.people.operator("lazy") is None:
            operators.add(admin, "lazy")
    client.get("/sign-in")
    told = [client.post("/sign-in", name=name, password="wrong password") for name in ("nora", "nobody", "lazy")]
    assert {answer.status for answer in told} == {403}
    assert len({re.sub(r'value="[^"]*"', "", answer.text) for answer in told}) == 1


def test_guessing_slows_down_the_guesser(client: Client) -> None:
    client.get("/sign-in")
    answers = [client.post("/sign-in", name="guessed", password=f"guess number {number}") for number in range(4)]
    assert [answer.status for answer in answers] == [403, 403, 403, 429] and int(answers[-1].headers["Retry-After"]) > 0
    assert client.sign_in("ben").status == 303  # somebody else is not held up


def test_a_link_is_good_once(client: Client, server: Server) -> None:
    with admin_of(server.config.state) as admin:
        _, secret = operators.add(admin, f"eva{client.port}", "reader") if admin.people.operator(f"eva{client.port}") is None else operators.link(admin, f"eva{client.port}")
    assert "A password for eva" in client.get(f"/setup/{secret}").words
    told = client.post(f"/setup/{secret}", password=PASSWORD, again="another sentence")
    assert told.status == 422 and "The two passwords differ" in told.words
    assert client.post(f"/setup/{secret}", password=PASSWORD, again=PASSWORD, language="pt", timezone="Europe/Lisbon").status == 303
    assert "Visão geral" in client.get("/").words
    assert client.get(f"/setup/{secret}").status == 404


# What a foreign page cannot do


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "", "Referer": "https://evil.example/x"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}],
)
def test_a_form_of_another_site_changes_nothing_even_with_the_right_token(anna: Client, headers: dict[str, str]) -> None:
    anna.get("/you")
    answer = anna.post("/you", headers, language="pt", timezone="Europe/Lisbon")
    assert answer.status == 403 and "another place" in answer.words
    assert 'lang="en"' in anna.get("/you").text


def test_a_form_without_its_sessions_token_changes_nothing(anna: Client) -> None:
    for token in ("", "0" * 64):
        anna.token = token
        assert anna.post("/you", language="pt", timezone="UTC").status == 403
    stranger = Client(anna.port)
    stranger.sign_in("ben")
    stranger.get("/you")
    anna.token = stranger.token
    assert anna.post("/you", language="pt", timezone="UTC").status == 403
    assert anna.ask("POST", "/you", b'{"language": "pt"}', {"Content-Type": "text/plain"}).status == 403


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8090", "127.0.0.1.evil.example", "localhost.evil.example"])
def test_a_name_that_others_point_at_us_is_refused(anna: Client, host: str) -> None:
    for path in ("/", "/static/console.css", f"{BASE}/devices"):
        assert anna.get(path, Host=host).status == 421


def test_every_page_keeps_scripts_frames_and_caches_out(anna: Client) -> None:
    for path in ("/", "/phones", "/nowhere", "/sign-in", f"{BASE}/devices", f"{BASE}/"):
        headers = anna.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "script-src 'self';" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"] == "no-store"


# What nobody sees


def test_what_somebody_typed_is_text_on_every_page(anna: Client) -> None:
    for path in ("/", "/phones", f"/phones/{OTHER}", "/phones?search=%3Cscript%3Ealert(1)%3C/script%3E"):
        answer = anna.get(path)
        assert answer.status == 200 and "<script>alert" not in answer.text and "<img src=x" not in answer.text and "49" not in re.findall(r"onerror=alert\(2\)&gt;(\d+)", answer.text)
    assert HOSTILE[:60] in anna.get(f"/phones/{OTHER}").words.replace(" ", "") or "&lt;script&gt;" in anna.get(f"/phones/{OTHER}").text


@pytest.mark.parametrize("name", ["anna", "ben", "ines"])
def test_no_page_holds_a_secret(client: Client, name: str) -> None:
    client.sign_in(name)
    for path in ("/", "/phones", f"/phones/{OTHER}", f"/phones/{MAC}", f"{BASE}/devices/{OTHER}"):
        assert "s3cret" not in client.get(path).text


def test_secrets_are_shown_to_who_may_and_asks(client: Client) -> None:
    client.sign_in("ben")
    assert "Show secrets" not in client.get(f"/phones/{MAC}").words
    assert client.post(f"/phones/{MAC}/secrets").status == 403
    client.post("/sign-out")
    client.sign_in()
    page = client.get(f"/phones/{MAC}")
    assert "Show secrets" in page.words and "/p/" not in page.text
    assert "http://192.0.2.1:8080/p/" in client.post(f"/phones/{MAC}/secrets").text


def test_who_is_bound_to_a_site_sees_no_other(client: Client) -> None:
    client.sign_in("nora")
    for path in ("/", "/phones"):
        assert MAC not in client.get(path).text
    assert client.get(f"/phones/{MAC}").status == 404
    assert "0 phones" in client.get("/phones").words


def test_pages_speak_the_readers_language_and_his_clock(client: Client, server: Server) -> None:
    client.sign_in("ines")
    page = client.get("/you")
    assert 'lang="pt"' in page.text and "As suas sessões" in page.words
    utc, shown = re.findall(r'<time datetime="(\d{4}-\d\d-\d\dT\d\d:\d\d)[^"]*">([^<]*)</time>', page.text)[0]
    assert (int(shown[-5:-3]) * 60 + int(shown[-2:]) - int(utc[-5:-3]) * 60 - int(utc[-2:])) % 1440 == 330


def test_phones_come_by_pages_and_by_search(anna: Client, server: Server) -> None:
    with admin_of(server.config.state) as admin:
        for number in range(60):
            devices.add(admin, f"0004f2{number:06x}", "poly/VVX450", {"name": f"Desk {number}"})
    first = anna.get("/phones?family=poly")
    assert first.text.count("0004f2") >= 50 and "60 phones" in first.words
    after = re.search(r'href="(/phones\?after=[^"]*)"', first.text)
    assert after
    second = anna.get(after[1].replace("&amp;", "&"))
    assert second.text.count('class="mac"') == 10 and "Next page" not in second.words
    assert "1 phone " in anna.get("/phones?search=desk+42").words


# The API


def test_a_program_shows_a_key_and_nothing_else_counts(client: Client, server: Server) -> None:
    key = key_of(server)
    assert said(client, "GET", "/devices", key).status == 200
    for wrong in ({}, {"Authorization": "Bearer pk_00000000_nothing"}, {"Authorization": "Basic YW5uYTp4"}):
        answer = said(client, "GET", "/devices", wrong)
        assert answer.status == 401 and answer.headers["WWW-Authenticate"].startswith("Bearer") and answer.headers["Content-Type"] == "application/problem+json"
    assert client.get(f"{BASE}/devices?key={key['Authorization'][7:]}").status == 401
    assert said(client, "GET", "/devices?key=x", key).status == 422


def test_a_page_asks_the_api_by_its_session_and_token(anna: Client) -> None:
    anna.get("/you")
    assert anna.get(f"{BASE}/devices").status == 200
    body = json.dumps({"name": "By a page"})
    assert anna.ask("PATCH", f"{BASE}/devices/{MAC}", body, {"Content-Type": "application/json"}).status == 403
    assert anna.ask("PATCH", f"{BASE}/devices/{MAC}", body, {"Content-Type": "application/json", "X-CSRF-Token": anna.token}).status == 200


def test_a_phone_is_added_changed_and_removed(client: Client, server: Server) -> None:
    key, mac = key_of(server), "001565aa0001"
    assert said(client, "GET", f"/devices/{mac}", key).status == 404
    added = said(client, "PUT", f"/devices/{mac}", key, {"model": "yealink/T46U", "name": "New"})
    assert added.status == 201 and added.json["name"] == "New" and added.headers["ETag"]
    assert said(client, "PUT", f"/devices/{mac}", key, {"model": "yealink/T46U"}, If_None_Match="*").status == 412
    assert said(client, "PATCH", f"/devices/{mac}", key, {"location": "Hall"}).json["name"] == "New"
    replaced = said(client, "PUT", f"/devices/{mac}", key, {"model": "yealink/T46U", "location": "Attic"})
    assert replaced.status == 200 and (replaced.json["name"], replaced.json["location"]) == ("", "Attic")
    assert said(client, "DELETE", f"/devices/{mac}", key).json["changed"] is True
    assert said(client, "GET", f"/devices/{mac}", key).status == 404


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        ({"model": "yealink/T46U", "colour": "red"}, 422, "colour"), ({"model": 7}, 422, "model"), ({}, 422, "model"), ([], 422, ""), ({"model": "yealink/T46X"}, 422, "T46"),
        ({"model": "yealink/T46U", "lines": "two"}, 422, "lines"), ({"model": "yealink/T46U", "site": "nowhere"}, 404, "no site"), ({"model": "yealink/T46U", "name": "a\nb"}, 422, "name"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_a_problem_that_names_its_field(client: Client, server: Server, body: Any, status: int, why: str) -> None:
    answer = said(client, "PUT", "/devices/001565aa0002", key_of(server), body)
    assert answer.status == status and answer.headers["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "detail"} <= set(answer.json) and answer.json["status"] == status and why in answer.json["detail"], answer.text


def test_the_second_of_two_who_change_one_phone_is_told(client: Client, server: Server) -> None:
    key = key_of(server)
    read = said(client, "GET", f"/devices/{MAC}", key).headers["ETag"]
    assert said(client, "PATCH", f"/devices/{MAC}", key, {"notes": "first"}, If_Match=read).status == 200
    late = said(client, "PATCH", f"/devices/{MAC}", key, {"notes": "second"}, If_Match=read)
    assert late.status == 412 and "somebody else" in late.json["detail"]
    assert said(client, "GET", f"/devices/{MAC}", key).json["notes"] == "first"


def test_nothing_is_lost_where_many_add_to_one_note(client: Client, server: Server) -> None:
    """R25, at the pace of a test: each reads, adds one and writes where nobody was first."""
    key = key_of(server)
    said(client, "PATCH", f"/devices/{MAC}", key, {"notes": "0"})

    def add_ten() -> None:
        mine, done = Client(client.port), 0
        while done < 10:
            read = said(mine, "GET", f"/devices/{MAC}", key)
            done += said(mine, "PATCH", f"/devices/{MAC}", key, {"notes": str(int(read.json["notes"]) + 1)}, If_Match=read.headers["ETag"]).status == 200

    threads = [threading.Thread(target=add_ten) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said(client, "GET", f"/devices/{MAC}", key).json["notes"] == "30"


def test_an_ask_that_is_repeated_with_its_key_is_done_once(client: Client, server: Server) -> None:
    key, mac = key_of(server), "001565aa0003"
    first, again = (said(client, "PUT", f"/devices/{mac}", key, {"model": "yealink/T46U"}, Idempotency_Key="one") for _ in range(2))
    assert (first.status, again.status) == (201, 201) and first.body == again.body and again.headers["Idempotency-Replayed"] == "true"
    assert said(client, "PUT", f"/devices/{mac}", key, {"model": "yealink/T42U"}, Idempotency_Key="one").status == 422
    assert said(client, "PUT", f"/devices/{mac}", key_of(server), {"model": "yealink/T46U"}, Idempotency_Key="one").status == 200  # another program's


def test_a_list_comes_in_pages(client: Client, server: Server) -> None:
    key = key_of(server)
    with admin_of(server.config.state) as admin:
        for number in range(5):
            devices.add(admin, f"64167f{number:06x}", "poly/VVX450", {"location": "paged"})
    seen, path = [], "/devices?search=paged&limit=2"
    while path:
        answer = said(client, "GET", path, key)
        seen += [row["mac"] for row in answer.json["items"]]
        assert bool(answer.json["next"]) == ("Link" in answer.headers)
        path = f"/devices?search=paged&limit=2&cursor={answer.json['next']}" if answer.json["next"] else ""
    assert seen == [f"64167f{number:06x}" for number in range(5)]


@pytest.mark.parametrize(("name", "facts", "statuses"), [("ben", {}, (200, 403)), ("anna", {"role": "reader"}, (200, 403)), ("nora", {}, (404, 404)), ("anna", {"sites": ("north",)}, (404, 404))])
def test_a_key_reaches_no_further_than_its_operator_and_its_scope(client: Client, server: Server, name: str, facts: dict[str, Any], statuses: tuple[int, int]) -> None:
    key = key_of(server, name, **facts)
    assert (said(client, "GET", f"/devices/{MAC}", key).status, said(client, "PATCH", f"/devices/{MAC}", key, {"notes": "mine"}).status) == statuses


def test_the_spec_is_openapi_3_1_and_tells_every_resource(client: Client) -> None:
    spec = client.get(f"{BASE}/openapi.json").json
    assert spec["openapi"].startswith("3.1") and {f"{BASE}/devices", f"{BASE}/devices/{{mac}}"} <= set(spec["paths"])
    assert all(known.get("summary") and known.get("security") for verbs in spec["paths"].values() for verb, known in verbs.items() if verb != "parameters")
    assert "List phones" in client.get(f"{BASE}/").words


# What holds for every page and resource, also those that come


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Rule, Any]]:
    """Return (rule, view) of every page and resource."""
    with admin_of(tmp_path_factory.mktemp("views") / "state") as admin:
        return [(rule, app.view_functions[rule.endpoint]) for app in (console(admin), api(admin)) for rule in app.url_map.iter_rules()]


FREE = {"static", "openapi.spec", "readable"}


def test_every_view_says_what_right_it_takes(views: list[tuple[Rule, Any]]) -> None:
    known = {ANYBODY, *(right for rights in RIGHTS.values() for right in rights)}
    assert not {rule.endpoint for rule, view in views if getattr(view, "right", "") not in known and rule.endpoint not in FREE}
    assert {rule.endpoint for rule, view in views if getattr(view, "right", "") == ANYBODY} == {"signing.form", "signing.sign_in", "signing.sign_out", "signing.link", "signing.settle"}


def test_no_view_changes_anything_at_a_get(views: list[tuple[Rule, Any]]) -> None:
    """A view that takes GET takes nothing else, so what changes is asked for by a form or a program."""
    assert not {rule.endpoint for rule, _ in views if "GET" in (rule.methods or ()) and (rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}}


def test_files_of_others_are_those_that_they_published() -> None:
    rows = json.loads((VENDOR / "VENDOR.json").read_text())
    assert {row["file"] for row in rows} == {file.name for file in VENDOR.iterdir() if file.suffix in (".js", ".css")}
    for row in rows:
        assert hashlib.sha256((VENDOR / row["file"]).read_bytes()).hexdigest() == row["sha256"], row["file"]
        assert row["name"] and row["version"] and row["licence"]


TEMPLATES = sorted([*(HOUSE / "console/templates").glob("*.html"), *(HOUSE / "api/templates").glob("*.html")])


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda file: file.name)
def test_a_template_loads_nothing_from_elsewhere_and_has_no_script_or_style_in_it(file: Path) -> None:
    text = file.read_text("utf-8")
    assert not re.search(r'(?:src|href|action|hx-\w+)="(?:https?:)?//', text)
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=|\bjavascript:|\|\s*safe\b|hx-on|hx-vals='js|autoescape", text)


def spoken() -> set[tuple[str, ...]]:
    """Return what pages say in their reader's language: one sentence, or the one for 1 and the one for more."""
    found: set[tuple[str, ...]] = set()
    for file in TEMPLATES:
        text = file.read_text("utf-8")
        found |= {(match[2],) for match in re.finditer(r'\bsay\(\s*(["\'])(.*?)\1', text)}
        found |= {(match[1], match[2]) for match in re.finditer(r'\bsay\.many\(\s*"(.*?)",\s*"(.*?)"', text)}
    for file in (HOUSE / "console").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("say") and node.args and isinstance(node.args[0], ast.Constant):
                found.add((node.args[0].value,))
    return found


ALIKE = {"MAC"}  # words that are the same in both


@pytest.mark.parametrize("tag", [tag for tag in LANGUAGES if tag != "en"])
def test_no_sentence_of_a_page_is_missing_in_a_language(tag: str) -> None:
    known, said = catalogue(tag), spoken()
    missing = [texts for texts in said if (known.gettext(texts[0]) if len(texts) == 1 else known.ngettext(*texts, 1)) in ("", texts[0]) and texts[0] not in ALIKE]
    assert len(said) > 60 and not missing
    for texts in said:
        if len(texts) == 1:
            assert sorted(re.findall(r"\{\w+\}", known.gettext(texts[0]))) == sorted(re.findall(r"\{\w+\}", texts[0]))


def test_a_text_between_tags_is_said_in_the_readers_language() -> None:
    """What stands in a template as it is would be English for everybody."""
    for file in TEMPLATES:
        if file.parent.parent.name == "console":
            bare = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<[^>]*>|&\w+;", " ", file.read_text("utf-8"), flags=re.DOTALL)
            assert set(re.findall(r"[A-Za-z]{2,}", bare)) <= {"provisioner"}, file.name


