"""What a phone asks over HTTP, from the WSGI environ to our words."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from wsgiref.types import WSGIEnvironment

from provisioner import tokens
from provisioner.wire import PhoneRequest

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LONGEST = 1024  # characters of a header that goes down


def asked(environ: WSGIEnvironment, trusted_proxies: Sequence[Network]) -> PhoneRequest:
    """Return the request in our words."""
    token, path = tokens.split(path_of(environ))
    address, forwarded = origin(environ, trusted_proxies)
    peer, over_tls = _peer(environ)
    secure = (
        over_tls
        or environ["wsgi.url_scheme"] == "https"
        or (address and _says_https(environ) and _among(peer, trusted_proxies))
    )
    return PhoneRequest(
        path=path,
        address=address,
        wire="https" if secure else "http",
        user_agent=environ.get("HTTP_USER_AGENT", "")[:LONGEST],
        token=token,
        forwarded=forwarded,
        etags=_etags(environ.get("HTTP_IF_NONE_MATCH", "")),
        method=environ["REQUEST_METHOD"],
        authorization=environ.get("HTTP_AUTHORIZATION", ""),
        peer=peer if forwarded else "",
    )


def path_of(environ: WSGIEnvironment) -> str:
    """Return the path, decoded, with one slash in front."""
    path: str = environ["PATH_INFO"]
    return "/" + path.encode("latin-1").decode(errors="replace").lstrip("/")


def _peer(environ: WSGIEnvironment) -> tuple[str, bool]:
    """Return who opened the connection, and whether TLS ended with the proxy that tells it (relay.py)."""
    peer, _, mark = environ.get("REMOTE_ADDR", "").partition(",")
    return peer, mark == "https"


def origin(environ: WSGIEnvironment, trusted: Sequence[Network]) -> tuple[str, bool]:
    """Return the phone's address and False; or nowhere, an empty text, and True where only an untrusted word tells it (F18).

    Where the peer is a trusted proxy, the right-most hop that is not one counts; where X-Forwarded-For,
    Forwarded (RFC 7239) and X-Real-IP differ, one of them is a guest's, and none counts.
    """
    here = _parsed(_peer(environ)[0])
    if not any(name.startswith("HTTP_X_FORWARDED_") or name in ("HTTP_FORWARDED", "HTTP_X_REAL_IP") for name in environ):
        return (str(here), False) if here else ("", True)
    if here is None or not _in(here, trusted):
        return "", True
    hops = [
        [hop.strip() for hop in environ["HTTP_X_FORWARDED_FOR"].split(",")] if "HTTP_X_FORWARDED_FOR" in environ else None,
        [_for(element) for element in environ["HTTP_FORWARDED"].split(",")] if "HTTP_FORWARDED" in environ else None,
    ]
    said = {_right_most(one, trusted) for one in hops if one is not None}
    if "HTTP_X_REAL_IP" in environ:
        said.add(_right_most([environ["HTTP_X_REAL_IP"]], trusted))
    found = said.pop() if len(said) == 1 else None
    return (str(found), False) if found else ("", True)


def _right_most(hops: list[str], trusted: Sequence[Network]) -> Address | None:
    """Return the right-most hop that is no trusted proxy, else the first one; None where one on the way is garbage."""
    address = None
    for hop in reversed(hops):
        address = _parsed(hop)
        if address is None or not _in(address, trusted):
            return address
    return address


_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*("[^"]*"|[^;\s"]+)', re.IGNORECASE)
_PROTO = re.compile(r'(?:^|;)\s*proto\s*=\s*"?(\w+)')
_HOP = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::\d{1,5})?|(\d[\d.]+)(?::\d{1,5})?|([0-9A-Fa-f:.]+)")


def _for(element: str) -> str:
    """Return the node of one element of Forwarded, without its quotes; empty where it names none."""
    found = _FOR.search(element)
    return found[1].strip('"') if found else ""


def _parsed(text: str) -> Address | None:
    """Return an address as a proxy or the system writes it, IPv4-mapped IPv6 unmapped; None for anything else."""
    found = _HOP.fullmatch(text.strip().partition("%")[0])
    if not found:
        return None
    try:
        address = ipaddress.ip_address(found[1] or found[2] or found[3])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _among(peer: str, networks: Sequence[Network]) -> bool:
    address = _parsed(peer)
    return address is not None and _in(address, networks)


def _says_https(environ: WSGIEnvironment) -> bool:
    """Return True where the last proxy says that it was asked over TLS."""
    forwarded = _PROTO.search(_last(environ.get("HTTP_FORWARDED", "")))
    return "https" in (_last(environ.get("HTTP_X_FORWARDED_PROTO", "")), forwarded and forwarded[1])


def _last(text: str) -> str:
    return text.rpartition(",")[2].strip().lower()


def _etags(text: str) -> tuple[str, ...]:
    """Return the digests of an If-None-Match, ours by their form: weak ones and those of the gzip form count as well."""
    return tuple(re.findall(r'(?:W/)?"?([0-9a-f]{64})(?:-gzip)?"?', text[: 16 * LONGEST])) if text else ()
