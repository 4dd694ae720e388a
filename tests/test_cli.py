"""The commands, as people and scripts type them."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from provisioner.cli.out import safe
from provisioner.cli.root import cli
from provisioner.cli.session import who
from tests import acme
from tests.acme import ADDRESS, MAC

Run = Callable[..., Result]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a config.toml of a state of its own, doors on any port, the made-up maker beside the shipped families."""
    acme.folder(tmp_path)
    file = tmp_path / "config.toml"
    file.write_text(
        f'state = "{tmp_path}/state"\nphones_path = ["{tmp_path}/phones"]\nhttp_address = "127.0.0.1:0"\ntftp_address = "127.0.0.1:0"\nadmin_address = ""\nhttp_workers = 1\n'
    )
    return file


@pytest.fixture
def run(config: Path) -> Run:
    """Return a function that runs one command in this process."""

    def command(*words: str, input: str | bytes | None = None) -> Result:
        return CliRunner().invoke(cli, ["--config", str(config), *words], input=input)

    return command


@pytest.fixture
def phone(run: Run) -> Run:
    """Return `run`, with a phone that has an account."""
    run("site", "change", "default", "--public-url", "http://192.0.2.1:8080")
    run("account", "add", ADDRESS, "--password-stdin", input="s3cret\n")
    run("device", "add", MAC, "--model", "acme/Two")
    assert run("assign", MAC, ADDRESS).output == f"assigned {ADDRESS} to line 1 of {MAC} (Acme Two)\n"
    return run


def _json(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


# What commands say, and where


def test_data_goes_to_stdout_and_messages_to_stderr(run: Run) -> None:
    result = run("device", "add", "02:AC:0E:00:00:01", "--model", "acme/Two")
    assert (result.stdout, result.exit_code) == ("added 02ac0e000001 (Acme Two) to site default\n", 0)
    assert result.stderr.startswith("note: it gets no file yet: site default has no public URL")
    assert run("device", "add", MAC, "--model", "acme/Two").stdout == "nothing to change\n"
    assert run("account", "list").stdout == "" and "no accounts yet" in run("account", "list").stderr


@pytest.mark.parametrize(("words", "code", "sentence"), [
    (["account", "show", ADDRESS], 1, f"provisioner: there is no account {ADDRESS}; add it with"),
    (["device", "add", "x", "--model", "acme/Two"], 1, "provisioner: 'x' is not a MAC address; write it as"),
    (["set", "defaults", "timezon=UTC"], 1, "did you mean timezone"),
    (["set", "defaults", "timezone"], 2, "write NAME=VALUE"),
    (["set", "defaults", "dtmf=info", "dtmf=info"], 2, "dtmf is said twice"),
    (["set", "defaults"], 2, "say at least one NAME=VALUE"),
    (["account", "change", ADDRESS], 2, "say what to change"),
    (["identify", "-", "--user-agent", "x"], 2, "leave the options away"),
    (["nothing"], 2, "No such command 'nothing'"),
    (["device", "add", MAC], 2, "Missing option '--model'"),
    (["assign", MAC, ADDRESS, "--line", "0"], 2, "0 is not in the range"),
    (["boot", MAC, "--server", "ftp://h"], 1, "is no server"),
    (["health"], 1, ""),
])  # fmt: skip
def test_failure_is_1_and_wrong_usage_is_2(run: Run, words: list[str], code: int, sentence: str) -> None:
    result = run(*words)
    assert (result.exit_code, sentence in result.stderr) == (code, True), result.output
    assert "Traceback" not in result.output


def test_a_bad_config_is_78(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("http_adress = 1\n")
    result = CliRunner().invoke(cli, ["--config", str(tmp_path / "config.toml"), "account", "list"])
    assert result.exit_code == 78 and "did you mean http_address" in result.stderr
    assert CliRunner().invoke(cli, ["--config", str(tmp_path / "none.toml"), "check"]).exit_code == 78


def test_a_state_that_is_a_file_is_78(run: Run, config: Path) -> None:
    for command in ("account", "list"), ("serve",):
        result = run("--state", str(config), *command)
        assert result.exit_code == 78 and f"--state: {config} is no folder; name a folder" in result.stderr


def test_an_empty_fact_of_a_phone_takes_away_what_was_said(phone: Run) -> None:
    assert phone("device", "change", MAC, "--lines", "4").exit_code == 0
    result = phone("device", "change", MAC, "--site", "", "--lines", "")
    assert result.stdout == f"changed lines of {MAC} (Acme Two)\n", result.output
    assert phone("device", "change", MAC, "--lines", "x").exit_code == 2


def test_ctrl_c_is_130(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("provisioner.admin.checks.run", interrupted)
    assert run("check").exit_code == 130


def test_changes_are_recorded_in_the_name_of_who_typed_them(phone: Run, tmp_path: Path) -> None:
    from provisioner.store import Store

    store = Store.open(tmp_path / "state")
    assert {(change.who, change.door) for change in store.changes()} == {(who(), "cli")}
    store.close()


def test_what_a_phone_sent_cannot_move_the_cursor() -> None:
    assert safe("a\x1b[2J\u202eb\n") == "a\\x1b[2J\\u202eb\\n"
    assert safe("Anna Silva é 日本") == "Anna Silva é 日本"


# A provider's e-mail

MAILS = Path(__file__).parent / "mails"


def test_a_mails_facts_are_shown_as_json_without_adding_anything(run: Run) -> None:
    raw = (MAILS / "en-04-authorization-id.eml").read_bytes()
    [account] = _json(run("account", "add", "--from-mail", "-", "--dry-run", "--json", input=raw))["accounts"]

    assert account["facts"]["password"] == {"value": "Pm3vQ8aL", "confidence": "sure", "words": "Password: Pm3vQ8aL"}
    assert account["facts"]["outbound_proxy_port"]["value"] == 5096 and account["ask"] == []
    assert _json(run("account", "list", "--json")) == []
    assert _json(run("account", "add", "--from-mail", str(MAILS / "en-17-none-portal.eml"), "--dry-run", "--json"))["accounts"] == []


def test_a_mails_passwords_are_masked_for_people(run: Run) -> None:
    words = ["account", "add", "--from-mail", str(MAILS / "en-04-authorization-id.eml"), "--dry-run"]
    assert "Pm3vQ8aL" not in run(*words).output and "Password: ********" in run(*words).stdout
    assert "Pm3vQ8aL" in run(*words, "--reveal").stdout


def test_what_a_mail_leaves_open_is_asked_and_what_is_said_beside_it_counts(run: Run, tmp_path: Path) -> None:
    words = ["account", "add", "--from-mail", str(MAILS / "en-06-full-stop.eml")]
    refused = run(*words)
    assert refused.exit_code == 1 and "gH7kk2p" not in refused.output and refused.stdout == ""
    assert refused.stderr.startswith("ask: 30021@sip.talk.example: password is unsure") and "nothing was added" in refused.stderr
    (tmp_path / "secret").write_text("gH7kk2p\n")
    assert run(*words, "--password-file", str(tmp_path / "secret")).stdout == "added 30021@sip.talk.example\n"
    assert run("account", "add", "--from-mail", str(MAILS / "en-09-table-rows.eml")).stdout.startswith("added 200@pbx.host.example, 201@")


def test_options_of_a_mail_are_told_where_they_do_not_fit(run: Run, tmp_path: Path) -> None:
    assert run("account", "add").exit_code == 2 and run("account", "add", ADDRESS, "--dry-run").exit_code == 2
    assert run("account", "add", "--from-mail", "-", "--json", input="").exit_code == 2
    assert run("account", "add", "--from-mail", "-", "--password-stdin", input="").exit_code == 2
    none = run("account", "add", "--from-mail", str(tmp_path / "none.eml"))
    assert none.exit_code == 1 and "none.eml cannot be read (No such file or directory)" in none.stderr
    assert "tells of no SIP account" in run("account", "add", "--from-mail", "-", input="Hello").stderr


# Secrets


def test_a_password_comes_by_stdin_or_file_and_never_as_an_argument(run: Run, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("fr0m-file\n")
    assert run("account", "add", ADDRESS, "--password-stdin", input="fr0m-stdin\r\n").exit_code == 0
    assert run("account", "add", "213@sip.example.com", "--password-file", str(tmp_path / "secret")).exit_code == 0
    assert run("account", "add", "214@sip.example.com", "--password", "s3cret").exit_code == 2
    assert run("account", "change", ADDRESS, "--password-stdin", input="fr0m-stdin").stdout == "nothing to change\n"
    assert run("account", "change", ADDRESS, "--password-stdin", "--password-file", str(tmp_path / "secret")).exit_code == 2
    assert "is empty" in run("account", "change", ADDRESS, "--password-stdin", input="\n").stderr
    assert "none cannot be read (No such file or directory)" in run("account", "change", ADDRESS, "--password-file", str(tmp_path / "none")).stderr
    (tmp_path / "latin").write_bytes(b"\xe9t\xe9\n")
    assert "latin is not UTF-8 text; save it" in run("account", "change", ADDRESS, "--password-file", str(tmp_path / "latin")).stderr
    assert {row["password"] for row in _json(run("account", "list", "--json"))} == {"********"}


def test_nothing_prompts_without_a_terminal(run: Run) -> None:
    result = run("account", "add", ADDRESS, input="typed\n")
    assert result.exit_code == 0 and "has no password yet" in result.stderr


def test_at_a_terminal_the_password_is_asked_for_and_not_shown(config: Path) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "provisioner", "--config", str(config), "account", "add", ADDRESS]
    with subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs, start_new_session=True) as process:
        os.close(theirs)
        said = b""
        while b"Password: " not in said:
            said += os.read(ours, 1024)
        os.write(ours, b"s3cret\n")
        assert process.stdout and process.stdout.read() == f"added {ADDRESS}\n".encode()
    try:
        while more := os.read(ours, 1024):
            said += more
    except OSError:  # the terminal's other end is closed
        pass
    os.close(ours)
    assert process.returncode == 0 and b"s3cret" not in said


def test_a_secret_setting_is_read_from_stdin_and_one_in_the_open_is_refused(phone: Run) -> None:
    assert phone("set", "defaults", "--secret", "admin_password", "--secret", "user_password", input="0ne\ntw0\n").exit_code == 0
    assert phone("set", "defaults", "--secret", "admin_password", input="0ne\n").stdout == "nothing to change\n"
    result = phone("set", f"device:{MAC}", "language=pt", "admin_password=0pen")
    assert result.exit_code == 2 and "0pen" not in result.output and "`--secret admin_password` asks for it" in result.stderr
    assert _json(phone("set", f"device:{MAC}", "--show", "--json")) == {}
    assert phone("set", f"device:{MAC}", "admin_password=").exit_code == 0
    assert _json(phone("set", "defaults", "--show", "--json")) == {"admin_password": "********", "user_password": "********"}


def test_no_list_or_preview_shows_a_secret_and_render_and_token_do(phone: Run, tmp_path: Path) -> None:
    url = phone("device", "token", MAC).stdout.strip()
    token = url.rstrip("/").rpartition("/")[2]
    shows = [
        ["account", "list", "--json"], ["account", "show", ADDRESS], ["device", "show", MAC, "--json"], ["device", "preview", MAC], ["device", "explain", MAC],
        ["device", "explain", MAC, "admin_password"], ["device", "list"], ["events", "--json"], ["why", f"{url}{MAC}.acme"], ["check"], ["config", "show"],
    ]  # fmt: skip
    for words in shows:
        output = phone(*words).output
        assert "s3cret" not in output and token not in output, words
    assert phone("device", "render", MAC, "--out", str(tmp_path / "out"), "--reveal").stdout == f"{tmp_path}/out/{MAC}.acme\n"
    text = (tmp_path / "out" / f"{MAC}.acme").read_text()
    assert "pass.1 = s3cret" in text and f"url = {url}" in text
    assert phone("device", "token", MAC, "--rotate").stdout.strip() != url


# The nouns, each through its door once


def test_a_fact_of_an_account_is_explained_too(phone: Run) -> None:
    assert phone("device", "explain", MAC, "username").stdout == f"username = 212    said by account {ADDRESS}, on line 1\n"
    assert phone("device", "explain", MAC, "password").stdout == f"password = ********    said by account {ADDRESS}, on line 1\n"
    assert phone("device", "explain", MAC, "xcap_root").stdout.endswith("  this phone has no parameter for it: no parameter\n")
    assert _json(phone("device", "explain", MAC, "xcap_root", "--json"))["cannot"] == "no parameter"
    result = phone("device", "explain", MAC, "xcap_rot")
    assert result.exit_code == 1 and "xcap_rot" in result.stderr


def test_settings_and_keys_are_said_shown_explained_and_taken_back(phone: Run) -> None:
    assert phone("set", "site:default", "timezone=Europe/Lisbon").stdout == "set timezone = Europe/Lisbon for site:default; 1 phone will get it\n"
    assert phone("device", "explain", MAC, "timezone").stdout == f"timezone = Europe/Lisbon    said by site:default; vocabulary said UTC\n  {MAC}.acme:2: zone = Europe/Lisbon\n"
    assert _json(phone("device", "explain", MAC, "timezone", "--json"))["said_by"] == "site:default"
    assert phone("unset", "site:default", "timezone").stdout.startswith("took back timezone of site:default")
    assert phone("key", "set", f"device:{MAC}", "2", "blf", "213", "--label", "Anna").stdout == f"set key 2 of device:{MAC} to blf 213\n"
    assert [key["value"] for key in _json(phone("key", "list", f"device:{MAC}", "--json"))] == ["213"]
    assert phone("key", "clear", f"device:{MAC}", "2").stdout == f"cleared key 2 of device:{MAC}\n"
    assert phone("unassign", MAC, "--line", "1").stdout == f"took {ADDRESS} off line 1 of {MAC} (Acme Two)\n"


def test_sites_groups_and_phone_books(run: Run) -> None:
    assert run("site", "add", "hq", "--public-url", "http://192.0.2.1:8080", "--network", "192.0.2.0/24", "--country", "PT").stdout == "added site hq\n"
    assert "a MAC is enough" in run("site", "network", "add", "hq", "198.51.100.0/24", "--mac-is-enough").stdout
    assert [row["network"] for row in _json(run("site", "network", "list", "hq", "--json"))] == ["192.0.2.0/24", "198.51.100.0/24"]
    assert run("site", "network", "remove", "hq", "198.51.100.0/24").exit_code == 0
    assert run("group", "add", "hq/desk").stdout == "added group desk to site hq\n"
    assert _json(run("group", "list", "--json")) == [{"group": "hq/desk", "site": "hq", "phones": 0}]
    assert run("phonebook", "add", "hq", "Anna Silva", "213").exit_code == 0
    assert run("phonebook", "list", "hq").stdout == "NAME        NUMBERS\nAnna Silva  work 213\n"
    assert {row["slug"] for row in _json(run("site", "list", "--json"))} == {"default", "hq"}


def test_identify_answers_each_line_of_standard_input(run: Run) -> None:
    result = run("identify", "-", input=b'Acme Two 1.2\n{"path": "02ac0e000001.acme"}\n\n\xff\n')
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0 and [answer.get("family") for answer in answers] == ["acme", "acme", None, None]
    assert answers[0] == {"vendor": "Acme", "family": "acme", "model": "Two", "firmware": "1.2", "mac": None}
    assert _json(run("identify", "--user-agent", "Acme Two 1.2", "--json"))["model"] == "Two"


def test_identify_and_family_list_need_no_state(run: Run, tmp_path: Path) -> None:
    assert "acme" in [row["name"] for row in _json(run("family", "list", "--json"))]
    assert "Two" in run("family", "show", "acme").stdout
    run("identify", "--path", "x")
    assert not (tmp_path / "state").exists()


def test_why_says_the_rule_and_leaves_1_where_nothing_would_be_served(phone: Run) -> None:
    assert phone("why", f"{MAC}.acme").exit_code == 0
    result = phone("why", "02ac0e000011.acme", "--json")
    assert result.exit_code == 1 and json.loads(result.stdout)["outcome"] == "unknown"


def test_check_leaves_1_only_for_faults(phone: Run, tmp_path: Path) -> None:
    assert [row for row in json.loads(phone("check", "--json").stdout) if row["kind"] == "fault" and "acme" in row["sentence"]] == []
    (tmp_path / "phones" / "acme" / "family.toml").write_text("vendor = 1\n")
    result = phone("check")
    assert result.exit_code == 1 and "/acme/family.toml:1: vendor must be text" in result.stdout


def test_config_show_says_who_said_it(run: Run, config: Path, tmp_path: Path) -> None:
    rows = {row["option"]: row for row in _json(run("config", "show", "--json"))}
    assert rows["http_workers"] == {"option": "http_workers", "value": 1, "said_by": str(config)}
    assert rows["state"]["value"] == f"{tmp_path}/state" and rows["phones_path"]["value"] == [f"{tmp_path}/phones"]
    assert rows["tftp_single_port"]["value"] is False and rows["http_address"]["value"] == "127.0.0.1:0" and rows["assets"]["value"] == ""
    assert _json(CliRunner().invoke(cli, ["--config", str(config), "--state", str(tmp_path / "x"), "config", "show", "--json"]))[0]["said_by"] == "--state"


# The real process, and a real server


@contextmanager
def _server(config: Path, *options: str) -> Iterator[tuple[str, str, list[str]]]:
    """Run `serve`; give both addresses and what it said until then, and end it."""
    command = [sys.executable, "-m", "provisioner", "--config", str(config), "serve", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            said: list[str] = []
            assert process.stdout
            while sum(line.startswith("phones over") for line in said) < 2:
                line = process.stdout.readline()
                assert line, process.stderr.read() if process.stderr else said
                said.append(line)
            yield said[0].split()[-1], said[1].split()[-1], said
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate()
    assert process.returncode == 0


def test_from_nothing_to_a_booting_phone(run: Run, config: Path) -> None:
    with _server(config, "--try-here") as (http, tftp, _):
        run("account", "add", ADDRESS, "--password-stdin", input="s3cret")
        run("device", "add", MAC, "--model", "acme/Two")
        run("assign", MAC, ADDRESS)
        fetched = subprocess.run(["curl", "-sf", f"{http}{MAC}.acme"], capture_output=True, check=True).stdout
        assert fetched == subprocess.run(["curl", "-sf", f"{tftp}{MAC}.acme"], capture_output=True, check=True).stdout
        assert b"pass.1 = s3cret" in fetched and f"url = {http}p/".encode() in fetched

        result = run("boot", MAC, "--server", http)
        assert result.exit_code == 0 and "at rest after 2 rounds and 1 restart" in result.stdout
        told = _json(run("boot", MAC, "--server", tftp, "--json"))
        assert told["came_to_rest"] and {fetch["file"]: fetch["status"] for fetch in told["fetches"]}[f"{MAC}.acme"] == 200
        assert run("boot", "02ac0e0000ff", "--model", "acme/Two", "--server", http).exit_code == 1

        assert _json(run("health", "--json"))[0]["well"]
        follow = [sys.executable, "-m", "provisioner", "--config", str(config), "events", "--follow", "--json", "--mac", MAC]
        with subprocess.Popen(follow, stdout=subprocess.PIPE, text=True) as events:
            assert events.stdout and json.loads(events.stdout.readline())["outcome"] == "served"
            events.send_signal(signal.SIGINT)
        assert events.returncode == 130


def test_the_readmes_commands_do_what_it_says(config: Path) -> None:
    text = (Path(__file__).parent.parent / "README.md").read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    typed = "".join(block for block in blocks if ".venv/bin/provisioner" in block) + "".join(block for block in blocks if "site add hq" in block)
    with _server(config, "--try-here") as (http, tftp, _):
        for written, meant in ((".venv/bin/provisioner", "provisioner"), ("http://127.0.0.1:8080/", http), ("tftp://127.0.0.1:6969/", tftp)):
            typed = typed.replace(written, meant)
        script = f'provisioner() {{ {sys.executable} -m provisioner --config {config} "$@"; }}\n{typed}'
        ended = subprocess.run(["bash", "-e", "-o", "pipefail", "-c", script], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for line in ("added 212@sip.example.com", "assigned 212@sip.example.com to line 1 of 805ec0d57d72 (Yealink T46U)", "at rest after 2 rounds and 1 restart", "changed site of 805ec0d57d72 (Yealink T46U)"):
        assert line in ended.stdout
    assert ended.stdout.count("account.1.user_name = 212\n") == 2


def test_a_door_that_is_taken_is_78_with_the_cure(config: Path) -> None:
    with _server(config) as (http, _, _):
        address = http.removeprefix("http://").rstrip("/")
        other = config.with_name("other.toml")
        other.write_text(f'state = "{config.parent}/other"\nhttp_address = "{address}"\ntftp_address = ""\n')
        ended = subprocess.run([sys.executable, "-m", "provisioner", "--config", str(other), "serve"], capture_output=True, text=True)
        assert ended.returncode == 78 and "is taken by another program" in ended.stderr


def test_a_reader_that_has_seen_enough_is_no_error(run: Run, config: Path) -> None:
    command = f"{sys.executable} -m provisioner --config {config} family list --json | head -c 1"
    ended = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout) == (0, "[") and "Traceback" not in ended.stderr and "Exception" not in ended.stderr


def test_the_demo_boots_a_phone_of_every_family_in_its_own_folder(run: Run, config: Path, tmp_path: Path) -> None:
    ended = subprocess.run([sys.executable, "-m", "provisioner", "--config", str(config), "demo"], capture_output=True, text=True)
    families = len(_json(run("family", "list", "--json")))
    assert f"{families} of {families} phones booted and came to rest" in ended.stdout, ended.stdout + ended.stderr
    assert ended.returncode == 0
    assert [entry.name for entry in (tmp_path / "state").iterdir()] == ["demo"]
