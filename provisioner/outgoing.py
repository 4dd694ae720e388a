"""Where this server may send requests of its own: names that others write may lead anywhere, also to what is behind our firewall (S24)."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from provisioner import kinds
from provisioner.errors import Unreached

_IP = ipaddress.IPv4Address | ipaddress.IPv6Address
_MOST = 4  # addresses of one name that are tried
_WITH_IPV4 = tuple((ipaddress.IPv6Network(text), shift) for text, shift in (("::ffff:0:0/96", 0), ("64:ff9b::/96", 0), ("64:ff9b:1::/96", 0), ("::/96", 0), ("2002::/16", 80)))
_NOT_PUBLIC = tuple(ipaddress.ip_network(text) for text in ("64:ff9b:1::/48", "2001::/32", "fec0::/10"))  # a NAT's own, Teredo, old site-local: is_global says yes to some


@dataclass(frozen=True)
class Allowed:
    """What the option `outgoing` says: hosts by name, and networks. Without it only public hosts over TLS."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()

    @classmethod
    def of(cls, places: Iterable[str]) -> Allowed:
        """Return what these names and networks allow, as the option's kind has read them."""
        hosts, networks = set(), []
        for place in places:
            try:
                networks.append(ipaddress.ip_network(place))
            except ValueError:
                hosts.add(place)
        return cls(frozenset(hosts), tuple(networks))

    def addresses(self, host: str, port: int, secure: bool) -> list[str]:
        """Return the addresses to connect to, at most four, looked up once: who looked again could be told another.

        host: as the URL has it. secure: over TLS.

        Raises Unreached where there is no such name, or one of its addresses is not allowed.
        """
        found = _looked_up(host, port)
        for address in found:
            self._check(host, ipaddress.ip_address(address), secure)
        return found

    def _check(self, host: str, address: _IP, secure: bool) -> None:
        """Raise Unreached where no request may go there."""
        shown = host if host == str(address) else f"{host} ({address})"
        inner = _inner(address)
        listed = any(one in network for one in (address, inner) for network in self.networks)
        if inner.is_multicast or inner.is_unspecified or (inner.is_link_local and not listed):
            raise Unreached(f"no request goes to {shown}: it is no address of one server elsewhere; correct the URL, or the name's DNS", "wrong")
        if host not in self.hosts and not listed:
            cure = f"name {host!r} or its network in the option `outgoing`"
            if not _public(address, inner):
                raise Unreached(f"no request goes to {shown}: it is a private address, and the option `outgoing` does not name it; {cure} if that is right", "wrong")
            if not secure:
                raise Unreached(f"no request goes to {shown} over http, where anybody on the way reads along; write the URL with https, or {cure}", "wrong")


def _looked_up(host: str, port: int) -> list[str]:
    if kinds.is_address(host):
        return [host]
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise Unreached(f"the DNS knows no address of {host}; correct the name, or look at this machine's DNS", "wrong") from None
    return list(dict.fromkeys(str(row[4][0]).partition("%")[0] for row in rows))[:_MOST]


def _inner(address: _IP) -> _IP:
    """Return the IPv4 address that an IPv6 one leads to, by mapping, NAT64 or 6to4; else the address itself."""
    for network, shift in _WITH_IPV4:
        if address in network and int(address) > 1:  # not :: and ::1
            return ipaddress.IPv4Address(int(address) >> shift & 0xFFFFFFFF)
    return address


def _public(address: _IP, inner: _IP) -> bool:
    return inner.is_global and not inner.is_reserved and not any(address in network for network in _NOT_PUBLIC)
