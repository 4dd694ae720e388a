"""Settings are typed: what people write is read, or refused with the cure."""

from __future__ import annotations

import re

import pytest

from provisioner import families, vocabulary
from provisioner.errors import BadValue, UnknownName
from provisioner.families import Catalog
from provisioner.kinds import Endpoint


def test_there_are_at_least_two_hundred_settings_and_each_is_explained() -> None:
    assert len(vocabulary.BY_NAME) == len(vocabulary.SETTINGS) >= 200
    assert len(vocabulary.KEY_TYPES) >= 40
    assert [row.name for row in vocabulary.SETTINGS if not row.help or row.per not in ("device", "line")] == []


def test_every_default_is_a_value_of_its_own_type() -> None:
    for row in vocabulary.SETTINGS:
        if row.default is not None:
            assert row.read(row.default) == row.default, row.name


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("vlan_id", "4094", 4094), ("call_waiting", "no", False), ("timezone", "europe/lisbon", "Europe/Lisbon"), ("language", "PT-br", "pt-BR"),
        ("codecs", "OPUS, pcma", ("opus", "pcma")), ("syslog_server", "log.example.com:5514", Endpoint("log.example.com", 5514)),
        ("syslog_server", "", Endpoint("", 0)), ("stun_server", "[2001:DB8::1]", Endpoint("2001:db8::1", 0)), ("tones", "pt", "PT"),
        ("ip_netmask", "255.255.255.0", "255.255.255.0"), ("ip_address", "", ""), ("paging_addresses", "239.0.0.1:10000, 224.0.1.75:5060", ("239.0.0.1:10000", "224.0.1.75:5060")),
        ("dial_plan", "[1-9]xx 00x+", ("[1-9]xx", "00x+")), ("admin_password", " keep blanks ", " keep blanks "),
    ],
)  # fmt: skip
def test_what_people_write_is_read(name: str, text: str, value: object) -> None:
    assert vocabulary.setting(name).read(text) == value


@pytest.mark.parametrize(
    ("name", "text", "cure"),
    [
        ("vlan_id", "4095", "0 to 4094"), ("vlan_id", "seven", "whole number"), ("call_waiting", "maybe", "neither on nor off"),
        ("timezone", "Europe/Lisbonn", "did you mean Europe/Lisbon"), ("language", "Portuguese", "language tag"), ("srtp", "requird", "did you mean required"),
        ("ntp_server", "time server", "host name"), ("phonebook_url", "ftp://x/", "http"), ("phonebook_url", "http://u:p@x/", "no password"),
        ("phone_name", "x" * 33, "the most is 32"), ("phone_name", "a\nb", "control character"), ("phone_name", "a\u202eb", "control character"),
        ("language", "", "cannot be switched off; `unset` takes back what was said"), ("timezone", " ", "cannot be switched off"), ("tones", "", "cannot be switched off"),
        ("vlan_id", "", "is a number, 0 to 4094; write one, or `unset`"), ("call_waiting", "", "is switched off with call_waiting=off"), ("srtp", "", "with srtp=off"),
        ("tones", "XX", "two letters"), ("tones", "UK", "did you mean GB"), ("tones", "Portugal", "did you mean PT"), ("tones", "Germny", "did you mean DE"), ("tones", "TP", "did you mean PT"),
        ("ip_address", "phone.example.com", "not an IPv4 address"), ("ip_gateway", "2001:db8::1", "not an IPv4 address"),
        ("paging_addresses", "192.0.2.1:10000", "multicast"), ("paging_addresses", "239.0.0.1", "multicast"), ("paging_addresses", "239.0.0.1:70000", "multicast"),
        ("dtmf", "", "cannot be switched off"), ("dial_plan", "9|8", "dial pattern"), ("syslog_server", "host:99999", "port"),
        ("syslog_server", "http://host", "write HOST or HOST:PORT, without http://"), ("syslog_server", "sip:host", "without sip:"), ("ntp_server", "300.1.1.1", "host name"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_the_cure(name: str, text: str, cure: str) -> None:
    with pytest.raises(BadValue, match=f"{name}.*{cure}"):
        vocabulary.setting(name).read(text)


@pytest.mark.parametrize("name", ["forward_busy", "phone_name", "ntp_server_2", "stun_server", "phonebook_url", "emergency_numbers", "codecs", "admin_password"])
def test_an_empty_value_switches_off_text_hosts_urls_lists_and_secrets(name: str) -> None:
    setting = vocabulary.setting(name)
    assert setting.read("") == setting.kind.off


def test_a_secret_is_never_repeated() -> None:
    with pytest.raises(BadValue) as refusal:
        vocabulary.setting("key_lock_pin").read("12ab!")

    assert "12ab" not in str(refusal.value)


def test_an_unknown_setting_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean timezone"):
        vocabulary.setting("timezome")


def test_every_setting_and_type_of_key_is_written_by_a_family(catalog: Catalog) -> None:
    written = set()
    for template in families.shipped().rglob("*.j2"):
        written |= set(re.findall(r"\w+", template.read_text("utf-8")))
    assert [row.name for row in vocabulary.SETTINGS if row.name not in written] == []
    keys = {word for family in catalog.families.values() for word in family.maps.get("key", {})}
    assert set(vocabulary.KEY_TYPES) == keys


def test_passwords_are_secrets() -> None:
    assert [row.name for row in vocabulary.SETTINGS if row.name.endswith(("password", "_pin", "community")) and not row.secret] == []
