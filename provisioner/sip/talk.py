"""A request, and the same once more with the proof that it was challenged for (RFC 3261, 22)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from urllib.parse import unquote

from sipmessage import URI, Address, Parameters, Response

from provisioner.sip.digest import Challenge, challenges
from provisioner.sip.link import Headers, Link, plain
from provisioner.things import Account

_ROUNDS = 5  # a proxy and a registrar may challenge one after the other, each once more with a new nonce
_FIELDS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}


@dataclass(frozen=True)
class Said:
    """The last response to a request.

    proven:  the challenge that was answered, None where nobody asked for a proof.
    verdict: where the last challenge was not answered, what that means (things.VERDICTS); then fact and why, a clause.
    """

    response: Response
    proven: Challenge | None = None
    verdict: str = ""
    fact: str = ""
    why: str = ""


def sip_uri(user: str, host: str, port: int = 0) -> URI:
    """Return a SIP URI; IPv6 without brackets and a user with or without escapes are taken."""
    return URI("sip", f"[{host}]" if ":" in host else host, unquote(user) or None, port=port or None)


def dialog(sender: URI, target: URI) -> Headers:
    """Return From, To and Call-ID of a question that stands for itself."""
    return (
        ("From", str(Address(sender, parameters=Parameters(tag=secrets.token_hex(8))))),
        ("To", str(Address(target))),
        ("Call-ID", secrets.token_hex(16)),
    )


def talk(link: Link, method: str, uri: URI, headers: Headers, account: Account | None) -> Said:
    """Send a request, answer what it is challenged for with the account's password, and return what was said last; raises Unreached."""
    proofs: dict[str, str] = {}
    proven: Challenge | None = None
    for number in range(1, _ROUNDS + 1):
        response = link.ask(method, uri, (*headers, ("CSeq", f"{number} {method}"), *proofs.items()))
        if response.code not in _FIELDS:
            return Said(response, proven)
        asked_in, field = _FIELDS[response.code]
        asked = challenges(response.headers.getlist(asked_in))
        here = [one for one in asked if account is None or account.realm in ("", one.realm)]
        ours = next((one for one in here if one.answerable), None)
        if field in proofs and not (ours and ours.stale):
            return Said(response, proven)
        if account is None or not account.password:
            return Said(response, proven, "wrong", "password", "asks for a password, and there is none")
        if asked and not here:
            return Said(response, proven, "wrong", "realm", f"asks in the realm {plain(asked[0].realm)!r}, and the account's is {account.realm!r}")
        if ours is None:
            return Said(response, proven, "cannot-tell", "", f"asks for a password in a way that is not known here ({plain(', '.join(one.algorithm for one in here)) or 'no Digest'})")
        proofs[field], proven = ours.answer(method, str(uri), account.auth_username, account.password), ours
    return Said(response, proven, "cannot-tell", "", "asks again and again for a fresh proof")
