"""The things we talk about: what may be said of each, in which spelling it is kept, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner import things
from provisioner.errors import BadMAC, BadValue
from provisioner.kinds import Endpoint
from provisioner.things import Account, Contact, Device, Event, Group, Key, Line, Network, Site

MAC = "805ec0d57d72"


# Accounts


def test_blank_facts_of_an_account_get_their_defaults() -> None:
    account = Account("sip:Alice@SIP.Example.com")

    assert (account.sip_address, account.username, account.auth_username, account.domain) == ("Alice@sip.example.com", "Alice", "Alice", "sip.example.com")
    assert account.registrar == Endpoint("", 0) and account.registrar_endpoint == Endpoint("sip.example.com", 0)


def test_an_auth_username_defaults_to_the_username_not_to_the_address() -> None:
    assert Account("212@example.com", username="alice").auth_username == "alice"
    assert Account("212@example.com", username="  ", auth_username=" ", domain=" ").auth_username == "212"


def test_registrar_and_proxy_keep_host_and_port_apart() -> None:
    account = Account("212@example.com", registrar="Reg.Example.com:5061", outbound_proxy="[2001:DB8::1]")  # type: ignore[arg-type]

    assert account.registrar_endpoint == Endpoint("reg.example.com", 5061)
    assert account.outbound_proxy == Endpoint("2001:db8::1", 0)


@pytest.mark.parametrize("address", ["alice@example.com", "sips:+351212345678@example.com", "*97@10.0.0.1", "a%20b@example.com", "alice@[2001:db8::1]", "SIP:alice@EXAMPLE.com"])
def test_a_sip_address_is_read_in_its_usual_spellings_and_stays_as_it_is_when_read_again(address: str) -> None:
    once = things.sip_address(address)

    assert things.sip_address(once) == once


@pytest.mark.parametrize(
    ("address", "cure"),
    [
        ("alice", "write it as alice@example.com"),
        ("@example.com", "write it as alice@example.com"),
        ("al ice@example.com", "% and two hex digits"),
        ("alice@exa mple.com", "not a host name"),
        ("alice@example.com:5080", "write alice@example.com, and host and port"),
        ("alice@example.com;transport=tcp", "write alice@example.com, and host and port"),
        ("alice@example.com\nregister=0", "control character"),
    ],
)
def test_what_is_no_sip_address_is_refused_with_the_cure(address: str, cure: str) -> None:
    with pytest.raises(BadValue, match=cure) as refusal:
        Account(address)
    assert str(refusal.value).startswith("sip address: ")


def test_a_password_within_a_sip_address_is_not_repeated() -> None:
    with pytest.raises(BadValue, match="the password apart") as refusal:
        Account("sip:alice:s3cret@example.com")
    assert "s3cret" not in str(refusal.value)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=128).filter(lambda text: not set(text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")))
def test_a_password_is_never_trimmed_recased_or_shown(password: str) -> None:
    account = Account("212@example.com", password=password)

    assert account.password == password
    assert "password" not in repr(account)


def test_a_password_with_a_control_character_is_refused_without_repeating_it() -> None:
    with pytest.raises(BadValue, match=r"password: it has a control character \(U\+000A\)") as refusal:
        Account("212@example.com", password="s3cret\nx")
    assert "s3cret" not in str(refusal.value)


def test_an_email_address_of_any_host_is_taken() -> None:
    assert Account("212@example.com", email="pbx@localhost").email == "pbx@localhost"
    with pytest.raises(BadValue, match="email: .*alice@example.com"):
        Account("212@example.com", email="not one")


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("HTTPS://XCAP.Example.com:443/Root/", "https://xcap.example.com/Root"),
        ("http://[2001:DB8::1]:8080", "http://[2001:db8::1]:8080"),
        ("https://xcap.example.com//", "https://xcap.example.com"),
        ("", ""),
    ],
)
def test_an_xcap_root_has_one_spelling(said: str, kept: str) -> None:
    assert Account("212@example.com", xcap_root=said).xcap_root == kept


@pytest.mark.parametrize("url", ["https://xcap.example.com/?a=1", "https://xcap.example.com/#x", "ftp://xcap.example.com", "xcap.example.com", "https://u:s3cret@xcap.example.com/"])
def test_an_xcap_root_is_scheme_host_and_path_alone(url: str) -> None:
    with pytest.raises(BadValue, match="^xcap root: ") as refusal:
        Account("212@example.com", xcap_root=url)
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("field", "value"), [("transport", "sctp"), ("timezone", "Lisbon"), ("registrar", "reg.example.com:99999"), ("domain", "-"), ("display_name", "A\nB"), ("notes", "a" * 2001)]
)
def test_a_fact_outside_its_type_is_refused_by_name(field: str, value: str) -> None:
    with pytest.raises(BadValue, match=f"^{field.replace('_', ' ')}: "):
        Account("212@example.com", **{field: value})  # type: ignore[arg-type]


@given(st.fixed_dictionaries({}, optional={"username": st.text(max_size=20), "display_name": st.text(max_size=20), "registrar": st.text(max_size=20), "xcap_root": st.text(max_size=20)}))
def test_whatever_is_said_an_account_is_whole_or_refused_with_a_sentence(said: dict[str, Any]) -> None:
    try:
        account = Account("212@example.com", **said)
    except BadValue:
        return
    assert account.username and account.auth_username and account.domain
    assert replace(account) == account


# Networks and sites


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("192.0.2.0/24", "192.0.2.0/24"),
        ("192.0.2.0/255.255.255.0", "192.0.2.0/24"),
        ("192.0.2.7", "192.0.2.7/32"),
        ("2001:DB8:0::/64", "2001:db8::/64"),
        ("::ffff:192.0.2.0/120", "192.0.2.0/24"),
        ("::1", "::1/128"),
        ("0.0.0.0/0", "0.0.0.0/0"),
    ],
)
def test_a_network_has_one_spelling(said: str, kept: str) -> None:
    assert Network(said) == Network(kept)


@pytest.mark.parametrize(
    ("said", "cure"),
    [("192.0.2.7/24", r"write 192\.0\.2\.0/24, or 192\.0\.2\.7/32 for it alone"), ("2001:db8::1/64", "2001:db8::1/128"), ("10", "write it as"), ("office", "write it as"), ("192.0.2.0/33", "write it as")],
)
def test_a_network_with_host_bits_or_of_no_shape_is_refused_with_the_cure(said: str, cure: str) -> None:
    with pytest.raises(BadValue, match=cure):
        Network(said)


def test_a_network_trusts_nobody_unless_said() -> None:
    assert Network("192.0.2.0/24") == Network("192.0.2.0/24", mac_is_enough=False, tftp_serves_secrets=False)


def test_an_address_that_is_ipv4_in_ipv6_clothes_is_unmapped() -> None:
    assert [things.address(text) for text in ("::FFFF:192.0.2.7", "192.0.2.7", "FE80::1%eth0")] == ["192.0.2.7", "192.0.2.7", "fe80::1"]


def test_the_order_of_a_sites_networks_says_nothing() -> None:
    one, other = Network("192.0.2.0/24"), Network("10.0.0.0/8", mac_is_enough=True)

    assert Site("hq", networks=(one, other)) == Site("hq", networks=(other, one))


def test_a_site_names_a_network_once() -> None:
    with pytest.raises(BadValue, match="has 192.0.2.0/24 twice"):
        Site("hq", networks=(Network("192.0.2.0/24"), Network("192.0.2.0/24", mac_is_enough=True)))


def test_a_public_url_has_one_spelling_since_phones_compare_it() -> None:
    assert Site("hq", public_url="HTTP://Prov.Example.com:80/x/").public_url == "http://prov.example.com/x"
    assert Site("hq", tftp_public_url="tftp://Prov.Example.com:6969/").tftp_public_url == "tftp://prov.example.com:6969"
    with pytest.raises(BadValue, match="^public url: .*query"):
        Site("hq", public_url="http://prov.example.com/?x=1")


@pytest.mark.parametrize("slug", ["", "HQ", "head office", "-hq", "hq-", "hq/2", "a" * 64, "hq\n"])
def test_a_short_name_is_lower_case_letters_digits_and_hyphens(slug: str) -> None:
    with pytest.raises(BadValue, match="such as head-office"):
        Site(slug)


# Devices, lines, keys


def test_a_mac_has_one_spelling_everywhere() -> None:
    assert Device("80:5E:C0:D5:7D:72", "yealink", "T46U").scope == "device:805ec0d57d72"
    assert Line("805e.c0d5.7d72", 2, "sip:212@example.com").scope == "line:805ec0d57d72/2"
    assert Key("device:80-5E-C0-D5-7D-72", 1, "line").scope == "device:805ec0d57d72"
    with pytest.raises(BadMAC):
        Device("80:5e:c0:d5:7d", "yealink", "T46U")


def test_scopes_are_the_words_of_the_command_line() -> None:
    assert (Group("hq", "reception").scope, Site("hq").scope) == ("group:hq/reception", "site:hq")


@pytest.mark.parametrize(
    ("field", "value"),
    [("family", "Yealink!"), ("model", ""), ("model", "yealink/T46U"), ("state", "waiting"), ("lines", 0), ("modules", 9), ("site", "H Q"), ("group", "a b"), ("name", "a\x00b")],
)
def test_a_field_of_a_device_outside_its_bounds_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(BadValue, match=f"^{field}: "):
        Device(**{"mac": MAC, "family": "yealink", "model": "T46U", field: value})


def test_a_factory_password_is_not_shown() -> None:
    assert "s3cret" not in repr(Device(MAC, "yealink", "T46U", factory_password="s3cret"))


@pytest.mark.parametrize("n", [0, -1, 1001, "x", 1.5])
def test_a_line_has_a_position_from_1(n: Any) -> None:
    with pytest.raises(BadValue, match="^n: "):
        Line(MAC, n, "212@example.com")


def test_a_key_is_of_a_type_of_ours_with_the_value_that_it_needs() -> None:
    assert Key(f"device:{MAC}", 1, "BLF", "213").type == "blf"
    with pytest.raises(BadValue, match="type: .*did you mean speed-dial"):
        Key(f"device:{MAC}", 1, "speeddial", "213")
    with pytest.raises(BadValue, match="a key of type blf needs one"):
        Key(f"device:{MAC}", 1, "blf")


@pytest.mark.parametrize("scope", ["site:hq", "defaults", MAC, "group:hq", f"line:{MAC}/1"])
def test_keys_belong_to_a_phone_or_a_group(scope: str) -> None:
    with pytest.raises(BadValue):
        Key(scope, 1, "line")


# Contacts and events


def test_a_site_is_in_a_country_that_there_is() -> None:
    assert Site("hq", country="pt").country == "PT"
    with pytest.raises(BadValue, match="country: 'XX' is not a country"):
        Site("hq", country="XX")


def test_a_contact_has_numbers_of_four_kinds() -> None:
    assert Contact("hq", "Anna", (("Mobile", "+351 912 345 678"),)).numbers == (("mobile", "+351 912 345 678"),)
    assert Contact("hq", "Anna", (("work", "*8"), ("home", "sip:anna@example.com"))).numbers[1] == ("home", "sip:anna@example.com")
    for numbers in ((), (("fax", "1"),), (("work", "1\n2"),), (("work", ""),), (("work", "abc"),), (("work", "anna@"),)):
        with pytest.raises(BadValue):
            Contact("hq", "Anna", numbers)


def test_an_event_survives_json() -> None:
    event = Event(0, "2026-01-02T03:04:05.000+00:00", MAC, "yealink", "T46U", "http", "192.0.2.7", "x.cfg", "{mac}.cfg", "unknown", "", 404, 0, 1.5, "", held=("yealink", "snom"))

    assert Event.of_row(json.loads(json.dumps(event.row))) == event
