"""Operators add, change, approve, block and remove phones."""

from __future__ import annotations

import pytest

from provisioner.admin import SAME, Admin, accounts, devices, events, groups, keys, lines, sample, sites
from provisioner.errors import BadMAC, Conflict, NotHere, RenderFailed, UnknownName
from provisioner.things import Device, Event
from tests.acme import ADDRESS, MAC, NEAR


def _asked(mac: str, model: str = "Two", family: str = "acme") -> Event:
    return Event(0, "2026-01-02T03:04:05.000", mac, family, model, "http", "192.0.2.7", f"{mac}.acme", "{mac}.acme", "unknown", "not in the inventory", 404, 0, 0.1, "", firmware="1.2", known=False, held=("acme",))


def test_a_phone_is_added_in_any_spelling_of_its_mac_and_model(admin: Admin) -> None:
    assert devices.add(admin, "02:AC:0E:00:00:01", "acme/two", {}).sentence == "added 02ac0e000001 (Acme Two) to site default"
    assert devices.add(admin, MAC, "acme/Two", {}).sentence == SAME
    with pytest.raises(Conflict, match="`provisioner device change 02ac0e000001` changes them"):
        devices.add(admin, MAC, "acme/One", {})


@pytest.mark.parametrize(("mac", "model", "facts", "error", "words"), [
    ("02ac0e00001", "acme/Two", {}, BadMAC, "not a MAC address"),
    (MAC, "acme/Twoo", {}, UnknownName, "did you mean Two?"),
    (MAC, "acne/Two", {}, UnknownName, "did you mean acme?"),
    (MAC, "acme/Two", {"site": "defualt"}, NotHere, "did you mean default?"),
    (MAC, "acme/Two", {"group": "default/desk"}, NotHere, "provisioner group add default/desk"),
])  # fmt: skip
def test_what_cannot_be_is_refused_with_the_nearest_that_can(admin: Admin, mac: str, model: str, facts: dict[str, str], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        devices.add(admin, mac, model, facts)
    assert not admin.store.devices()


def test_a_mac_of_another_maker_and_an_unknown_count_are_notes(admin: Admin) -> None:
    assert "belongs to Acme desk phones, not to Acme door phones" in devices.add(admin, MAC, "acme-door/Door", {}).notes[0]
    assert "how many lines a Door has is not known" in devices.add(admin, "02ac0d000001", "acme-door/Door", {}).notes[0]


def test_a_phone_of_a_site_without_url_is_added_with_a_note(admin: Admin) -> None:
    sites.add(admin, "hq", {})
    assert "site hq has no public URL" in devices.add(admin, MAC, "acme/Two", {"site": "hq"}).notes[0]


def test_a_group_brings_its_site(admin: Admin) -> None:
    sites.add(admin, "hq", {"public_url": "http://192.0.2.1:8080"})
    groups.add(admin, "hq/desk")
    devices.add(admin, MAC, "acme/Two", {"group": "hq/desk"})
    assert (admin.device(MAC).site, admin.device(MAC).group) == ("hq", "desk")

    assert devices.change(admin, MAC, {"site": "default"}).sentence == "changed site, group of 02ac0e000001 (Acme Two)"
    assert admin.device(MAC).group == ""


def test_a_model_with_fewer_lines_than_have_accounts_is_refused(admin: Admin) -> None:
    devices.add(admin, MAC, "acme/Two", {})
    for user in ("212", "213"):
        accounts.add(admin, f"{user}@sip.example.com", {"password": "s3cret"})
        lines.assign(admin, MAC, f"{user}@sip.example.com")

    with pytest.raises(Conflict, match="line 2 has an account.*would have 1 line;"):
        devices.change(admin, MAC, {}, model="acme/One")
    devices.change(admin, MAC, {"lines": 2}, model="acme/One")  # a phone may state its own count
    assert admin.device(MAC).model == "One"


def test_blocking_and_removing_say_what_stays_registered(admin: Admin) -> None:
    devices.add(admin, MAC, "acme/Two", {})
    accounts.add(admin, ADDRESS, {"password": "s3cret"})
    lines.assign(admin, MAC, ADDRESS)

    done = devices.block(admin, MAC)
    assert done.sentence == "blocked 02ac0e000001 (Acme Two)" and "1 line may stay registered" in done.notes[0]
    assert devices.block(admin, MAC).sentence == SAME
    assert devices.approve(admin, MAC).sentence == "approved 02ac0e000001 (Acme Two)"
    done = devices.remove(admin, MAC)
    assert done.sentence == "removed 02ac0e000001 (Acme Two) from site default" and "may stay registered" in done.notes[0]
    with pytest.raises(NotHere, match="provisioner device add 02ac0e000001"):
        devices.remove(admin, MAC)


def test_a_waiting_phone_is_approved_into_the_site_that_it_asked_from(admin: Admin) -> None:
    sites.add(admin, "hq", {"public_url": "http://192.0.2.1:8080"}, ("192.0.2.0/24",))
    admin.eventstore.log([_asked(MAC), _asked(NEAR, model="")])
    assert {row["mac"]: row["site"] for row in devices.listed(admin, "waiting")} == {MAC: "hq", NEAR: "hq"}

    assert devices.approve(admin, MAC).sentence == "approved 02ac0e000001 (Acme Two) to site hq"

    assert admin.device(MAC).firmware == "1.2"
    assert [row["mac"] for row in events.waiting(admin)] == [NEAR]
    with pytest.raises(UnknownName, match="did not say which model it is .acme.; `provisioner device approve 02ac0e000011 --model acme/MODEL`"):
        devices.approve(admin, NEAR)
    devices.approve(admin, NEAR, "acme/One")
    with pytest.raises(NotHere, match="neither waiting nor in the inventory"):
        devices.approve(admin, "02ac0e0000ff")


def test_a_phone_that_is_not_there_names_the_one_with_the_nearest_mac(admin: Admin) -> None:
    devices.add(admin, MAC, "acme/Two", {})
    with pytest.raises(NotHere, match="did you mean 02:ac:0e:00:00:01"):
        admin.device(NEAR)


def test_the_token_is_in_the_url_alone_and_rotating_makes_another(admin: Admin) -> None:
    devices.add(admin, MAC, "acme/Two", {})
    (url,), done = devices.token(admin, MAC)
    assert url.startswith("http://192.0.2.1:8080/p/") and url.endswith("/") and not done.changed
    (other,), done = devices.token(admin, MAC, rotate=True)
    assert other != url and done.changed
    assert f"url = {other}\n" in admin.booter.preview(MAC, f"{MAC}.acme", reveal=True).decode()
    sites.add(admin, "bare", {})
    with admin.store.change("anna", "test") as tx:
        tx.put_device(Device(MAC, "acme", "Two", site="bare"))
    with pytest.raises(RenderFailed, match="provisioner site change bare --public-url"):
        devices.token(admin, MAC)


def test_what_is_shown_of_a_phone_holds_no_secret(admin: Admin) -> None:
    devices.add(admin, MAC, "acme/Two", {"factory_password": "l4bel"})
    accounts.add(admin, ADDRESS, {"password": "s3cret"})
    lines.assign(admin, MAC, ADDRESS)

    known = devices.shown(admin, admin.device(MAC))

    assert known["lines"] == [{"line": 1, "account": ADDRESS, "settings": {}}]
    assert (known["line_count"], known["key_count"], known["vendor"], known["files"]) == (2, 4, "Acme", [f"{MAC}.acme"])
    assert "l4bel" not in str(known) and "s3cret" not in str(known)


def test_the_phones_that_are_tried_are_some_of_every_model(admin: Admin) -> None:
    with admin.store.change("test", "test") as tx:
        for number in range(300):
            tx.put_device(Device(f"02ac0e{number:06x}", "acme", "Two"))
        tx.put_device(Device("02ac0e00ffff", "acme", "One"))
    tried = sample(admin.store.devices())
    assert len(tried) == 200 and "02ac0e00ffff" in [device.mac for device in tried]
    assert [device.model for device in sample(admin.store.devices(model="One"))] == ["One"]


def test_a_long_list_comes_in_pieces(admin: Admin) -> None:
    for number in range(5):
        devices.add(admin, f"02ac0e0001{number:02x}", "acme/Two", {})
    first = devices.listed(admin, most=2)
    assert [row["mac"] for row in first] == ["02ac0e000100", "02ac0e000101"]
    assert [row["mac"] for row in devices.listed(admin, after="02:ac:0e:00:01:01")] == ["02ac0e000102", "02ac0e000103", "02ac0e000104"]


def test_an_empty_fact_takes_away_what_was_said(admin: Admin) -> None:
    sites.add(admin, "hq", {"public_url": "http://192.0.2.2"})
    devices.add(admin, MAC, "acme/Two", {"site": "hq", "lines": 4, "keys": 9, "modules": 1, "name": "Anna"})
    done = devices.change(admin, MAC, {"site": "", "lines": "", "keys": "", "modules": "", "name": ""})
    assert done.sentence == f"changed site, lines, keys, modules, name of {MAC} (Acme Two)"
    device = admin.device(MAC)
    assert (device.site, device.lines, device.keys, device.modules, device.name) == ("default", None, None, 0, "")


def test_a_phone_that_retires_forgets_its_accounts_and_keys_at_its_next_boot(admin: Admin) -> None:
    devices.add(admin, MAC, "acme/Two", {})
    accounts.add(admin, ADDRESS, {"password": "s3cret"})
    lines.assign(admin, MAC, ADDRESS)
    before, password = admin.device(MAC).revision, [line for line in _file(admin) if line.startswith("admin = ")]
    assert "line.1 = 212" in _file(admin) and "key.0.1 = line %EMPTY%" in _file(admin)

    done = devices.retire(admin, MAC)

    assert done.sentence == "02ac0e000001 (Acme Two) is retiring: the files that it fetches next have no accounts and no keys"
    assert f"`provisioner device remove {MAC}`" in done.notes[-1]
    assert not [line for line in _file(admin) if line.startswith(("line.", "pass.", "name."))] and "s3cret" not in "".join(_file(admin))
    assert [line for line in _file(admin) if line.startswith("key.")] == ["key.0.1 = none %EMPTY%"]
    assert [line for line in _file(admin) if line.startswith("admin = ")] == password
    assert admin.device(MAC).revision > before and devices.retire(admin, MAC).sentence == SAME

    devices.approve(admin, MAC)
    assert "line.1 = 212" in _file(admin)


def test_a_key_of_a_module_is_emptied_and_one_that_nobody_set_is_left_alone(admin: Admin) -> None:
    devices.add(admin, MAC, "acme/Two", {"modules": 1})
    keys.put(admin, f"device:{MAC}", 3, "blf", "213", module=1)
    devices.retire(admin, MAC)
    assert [line for line in _file(admin) if line.startswith("key.")] == ["key.1.3 = none %EMPTY%"]


def _file(admin: Admin) -> list[str]:
    return admin.booter.preview(MAC, f"{MAC}.acme", reveal=True).decode().splitlines()


def test_the_waiting_list_names_the_maker_of_each_phone(admin: Admin) -> None:
    admin.eventstore.log([_asked("805ec0d57d72", "T46U", "yealink"), _asked(NEAR)])
    assert {row["mac"]: row["maker"] for row in events.waiting(admin)} == {"805ec0d57d72": "YEALINK(XIAMEN) NETWORK TECHNOLOGY CO.,LTD.", NEAR: ""}
