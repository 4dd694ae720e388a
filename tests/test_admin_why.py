"""Why a phone gets a file, or nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from provisioner.admin import Admin, devices, settings, sites
from provisioner.admin.why import why
from provisioner.errors import BadValue
from provisioner.wire import PhoneRequest
from tests.acme import MAC, NEAR


@pytest.fixture
def phone(admin: Admin) -> Admin:
    """Return the verbs, with a phone."""
    devices.add(admin, MAC, "acme/Two", {})
    return admin


def test_a_served_file_names_its_rule_and_size(phone: Admin) -> None:
    found = why(phone, f"http://prov.example.com:8080/{MAC}.acme")
    size = len(phone.booter.preview(MAC, f"{MAC}.acme", reveal=True))
    assert found.outcome == "served"
    assert found.sentence.startswith(f"{size} bytes, made from acme/phone.acme.j2")
    assert [step for step, _ in found.steps] == ["request", "identify", "device", "file", "admit"]
    assert dict(found.steps)["file"] == "acme: [[files]] '{mac}.acme'"


def test_a_mac_that_nobody_added_names_the_nearest_and_the_cure(phone: Admin) -> None:
    found = why(phone, f"{NEAR}.acme")
    assert found.outcome == "unknown"
    assert "did you mean 02:ac:0e:00:00:01?" in dict(found.steps)["device"]
    assert found.cure.startswith(f"`provisioner device add {NEAR} --model FAMILY/MODEL`")


def test_a_file_that_no_rule_fits_names_the_nearest_miss(phone: Admin) -> None:
    found = why(phone, f"{MAC}.acne")
    assert found.outcome == "missing"
    assert dict(found.steps)["file"] == f"looked for '{MAC}.acne' in acme; no rule fits; the nearest of this phone's own is {MAC}.acme"
    assert found.cure == f"the files of {MAC} (Acme Two) are {MAC}.acme"
    assert "acme-door would have it" in dict(why(phone, f"door-{MAC}.txt").steps)["file"]
    assert "that is as it should be" in why(phone, "general.acme", source="192.0.2.7").sentence or why(phone, "general.acme").outcome == "unknown"


def test_the_network_and_the_token_decide_who_is_let_in(phone: Admin) -> None:
    token = phone.booter.expected_token(phone.device(MAC))
    refused = why(phone, f"{MAC}.acme", source="192.0.2.7")
    assert refused.outcome == "refused" and "came without its token" in refused.sentence
    fits = why(phone, f"http://h/p/{token}/{MAC}.acme", source="192.0.2.7")
    assert fits.outcome == "served" and ("token", "it is this phone's own") in fits.steps
    wrong = why(phone, f"http://h/p/{'a' * 26}/{MAC}.acme", source="192.0.2.7")
    assert wrong.outcome == "refused" and token not in str(fits.shown()) and "a" * 26 not in str(wrong.shown())


def test_a_wire_that_carries_no_secrets_is_said(phone: Admin) -> None:
    sites.add_network(phone, "default", "192.0.2.0/24", mac_is_enough=True)
    found = why(phone, f"tftp://h/{MAC}.acme", source="192.0.2.7")
    assert found.outcome == "refused" and "sends no secrets over TFTP" in found.sentence
    assert why(phone, f"{MAC}.acme", source="192.0.2.7", wire="https").outcome == "served"


@pytest.mark.parametrize("path", [f"{MAC}.acme", f"{NEAR}.acme", "nothing.txt", f"{MAC}.txt", "general.acme", f"door-{MAC}.txt"])
@pytest.mark.parametrize("address", ["127.0.0.1", "192.0.2.7"])
@pytest.mark.parametrize("wire", ["http", "tftp"])
def test_it_says_what_a_boot_would_and_leaves_nothing_behind(phone: Admin, path: str, address: str, wire: str) -> None:
    before = phone.store.changes()
    found = why(phone, path, source=address, wire=wire)
    assert found.outcome == phone.booter.answer(PhoneRequest(path, address, wire)).outcome
    assert phone.store.changes() == before and phone.eventstore.events() == []


def test_what_is_no_question_is_refused(phone: Admin) -> None:
    with pytest.raises(BadValue, match="no URL that phones use"):
        why(phone, "ftp://h/x")
    with pytest.raises(BadValue, match="not an IP address"):
        why(phone, "x", source="somewhere")


def test_a_phone_that_has_had_its_last_files_is_told(phone: Admin, monkeypatch: pytest.MonkeyPatch) -> None:
    devices.retire(phone, MAC)
    assert why(phone, f"{MAC}.acme").outcome == "served"
    later = phone.store.now() + timedelta(days=30)
    monkeypatch.setattr(phone.store, "_now", lambda: later)
    found = why(phone, f"{MAC}.acme")
    assert (found.outcome, "has had its last files" in found.sentence) == ("refused", True)


def test_firmware_that_goes_in_steps_is_told(admin: Admin) -> None:
    devices.add(admin, "000e08aabbcc", "cisco-spa/SPA504G", {"firmware": "7.4.9c"})
    settings.say(admin, "device:000e08aabbcc", {"firmware": "7.5.5"})
    assert "phone.xml.j2; first firmware 7.5.2b, then 7.5.5, as the maker requires; `provisioner device preview" in why(admin, "000e08aabbcc.xml").sentence
