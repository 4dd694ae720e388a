"""Asking phones, by SIP NOTIFY, to read their files or to restart: two verbs, since nobody restarts a phone unasked (F26)."""

from __future__ import annotations

from sipmessage import URI

from provisioner.admin import Admin, Done, events
from provisioner.errors import NotHere, Unreached
from provisioner.kinds import Endpoint
from provisioner.rights import OPERATE
from provisioner.sip.link import Means, plain
from provisioner.sip.notify import notify
from provisioner.sip.talk import Said, sip_uri
from provisioner.things import Account, Device

VERBS = {"resync": "read its files", "reboot": "restart"}
_PORT = 5060  # where nothing tells another


def ask(admin: Admin, mac: str, verb: str, ways: Means, port: int = 0) -> Done:
    """Ask a phone to do what a verb of VERBS says, at the address that it was last seen at.

    port: of the phone's SIP; 0 is where its account's server had it when that was asked last, else 5060.
    Raises NotHere where the phone or its event is not known, Unreached with what it said, or that it is silent.
    """
    device = admin.device(mac)
    admin.rights.need(OPERATE, device.site)
    event = _event(admin, device, verb)
    address = events.last_seen(admin, [device])[device.mac][1]
    if not address:
        raise NotHere(f"phone {admin.named(device)} has not been seen yet, so its address is not known; it reads its files when it starts")
    lines = sorted(admin.store.lines_of(device.mac), key=lambda line: line.n)
    account = admin.store.account(lines[0].sip_address) if lines else None
    usual = sip_uri(account.username if account else "", address, port or _PORT)
    where = usual if port or account is None else _registered(admin, account, address) or usual
    who = f"{admin.named(device)} at {Endpoint(address, where.port or _PORT)}"
    try:
        said = notify(where, event, account, ways)
    except Unreached as why:
        raise Unreached(
            f"{who} was asked to {VERBS[verb]}, and does not take it: {why}. It may have another address or port by now (--port), stand behind NAT or a firewall,"
            " or hear its registrar alone; it asks by itself when it starts"
        ) from None
    if not 200 <= said.response.code < 300:
        raise Unreached(f"{who} does not {VERBS[verb]}: {_refusal(said, account)}")
    return Done(f"{who} will {VERBS[verb]}; `provisioner events --mac {device.mac}` shows when it asks")


def _event(admin: Admin, device: Device, verb: str) -> str:
    """Return the event of the phone's family; raises NotHere with the other verb, where that one is known."""
    found = admin.model_of(device)
    if found is None:
        raise NotHere(f"the family {device.family} cannot be used; `provisioner check` says why")
    known = {"resync": found[0].notify.resync, "reboot": found[0].notify.reboot}
    if not known[verb]:
        other = next((name for name in known if known[name]), "")
        cure = f"`provisioner device {other} {device.mac}` asks it to {VERBS[other]}" if other else "restart it by hand, and it reads its files"
        raise NotHere(f"no NOTIFY is known that makes a phone such as {admin.named(device)} {VERBS[verb]}; {cure}")
    return known[verb]


def _registered(admin: Admin, account: Account, address: str) -> URI | None:
    """Return as whom the account's server has a phone of this address, or None where it has none."""
    found = admin.store.check_of(account.sip_address)
    for binding in found.bindings if found else ():
        try:
            contact = URI.parse(binding)
        except ValueError:
            continue
        if contact.host.strip("[]") == address:
            return contact
    return None


def _refusal(said: Said, account: Account | None) -> str:
    code = said.response.code
    words = f"{code} {plain(said.response.phrase)}".strip()
    if said.verdict:
        return f"it {said.why} ({words})"
    if code in (401, 407) and account:
        return f"it does not take the password of {account.sip_address} as it is here ({words}); it may have read its files last before that was changed"
    if code in (405, 481, 489, 501):
        return f"it knows no such event ({words}); its firmware may be another than its family's, or its setting resync_by_notify off"
    return f"it says {words}; some phones take this from their registrar's address alone"
