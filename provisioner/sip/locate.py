"""Where a SIP server is: NAPTR, SRV, A and AAAA, as RFC 3263 has it.

The DNS alone is asked, as a phone would; names that only this machine's hosts file knows do not count.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.resolver

from provisioner.errors import Unreached
from provisioner.kinds import Endpoint, is_address

SPOKEN = ("udp", "tcp", "tls")
_SERVICES = {"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"}  # RFC 3263, 4.1
_PREFIXES = {"udp": "_sip._udp", "tcp": "_sip._tcp", "tls": "_sips._tcp"}
_MOST = 4  # places that are tried, so that a long list does not keep anybody waiting


@dataclass(frozen=True)
class Hop:
    """One place to send a request to. host: the name that was looked up, which a certificate must be for."""

    transport: str
    host: str
    address: str
    port: int

    def __str__(self) -> str:
        """Return the place as sentences name it."""
        where = Endpoint(self.address, self.port)
        return f"{where} over {self.transport}" if self.host == self.address else f"{self.host} ({where} over {self.transport})"


def resolver() -> dns.resolver.Resolver:
    """Return what asks this machine's name servers."""
    try:
        made = dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration:  # addresses can still be asked
        made = dns.resolver.Resolver(configure=False)
    made.lifetime = 5.0
    return made


def locate(server: Endpoint, transport: str, names: dns.resolver.Resolver) -> list[Hop]:
    """Return the places of a server, best first, at most four of them.

    transport: udp, tcp, tls, or auto for what the DNS says, which is udp where it says nothing.
    Among equal priorities the heavier weight comes first: a question is better asked the same way twice.

    Raises Unreached: the name is not there, the DNS does not answer, or no host has such an address. Source: RFC 3263, 4.
    """
    said = "" if transport == "auto" else transport
    usual = 5061 if said == "tls" else 5060
    if is_address(server.host):
        _sendable(server.host)
        return [Hop(said or "udp", server.host, server.host, server.port or usual)]
    if server.port:
        places = [(said or "udp", server.host, server.port)]
    else:
        places = list(_services(server.host, said, names)) or [(said or "udp", server.host, usual)]
    hops = []
    for way, target, port in places:
        hops += [Hop(way, server.host, address, port) for address in _addresses(target, names)]
    if not hops:
        target = "" if places[0][1] == server.host else f"; its SRV record names {places[0][1]}, which has no address"
        raise Unreached(f"the DNS knows no address of {server.host}{target}; correct the name", "wrong")
    for hop in hops[:_MOST]:
        _sendable(hop.address)
    return hops[:_MOST]


def _services(name: str, said: str, names: dns.resolver.Resolver) -> Iterator[tuple[str, str, int]]:
    """Yield (transport, host, port) of what SRV records say, led by NAPTR where no transport was said."""
    records = [] if said else sorted(_records(name, "NAPTR", names), key=lambda row: (row.order, row.preference))
    ways = [(_SERVICES[service], row.replacement.to_text(omit_final_dot=True)) for row in records if row.flags.lower() == b"s" and (service := row.service.decode("latin-1").upper()) in _SERVICES]
    if not ways:
        ways = [(way, f"{_PREFIXES[way]}.{name}") for way in ([said] if said else SPOKEN)]
    for way, service in ways:
        for row in sorted(_records(service, "SRV", names), key=lambda row: (row.priority, -row.weight)):
            target = row.target.to_text(omit_final_dot=True)
            if target:  # the root alone says that there is no such service (RFC 2782)
                yield way, target, row.port


def _addresses(name: str, names: dns.resolver.Resolver) -> list[str]:
    if is_address(name):
        return [name]
    return [row.address for kind in ("A", "AAAA") for row in _records(name, kind, names)]


def _records(name: str, kind: str, names: dns.resolver.Resolver) -> list[Any]:
    """Return the records of a name, none where there are none."""
    try:
        return list(names.resolve(f"{name}.", kind, search=False))
    except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
        return []
    except dns.resolver.NoNameservers:  # servers that cannot do NAPTR or SRV fail at these alone
        if kind in ("NAPTR", "SRV"):
            return []
        raise Unreached(f"the name servers fail at {name}; its DNS is broken, or this machine's name server is") from None
    except dns.exception.Timeout:
        raise Unreached(f"no name server answers for {name}; check this machine's DNS") from None
    except dns.exception.DNSException:
        raise Unreached(f"{name} cannot be looked up; correct the name", "wrong") from None


def _sendable(address: str) -> None:
    """Raise Unreached for addresses at which no server can be (S24): a name may lead anywhere. Private ones are where most PBXs are."""
    here = ipaddress.ip_address(address)
    if here.is_multicast or here.is_unspecified or here.is_link_local or (here.is_reserved and not here.is_loopback):
        raise Unreached(f"{address} is no address of one server; correct the name or its DNS", "wrong")
