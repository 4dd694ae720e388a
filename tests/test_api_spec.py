"""The API against its own OpenAPI: asks that are made of the spec get answers that it tells, and nothing breaks the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from provisioner.admin import apikeys, groups, keys, phonebook
from provisioner.api.door import BASE, bare
from tests.console import admin_of, running, settled
from tests.test_server import MAC, Server, furnish

SPEC = bare().spec
EXAMPLES, FEW = 10, 1  # of each operation: a thousand asks; of those that take seconds
# By methods, so that what is removed was asked for before.
OPERATIONS = sorted(((method, path) for path, verbs in SPEC["paths"].items() for method in verbs), key=lambda one: (["get", "post", "put", "patch", "delete"].index(one[0]), one[1]))
KNOWN = {
    "mac": MAC, "sip_address": "212@sip.example.com", "slug": "default", "site": "default", "group": "hall", "n": 1, "module": 0, "position": 1, "scope": f"device:{MAC}",
    "family": "norphonic", "number": 1, "name": "anna", "network": "192.0.2.0/24", "file": f"{MAC}.cfg", "provider": "sip2sip",
}  # fmt: skip
CHECKS = [checks.not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance]


@schemathesis.serializer("application/zip")
def as_bytes(context: Any, value: Any) -> bytes:
    """Send what was made up as it is."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, dict[str, str]]]:
    """Return a server with a thing of each noun, and the header of an owner's key."""
    state = tmp_path_factory.mktemp("spec") / "state"
    furnish(state)
    with admin_of(state) as admin:
        settled(admin)
        groups.add(admin, "default/hall")
        keys.put(admin, f"device:{MAC}", 1, "line")
        phonebook.add(admin, "default", "anna", ["213"])
        key = {"Authorization": f"Bearer {apikeys.add(admin, 'spec')[1]}"}
    with running(state) as server:
        yield server, key


@pytest.fixture(scope="module")
def schema(server: tuple[Server, dict[str, str]]) -> Any:
    """Return the spec as the running server gives it."""
    found = schemathesis.openapi.from_url(f"http://127.0.0.1:{server[0].port('admin')}{BASE}/openapi.json")
    assert found.raw_schema == SPEC
    return found


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[f"{method} {path.removeprefix(BASE)}" for method, path in OPERATIONS])
def test_an_ask_by_the_spec_is_answered_by_the_spec(method: str, path: str, schema: Any, server: tuple[Server, dict[str, str]]) -> None:
    session = requests.Session()

    @settings(derandomize=True, max_examples=FEW if path.endswith(("/check", "/matrix")) else EXAMPLES, database=None, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=schema[path][method.upper()].as_strategy(), of_known=st.booleans())
    def ask(case: Any, of_known: bool) -> None:
        if of_known:
            case.path_parameters = {name: KNOWN.get(name, value) for name, value in (case.path_parameters or {}).items()}
        if path.endswith("/check") and case.query:
            case.query = {name: value for name, value in case.query.items() if name != "output"}  # a quarter of a minute
        case.call_and_validate(session=session, headers=server[1], checks=CHECKS, timeout=30)

    ask()
    session.close()
