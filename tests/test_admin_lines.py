"""Operators put accounts on lines."""

from __future__ import annotations

import pytest

from provisioner.admin import SAME, Admin, accounts, devices, lines, settings
from provisioner.errors import BadValue, Conflict
from tests.acme import MAC


@pytest.fixture
def phone(admin: Admin) -> Admin:
    """Return the verbs, with four accounts and a phone of two lines."""
    for user in ("212", "213", "214", "215"):
        accounts.add(admin, f"{user}@sip.example.com", {"password": "s3cret"})
    devices.add(admin, MAC, "acme/Two", {})
    return admin


def test_the_first_free_line_is_taken(phone: Admin) -> None:
    lines.assign(phone, MAC, "213@sip.example.com", 2)
    assert lines.assign(phone, MAC, "212@sip.example.com").sentence == "assigned 212@sip.example.com to line 1 of 02ac0e000001 (Acme Two)"
    assert lines.assign(phone, MAC, "212@sip.example.com").sentence == SAME
    with pytest.raises(Conflict, match="has 2 lines, and each has its account"):
        lines.assign(phone, MAC, "214@sip.example.com")


def test_a_line_that_is_taken_is_replaced_only_when_told(phone: Admin) -> None:
    lines.assign(phone, MAC, "212@sip.example.com", 1)
    with pytest.raises(Conflict, match="line 1 of 02:ac:0e:00:00:01 has 212@sip.example.com"):
        lines.assign(phone, MAC, "213@sip.example.com", 1)
    lines.assign(phone, MAC, "213@sip.example.com", 1, replace=True)
    assert [line.sip_address for line in phone.store.lines_of(MAC)] == ["213@sip.example.com"]


def test_beyond_a_sure_count_is_refused_and_beyond_an_unsure_one_warns(phone: Admin) -> None:
    with pytest.raises(Conflict, match="so there is no line 3; if this phone really has more, `provisioner device change 02ac0e000001 --lines 3`"):
        lines.assign(phone, MAC, "212@sip.example.com", 3)
    devices.change(phone, MAC, {}, model="acme/Unsure")
    assert "and this is line 3; check that the phone shows it" in lines.assign(phone, MAC, "212@sip.example.com", 3).notes[0]
    devices.change(phone, MAC, {"lines": 3})
    with pytest.raises(Conflict, match="has 3 lines"):
        lines.assign(phone, MAC, "213@sip.example.com", 4)


def test_an_account_fact_that_the_phone_cannot_take_and_another_zone_are_notes(phone: Admin) -> None:
    accounts.change(phone, "212@sip.example.com", {"xcap_root": "https://xcap.example.com/root", "timezone": "Europe/Lisbon"})
    notes = lines.assign(phone, MAC, "212@sip.example.com").notes
    assert notes == (
        "the account is in Europe/Lisbon, the phone in UTC; `provisioner set device:02ac0e000001 timezone=Europe/Lisbon` changes that",
        "this phone cannot take the account's xcap root: no parameter",
    )


def test_unassigning_takes_what_was_said_of_the_line_with_it(phone: Admin) -> None:
    lines.assign(phone, MAC, "212@sip.example.com")
    settings.say(phone, f"line:{MAC}/1", {"dtmf": "info"})
    lines.assign(phone, MAC, "213@sip.example.com")
    with pytest.raises(BadValue, match="lines 1, 2; say which"):
        lines.unassign(phone, MAC)
    assert lines.unassign(phone, MAC, 1).sentence == "took 212@sip.example.com off line 1 of 02ac0e000001 (Acme Two)"
    assert lines.unassign(phone, MAC, 1).sentence == SAME
    assert phone.store.layer(f"line:{MAC}/1") == {}
