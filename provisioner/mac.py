"""One spelling of a MAC address: twelve lower-case hex digits."""

from __future__ import annotations

import re
from functools import lru_cache

from netaddr import OUI, NotRegisteredError

from provisioner.errors import BadMAC

_SPELLINGS = (
    re.compile(r"[0-9a-f]{12}"),
    re.compile(r"[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}|[0-9a-f]{2}(?: [0-9a-f]{2}){5}"),
    re.compile(r"[0-9a-f]{4}(?:[.:-][0-9a-f]{4}){2}"),
    re.compile(r"[0-9a-f]{6}[:-][0-9a-f]{6}"),
)


def parse(text: str) -> str:
    """Return the twelve lower-case hex digits of a MAC in any usual spelling.

    Raises BadMAC where there are not exactly twelve digits, and for addresses that
    no phone has: all zeros or with zeros for a maker, and those with the multicast bit (IEEE 802-2014, 8.2).

    >>> parse("80:5E:C0:D5:7D:72"), parse("805e.c0d5.7d72")
    ('805ec0d57d72', '805ec0d57d72')
    """
    low = text.strip().lower()
    if not any(spelling.fullmatch(low) for spelling in _SPELLINGS):
        raise BadMAC(f"{text!r} is not a MAC address; write it as 80:5e:c0:d5:7d:72")
    mac = re.sub(r"[^0-9a-f]", "", low)
    if mac.startswith("000000"):
        raise BadMAC(f"{text!r} is all zeros, or begins with them, which no phone's does; read the label on the phone")
    if int(mac[1], 16) & 1:
        raise BadMAC(f"{text!r} is a multicast address, which no phone has; read the label on the phone")
    return mac


@lru_cache(maxsize=1024)
def maker(mac: str) -> str:
    """Return who has a MAC's first half by the registry (IEEE, as netaddr ships it); empty where nobody has, or for one of somebody's own choosing.

    >>> maker("805ec0d57d72"), maker("02ac0e000001")
    ('YEALINK(XIAMEN) NETWORK TECHNOLOGY CO.,LTD.', '')
    """
    try:
        return str(getattr(OUI(int(mac[:6], 16)).registration(), "org", ""))
    except (NotRegisteredError, ValueError):
        return ""


def pretty(mac: str) -> str:
    """Return the MAC as people read it.

    >>> pretty("805ec0d57d72")
    '80:5e:c0:d5:7d:72'
    """
    return ":".join(mac[i : i + 2] for i in range(0, 12, 2))
