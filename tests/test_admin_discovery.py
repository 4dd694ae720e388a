"""What is written into a DHCP server so that phones find us."""

from __future__ import annotations

import json

import pytest

from provisioner.admin import Admin, discovery, sites
from provisioner.errors import BadValue, NotHere


def lines(admin: Admin) -> dict[str, str]:
    """Return the lines for each server."""
    return {row["server"]: row["lines"] for row in discovery.dhcp(admin, "default")}


def test_an_address_is_told_as_a_url_and_as_bytes(admin: Admin) -> None:
    sites.change(admin, "default", {"public_url": "http://192.0.2.1:8080"})
    said = lines(admin)
    assert list(said) == ["dnsmasq", "ISC dhcpd", "Kea", "MikroTik", "Windows Server", "OPNsense"]
    assert said["dnsmasq"] == 'dhcp-option=66,"http://192.0.2.1:8080/"\ndhcp-option=160,"http://192.0.2.1:8080/"\ndhcp-option=150,192.0.2.1'
    assert said["MikroTik"].splitlines()[1] == "add name=phones-66 code=66 value=\"s'http://192.0.2.1:8080/'\""
    assert "Set-DhcpServerv4OptionValue -OptionId 150 -Value 192.0.2.1" in said["Windows Server"].splitlines()


def test_kea_takes_its_lines_as_json(admin: Admin) -> None:
    sites.change(admin, "default", {"public_url": "https://prov.example.com/phones"})
    known = json.loads("{" + lines(admin)["Kea"] + "}")
    assert [row["name"] for row in known["option-data"]] == ["tftp-server-name", "prov-url"]
    assert {row["data"] for row in known["option-data"]} == {"https://prov.example.com/phones/"}
    assert [row["code"] for row in known["option-def"]] == [160]  # a name cannot be told as bytes


@pytest.mark.parametrize("path", ["/a'b", '/a"b', "/a\\b", "/a;b", "/a$b", "/a,b"])
def test_no_character_of_a_url_ends_a_text_of_a_configuration(admin: Admin, path: str) -> None:
    try:
        sites.change(admin, "default", {"public_url": f"http://prov.example.com{path}"})
    except BadValue:
        return
    said = lines(admin)
    for server, text in said.items():
        first = next(line for line in text.splitlines() if "prov.example.com" in line)
        assert first.count('"') in (0, 2, 4, 12) and not first.count("'") % 2, (server, first)
    json.loads("{" + said["Kea"] + "}")


def test_a_site_without_a_url_and_one_that_is_not_there_say_what_to_do(admin: Admin) -> None:
    sites.change(admin, "default", {"public_url": ""})
    with pytest.raises(BadValue, match="--public-url http://HOST:8080"):
        discovery.dhcp(admin, "default")
    with pytest.raises(NotHere, match="no site 'nowhere'"):
        discovery.dhcp(admin, "nowhere")
