"""A new phone takes an old one's place: all of it in one change, or nothing; what it cannot have is listed."""

from __future__ import annotations

import pytest

from provisioner.admin import Admin, accounts, devices, groups, keys, lines, settings, sites, swaps
from provisioner.errors import BadValue, Conflict, NotHere, ProvisionerError, Unfit
from provisioner.things import Key
from tests.acme import ADDRESS, MAC, NEAR, OTHER

SECOND = "213@sip.example.com"


@pytest.fixture
def old(admin: Admin) -> Admin:
    """Return the verbs, with a phone that has a site, a group, a name, two accounts, settings of all kinds and keys on a module too."""
    sites.add(admin, "hq", {"public_url": "http://192.0.2.1:8080"})
    groups.add(admin, "hq/desk")
    devices.add(admin, MAC, "acme/Two", {"site": "hq", "group": "desk", "name": "Anna", "location": "Room 3", "serial": "S1", "asset_tag": "A1", "modules": 1, "firmware": "1.0"})
    for address in (ADDRESS, SECOND):
        accounts.add(admin, address, {"password": "s3cret"})
        lines.assign(admin, MAC, address)
    settings.say(admin, f"device:{MAC}", {"timezone": "Asia/Tokyo", "admin_password": "t0p", "raw.zone2": "Mars"})
    settings.say(admin, f"line:{MAC}/2", {"dtmf": "info"})
    keys.put(admin, f"device:{MAC}", 1, "line", line=1)
    keys.put(admin, f"device:{MAC}", 4, "blf", "214", line=2)
    keys.put(admin, f"device:{MAC}", 8, "speed-dial", "215", module=1)
    return admin


def swap(admin: Admin, model: str = "", dry: bool = False) -> tuple[swaps.Swap, object]:
    """Put OTHER in the place of MAC."""
    planned = swaps.plan(admin, MAC, OTHER, model)
    return planned, swaps.carry_out(admin, planned, dry=dry)


def test_the_same_model_takes_all_of_it_and_the_old_one_retires(old: Admin) -> None:
    before = old.booter.preview(MAC, f"{MAC}.acme", reveal=True)

    done = swaps.carry_out(old, swaps.plan(old, MAC, "02:AC:0E:00:00:02"))

    assert done.sentence == f"{OTHER} (Acme Two) takes the place of {MAC} (Acme Two): 2 lines, 3 keys, 4 settings"
    one = old.store.device(OTHER)
    assert one and (one.site, one.group, one.name, one.location, one.modules, one.state) == ("hq", "desk", "Anna", "Room 3", 1, "approved")
    assert (one.serial, one.asset_tag, one.firmware) == ("", "", "")
    own_token = {mac: old.booter.expected_token(old.device(mac)).encode() for mac in (MAC, OTHER)}
    assert old.booter.preview(OTHER, f"{OTHER}.acme", reveal=True) == before.replace(own_token[MAC], own_token[OTHER])
    retired = old.booter.preview(MAC, f"{MAC}.acme", reveal=True)
    assert old.device(MAC).state == "retiring" and old.device(MAC).serves_until
    assert not any(word in retired for word in (b"212", b"213", b"s3cret", b"Mars", b"214", b"215")) and b"key.1.8 = none" in retired
    assert len({change.batch for change in old.store.changes() if OTHER in change.name}) == 1


def test_a_smaller_model_lays_keys_out_anew_and_lists_what_it_cannot_have(old: Admin) -> None:
    planned, done = swap(old, "acme/One")

    assert planned.left == (
        "213@sip.example.com of line 2: a One has 1 line; the account stays on no phone",
        "key 4 (blf 214): the new phone has no line for it",
        "key 8 on module 1 (speed-dial 215): no key of the new phone is free",
    )
    assert [line.sip_address for line in old.store.lines_of(OTHER)] == [ADDRESS]
    assert old.store.keys_of(f"device:{OTHER}") == [Key(f"device:{OTHER}", 1, "line", line=1)]
    assert all(f"left out: {one}" in done.notes for one in planned.left)  # type: ignore[attr-defined]


def test_a_key_beyond_goes_to_a_free_one_that_no_group_has(old: Admin) -> None:
    devices.add(old, NEAR, "acme/Unsure", {})
    devices.remove(old, NEAR)
    keys.put(old, "group:hq/desk", 2, "blf", "299")

    planned, _ = swap(old, "acme/Unsure")

    assert [(key.module, key.position, key.value) for key in old.store.keys_of(f"device:{OTHER}")] == [(0, 1, ""), (0, 3, "215"), (0, 4, "214")]
    assert "key 8 on module 1 -> 3: speed-dial 215" in list(planned.diff())


def test_another_family_takes_what_it_can_say(old: Admin) -> None:
    planned, _ = swap(old, "yealink/T46U")

    assert "raw.acme.zone2: the new phone is of yealink" in planned.left
    assert any("first half belongs to Acme desk phones" in note for note in planned.notes)
    said = old.store.layer(f"device:{OTHER}")
    assert said == {"timezone": "Asia/Tokyo", "admin_password": "t0p"}
    assert old.store.layer(f"line:{OTHER}/2") == {"dtmf": "info"}
    assert b"account.2.user_name = 213" in old.booter.preview(OTHER, f"{OTHER}.cfg", reveal=True)


def test_a_type_of_key_that_the_new_family_does_not_have_is_listed(old: Admin) -> None:
    planned, _ = swap(old, "acme-door/Door")
    assert "key 4 (blf 214): Acme door phones have no key of type blf" in planned.left


def test_a_dry_run_tells_all_of_it_and_writes_nothing(old: Admin) -> None:
    planned, done = swap(old, dry=True)

    assert done.sentence == "nothing was written; it would be: 2 lines, 3 keys, 4 settings to 02ac0e000002 (Acme Two)"  # type: ignore[attr-defined]
    assert list(planned.diff()) == [
        "add 02ac0e000002 (acme/Two) to site hq, group desk, as Anna",
        "line 1: 212@sip.example.com", "line 2: 213@sip.example.com",
        "key 1: line", "key 4: blf 214", "key 8 on module 1: speed-dial 215",
        f"set admin_password = ******** for device:{OTHER}", f"set raw.acme.zone2 = ******** for device:{OTHER}", f"set timezone = Asia/Tokyo for device:{OTHER}",
        f"set dtmf = info for line:{OTHER}/2",
        "retire 02ac0e000001 (acme/Two)",
    ]  # fmt: skip
    assert old.store.device(OTHER) is None and old.device(MAC).state == "approved" and len(old.store.lines_of(MAC)) == 2


def test_a_phone_whose_files_could_not_be_made_changes_nothing(old: Admin) -> None:
    accounts.change(old, ADDRESS, {"display_name": "日本語"})
    with pytest.raises(Unfit, match="iso8859-1. Nothing was changed"):
        swap(old, "technicolor/ST2030")
    assert old.store.device(OTHER) is None and old.device(MAC).state == "approved"


def test_line_keys_that_nobody_set_are_emptied_on_the_old_phone(admin: Admin) -> None:
    devices.add(admin, MAC, "acme/Two", {})
    accounts.add(admin, ADDRESS, {"password": "s3cret"})
    lines.assign(admin, MAC, ADDRESS)
    assert b"key.0.1 = line" in admin.booter.preview(MAC, f"{MAC}.acme")

    swap(admin)

    assert b"key.0.1 = none" in admin.booter.preview(MAC, f"{MAC}.acme")
    assert b"key.0.1 = line" in admin.booter.preview(OTHER, f"{OTHER}.acme")


def test_a_new_phone_of_the_inventory_is_taken_where_it_has_nothing_of_its_own(old: Admin) -> None:
    devices.add(old, OTHER, "acme/Unsure", {"serial": "S2"})
    swap(old)
    one = old.device(OTHER)
    assert (one.model, one.serial, one.site, one.name) == ("Unsure", "S2", "hq", "Anna")


@pytest.mark.parametrize(("new", "error", "words"), [(MAC, BadValue, "cannot take its own place"), (NEAR, Conflict, "has accounts, keys or settings of its own")])
def test_what_cannot_take_the_place_is_refused(old: Admin, new: str, error: type[ProvisionerError], words: str) -> None:
    devices.add(old, NEAR, "acme/Two", {})
    keys.put(old, f"device:{NEAR}", 1, "blf", "1")
    with pytest.raises(error, match=words):
        swaps.plan(old, MAC, new)
    with pytest.raises(NotHere, match="02:ac:0e:00:00:02"):
        swaps.plan(old, OTHER, MAC)
