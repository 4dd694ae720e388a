"""Operators add, change and remove accounts."""

from __future__ import annotations

import pytest

from provisioner.admin import SAME, Admin, accounts, devices, lines
from provisioner.errors import BadValue, Conflict, NotHere
from tests.acme import ADDRESS, MAC


def test_an_account_is_added_and_its_blank_facts_have_their_defaults(admin: Admin) -> None:
    done = accounts.add(admin, "sip:212@SIP.example.com", {"password": "s3cret", "outbound_proxy": "proxy.example.com:5080"})

    assert done.sentence == "added 212@sip.example.com" and done.changed and done.notes == ()
    known = accounts.shown(admin, accounts.one(admin, ADDRESS))
    assert known["username"] == known["auth_username"] == "212"
    assert known["domain"] == "sip.example.com"
    assert known["outbound_proxy"] == "proxy.example.com:5080" and known["registrar"] == ""
    assert known["password"] == "********"


def test_saying_it_twice_changes_nothing_and_other_facts_are_no_second_account(admin: Admin) -> None:
    accounts.add(admin, ADDRESS, {"password": "s3cret"})

    assert accounts.add(admin, ADDRESS, {"password": "s3cret"}).sentence == SAME
    assert accounts.add(admin, ADDRESS, {}).changed is False
    with pytest.raises(Conflict, match="`provisioner account change 212@sip.example.com` changes them"):
        accounts.add(admin, ADDRESS, {"password": "other"})
    assert len(admin.store.changes()) == 2  # the site's URL and this account


def test_a_username_is_taken_once_in_its_domain(admin: Admin) -> None:
    accounts.add(admin, ADDRESS, {"password": "s3cret"})

    with pytest.raises(Conflict, match="is taken in sip.example.com by 212@sip.example.com"):
        accounts.add(admin, "front@sip.example.com", {"username": "212"})
    accounts.add(admin, "212@other.example.com", {"password": "s3cret"})


def test_an_account_without_a_password_and_an_unusual_e_mail_host_are_notes(admin: Admin) -> None:
    notes = accounts.add(admin, ADDRESS, {"email": "anna@intranet"}).notes

    assert "has no password yet" in notes[0]
    assert notes[1] == "the e-mail address's host 'intranet' is unusual; it is kept as it is"


def test_a_changed_username_takes_the_auth_username_with_it_unless_that_was_said(admin: Admin) -> None:
    accounts.add(admin, ADDRESS, {"password": "s3cret"})

    done = accounts.change(admin, ADDRESS, {"username": "0212"})

    assert done.sentence == "changed username of 212@sip.example.com"
    assert accounts.one(admin, ADDRESS).auth_username == "0212"
    accounts.change(admin, ADDRESS, {"auth_username": "own"})
    accounts.change(admin, ADDRESS, {"username": "1212"})
    assert accounts.one(admin, ADDRESS).auth_username == "own"


def test_a_value_that_a_phones_file_cannot_carry_is_refused_and_nothing_is_written(admin: Admin) -> None:
    accounts.add(admin, ADDRESS, {"password": "s3cret"})
    devices.add(admin, MAC, "acme/Two", {})
    lines.assign(admin, MAC, ADDRESS)
    before = admin.store.changes()

    with pytest.raises(BadValue, match="the password of line 1 cannot be written in the phone's keyvalue file.*Nothing was changed") as refusal:
        accounts.change(admin, ADDRESS, {"password": "%EMPTY%"})

    assert "%EMPTY%" not in str(refusal.value).replace("reads %EMPTY% as", "")
    assert accounts.one(admin, ADDRESS).password == "s3cret"
    assert admin.store.changes() == before


def test_a_phone_that_could_not_be_served_before_stops_no_change(admin: Admin) -> None:
    accounts.add(admin, ADDRESS, {"password": "%EMPTY%"})
    devices.add(admin, MAC, "acme/Two", {})
    with admin.store.change("anna", "test") as tx:  # as an older release might have kept it
        tx.put_line(lines.Line(MAC, 1, ADDRESS))

    done = accounts.change(admin, ADDRESS, {"display_name": "Anna"})

    assert done.sentence == "changed display name of 212@sip.example.com; 1 phone will get it"
    assert "gets no file until this is mended: the password of line 1" in done.notes[0]
    assert accounts.change(admin, ADDRESS, {"password": "s3cret"}).notes == ()


def test_an_account_on_a_phone_is_not_removed_and_an_unknown_one_names_the_nearest(admin: Admin) -> None:
    accounts.add(admin, ADDRESS, {"password": "s3cret"})
    devices.add(admin, MAC, "acme/Two", {})
    lines.assign(admin, MAC, ADDRESS)

    with pytest.raises(Conflict, match="still on 02:ac:0e:00:00:01 line 1"):
        accounts.remove(admin, ADDRESS)
    lines.unassign(admin, MAC)
    assert accounts.remove(admin, ADDRESS).sentence == "removed 212@sip.example.com"
    accounts.add(admin, ADDRESS, {})
    with pytest.raises(NotHere, match="did you mean 212@sip.example.com"):
        accounts.one(admin, "221@sip.example.com")
