"""`check` finds what is wrong before a phone meets it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from provisioner import families
from provisioner.admin import Admin, accounts, checks, devices, lines, settings, sites
from provisioner.admin.checks import FAULT, WARNING
from provisioner.config import Config
from provisioner.things import Check, Contact, Event, Site
from tests.acme import ADDRESS, MAC, OTHER


def _sentences(admin: Admin, kind: str, what: str) -> list[str]:
    return [finding.sentence for finding in checks.run(admin.config, "anna", "test") if (finding.kind, finding.what) == (kind, what)]


def test_the_shipped_families_are_without_fault() -> None:
    assert list(checks.manifests(families.load())) == []


@pytest.mark.parametrize(("change", "words"), [
    (("family.toml", 'vendor = "Acme"', 'vendour = "Acme"'), "family.toml:3: vendour is not a key that manifests have; did you mean vendor?"),
    (("family.toml", "xcap_root =", "xcap_rot ="), "cannot.xcap_rot names neither a setting nor an account's fact"),
    (("phone.acme.j2", "{{ line.user }}", "{{ line.user | upper }}"), "phone.acme.j2:6: outputs a filter"),
    (("phone.acme.j2", "{% endfor %}", ""), "phone.acme.j2"),
])  # fmt: skip
def test_a_fault_of_a_folder_names_file_line_and_cure_and_its_phones(admin: Admin, tmp_path: Path, change: tuple[str, str, str], words: str) -> None:
    devices.add(admin, MAC, "acme/Two", {})
    file = tmp_path / "phones" / "acme" / change[0]
    text = file.read_text()
    assert change[1] in text
    file.write_text(text.replace(change[1], change[2], 1))

    found = checks.run(admin.config, "anna", "test")

    assert any(words in finding.sentence for finding in found if finding.kind == FAULT), found
    if "vendour" in change[2]:
        assert "1 phone of family acme gets nothing: the family cannot be used; mend its folder, or remove the phones" in [finding.sentence for finding in found]


def test_a_zone_that_phones_cannot_be_told_is_a_warning(admin: Admin) -> None:
    devices.add(admin, "805ec0000001", "yealink/T46U", {})
    assert _sentences(admin, WARNING, "clock") == []
    settings.say(admin, "defaults", {"timezone": "NZ-CHAT"})
    assert _sentences(admin, WARNING, "clock") == [
        "1 phone: these phones turn their clocks at full hours alone, which NZ-CHAT does not, so they stay on standard time; set the phone's clock by hand twice a year"
    ]


def test_a_site_without_url_and_a_url_too_long_for_its_phones_are_faults(admin: Admin) -> None:
    devices.add(admin, MAC, "acme/Two", {})
    assert _sentences(admin, FAULT, "url") == _sentences(admin, FAULT, "site") == []
    sites.change(admin, "default", {"public_url": "http://a-very-long-name-of-a-server-for-phones.example.com:8080"})
    assert _sentences(admin, FAULT, "url") == ["the provisioning URL of site default has 93 characters, and Acme desk phones store 80; shorten its public URL"]
    with admin.store.change("anna", "test") as tx:
        tx.put_site(replace(admin.store.site("default") or Site("default"), public_url=""))
    assert "site default has no public URL" in _sentences(admin, FAULT, "site")[0]
    assert "gets no file: site default has no public URL" in _sentences(admin, FAULT, "phone")[0]


def test_passwords_that_everybody_knows_are_named(admin: Admin) -> None:
    devices.add(admin, MAC, "acme/Two", {"factory_password": "l4bel"})
    settings.say(admin, "defaults", {"user_password": "1234"})
    settings.say(admin, f"device:{MAC}", {"admin_password": "l4bel"})
    found = _sentences(admin, WARNING, "password")
    assert any("1 phone never fetched a file, so still on factory passwords: 02:ac:0e:00:00:01" in one for one in found)
    assert any("defaults says an user_password that is a factory's" in one for one in found)
    assert any("is told to keep its factory password" in one for one in found)
    admin.eventstore.log([Event(0, "2026-01-02T03:04:05.000", MAC, "acme", "Two", "http", "127.0.0.1", "x", "x", "served", "", 200, 9, 0.1, "")])
    assert not any("never fetched" in one for one in _sentences(admin, WARNING, "password"))


def test_a_network_where_a_mac_is_enough_is_a_warning(admin: Admin) -> None:
    sites.add_network(admin, "default", "192.0.2.0/24", mac_is_enough=True)
    assert any("whoever names a phone's MAC gets its passwords" in one for one in _sentences(admin, WARNING, "site"))


def test_a_phone_whose_file_cannot_be_made_is_a_fault(admin: Admin) -> None:
    accounts.add(admin, ADDRESS, {"password": "%EMPTY%"})
    devices.add(admin, MAC, "acme/Two", {})
    devices.add(admin, OTHER, "acme/Two", {})
    with admin.store.change("anna", "test") as tx:
        tx.put_line(lines.Line(MAC, 1, ADDRESS))
    assert ["02:ac:0e:00:00:01 gets no file" in one for one in _sentences(admin, FAULT, "phone")] == [True]


def test_a_key_that_others_can_read_is_a_fault(admin: Admin, tmp_path: Path) -> None:
    (tmp_path / "state" / "server.key").chmod(0o644)
    assert "chmod 600" in _sentences(admin, FAULT, "store")[0]


def test_nothing_is_wrong_with_an_empty_state(tmp_path: Path) -> None:
    found = checks.run(Config(state=tmp_path / "new"), "anna", "test")
    assert [finding for finding in found if finding.kind == FAULT] == []


def test_a_contact_that_a_phone_book_cannot_carry_is_named(admin: Admin) -> None:
    devices.add(admin, "08000f0a0004", "mitel/6930", {})
    with admin.store.change("anna", "test") as tx:
        tx.put_contact(Contact("default", "Ada, Sales", (("work", "214"),)))

    [sentence] = _sentences(admin, WARNING, "contact")

    assert sentence.startswith("Aastra and Mitel SIP phones do not get the contact 'Ada, Sales', whose name")


def test_a_broken_provider_and_what_servers_said_of_accounts_are_told(admin: Admin, tmp_path: Path) -> None:
    (tmp_path / "providers" / "acme").mkdir(parents=True)
    (tmp_path / "providers" / "acme" / "provider.toml").write_text('nmae = "x"\n')
    accounts.add(admin, ADDRESS, {"password": "s3cret", "xcap_root": "https://xcap.example.com/root"})
    admin.store.put_check(accounts.one(admin, ADDRESS), Check("refused", "says no", "password"))
    admin.store.put_fetch(accounts.one(admin, ADDRESS), Check("unreachable", "is silent"))
    found = checks.run(replace(admin.config, providers_path=(tmp_path / "providers",)), "anna", "test")
    told = {finding.what: finding.sentence for finding in found if finding.kind == WARNING}
    assert "acme/provider.toml:1: nmae is not a key that manifests have; did you mean name?" in told["provider"]
    assert told["account"].startswith(f"{ADDRESS} (2026-") and told["account"].endswith("): says no") and "contacts" not in told  # silence passes
