"""Asking a phone to read its files, by a NOTIFY outside of any dialog."""

from __future__ import annotations

from sipmessage import URI

from provisioner.kinds import Endpoint
from provisioner.sip.link import Link, Means
from provisioner.sip.locate import locate
from provisioner.sip.talk import Said, dialog, sip_uri, talk
from provisioner.things import Account


def notify(phone: URI, event: str, account: Account | None, means: Means) -> Said:
    """Send a phone an event and return what it says; raises Unreached.

    phone:   where it is, as its registrar has it, or its address and port.
    account: of a line that it has: whom the request is from and for, and with which password a challenge is answered.
    """
    said = str(phone.parameters.get("transport") or (account.transport if account else "")).lower()
    transport = "tcp" if said == "tcp" else "udp"  # over TLS phones take no calls from strangers
    with Link(locate(Endpoint(phone.host.strip("[]"), phone.port or 0), transport, means.names)[0], means) as link:
        host, port = link.local
        us = sip_uri("provisioner", host.strip("[]"), port)
        sender = sip_uri(account.username, account.domain) if account else us
        more = (("Event", event), ("Subscription-State", "terminated"), ("Contact", f"<{us}>"))
        return talk(link, "NOTIFY", phone, (*dialog(sender, phone), *more), account)
