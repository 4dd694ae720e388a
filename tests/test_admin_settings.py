"""Operators say settings, and take them back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisioner.admin import SAME, Admin, accounts, devices, files, groups, lines, scopes, settings
from provisioner.errors import BadValue, NotHere, ProvisionerError, UnknownName
from tests.acme import ADDRESS, MAC, OTHER


@pytest.fixture
def phone(admin: Admin) -> Admin:
    """Return the verbs, with two phones in a group, the first with an account."""
    groups.add(admin, "default/desk")
    devices.add(admin, MAC, "acme/Two", {"group": "desk"})
    devices.add(admin, OTHER, "acme/Unsure", {"group": "desk"})
    accounts.add(admin, ADDRESS, {"password": "s3cret"})
    lines.assign(admin, MAC, ADDRESS)
    return admin


@pytest.mark.parametrize(("scope", "stored", "reach"), [
    ("defaults", "defaults", 2), ("family:acme", "family:acme", 2), ("model:acme/two", "model:acme/Two", 1), ("site:default", "site:default", 2),
    ("group:default/desk", "group:default/desk", 2), (f"device:{MAC.upper()}", f"device:{MAC}", 1), (f"account:sip:{ADDRESS}", f"account:{ADDRESS}", 1),
    ("line:02:ac:0e:00:00:01/1", f"line:{MAC}/1", 1),
])  # fmt: skip
def test_every_scope_can_say_a_setting_of_lines_and_reaches_its_phones(phone: Admin, scope: str, stored: str, reach: int) -> None:
    done = settings.say(phone, scope, {"dtmf": "INFO"})

    assert done.sentence.startswith(f"set dtmf = info for {stored}")
    assert settings.shown(phone, scope) == {"dtmf": "info"}
    assert len(scopes.phones(phone, scopes.read(phone, scope))) == reach
    assert "dtmf.1 = info" in phone.booter.preview(MAC, f"{MAC}.acme").decode()
    assert settings.say(phone, scope, {"dtmf": "info"}).sentence == SAME


@pytest.mark.parametrize(("scope", "error", "words"), [
    ("devices:x", UnknownName, "did you mean device?"), ("device", BadValue, "does not say which device"), ("defaults:x", BadValue, "write defaults alone"),
    ("family:acne", UnknownName, "did you mean acme?"), ("model:acme/Too", UnknownName, "did you mean Two?"), ("site:hq", NotHere, "provisioner site add hq"),
    ("group:default/dask", NotHere, "did you mean default/desk?"), ("group:desk", BadValue, "write SITE/GROUP"), ("account:x", BadValue, "write it as alice@example.com"),
    (f"line:{MAC}", BadValue, "write MAC/N"), (f"line:{MAC}/2", NotHere, "it has 1; `provisioner assign 02ac0e000001 ACCOUNT --line 2`"),
])  # fmt: skip
def test_a_scope_that_is_not_there_is_refused_with_the_cure(phone: Admin, scope: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words.replace("?", r"\?").replace("(", r"\(")):
        settings.say(phone, scope, {"dtmf": "info"})


@pytest.mark.parametrize(("scope", "pairs", "words"), [
    ("defaults", {"timezon": "UTC"}, "did you mean timezone"),
    ("defaults", {"timezone": "Europe/Lisboa"}, "did you mean Europe/Lisbon"),
    (f"line:{MAC}/1", {"timezone": "UTC"}, "timezone is a setting of the whole phone, so line cannot say it"),
    (f"account:{ADDRESS}", {"vlan_id": "7"}, "so account cannot say it"),
    (f"device:{MAC}", {"dtmf": "info", "vlan_id": "5000"}, "vlan_id: '5000' is not a whole number from 0 to 4094"),
])  # fmt: skip
def test_a_setting_that_cannot_be_is_refused_and_none_of_the_others_is_written(phone: Admin, scope: str, pairs: dict[str, str], words: str) -> None:
    with pytest.raises(ProvisionerError, match=words):
        settings.say(phone, scope, pairs)
    assert settings.shown(phone, scope) == {}


def test_a_secret_is_masked_wherever_it_is_told(phone: Admin) -> None:
    done = settings.say(phone, f"device:{MAC}", {"admin_password": "t0psecret"})
    assert done.sentence == f"set admin_password = ******** for device:{MAC}"
    assert settings.shown(phone, f"device:{MAC}") == {"admin_password": "********"}
    assert "t0psecret" not in repr(phone.store.changes())


def test_what_the_file_cannot_carry_is_refused(phone: Admin) -> None:
    with pytest.raises(BadValue, match="admin_password cannot be written.*Nothing was changed"):
        settings.say(phone, "defaults", {"admin_password": "%EMPTY%"})
    assert settings.shown(phone, "defaults") == {}


def test_what_phones_cannot_take_and_what_may_strand_them_are_notes(phone: Admin) -> None:
    notes = settings.say(phone, "site:default", {"tones": "PT", "vlan_id": "7"}).notes
    assert notes == (
        "Acme desk phones have no tones: the phone has one set of tones (2 phones)",
        "a wrong vlan_id cuts a phone off from this server; try it on one phone before 2 phones get it",
        "no file of these Acme desk phones says vlan_id (2 phones)",
    )


def test_a_zone_that_phones_cannot_be_told_is_a_note(phone: Admin) -> None:
    devices.add(phone, "805ec0000001", "yealink/T46U", {})
    sentence = "these phones turn their clocks at full hours alone, which Pacific/Chatham does not, so they stay on standard time; set the phone's clock by hand twice a year"
    assert settings.say(phone, "site:default", {"timezone": "Pacific/Chatham"}).notes == (f"{sentence} (1 phone)",)
    assert settings.say(phone, "site:default", {"timezone": "Pacific/Auckland"}).notes == ()


def test_what_restarts_phones_is_a_note(phone: Admin) -> None:
    assert settings.say(phone, "site:default", {"admin_password": "t0psecret"}).notes == ("2 phones restart to take admin_password",)
    assert settings.say(phone, f"device:{MAC}", {"admin_password": "0ther"}).notes == ("1 phone restarts to take admin_password",)


def test_a_setting_taken_back_gives_the_word_to_the_layer_below(phone: Admin) -> None:
    settings.say(phone, "site:default", {"timezone": "Europe/Lisbon"})
    settings.say(phone, f"device:{MAC}", {"timezone": "Asia/Tokyo"})

    assert settings.unsay(phone, f"device:{MAC}", ["timezone", "language"]).sentence == f"took back timezone of device:{MAC}"

    assert "zone = Europe/Lisbon" in phone.booter.preview(MAC, f"{MAC}.acme").decode()
    assert settings.unsay(phone, f"device:{MAC}", ["timezone"]).sentence == SAME
    with pytest.raises(UnknownName, match="did you mean timezone"):
        settings.unsay(phone, f"device:{MAC}", ["timezon"])


@pytest.mark.parametrize("password", ["471", "47111", "471a"])
def test_a_pin_of_a_fixed_length_is_taken_in_that_length_alone(admin: Admin, password: str) -> None:
    devices.add(admin, "7c2f80123456", "gigaset-n510/N510", {})

    with pytest.raises(BadValue, match="these phones take exactly 4 digits"):
        settings.say(admin, "device:7c2f80123456", {"admin_password": password})

    assert settings.say(admin, "device:7c2f80123456", {"admin_password": "4711", "user_password": "of no use here"}).sentence.startswith("set ")


# Parameters by the phone's own names.


@pytest.fixture
def listed(phone: Admin) -> Admin:
    """Return the verbs; what the made-up phones know is listed."""
    (phone.catalog.families["acme"].folders[-1] / "known.txt").write_text("zone\tguide\nline.N.trust\tguide\t0|1\n")
    return phone


@pytest.mark.parametrize(("scope", "name", "stored"), [
    ("defaults", "raw.acme.line.1.trust", "defaults"), ("family:acme", "raw.line.1.trust", "family:acme"), ("model:acme/Two", "raw.line.1.trust", "model:acme/Two"),
    ("site:default", "raw.acme.line.1.trust", "site:default"), ("group:default/desk", "raw.acme.line.1.trust", "group:default/desk"), (f"device:{MAC}", "raw.line.1.trust", f"device:{MAC}"),
    (f"device:{MAC}", "raw.acme.line.1.trust", f"device:{MAC}"),
])  # fmt: skip
def test_every_layer_of_phones_says_raw_parameters(listed: Admin, scope: str, name: str, stored: str) -> None:
    done = settings.say(listed, scope, {name: "1"})

    assert done.sentence.startswith(f"set raw.acme.line.1.trust = ******** for {stored}")
    assert done.notes == ()
    assert listed.booter.preview(MAC, f"{MAC}.acme", reveal=True).decode().endswith("line.1.trust = 1\n")
    assert settings.shown(listed, scope) == {"raw.acme.line.1.trust": "********"}
    assert settings.shown(listed, scope, reveal=True) == {"raw.acme.line.1.trust": "1"}
    assert settings.unsay(listed, scope, [name]).sentence.startswith(f"took back raw.acme.line.1.trust of {stored}")
    assert "line.1.trust = %EMPTY%" in listed.booter.preview(MAC, f"{MAC}.acme", reveal=True).decode()


def test_the_last_word_on_a_raw_parameter_wins_and_is_explained(listed: Admin) -> None:
    settings.say(listed, "site:default", {"raw.acme.zone": "Mars"})
    settings.say(listed, f"device:{MAC}", {"raw.zone": "Venus"})

    found = files.explain(listed, MAC, "raw.zone")

    assert b"zone = Venus\n" in listed.booter.preview(MAC, f"{MAC}.acme", reveal=True)
    assert (found.said.value, found.said.by, found.said.others) == ("********", f"device:{MAC}", (("site:default", "********"),))
    assert found.lines == ((f"{MAC}.acme", 2, "zone = ********"),)
    assert {"setting": "raw.acme.zone", "value": "********", "said_by": f"device:{MAC}", "cannot": None} in files.explain_all(listed, MAC)


@pytest.mark.parametrize(("pairs", "note"), [
    ({"raw.acme.line.2.tryst": "1"}, "line.2.tryst is no parameter that the list of acme names; did you mean line.N.trust?; it is written all the same"),
    ({"raw.acme.line.2.trust": "7"}, "line.2.trust is one of 0|1 by the list of acme, and this is not; it is written all the same"),
])  # fmt: skip
def test_what_the_list_does_not_know_is_a_note_and_no_refusal(listed: Admin, pairs: dict[str, str], note: str) -> None:
    assert settings.say(listed, "defaults", pairs).notes == (note,)
    assert f"{next(iter(pairs)).removeprefix('raw.acme.')} = ".encode() in listed.booter.preview(MAC, f"{MAC}.acme")


@pytest.mark.parametrize(("scope", "name", "words"), [
    ("defaults", "raw.zone", "write raw.FAMILY.NAME"), ("site:default", "raw.acne.zone", "did you mean acme"), ("family:acme", "raw.snom.user_moh1", "leave the family away"),
    (f"device:{MAC}", "raw.", "is no raw parameter"), (f"line:{MAC}/1", "raw.zone", "so line cannot say it"), ("defaults", "raw.obihai.X", "an overlay of its template"),
    (f"device:{MAC}", "raw.zone", "the phone reads %EMPTY% as a command"),
])  # fmt: skip
def test_a_raw_parameter_that_cannot_be_is_refused(listed: Admin, scope: str, name: str, words: str) -> None:
    with pytest.raises(ProvisionerError, match=words):
        settings.say(listed, scope, {name: "%EMPTY%"})
    assert settings.shown(listed, scope) == {}


def test_models_whose_files_have_no_place_for_a_raw_parameter_are_a_note(admin: Admin) -> None:
    devices.add(admin, "00a859000001", "fanvil/X3S", {"firmware": "2.12.1"})
    patched = admin.catalog.families["fanvil"]
    assert settings.say(admin, "defaults", {"raw.fanvil.net/wan/x": "1"}).notes[-1].startswith("net/wan/x is no parameter")
    bare = replace(patched, files=tuple(replace(rule, raw=None) if "C*" not in rule.guard.models else rule for rule in patched.files))
    other = replace(admin, catalog=replace(admin.catalog, families={**admin.catalog.families, "fanvil": bare}))
    assert "the files of X3S have no place for raw.fanvil.net/wan/y (1 phone)" in settings.say(other, "defaults", {"raw.fanvil.net/wan/y": "1"}).notes
