"""Operators set the programmable keys."""

from __future__ import annotations

import pytest

from provisioner.admin import SAME, Admin, devices, groups, keys
from provisioner.errors import BadValue, Conflict
from tests.acme import MAC, OTHER


@pytest.fixture
def phone(admin: Admin) -> Admin:
    """Return the verbs, with a phone of four keys and one of a single key in a group."""
    groups.add(admin, "default/desk")
    devices.add(admin, MAC, "acme/Two", {"group": "desk"})
    devices.add(admin, OTHER, "acme/One", {"group": "desk"})
    return admin


def _file(phone: Admin) -> str:
    return phone.booter.preview(MAC, f"{MAC}.acme").decode()


def test_a_devices_key_beats_its_groups_until_it_is_forgotten(phone: Admin) -> None:
    done = keys.put(phone, "group:default/desk", 2, "blf", "213", "Anna")
    assert done.sentence == "set key 2 of group:default/desk to blf 213"
    assert done.notes == ("02:ac:0e:00:00:02: 02ac0e000002 (Acme One) has 1 key, so there is no key 2; if this phone really has more, `provisioner device change 02ac0e000002 --keys 2`",)
    keys.put(phone, f"device:{MAC}", 2, "speed-dial", "112")
    assert keys.put(phone, f"device:{MAC}", 2, "speed-dial", "112").sentence == SAME
    assert "key.0.2 = speed-dial 112" in _file(phone)

    assert keys.clear(phone, f"device:{MAC}", 2).sentence == f"cleared key 2 of device:{MAC}"
    assert "key.0.2 = none" in _file(phone)
    assert keys.forget(phone, f"device:{MAC}", 2).sentence == f"forgot key 2 of device:{MAC}"
    assert "key.0.2 = blf 213" in _file(phone)
    assert keys.clear(phone, f"device:{MAC}", 3).sentence == SAME
    assert [key["position"] for key in keys.listed(phone, "group:default/desk")] == [2]


@pytest.mark.parametrize(("arguments", "words"), [
    ((1, "park", "700"), "Acme desk phones have no key of type park; they have line, blf, speed-dial"),
    ((5, "blf", "213"), "has 4 keys, so there is no key 5"),
    ((3, "line", "", "", 77), "has 2 lines, so there is no line 77; if this phone really has more, `provisioner device change 02ac0e000001 --lines 77`"),
    ((1, "blf", "213", "", 0, 1), "has 0 expansion modules; `provisioner device change 02ac0e000001 --modules 1`"),
    ((1, "blf", "213", "", 0, 2), "a Two takes 1 expansion module"),
])  # fmt: skip
def test_what_the_phone_has_not_is_refused_for_it(phone: Admin, arguments: tuple[int, str], words: str) -> None:
    with pytest.raises(Conflict, match=words):
        keys.put(phone, f"device:{MAC}", *arguments)
    assert keys.listed(phone, f"device:{MAC}") == []


def test_a_module_that_is_plugged_in_has_keys_of_its_own(phone: Admin) -> None:
    devices.change(phone, MAC, {"modules": 1})
    assert keys.put(phone, f"device:{MAC}", 8, "blf", "213", module=1).sentence == f"set key 8 on module 1 of device:{MAC} to blf 213"
    assert "key.1.8 = blf 213" in _file(phone)
    with pytest.raises(Conflict, match="module 1 has 8 keys"):
        keys.put(phone, f"device:{MAC}", 9, "blf", "213", module=1)


def test_keys_belong_to_phones_and_groups_and_a_line_without_account_is_a_note(phone: Admin) -> None:
    with pytest.raises(BadValue, match="keys belong to a phone or a group, not to site:default"):
        keys.put(phone, "site:default", 1, "line")
    with pytest.raises(BadValue, match="'bfl' is not one of .*did you mean blf"):
        keys.put(phone, f"device:{MAC}", 1, "bfl")
    assert keys.put(phone, f"device:{MAC}", 1, "line", line=2).notes == ("line 2 of 02:ac:0e:00:00:01 has no account yet",)


def test_beyond_a_count_without_a_good_source_is_a_note(phone: Admin) -> None:
    devices.change(phone, MAC, {}, model="acme/Unsure")
    assert "and this is key 5; check that the phone shows it" in keys.put(phone, f"device:{MAC}", 5, "blf", "213").notes[0]
    assert "and this is line 3; check that the phone shows it" in keys.put(phone, f"device:{MAC}", 1, "line", line=3).notes[0]
    devices.change(phone, MAC, {"keys": 5})
    with pytest.raises(Conflict, match="has 5 keys, so there is no key 6; if this phone really has more, `provisioner device change 02ac0e000001 --keys 6`"):
        keys.put(phone, f"device:{MAC}", 6, "blf", "213")


def test_a_group_of_many_phones_is_noted_in_few_sentences(phone: Admin) -> None:
    for number in range(20):
        devices.add(phone, f"02ac0e0001{number:02x}", "acme/Two", {"group": "desk"})
    notes = keys.put(phone, "group:default/desk", 1, "park", "700").notes
    assert len(notes) == 11 and notes[-1] == "and 12 phones more that do not have this key"
