"""How phones find us: what to write into a site's DHCP server, ready to copy.

Options 66 and 160 have the site's URL: nearly all makers look at the first, some at the second alone. Option 150 has our
address as bytes, for those that take nothing else; it is there where the URL names an address.
Sources: RFC 2132 (66); the manuals of dnsmasq, dhcpd.conf and Kea; MikroTik's (v6.8: s'…' is a text); Microsoft's module DhcpServer.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

from provisioner.admin import Admin, sites
from provisioner.errors import BadValue
from provisioner.rights import LOOK

_PLAIN = ":/[]@!$&()*+;=~-._%"  # of a URL, what no DHCP server's syntax gives a meaning within quotes


def dhcp(admin: Admin, slug: str) -> list[dict[str, Any]]:
    """Return for each DHCP server its name, where the lines go, and the lines; raises NotHere, BadValue where the site has no public URL."""
    admin.rights.need(LOOK)
    site = sites.one(admin, slug)
    base = site.public_url or site.tftp_public_url
    if not base:
        raise BadValue(f"site {slug} has no public URL that phones could be told; `provisioner site change {slug} --public-url http://HOST:8080`")
    url = quote(f"{base}/", safe=_PLAIN)
    address = _address(base)
    return [{"server": name, "where": where, "lines": "\n".join(write(url, address))} for name, where, write in _SERVERS]


def _address(url: str) -> str:
    """Return the IPv4 address that a URL names, or nothing."""
    try:
        return str(ipaddress.IPv4Address(urlsplit(url).hostname or ""))
    except ValueError:
        return ""


def _dnsmasq(url: str, address: str) -> list[str]:
    return [f'dhcp-option=66,"{url}"', f'dhcp-option=160,"{url}"', *([f"dhcp-option=150,{address}"] if address else [])]


def _isc(url: str, address: str) -> list[str]:
    return [
        "option prov-url code 160 = text;", *(["option voip-servers code 150 = array of ip-address;"] if address else []),
        f'option tftp-server-name "{url}";', f'option prov-url "{url}";', *([f"option voip-servers {address};"] if address else []),
    ]  # fmt: skip


def _kea(url: str, address: str) -> list[str]:
    more = bool(address)
    known = {
        "option-def": [
            {"name": "prov-url", "code": 160, "space": "dhcp4", "type": "string"},
            *([{"name": "voip-servers", "code": 150, "space": "dhcp4", "type": "ipv4-address", "array": True}] if more else []),
        ],
        "option-data": [
            {"name": "tftp-server-name", "data": url}, {"name": "prov-url", "data": url}, *([{"name": "voip-servers", "data": address}] if more else []),
        ],
    }  # fmt: skip
    return [f'"{name}": {json.dumps(value, indent=2)}' + ("," if name == "option-def" else "") for name, value in known.items()]


def _mikrotik(url: str, address: str) -> list[str]:
    options = [("66", f"s'{url}'"), ("160", f"s'{url}'"), *([("150", f"'{address}'")] if address else [])]
    return [
        "/ip dhcp-server option", *(f'add name=phones-{code} code={code} value="{value.replace("$", chr(92) + "$")}"' for code, value in options),
        "/ip dhcp-server option sets", f"add name=phones options={','.join(f'phones-{code}' for code, _ in options)}",
        "/ip dhcp-server network", "set [find] dhcp-option-set=phones",
    ]  # fmt: skip


def _windows(url: str, address: str) -> list[str]:
    text = url.replace("'", "''")
    return [
        "Add-DhcpServerv4OptionDefinition -OptionId 160 -Name 'Provisioning URL' -Type String",
        *(["Add-DhcpServerv4OptionDefinition -OptionId 150 -Name 'Phone servers' -Type IPv4Address -MultiValued"] if address else []),
        f"Set-DhcpServerv4OptionValue -OptionId 66 -Value '{text}'", f"Set-DhcpServerv4OptionValue -OptionId 160 -Value '{text}'",
        *([f"Set-DhcpServerv4OptionValue -OptionId 150 -Value {address}"] if address else []),
    ]  # fmt: skip


def _opnsense(url: str, address: str) -> list[str]:
    return [f"66   String   {url}", f"160  String   {url}", *([f"150  IP       {address}"] if address else [])]


_Writer = Callable[[str, str], list[str]]
_SERVERS: tuple[tuple[str, str, _Writer], ...] = (
    ("dnsmasq", "/etc/dnsmasq.d/phones.conf", _dnsmasq),
    ("ISC dhcpd", "/etc/dhcp/dhcpd.conf", _isc),
    ("Kea", "kea-dhcp4.conf, Dhcp4", _kea),
    ("MikroTik", "Terminal", _mikrotik),
    ("Windows Server", "PowerShell", _windows),
    ("OPNsense", "Services, DHCP, Options (number, type, value)", _opnsense),
)
