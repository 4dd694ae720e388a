"""Accounts are proved against a registrar as providers run it, and each wrong fact has a sentence of its own."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dns.resolver
import pytest

from provisioner.kinds import Endpoint
from provisioner.sip.digest import challenges
from provisioner.sip.link import Means, trusting
from provisioner.sip.locate import Hop, locate
from provisioner.sip.register import check
from provisioner.things import Account, Check
from tests import authority, kamailio
from tests.kamailio import DOMAIN, PASSWORDS, Registrar, answering, baresip, names, running

ACCOUNT = Account(f"212@{DOMAIN}", password="s3cret")


@pytest.fixture(scope="module")
def registrar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registrar]:
    with running(tmp_path_factory.mktemp("kamailio")) as here:
        yield here


@pytest.fixture(scope="module")
def means(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Means]:
    """Return means whose DNS knows the proxy, and that believe the root of the tests."""
    root = authority.put(tmp_path_factory.mktemp("trust") / "root.pem", authority.root().pem)
    with names("proxy.example.com A 127.0.0.1") as known:
        yield Means(known, patience=20.0, first=0.1, longest=0.4, trust=trusting(root))


@pytest.fixture(scope="module")
def hasty(means: Means) -> Means:
    """Return means for servers that are silent."""
    return replace(means, patience=1.0)


def at(port: int, host: str = "127.0.0.1", **facts: object) -> Account:
    return replace(ACCOUNT, outbound_proxy=Endpoint(host, port), **facts)  # type: ignore[arg-type]


def said(found: Check) -> tuple[str, str]:
    """Return verdict and fact, once the sentence is seen to hold no password."""
    assert all(password not in repr(found) for password in PASSWORDS.values())
    return found.verdict, found.fact


@pytest.mark.parametrize(("transport", "host"), [("auto", "127.0.0.1"), ("udp", "proxy.example.com"), ("tcp", "127.0.0.1"), ("tls", "proxy.example.com")])
def test_a_good_account_is_right_over_each_transport(registrar: Registrar, means: Means, transport: str, host: str) -> None:
    found = check(at(registrar.tls if transport == "tls" else registrar.port, host, transport=transport), means)
    assert said(found) == ("right", ""), found
    assert f"over {transport.replace('auto', 'udp')}" in found.server
    assert found.sentence.endswith(f"takes 212@{DOMAIN} with its password; nobody is registered") and found.bindings == ()


def test_a_password_of_odd_characters_and_an_auth_username_are_proved(registrar: Registrar, means: Means) -> None:
    account = at(registrar.port, username="front", auth_username="213", password=PASSWORDS["213"])
    assert said(check(account, means)) == ("right", "")
    assert said(check(replace(account, realm=kamailio.REALM), means)) == ("right", "")


def test_sha_256_is_answered_where_the_server_asks_for_it(tmp_path: Path, means: Means) -> None:
    with running(tmp_path, "SHA-256") as here:
        assert said(check(at(here.port), means)) == ("right", "")
        assert said(check(at(here.port, password="wr0ng"), means)) == ("refused", "password")


@pytest.mark.parametrize(("facts", "verdict", "fact", "sentence"), [
    ({"password": "wr0ng"}, "refused", "password", "refuses the password of 212@sip.example.com (401 Unauthorized, realm 'the realm, of tests'); correct the password, or the username"),
    ({"auth_username": "nobody"}, "refused", "username", "knows no user 212@sip.example.com (404 User unknown); correct the username"),
    ({"auth_username": "barred"}, "refused", "username", "knows the password and still bars 212@sip.example.com (403 Unpaid); the provider says why"),
    ({"domain": "other.example.com"}, "wrong", "domain", "(403 Domain not served): it does not serve the domain other.example.com, or knows no such user; correct the domain, or the outbound proxy"),
    ({"realm": "elsewhere"}, "wrong", "realm", "asks in the realm 'the realm, of tests', and the account's is 'elsewhere'; correct the realm"),
    ({"password": ""}, "wrong", "password", "asks for a password, and there is none; correct the password"),
])  # fmt: skip
def test_each_wrong_fact_has_its_sentence(registrar: Registrar, means: Means, facts: dict[str, str], verdict: str, fact: str, sentence: str) -> None:
    found = check(at(registrar.port, **facts), means)
    assert said(found) == (verdict, fact)
    assert sentence in found.sentence and "wr0ng" not in found.sentence


def test_a_name_that_is_not_in_the_dns_is_said(means: Means) -> None:
    found = check(replace(ACCOUNT, outbound_proxy=Endpoint("proxy.invalid", 0)), means)
    assert said(found) == ("wrong", "outbound_proxy")
    assert found.sentence == "the DNS knows no address of proxy.invalid; correct the name (it is the account's outbound proxy)"
    assert check(replace(ACCOUNT, domain="sip.invalid"), means).fact == "domain"


def test_a_dns_that_is_dead_is_not_taken_for_a_wrong_name(means: Means) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        dead = dns.resolver.Resolver(configure=False)
        dead.nameservers, dead.port, dead.lifetime = ["127.0.0.1"], silent.getsockname()[1], 0.3
        found = check(replace(ACCOUNT, registrar=Endpoint("proxy.example.com", 5060)), replace(means, names=dead))
    assert said(found) == ("unreachable", "registrar")
    assert found.sentence == "no name server answers for proxy.example.com; check this machine's DNS (it is the account's registrar)"


def test_a_silent_proxy_and_one_that_is_not_there_are_told_apart(hasty: Means) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as silent, socket.socket() as taken:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        taken.bind(("127.0.0.1", port))  # nobody else listens there meanwhile
        found = check(at(port), hasty)
        assert said(found) == ("unreachable", "outbound_proxy")
        assert "does not answer within 1 seconds; check the outbound proxy and its port, the transport (udp here), and that a firewall lets SIP out" in found.sentence
        requests = [silent.recv(4096) for _ in range(2)]
        assert requests[0] == requests[1] and b"\r\nContact:" not in requests[0]  # sent again unchanged
        assert "refuses the connection: nothing listens there" in check(at(port, transport="tcp"), hasty).sentence


def test_a_wrong_transport_is_named_with_the_one_that_answers(registrar: Registrar, hasty: Means) -> None:
    found = check(at(registrar.tls, "proxy.example.com", transport="udp"), hasty)
    assert said(found) == ("wrong", "transport")
    assert found.sentence.endswith("set the transport to tls")
    assert check(at(registrar.port, "proxy.example.com", transport="tls"), hasty).sentence.endswith("set the transport to udp")


def test_a_certificate_that_is_not_believed_is_told_whose_and_why(registrar: Registrar, means: Means) -> None:
    expired = check(at(registrar.expired, "proxy.example.com", transport="tls"), means)
    assert said(expired) == ("wrong", "outbound_proxy")
    assert re.search(r"for proxy\.example\.com, 127\.0\.0\.1, by intermediate of the tests, good until 20\d\d-\d\d-\d\d: certificate has expired; whoever runs that server renews it", expired.sentence)
    with names("other.example.com A 127.0.0.1") as known:
        other = check(at(registrar.tls, "other.example.com", transport="tls"), replace(means, names=known))
    assert "Hostname mismatch" in other.sentence and other.sentence.endswith("write the server's name as its certificate does")
    strange = check(at(registrar.tls, "proxy.example.com", transport="tls"), Means(means.names, 20.0))
    assert "phones need its root; where they have it, name its file here with --trust" in strange.sentence


def test_the_registration_of_a_phone_is_still_there_afterwards(registrar: Registrar, means: Means, tmp_path: Path) -> None:
    account = at(registrar.port, username="213", auth_username="213", password=PASSWORDS["213"], sip_address=f"213@{DOMAIN}")
    with baresip(tmp_path, f"<sip:213@{DOMAIN}>;auth_user=212;auth_pass=s3cret;outbound=\"sip:127.0.0.1:{registrar.port}\";regint=600"):
        found = next(found for _ in range(300) if (found := check(account, means)).bindings or time.sleep(0.1))
        assert re.fullmatch(r"sip:213-\w+@127\.0\.0\.1:\d+", found.bindings[0])
        assert check(account, means) == found and found.sentence.endswith(f"registered now: {found.bindings[0]}")


# Servers that a registrar from a package is not.

CHALLENGE = '401 Unauthorized\nWWW-Authenticate: Digest realm="x", nonce="n", qop="auth,auth-int", algorithm=MD5'


def test_a_server_that_takes_no_question_for_bindings_cannot_tell(means: Means) -> None:
    with answering("400 Missing Contact") as (port, asked):
        found = check(at(port), means)
    assert said(found) == ("cannot-tell", "")
    assert found.sentence.endswith("does not take the question who is registered (400 Missing Contact); whether the account is right is not known")
    assert len(asked) == 1 and "Contact" not in asked[0]


def test_a_subscribe_proves_what_a_register_cannot_where_it_is_asked_for(means: Means) -> None:
    with answering("400 Missing Contact", CHALLENGE, "202 Accepted") as (port, asked):
        assert said(check(at(port), means, subscribe=True)) == ("right", "")
    assert [request.split(" ")[0] for request in asked] == ["REGISTER", "SUBSCRIBE", "SUBSCRIBE"] and "\r\nExpires: 0\r\n" in asked[1]
    with answering("400 Missing Contact", CHALLENGE, CHALLENGE) as (port, asked):
        assert said(check(at(port), means, subscribe=True)) == ("refused", "password")


@pytest.mark.parametrize(("answers", "verdict", "fact"), [
    (["200 OK"], "cannot-tell", ""),
    (["405 Method Not Allowed"], "wrong", "outbound_proxy"),
    (["501 Not Implemented"], "wrong", "outbound_proxy"),
    (["404 Not Found"], "wrong", "domain"),
    (["302 Moved\nContact: <sip:elsewhere.example.com>"], "wrong", "outbound_proxy"),
    (["503 Service Unavailable"], "unreachable", "outbound_proxy"),
    ([CHALLENGE, CHALLENGE.replace("401", "403")], "refused", "username"),
    ([CHALLENGE, CHALLENGE + ", stale=true", "200 OK"], "right", ""),
    ([CHALLENGE.replace("401", "407").replace("WWW", "Proxy"), CHALLENGE, "200 OK\nContact: *"], "right", ""),
    ([CHALLENGE.replace("401", "407").replace("WWW", "Proxy")] * 2, "refused", "password"),
    ([CHALLENGE + ", stale=true"] * 5, "cannot-tell", ""),
    ([CHALLENGE.replace("MD5", "MD5-sess")], "cannot-tell", ""),
    (["401 Unauthorized"], "cannot-tell", ""),
    (["100 Trying", "200 OK"], "cannot-tell", ""),
])  # fmt: skip
def test_every_answer_has_its_verdict(means: Means, answers: list[str], verdict: str, fact: str) -> None:
    with answering(*answers) as (port, asked):
        found = check(at(port), means)
    assert said(found) == (verdict, fact), found
    assert len(asked) == len(answers)


@pytest.mark.parametrize(("drops", "sentence"), [(b"SIP/2.0 200 OK\r\n" * 100, "does not answer within 1 seconds"), (b"", "closed the connection without an answer")])
def test_a_server_that_drips_or_hangs_up_keeps_nobody_waiting(hasty: Means, drops: bytes, sentence: str) -> None:
    def serve() -> None:
        for _ in range(2):  # the second is for the other transports
            client, _ = door.accept()
            with client:
                client.recv(4096)
                try:
                    for n in range(len(drops)):
                        client.send(drops[n : n + 1])
                        time.sleep(0.05)
                except OSError:
                    pass

    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=serve, daemon=True).start()
        assert sentence in check(at(door.getsockname()[1], transport="tcp"), hasty).sentence


def test_what_a_server_says_reaches_no_terminal_raw(means: Means) -> None:
    with answering("403 \x1b[2J\u202e" + "x" * 500) as (port, _):
        found = check(at(port), means)
    assert found.sentence.isprintable() and len(found.sentence) < 500


def test_the_strongest_that_a_server_offers_first_is_answered_and_digest_is_as_the_rfc_has_it() -> None:
    offers = ['Digest realm="a", nonce="n", algorithm=SHA-512-256', 'Digest realm="a, b", nonce="n", algorithm=SHA-256, qop="auth"', 'Digest realm="a", nonce="n"', "Basic realm=a"]
    found = challenges(offers)
    assert [one.answerable for one in found] == [False, True, True] and found[1].realm == "a, b"
    plain = challenges(['Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc"'])[0]
    assert 'response="670fd8c2df070c60b045671b8b24ff02"' in plain.answer("GET", "/dir/index.html", "Mufasa", "Circle Of Life") and 'opaque="5ccc"' in plain.answer("GET", "/", "x", "y")
    assert challenges(['Digest realm="a", nonce="n\nX: y"']) == []


def test_the_dns_is_asked_as_rfc_3263_has_it() -> None:
    with names(
        "a.test NAPTR 20 0 \"s\" \"SIP+D2U\" \"\" _sip._udp.a.test.", "a.test NAPTR 10 0 \"s\" \"SIPS+D2T\" \"\" _sips._tcp.a.test.", "a.test NAPTR 1 0 \"s\" \"E2U+x\" \"\" x.a.test.",
        "_sips._tcp.a.test SRV 2 1 5071 two.a.test.", "_sips._tcp.a.test SRV 1 1 5071 one.a.test.", "_sips._tcp.a.test SRV 1 9 5072 one.a.test.", "_sip._udp.a.test SRV 0 0 5073 one.a.test.",
        "one.a.test A 127.0.0.1", "two.a.test AAAA ::1", "two.a.test A 127.0.0.2", "a.test A 127.0.0.3",
        "b.test A 127.0.0.4", "_sip._tcp.c.test SRV 0 0 5074 one.a.test.", "c.test A 127.0.0.5", "d.test A 224.0.1.75", "_sip._udp.e.test SRV 0 0 5060 gone.test.",
    ) as known:  # fmt: skip
        def places(host: str, transport: str = "auto", port: int = 0) -> list[tuple[str, str, int]]:
            return [(hop.transport, hop.address, hop.port) for hop in locate(Endpoint(host, port), transport, known)]

        assert places("a.test") == [("tls", "127.0.0.1", 5072), ("tls", "127.0.0.1", 5071), ("tls", "127.0.0.2", 5071), ("tls", "::1", 5071)]
        assert places("a.test", "udp") == [("udp", "127.0.0.1", 5073)]
        assert places("a.test", "tcp") == [("tcp", "127.0.0.3", 5060)]  # no SRV, so its own address
        assert places("a.test", "auto", 5080) == [("udp", "127.0.0.3", 5080)]
        assert places("b.test") == [("udp", "127.0.0.4", 5060)] and places("b.test", "tls") == [("tls", "127.0.0.4", 5061)]
        assert places("c.test") == [("tcp", "127.0.0.1", 5074)]
        assert places("192.0.2.1", "tls") == [("tls", "192.0.2.1", 5061)] and places("::1") == [("udp", "::1", 5060)]
        for host, words in (("d.test", "224.0.1.75 is no address of one server"), ("e.test", "its SRV record names gone.test, which has no address"), ("f.test", "the DNS knows no address of f.test")):
            with pytest.raises(Exception, match=words):
                places(host)
    assert str(Hop("udp", "::1", "::1", 5060)) == "[::1]:5060 over udp"
