"""Commands for many phones, and for one phone as another one has it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from provisioner.cli.root import cli

MAC, OTHER = "805ec0d57d72", "805ec0d57d73"
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Return a function that runs one command over a state with an account and a site that has a URL."""

    def command(*words: str, input: str | None = None) -> Result:
        return CliRunner().invoke(cli, ["--state", str(tmp_path / "state"), *words], input=input)

    command("site", "change", "default", "--public-url", "http://192.0.2.1:8080")
    command("account", "add", "212@sip.example.com", "--password-stdin", input="s3cret\n")
    return command


def test_a_phone_comes_with_its_account_and_another_one_with_what_it_has(run: Run) -> None:
    assert run("device", "enrol", MAC, "212", "--model", "yealink/T46U").stdout == f"approved {MAC} (Yealink T46U) in site default with 212@sip.example.com on line 1\n"
    run("set", f"device:{MAC}", "language=pt")
    run("key", "set", f"device:{MAC}", "2", "blf", "213")
    run("key", "set", f"device:{MAC}", "5", "line", "--line", "1")
    assert run("key", "move", f"device:{MAC}", "2", "5").exit_code == 0
    assert [(row["position"], row["type"]) for row in json.loads(run("key", "list", f"device:{MAC}", "--json").stdout)] == [(2, "line"), (5, "blf")]
    assert "was not set" in run("key", "move", f"device:{MAC}", "9", "5").stderr
    run("device", "enrol", OTHER, "--model", "yealink/T46U")
    assert "copied 1 setting and 2 keys" in run("device", "copy", OTHER, MAC).stdout
    shown = {row["n"]: row for row in json.loads(run("device", "keys", OTHER, "--json").stdout)}
    assert (shown[5]["type"], shown[5]["said_by"]) == ("blf", "device")
    assert run("device", "fetched", OTHER).stderr == "it fetched none, as far back as its events go\n"


def test_many_phones_are_changed_once_it_is_known_what_that_costs(run: Run) -> None:
    for mac in (MAC, OTHER):
        run("device", "enrol", mac, "--model", "yealink/T46U")
    tried = run("device", "many", "say", "--in-site", "default", "--setting", "timezone=Europe/Lisbon", "--dry-run")
    assert "set timezone = Europe/Lisbon for 2 phones" in tried.stdout and "would change            2" in tried.stdout
    assert run("device", "many", "say", MAC, OTHER, "--setting", "timezone=Europe/Lisbon").exit_code == 0
    number = json.loads(run("audit", "list", "--phone", OTHER, "--most", "1", "--json").stdout)[0]["id"]
    changed = run("device", "diff", OTHER, f"{OTHER}.cfg", str(number)).stdout.splitlines()
    assert any(line.startswith("+") and "time_zone" in line for line in changed)
    assert run("device", "many", "remove").exit_code == 2
    assert run("device", "many", "say", MAC, "--setting", "admin_password=s3cret").exit_code == 2
    assert run("device", "many", "remove", MAC, OTHER).exit_code == 0 and run("device", "list").stdout == ""
