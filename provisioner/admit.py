"""May this phone have this file? Decided before any secret is read.

Every refusal is a sentence for the event; the phone gets the same empty 404 for all of
them, and for a MAC that nobody added, after the same work (D12).
"""

from __future__ import annotations

import ipaddress

from provisioner import credentials, tokens
from provisioner.errors import Refused, Unknown
from provisioner.families import FileRule
from provisioner.mac import pretty
from provisioner.things import Device, Network, Site
from provisioner.wire import PhoneRequest


def network_of(site: Site, address: str) -> Network | None:
    """Return the site's narrowest network entry that holds this address; None for nowhere (F18)."""
    if not address:
        return None
    here = ipaddress.ip_address(address)
    fitting = [entry for entry in site.networks if here in entry.parsed]
    return max(fitting, key=lambda entry: entry.parsed.prefixlen, default=None)


def token_fits(request: PhoneRequest, expected: str) -> bool:
    """Return True where the request carries this token; the same work whether it carries one or not.

    expected: the device's token, or a dummy where there is no device.
    """
    return tokens.same(request.token, expected)


def is_over(device: Device, now: str) -> bool:
    """Return True where a phone that is retiring has had its last file (F21); times are UTC, ISO 8601."""
    return device.state == "retiring" and bool(device.serves_until) and now >= device.serves_until


def admit(
    request: PhoneRequest, device: Device | None, site: Site, rule: FileRule, token_fits: bool, mac: str, password: credentials.Proof = credentials.NOTHING_SENT,
    now: str = "",
) -> None:  # fmt: skip
    """Return where the phone may have the file of this rule; otherwise raise Unknown or Refused.

    mac: as the request names it, or empty; token_fits, password: worked out before, see above and credentials.py.
    now: UTC, ISO 8601, for phones that are retiring. What a phone brings as a proof must be its own, also where its MAC would have been enough.
    """
    entry = network_of(site, request.address)
    if rule.scope == "family":
        if rule.enrols and not site.enrols:
            raise Refused(f"{rule.match} is for phones that are new, and site {site.slug} enrols none now; `provisioner site change {site.slug} --enrols`")
        return
    if device is None:
        who = f"phone {pretty(mac)} is not in the inventory" if mac else "the request does not say which phone it is"
        raise Unknown(f"{who}; add or approve it, then restart the phone")
    if device.state == "blocked":
        raise Refused(f"phone {pretty(device.mac)} is blocked; `provisioner device approve {device.mac}` lets it in")
    if is_over(device, now):
        raise Refused(f"phone {pretty(device.mac)} was retired and has had its last files; `provisioner device remove {device.mac}`, or `provisioner device approve {device.mac}` takes it back")
    proven = token_fits or password.fits
    if request.token and not proven:
        raise Refused(f"phone {pretty(device.mac)} came with a token that is not its own or no longer valid; set its URL anew (`provisioner device token {device.mac}`)")
    if password.sentence and not proven:
        raise Refused(f"phone {pretty(device.mac)} has not proved itself: {password.sentence}; `provisioner device credentials {device.mac}` shows what it needs")
    if not proven and not (entry and entry.mac_is_enough):
        sent = f" and with a password, which counts for nothing there (`provisioner site change {site.slug} --passwords digest`)," if request.authorization else ""
        raise Refused(
            f"phone {pretty(device.mac)} came without its token{sent} from {_from(request)}, where site {site.slug} does not take a MAC alone;"
            f" give the phone its URL (`provisioner device token {device.mac}`), or name the network (`provisioner site network add {site.slug} … --mac-is-enough`)"
        )
    if request.wire == "tftp" and not (entry and entry.tftp_serves_secrets):
        raise TFTPKeepsSecrets(
            f"phone {pretty(device.mac)} asked over TFTP from {_from(request)}, where site {site.slug} sends no secrets over TFTP;"
            f" let it ask over HTTP, or allow it (`provisioner site network add {site.slug} … --tftp-serves-secrets`)"
        )


class TFTPKeepsSecrets(Refused):
    """Refused because of the wire alone: a bootstrap file may go out instead (F16)."""


def _from(request: PhoneRequest) -> str:
    by = f" ({request.peer}: trusted_proxies does not name it, or what it says contradicts itself)" if request.peer else ""
    return request.address or f"an address that an untrusted proxy told us{by}"
