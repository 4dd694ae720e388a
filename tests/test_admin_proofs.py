"""Operators prove accounts, and what their servers said is kept as long as the facts are the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from provisioner.admin import Admin, accounts, proofs
from provisioner.cli.root import cli
from provisioner.sip.link import Means
from provisioner.sip.locate import resolver
from provisioner.things import Check
from tests import kamailio
from tests.kamailio import DOMAIN, Registrar, answering

ADDRESS = f"212@{DOMAIN}"
MEANS = Means(resolver(), patience=20.0, first=0.1)


@pytest.fixture(scope="module")
def registrar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registrar]:
    with kamailio.running(tmp_path_factory.mktemp("kamailio")) as here:
        yield here


def _checked(admin: Admin, *addresses: str, again: bool = True) -> list[proofs.Proof]:
    many = proofs.named(admin, addresses) if addresses else admin.store.accounts()
    return list(proofs.prove(admin, many, MEANS, again=again))


def test_what_a_server_said_is_kept_until_a_fact_that_it_was_asked_with_changes(admin: Admin, registrar: Registrar) -> None:
    accounts.add(admin, ADDRESS, {"password": "s3cret", "outbound_proxy": f"127.0.0.1:{registrar.port}"})
    assert accounts.shown(admin, accounts.one(admin, ADDRESS))["check"] is None
    history = admin.store.changes()

    (proof,) = _checked(admin, f"sip:{ADDRESS}")

    kept = accounts.shown(admin, accounts.one(admin, ADDRESS))["check"]
    assert proof.found.verdict == kept["verdict"] == "right" and kept["at"].startswith("20") and kept["server"] == f"127.0.0.1:{registrar.port} over udp"
    assert admin.store.changes() == history  # no change: no phone gets another file for it
    accounts.change(admin, ADDRESS, {"notes": "the same to its server"})
    assert accounts.shown(admin, accounts.one(admin, ADDRESS))["check"] == kept
    accounts.change(admin, ADDRESS, {"password": "other"})
    assert admin.store.check_of(ADDRESS) is None
    _checked(admin, ADDRESS)
    accounts.remove(admin, ADDRESS)
    assert admin.store.check_of(ADDRESS) is None


def test_what_was_said_of_other_facts_is_not_kept(admin: Admin) -> None:
    accounts.add(admin, ADDRESS, {"password": "s3cret"})
    before = accounts.one(admin, ADDRESS)
    assert not admin.store.put_check(replace(before, password="older"), Check("right", "fits"))
    assert admin.store.put_check(before, Check("right", "fits"))


def test_an_account_that_was_refused_is_not_asked_for_again_by_itself(admin: Admin) -> None:
    with answering("403 No", "403 No", "403 No") as (port, asked):
        accounts.add(admin, ADDRESS, {"password": "s3cret", "outbound_proxy": f"127.0.0.1:{port}"})
        assert [proof.found.verdict for proof in _checked(admin, again=False)] == ["wrong"] and len(asked) == 1
        admin.store.put_check(accounts.one(admin, ADDRESS), Check("refused", "no", "password"))
        (proof,) = _checked(admin, again=False)
        assert (proof.asked, proof.found.verdict, len(asked)) == (False, "refused", 1)
        assert _checked(admin, ADDRESS)[0].asked and len(asked) == 2  # who names it wants it
        admin.store.put_check(accounts.one(admin, ADDRESS), Check("refused", "no", "password"))
        accounts.change(admin, ADDRESS, {"password": "another"})
        assert _checked(admin, again=False)[0].asked and len(asked) == 3


def test_a_server_that_refuses_three_accounts_is_left_alone(admin: Admin, registrar: Registrar) -> None:
    for user in range(100, 105):
        accounts.add(admin, f"{user}@{DOMAIN}", {"password": "wr0ng", "auth_username": "212", "outbound_proxy": f"127.0.0.1:{registrar.port}"})
    found = _checked(admin)
    assert [proof.asked for proof in found] == [True, True, True, False, False]
    assert found[4].found.sentence.startswith("not asked: its server refused 3 accounts") and admin.store.check_of(f"104@{DOMAIN}") is None


def test_the_command_says_each_verdict_and_fails_where_an_account_is_not_right(tmp_path: Path, registrar: Registrar) -> None:
    (tmp_path / "config.toml").write_text(f'state = "{tmp_path}/state"\n')

    def run(*words: str, input: str = "") -> tuple[int, str, str]:
        result = CliRunner().invoke(cli, ["--config", str(tmp_path / "config.toml"), "account", *words], input=input)
        return result.exit_code, result.stdout, result.stderr

    proxy = ("--outbound-proxy", f"127.0.0.1:{registrar.port}")
    code, said, _ = run("add", ADDRESS, "--password-stdin", "--check", *proxy, input="s3cret\n")
    assert code == 0 and said.splitlines() == [
        f"added {ADDRESS}", f"right        {ADDRESS}: 127.0.0.1:{registrar.port} over udp takes {ADDRESS} with its password; nobody is registered"
    ]  # fmt: skip
    assert run("add", f"213@{DOMAIN}", "--password-stdin", "--check", *proxy, input="wr0ng-canary\n")[0] == 1
    code, said, _ = run("check", "--all", "--json")
    rows = json.loads(said)
    assert code == 1 and [(row["sip_address"], row["asked"], row["verdict"], row["fact"]) for row in rows] == [(ADDRESS, True, "right", ""), (f"213@{DOMAIN}", False, "refused", "password")]
    assert "canary" not in said
    assert "not asked again; name the account to ask" in run("check", "--all")[1]
    assert run("check", ADDRESS)[0] == 0
    assert run("check")[0] == run("check", ADDRESS, "--all")[0] == 2
    assert run("check", ADDRESS, "--trust", str(tmp_path / "none.pem"))[2].endswith("cannot be read (No such file or directory); check its name and its mode\n")
    assert "verdict = right" in run("show", ADDRESS)[1]
    (tmp_path / "two.csv").write_text(f"sip_address,password,outbound_proxy\n{ADDRESS},s3cret,127.0.0.1:{registrar.port}\n215@{DOMAIN},wr0ng,127.0.0.1:{registrar.port}\n")
    imported = CliRunner().invoke(cli, ["--config", str(tmp_path / "config.toml"), "import", "csv", str(tmp_path / "two.csv"), "--check"])
    assert imported.exit_code == 1 and imported.stdout.splitlines()[-1].startswith(f"refused      215@{DOMAIN}: ") and f"right        {ADDRESS}" not in imported.stdout
    assert CliRunner().invoke(cli, ["--config", str(tmp_path / "config.toml"), "events"]).stdout.count(f"sip 215@{DOMAIN}: ") == 1
    with answering("400 Missing Contact") as (port, _):
        run("add", f"214@{DOMAIN}", "--password-stdin", "--outbound-proxy", f"127.0.0.1:{port}", input="s3cret\n")
        code, said, note = run("check", f"214@{DOMAIN}")
    assert code == 0 and said.startswith("cannot-tell") and note.startswith("note: --subscribe asks in another way")
