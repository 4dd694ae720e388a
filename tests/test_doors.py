"""One service behind all doors: no verb without a command and an operation; the generated pages are as the code is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from provisioner.admin import operators, sessions
from provisioner.cli import doors
from provisioner.cli.root import cli
from tests.console import admin_of, settled

ROWS = doors.rows()
EVERY = {f"{module.removeprefix('provisioner.admin.')}.{function}" for module, function in doors.verbs()}


@pytest.mark.parametrize("verb", ROWS)
def test_a_verb_has_a_command_and_an_operation_or_it_is_said_why_not(verb: str) -> None:
    found = ROWS[verb]
    assert verb in doors.ALONE or (found.commands and found.operations), f"{verb}: give it a command in cli/ and an operation in api/, or say in cli/doors.py whose form, step or exception it is; it has {found}"


def test_nothing_is_excepted_that_needs_it_no_more() -> None:
    assert {name for name in (*doors.FORMS, *doors.FORMS.values(), *doors.STEPS, *doors.ALONE) if name not in EVERY} == set()
    assert {name for name in doors.ALONE if ROWS[name].commands and ROWS[name].operations} == set()


def test_verbs_are_found_through_helpers_of_the_doors() -> None:
    assert "account add" in ROWS["proofs.prove"].commands  # by account.prove
    assert "POST /bulk/{noun}" in ROWS["bulk.carry_out"].operations  # by bulk._brought
    assert ROWS["devices.shown"].pages[0].startswith("/phones/")


def test_what_the_console_and_the_api_tell_the_commands_tell_too(tmp_path: Path) -> None:
    with admin_of(tmp_path / "state") as admin:
        settled(admin)
        sessions.begin(admin, operators.one(admin, "anna"), "192.0.2.7", "a browser")

    def told(*words: str) -> Any:
        result = CliRunner().invoke(cli, ["--state", str(tmp_path / "state"), *words, "--json"])
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    assert told("overview")["phones"] == 0 and len(told("overview")["hours"]) == 24
    assert {row["name"] for row in told("settings", "Registration")} < {row["name"] for row in told("settings")}
    assert "blf" in [row["type"] for row in told("key", "types")]
    assert [row["agent"] for row in told("operator", "sessions", "anna")] == ["a browser"]
