"""Operators keep sites, networks, groups and phone books."""

from __future__ import annotations

import pytest

from provisioner.admin import SAME, Admin, devices, groups, phonebook, sites
from provisioner.errors import BadValue, Conflict, NotHere
from tests.acme import MAC


def test_a_site_is_added_changed_and_removed(admin: Admin) -> None:
    done = sites.add(admin, "hq", {"country": "pt"}, ("192.0.2.0/24",))
    assert done.sentence == "added site hq" and "has no public URL" in done.notes[0]
    assert sites.add(admin, "hq", {"country": "PT"}, ("192.0.2.0/24",)).sentence == SAME
    with pytest.raises(Conflict, match="provisioner site change hq"):
        sites.add(admin, "hq", {"country": "ES"})
    assert sites.change(admin, "hq", {"public_url": "http://prov.example.com:8080/"}).sentence == "changed public url of site hq"
    assert sites.shown(admin, sites.one(admin, "hq"))["public_url"] == "http://prov.example.com:8080"
    assert sites.remove(admin, "hq").sentence == "removed site hq"
    with pytest.raises(NotHere, match="there is no site 'hq'"):
        sites.remove(admin, "hq")


def test_a_url_that_only_this_machine_reaches_is_noted_once_phones_live_elsewhere(admin: Admin) -> None:
    sites.change(admin, "default", {"public_url": "http://127.0.0.1:8080"})
    assert "which phones elsewhere cannot reach" in sites.add_network(admin, "default", "192.0.2.0/24").notes[0]


def test_taking_the_url_that_phones_need_is_refused(admin: Admin) -> None:
    devices.add(admin, MAC, "acme/Two", {})
    with pytest.raises(BadValue, match="site default has no public URL.*Nothing was changed"):
        sites.change(admin, "default", {"public_url": ""})


def test_a_networks_rights_are_off_until_said_and_stay_when_said_again(admin: Admin) -> None:
    assert sites.add_network(admin, "default", "192.0.2.0/24").sentence == "added network 192.0.2.0/24 of site default: phones need their token, no secrets over TFTP"
    assert sites.add_network(admin, "default", "192.0.2.0/24", mac_is_enough=True).sentence == "changed network 192.0.2.0/24 of site default: a MAC is enough, no secrets over TFTP"
    assert sites.add_network(admin, "default", "192.0.2.0/24").sentence == SAME
    assert "a MAC is enough, TFTP may" in sites.add_network(admin, "default", "192.0.2.0/24", tftp_serves_secrets=True).sentence
    assert sites.remove_network(admin, "default", "192.0.2.0/24").sentence == "took network 192.0.2.0/24 from site default"
    with pytest.raises(NotHere, match="it has 127.0.0.0/8, ::1/128"):
        sites.remove_network(admin, "default", "192.0.2.0/24")
    with pytest.raises(BadValue, match="write 192.0.2.0/24"):
        sites.add_network(admin, "default", "192.0.2.7/24")


def test_a_group_is_seen_with_its_phones_and_leaves_them_in_the_site(admin: Admin) -> None:
    assert groups.add(admin, "default/desk").sentence == "added group desk to site default"
    assert groups.add(admin, "default/desk").sentence == SAME
    devices.add(admin, MAC, "acme/Two", {"group": "desk"})
    assert groups.listed(admin) == [{"group": "default/desk", "site": "default", "phones": 1}]
    assert groups.shown(admin, "default/desk")["phones"] == [MAC]
    assert groups.remove(admin, "default/desk").sentence == "removed group desk from site default; 1 phone no longer in it"
    assert admin.device(MAC).group == ""


def test_a_phone_book_says_the_kinds_of_its_numbers(admin: Admin) -> None:
    assert phonebook.add(admin, "default", "Anna Silva", ["213", "mobile=+351912345678"]).sentence == "put Anna Silva into the phone book of site default"
    assert phonebook.add(admin, "default", "Anna Silva", ["213", "mobile=+351912345678"]).sentence == SAME
    assert phonebook.add(admin, "default", "Anna Silva", ["214"]).sentence == "replaced Anna Silva in the phone book of site default"
    phonebook.add(admin, "default", "Anna Silva", ["213", "mobile=+351912345678"])
    assert phonebook.listed(admin, "default") == [{"name": "Anna Silva", "numbers": [{"kind": "work", "number": "213"}, {"kind": "mobile", "number": "+351912345678"}]}]
    with pytest.raises(NotHere, match="did you mean Anna Silva"):
        phonebook.remove(admin, "default", "Ana Silva")
    phonebook.remove(admin, "default", "Anna Silva")
    assert phonebook.listed(admin, "default") == []


def test_the_first_look_gives_the_default_site_a_url_only_where_it_has_none(admin: Admin) -> None:
    assert sites.try_here(admin, 8080, 6969) is False
    sites.change(admin, "default", {"public_url": ""})
    assert sites.try_here(admin, 8080, 6969) is True
    site = sites.one(admin, "default")
    assert (site.public_url, site.tftp_public_url) == ("http://127.0.0.1:8080", "tftp://127.0.0.1:6969")
