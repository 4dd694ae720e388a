"""Operators look at a phone's files, and ask why a value is what it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.admin import Admin, accounts, devices, files, lines, settings
from provisioner.errors import NotHere, StoreTrouble, UnknownName
from provisioner.wire import PhoneRequest
from tests.acme import ADDRESS, MAC


@pytest.fixture
def phone(admin: Admin) -> Admin:
    """Return the verbs, with a phone that has an account."""
    accounts.add(admin, ADDRESS, {"password": "s3cret", "xcap_root": "https://xcap.example.com/root"})
    devices.add(admin, MAC, "acme/Two", {})
    lines.assign(admin, MAC, ADDRESS)
    return admin


def test_a_preview_masks_every_secret(phone: Admin) -> None:
    name, text = files.preview(phone, MAC)
    token = phone.booter.expected_token(phone.device(MAC))
    assert name == f"{MAC}.acme"
    assert "pass.1 = ********" in text and "admin = ********" in text
    assert "s3cret" not in text and token not in text
    assert files.preview(phone, MAC, f"/any/{MAC.upper()}.ACME")[1] == text
    with pytest.raises(NotHere, match=f"its files are {MAC}.acme"):
        files.preview(phone, MAC, "general.acme")


def test_rendered_files_are_byte_for_byte_what_the_phone_gets_and_for_its_eyes_alone(phone: Admin, tmp_path: Path) -> None:
    written = files.render(phone, MAC, tmp_path / "out", reveal=True)

    assert [file.name for file in written] == [f"{MAC}.acme"]
    assert written[0].read_bytes() == phone.booter.answer(PhoneRequest(f"{MAC}.acme", "127.0.0.1", "http")).body
    assert written[0].stat().st_mode & 0o777 == 0o600 and written[0].parent.stat().st_mode & 0o077 == 0
    assert b"s3cret" not in files.render(phone, MAC, tmp_path / "masked", reveal=False)[0].read_bytes()
    assert [file.name for file in (tmp_path / "out").iterdir()] == [f"{MAC}.acme"]


def test_a_folder_that_cannot_be_written_is_a_sentence(phone: Admin, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreTrouble, match="check its owner and the disk"):
        files.render(phone, MAC, tmp_path / "file", reveal=True)


def test_a_setting_is_explained_by_layers_winner_and_line(phone: Admin) -> None:
    settings.say(phone, "site:default", {"timezone": "Europe/Lisbon"})
    settings.say(phone, f"device:{MAC}", {"timezone": "Asia/Tokyo"})

    found = files.explanation(files.explain(phone, MAC, "timezone"))

    assert found == {
        "setting": "timezone", "value": "Asia/Tokyo", "said_by": f"device:{MAC}", "cannot": None, "steps": None,
        "layers": [{"said_by": "vocabulary", "value": "UTC"}, {"said_by": "site:default", "value": "Europe/Lisbon"}, {"said_by": f"device:{MAC}", "value": "Asia/Tokyo"}],
        "lines": [{"file": f"{MAC}.acme", "line": 2, "text": "zone = Asia/Tokyo"}],
    }  # fmt: skip
    with pytest.raises(UnknownName, match="did you mean timezone"):
        files.explain(phone, MAC, "timezon")
    with pytest.raises(NotHere, match="no account on line 2"):
        files.explain(phone, MAC, "dtmf", 2)


def test_every_setting_is_explained_at_once_with_what_the_model_cannot_take(phone: Admin) -> None:
    settings.say(phone, f"account:{ADDRESS}", {"dtmf": "info"})
    rows = {row["setting"]: row for row in files.explain_all(phone, MAC, 1)}
    assert (rows["dtmf"]["value"], rows["dtmf"]["said_by"]) == ("info", f"account {ADDRESS}")
    assert (rows["language"]["value"], rows["language"]["said_by"]) == ("pt", "acme as shipped")
    assert rows["tones"]["cannot"] == "the phone has one set of tones"
    assert files.not_taken(phone, MAC) == [{"fact": "xcap_root", "why": "no parameter", "source": "made up"}]


def test_a_fact_of_the_accounts_is_explained_by_what_they_have(phone: Admin) -> None:
    accounts.add(phone, "213@sip.example.com", {})
    lines.assign(phone, MAC, "213@sip.example.com")
    one = {"line": 1, "account": ADDRESS, "value": "https://xcap.example.com/root"}

    assert files.explain_fact(phone, MAC, "xcap_root") == {
        "fact": "xcap_root", "accounts": [one, {"line": 2, "account": "213@sip.example.com", "value": ""}], "cannot": "no parameter",
    }  # fmt: skip
    assert files.explain_fact(phone, MAC, "xcap_root", 1) == {"fact": "xcap_root", "accounts": [one], "cannot": "no parameter"}
    password = files.explain_fact(phone, MAC, "password")
    assert password and [row["value"] for row in password["accounts"]] == ["********", ""] and password["cannot"] is None
    assert files.explain_fact(phone, MAC, "timezone") is None and files.explain_fact(phone, MAC, "xcap_rot") is None
    with pytest.raises(NotHere, match="no account on line 3"):
        files.explain_fact(phone, MAC, "xcap_root", 3)


def test_a_generated_password_is_said_to_be_so_among_every_setting(phone: Admin) -> None:
    settings.say(phone, "defaults", {"user_password": "hunter22"})
    rows = {row["setting"]: (row["value"], row["said_by"]) for row in files.explain_all(phone, MAC)}
    assert (rows["admin_password"], rows["user_password"], rows["ldap_password"]) == (("generated", "this server"), ("********", "defaults"), (None, "vocabulary"))
