"""Whether an account is right: a REGISTER without Contact, which asks who is registered (RFC 3261, 10.2.3).

It proves user and password to the server, and changes nothing there: a phone that is registered stays so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sipmessage import Address, Parameters, Response

from provisioner.errors import Unreached
from provisioner.kinds import Endpoint
from provisioner.sip.link import Headers, Link, Means, plain
from provisioner.sip.locate import SPOKEN, Hop, locate
from provisioner.sip.talk import Said, dialog, sip_uri, talk
from provisioner.things import Account, Check

_SHOWN, _LONGEST = 10, 300  # bindings, and characters of one
_QUICK = 2.0  # seconds for a second guess; a server that is there answers at once


def check(account: Account, means: Means, subscribe: bool = False) -> Check:
    """Return what the account's server says of it; never raises for what a server does.

    subscribe: where a server takes no question for bindings, prove the password by a SUBSCRIBE
    for message-summary that ends at once.
    """
    found, silent = _first(account, means, _registered)
    if found.verdict == "cannot-tell" and subscribe:
        found, silent = _first(account, means, _subscribed)
    return _by_another_transport(account, means, found) if silent else found


def _server(account: Account) -> tuple[str, Endpoint]:
    """Return the fact that says where requests go, and where that is."""
    if account.outbound_proxy.host:
        return "outbound_proxy", account.outbound_proxy
    return ("registrar" if account.registrar.host else "domain"), account.registrar_endpoint


def _first(account: Account, means: Means, ask: Callable[[Account, str, Link], Check]) -> tuple[Check, bool]:
    """Return the check of the first place that says anything but *unavailable* (RFC 3263, 4.3), and whether the last one was silent."""
    fact, server = _server(account)
    try:
        hops = locate(server, account.transport, means.names)
    except Unreached as why:
        return Check(why.verdict, f"{why} (it is the account's {_words(fact)})", fact), False
    silent = False
    for hop in hops:
        try:
            with Link(hop, means) as link:
                found, silent = ask(account, fact, link), False
        except Unreached as why:
            silent = why.verdict == "unreachable"
            found = Check(why.verdict, f"{why}; {_look_at(fact, hop)}" if silent else str(why), fact, str(hop))
        if found.verdict != "unreachable":
            break
    return found, silent


def _look_at(fact: str, hop: Hop) -> str:
    return f"check the {_words(fact)} and its port, the transport ({hop.transport} here), and that a firewall lets SIP out"


def _words(fact: str) -> str:
    return fact.replace("_", " ")


def _by_another_transport(account: Account, means: Means, found: Check) -> Check:
    """Return a check that names the transport, where a silent server answers over another one; it is asked without a password."""
    quick = replace(means, patience=min(means.patience, _QUICK))
    for transport in SPOKEN:
        try:
            hop = locate(_server(account)[1], transport, means.names)[0]
            if str(hop) == found.server:
                continue
            with Link(hop, quick) as link:
                uri = sip_uri("", account.domain)
                link.ask("OPTIONS", uri, (*dialog(uri, uri), ("CSeq", "1 OPTIONS")))
        except Unreached:
            continue
        return replace(found, verdict="wrong", fact="transport", sentence=f"{found.server} does not answer, but {hop} does; set the transport to {transport}")
    return found


def _headers(account: Account, link: Link, fact: str) -> Headers:
    me = sip_uri(account.username, account.domain)
    route = Address(replace(sip_uri("", account.outbound_proxy.host, account.outbound_proxy.port), parameters=Parameters(lr=None)))
    return (*dialog(me, me), *([("Route", str(route))] if fact == "outbound_proxy" else []))


def _registered(account: Account, fact: str, link: Link) -> Check:
    """Ask who is registered, and judge the answer."""
    said = talk(link, "REGISTER", sip_uri("", account.domain), _headers(account, link, fact), account)
    return _judged(account, fact, link.hop, said)


def _subscribed(account: Account, fact: str, link: Link) -> Check:
    """Ask once for the state of the mailbox, and judge by whether the proof was taken (RFC 3842, RFC 6665, 4.4.3)."""
    host, port = link.local
    me = sip_uri(account.username, account.domain)
    contact = replace(sip_uri(account.username, host.strip("[]"), port), parameters=Parameters(transport=link.hop.transport))
    more = (("Contact", str(Address(contact))), ("Event", "message-summary"), ("Accept", "application/simple-message-summary"), ("Expires", "0"))
    said = talk(link, "SUBSCRIBE", me, (*_headers(account, link, fact), *more), account)
    if said.proven and not said.verdict and (200 <= said.response.code < 300 or said.response.code == 489):  # 489: the proof was taken, the mailbox is not known
        return Check("right", f"{link.hop} takes {_who(account)} with its password, asked by SUBSCRIBE", server=str(link.hop))
    return _judged(account, fact, link.hop, said)


def _who(account: Account) -> str:
    return f"{account.username}@{account.domain}"


def _judged(account: Account, fact: str, hop: Hop, said: Said) -> Check:
    """Return what a response means, with the fact to look at and what to change."""
    verdict, wrong, sentence = _meaning(account, fact, said)
    bindings = _bindings(said.response) if verdict == "right" else ()
    return Check(verdict, f"{hop} {sentence}", wrong, str(hop), bindings)


def _meaning(account: Account, fact: str, said: Said) -> tuple[str, str, str]:
    """Return verdict, fact and what the server does, as a clause with its cure."""
    code, who = said.response.code, _who(account)
    words = f"{code} {plain(said.response.phrase)}".strip()
    if said.verdict:
        cure = f"; correct the {said.fact}" if said.fact else f"; {_NOT_KNOWN}"
        return said.verdict, said.fact, said.why + cure
    if 200 <= code < 300 and said.proven:
        there = ", ".join(_bindings(said.response))
        return "right", "", f"takes {who} with its password; " + (f"registered now: {there}" if there else "nobody is registered")
    if 200 <= code < 300:
        return "cannot-tell", "", f"answers for {who} without asking for a password, so nothing is proven; {_NOT_KNOWN}"
    if code in (401, 407) and said.proven:
        another = f", or the auth username {account.auth_username!r}" if account.auth_username != account.username else ", or the username"
        return "refused", "password", f"refuses the password of {who} ({words}, realm {plain(said.proven.realm)!r}); correct the password{another}"
    if code in (404, 604) and said.proven:
        return "refused", "username", f"knows no user {who} ({words}); correct the username"
    if code in (403, 603) and said.proven:
        return "refused", "username", f"knows the password and still bars {who} ({words}); the provider says why: an account that is locked, or another username"
    if code in (403, 404, 416, 482, 483, 604):
        return "wrong", "domain", f"turns {who} away before it asks for a password ({words}): it does not serve the domain {account.domain}, or knows no such user; correct the domain, or the {_words(fact)}"
    if code in (405, 501):
        return "wrong", fact, f"registers nobody ({words}); the {_words(fact)} is another server than the registrar"
    if 300 <= code < 400:
        return "wrong", fact, f"sends {who} elsewhere ({words}: {', '.join(_bindings(said.response))}); write that as the {_words(fact)}"
    if code == 408 or code >= 500:
        return "unreachable", fact, f"has trouble of its own ({words}); ask again later, or the provider"
    return "cannot-tell", "", f"does not take the question who is registered ({words}); {_NOT_KNOWN}"


_NOT_KNOWN = "whether the account is right is not known"


def _bindings(response: Response) -> tuple[str, ...]:
    """Return the URIs of a response's contacts."""
    try:
        return tuple(plain(str(contact.uri), _LONGEST) for contact in response.contact[:_SHOWN])
    except ValueError:  # a * or a scheme that sipmessage does not read
        return tuple(plain(value, _LONGEST) for value in response.headers.getlist("Contact")[:_SHOWN])
