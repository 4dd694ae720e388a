"""What the server is told, and what it says where that cannot be."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest

from provisioner import config
from provisioner.config import BY_NAME, OPTIONS, Config, Listen, Option, load
from provisioner.errors import BadConfig
from provisioner.kinds import Password

ROOT = Path(__file__).parent.parent


def from_text(tmp_path: Path, text: str, **environ: str) -> Config:
    (tmp_path / "config.toml").write_text(text)
    return load(tmp_path / "config.toml", environ)


def test_nothing_said_is_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = load(environ={"PATH": "/bin"})
    assert (found.state, found.http_address, found.tftp_address) == (Path("var"), Listen("0.0.0.0", 8080), Listen("0.0.0.0", 6969))
    assert found.assets_folder == Path("var/assets")
    assert found.unknown_phones == "hold" and found.trusted_proxies == ()


def test_the_later_word_wins_and_is_known(tmp_path: Path) -> None:
    found = from_text(tmp_path, 'http_address = "127.0.0.1:81"\nhttp_workers = 3\ntftp_address = ""\n', PROVISIONER_HTTP_WORKERS="5")
    assert (found.http_address, found.http_workers, bool(found.tftp_address)) == (Listen("127.0.0.1", 81), 5, False)
    assert found.said_by == {"http_address": str(tmp_path / "config.toml"), "tftp_address": str(tmp_path / "config.toml"), "http_workers": "PROVISIONER_HTTP_WORKERS"}


def test_lists_are_lists_in_toml_and_text_in_the_environment(tmp_path: Path) -> None:
    wanted = (ipaddress.ip_network("10.0.0.1"), ipaddress.ip_network("2001:db8::/32"))
    assert from_text(tmp_path, 'trusted_proxies = ["10.0.0.1", "2001:db8::/32"]').trusted_proxies == wanted
    assert from_text(tmp_path, "", PROVISIONER_TRUSTED_PROXIES="10.0.0.1, 2001:db8::/32").trusted_proxies == wanted
    assert from_text(tmp_path, 'phones_path = ["/etc/my phones"]').phones_path == (Path("/etc/my phones"),)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('htp_address = "x"', "there is no option 'htp_address'; did you mean http_address?"),
        ("http_workers = 0", "http_workers: 0 is not a whole number from 1 to 64"),
        ('http_workers = "2"', "http_workers: write 1 to 64, without quotes"),
        ("http_workers = 1.5", "http_workers: write 1 to 64"),
        ("http_workers = true", "http_workers: write 1 to 64"),
        ("tftp_single_port = 1", "tftp_single_port: write on or off"),
        ('http_address = "8080"', "is not an address to listen on; write it as 0.0.0.0:8080"),
        ('http_address = "::1:8080"', "is not an address to listen on"),
        ('http_address = "a:70000"', "is not an address to listen on"),
        ('http_address = ["a:1"]', "does not fit"),
        ("[tftp]\naddress = 1", "there is no option 'tftp'"),
        ('trusted_proxies = "10.0.0.1"', 'write ["10.0.0.1"] where you wrote "10.0.0.1"'),
        ('trusted_proxies = ["10.0.0.1/8"]', "is not a network; write it as 192.0.2.0/24"),
        ('unknown_phones = "holt"', "did you mean hold?"),
        ('http_address = ""\ntftp_address = ""', "all off"),
        ("state = ", "; write each option as NAME = VALUE, text in double quotes"),
        ('state = "a\\nb"', "has a control character"),
    ],
)
def test_a_slip_is_named_with_its_file_and_its_cure(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(BadConfig) as fault:
        from_text(tmp_path, text)
    assert sentence in str(fault.value)
    assert "config.toml" in str(fault.value) or "all off" in sentence


@pytest.mark.parametrize(
    ("variable", "sentence"),
    [("PROVISIONER_HTP_ADDRESS", "did you mean PROVISIONER_HTTP_ADDRESS?"), ("PROVISIONER_STATE_FILE", "only secrets are read from a file"), ("PROVISIONER_HTTP_WORKERS", "whole number")],
)
def test_a_slip_in_the_environment_is_named(tmp_path: Path, variable: str, sentence: str) -> None:
    with pytest.raises(BadConfig) as fault:
        from_text(tmp_path, "", **{variable: "x"})
    assert variable in str(fault.value) and sentence in str(fault.value)


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(BadConfig, match="cannot be read"):
        load(tmp_path / "none.toml", {})
    with pytest.raises(BadConfig, match=r"none\.toml cannot be read"):
        load(environ={"PROVISIONER_CONFIG": str(tmp_path / "none.toml")})
    (tmp_path / "latin.toml").write_bytes(b'state = "caf\xe9"')
    with pytest.raises(BadConfig, match="not UTF-8"):
        load(tmp_path / "latin.toml", {})


def test_every_default_is_read_back_from_how_it_is_shown(tmp_path: Path) -> None:
    text = "\n".join(f"{name} = {value}" for name, value, _ in config.show(Config()))
    assert from_text(tmp_path, text) == Config()
    assert from_text(tmp_path, "\n".join(line[2:] for line in config.example().splitlines() if " = " in line)) == Config()


def test_a_secret_is_masked_and_may_come_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = Option("state", "", "a secret, for this test", Password(), secret=True)
    monkeypatch.setattr(config, "OPTIONS", (row,))
    monkeypatch.setattr(config, "BY_NAME", {"state": row, **{name: option for name, option in BY_NAME.items() if name != "state"}})
    (tmp_path / "secret").write_text("S3cr3t\n")
    monkeypatch.chdir(tmp_path)
    found = load(environ={"PROVISIONER_STATE_FILE": str(tmp_path / "secret")})
    assert str(found.state) == "S3cr3t"
    assert config.show(found) == [("state", f'"{config.MASK}"', "PROVISIONER_STATE_FILE")]
    assert config.values(found) == [("state", config.MASK, "PROVISIONER_STATE_FILE")]
    with pytest.raises(BadConfig, match=r"cannot be read \(No such file or directory\); check its name"):
        load(environ={"PROVISIONER_STATE_FILE": str(tmp_path / "none")})


def test_the_written_files_are_those_of_the_table() -> None:
    """`python -m provisioner.config` writes both."""
    assert (ROOT / "config.example.toml").read_text("utf-8") == config.example()
    assert (ROOT / "docs" / "options.md").read_text("utf-8") == config.reference()


def test_every_option_says_what_it_is() -> None:
    for option in OPTIONS:
        assert option.help and not option.help.endswith("."), option.name
        assert option.kind.read(option.default) == option.default, option.name
