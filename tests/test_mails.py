"""Providers' e-mails: what is read of them, what is asked, and that no fact is wrong without being asked.

tests/mails has a mail and, beside it, what it says, written by hand: `facts` of each account, and in `ask` what nobody can tell from the mail.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisioner.errors import BadInput
from provisioner.mail import labels
from provisioner.mail.accounts import NAMES, Account, Mail, read
from provisioner.mail.message import MOST_BYTES

FOLDER = Path(__file__).parent / "mails"
MAILS = sorted(file.stem for file in FOLDER.glob("*.eml"))


@dataclass(frozen=True)
class Score:
    """How a mail was read. facts: how many it says that can be known; right: of these, found and not asked; wrong: sentences."""

    facts: int
    right: int
    wrong: tuple[str, ...]


def expected(name: str) -> list[dict[str, Any]]:
    """Return what a mail says, by hand."""
    said: list[dict[str, Any]] = tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))["accounts"]
    return said


def score(name: str) -> Score:
    """Return how a mail is read: each fact that is given and not asked must be one that its mail says."""
    mail, said = read((FOLDER / f"{name}.eml").read_bytes()), expected(name)
    facts = right = 0
    wrong = [] if len(mail.accounts) <= len(said) else [f"{len(mail.accounts)} accounts, not {len(said)}"]
    for place, one in enumerate(said):
        known = {fact: value for fact, value in one["facts"].items() if fact not in one.get("ask", [])}
        facts += len(known)
        if place >= len(mail.accounts):
            continue
        account = mail.accounts[place]
        given = {fact: found.value for fact, found in account.facts.items() if fact not in account.ask}
        right += sum(given.get(fact) == value for fact, value in known.items())
        wrong += [f"{fact} is {value!r}, not {one['facts'].get(fact)!r}" for fact, value in given.items() if known.get(fact) != value]
        wrong += [f"{fact} is not asked" for fact in one.get("ask", []) if fact not in account.ask]
    return Score(facts, right, tuple(wrong))


@pytest.mark.parametrize("name", MAILS)
def test_no_fact_of_a_mail_is_silently_wrong(name: str) -> None:
    assert score(name).wrong == ()


def test_of_all_facts_at_least_95_percent_are_found_in_six_languages() -> None:
    scores = [score(name) for name in MAILS]
    assert sum(one.right for one in scores) >= 0.95 * sum(one.facts for one in scores)
    assert len(MAILS) >= 60
    assert all(sum(f"{language}-" in name for name in MAILS) >= 5 for language in ("en", "pt", "es", "fr", "de", "it"))


@pytest.mark.parametrize("name", [name for name in MAILS if any("registrar" in one for one in expected(name))])
def test_a_registrar_that_is_not_the_domain_is_told_beside_the_facts(name: str) -> None:
    mail = read((FOLDER / f"{name}.eml").read_bytes())
    assert [account.also["registrar"].value for account in mail.accounts] == [one["registrar"] for one in expected(name)]


def one(text: str) -> Account:
    """Return the only account of a text."""
    mail = read(text.encode())
    assert len(mail.accounts) == 1, mail
    return mail.accounts[0]


def test_each_fact_tells_how_sure_it_is_and_the_words_that_it_came_from() -> None:
    facts = one("SIP address: anna@sip.example.com\nSIP password: s3cret!x\n").facts

    assert (facts["sip_address"].confidence, facts["sip_address"].words) == ("sure", "SIP address: anna@sip.example.com")
    assert facts["password"].words == "SIP password: s3cret!x"
    assert (facts["username"].value, facts["username"].confidence, facts["username"].words) == ("anna", "likely", "derived from the SIP address anna@sip.example.com")
    assert facts["domain"].words.startswith("derived from")
    assert set(facts) <= set(NAMES)


def test_no_secret_is_in_what_is_printed_of_an_account_in_a_traceback() -> None:
    assert "s3cret" not in repr(one("SIP address: anna@sip.example.com\nSIP password: s3cret!x\n"))


SIP = "SIP username: 212\nSIP server: sip.example.com\n"


@pytest.mark.parametrize(
    "written",
    ["Ab9-", "-Ab9", "a#b", "a b".replace(" ", "\\"), "Pass:word1", "ÄÖü9", "x=y=z", "P@ss/w0rd", "0000", "\"quoted\"x", "a,b;c", "#hash1", "ends!", "AbCdEf", "https9", "~^°§", "a&b<c", "user:pass"],
)
def test_a_password_is_given_as_it_is_written(written: str) -> None:
    account = one(f"{SIP}SIP password: {written}\n")
    assert account.facts["password"].value == written and "password" not in account.ask


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("SIP password: s3cret.", "s3cret."),
        ("SIP password: s3cret,", "s3cret,"),
        ("SIP password: s3cret ", "s3cret "),
        ("SIP password:   s3cret", "  s3cret"),
        ("SIP password: 's3cret'", "'s3cret'"),
        ("SIP password: two words9", "two words9"),
        ("SIP password: s3cret (change it)", "s3cret"),
        ("Your SIP password is s3cret!", "s3cret!"),
        ("SIP password: e.g. s3cret", "s3cret"),
        ("SIP password: one1\nSIP password: two2", "one1"),
    ],
)
def test_a_password_that_could_be_read_in_two_ways_is_asked_and_never_trimmed(line: str, value: str) -> None:
    account = one(f"{SIP}{line}\n")
    assert account.facts["password"].value == value and "password" in account.ask


@pytest.mark.parametrize("written", ["********", "<your password>", "[password]", "••••••", "sent separately", "wird per Post zugesandt", "{{password}}", "xxxxxxxx", "ver abaixo", "https://my.example.com/pw"])
def test_what_stands_in_place_of_a_password_is_none(written: str) -> None:
    account = one(f"{SIP}SIP password: {written}\n")
    assert "password" not in account.facts and "password" in account.ask


@pytest.mark.parametrize("written", ["[email protected]", "[email\u00a0protected]", "anna (at) sip.example.com", "anna [at] sip.example.com"])
def test_an_obfuscated_address_is_missing(written: str) -> None:
    account = one(f"SIP address: {written}\nSIP password: s3cret9\n")
    assert "sip_address" not in account.facts and "hidden" in account.ask["sip_address"]


@pytest.mark.parametrize(
    ("written", "host", "port", "transport"),
    [
        ("proxy.example.com", "proxy.example.com", None, None),
        ("proxy.example.com:5061;transport=tls", "proxy.example.com", 5061, "tls"),
        ("sips:proxy.example.com", "proxy.example.com", None, "tls"),
        ("<sip:proxy.example.com:5070;lr>", "proxy.example.com", 5070, None),
        ("Proxy.Example.COM.", "proxy.example.com", None, None),
        ("proxy.example.com (port 5065, TCP)", "proxy.example.com", 5065, "tcp"),
        ("192.0.2.7:5080", "192.0.2.7", 5080, None),
        ("[2001:db8::7]:5080", "2001:db8::7", 5080, None),
    ],
)
def test_a_proxy_has_a_port_and_a_transport_where_it_says_so(written: str, host: str, port: int | None, transport: str | None) -> None:
    facts = one(f"{SIP}SIP password: s3cret9\nOutbound proxy: {written}\n").facts
    found = [facts[name].value if name in facts else None for name in ("outbound_proxy", "outbound_proxy_port", "transport")]
    assert found == [host, port, transport]


@pytest.mark.parametrize("written", ["none", "keiner", "(leer lassen)", "não é necessário", "aucun", "nessuno", "-", "n/a"])
def test_a_proxy_that_is_said_to_be_none_is_none(written: str) -> None:
    account = one(f"{SIP}SIP password: s3cret9\nOutbound proxy: {written}\n")
    assert "outbound_proxy" not in account.facts and not account.ask


def test_an_attachment_that_cannot_be_read_is_told() -> None:
    head = b'From: a@b.example\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="x"\n\n'
    mail = read(head + b'--x\nContent-Type: application/pdf; name="data.pdf"\nContent-Disposition: attachment; filename="data.pdf"\n\n%PDF\n--x--\n')
    assert mail == Mail((), ("the attachment 'data.pdf' was not read; save it as text, and give that",))


# Hostile mails


def test_a_mail_that_is_too_long_is_refused_with_a_sentence() -> None:
    with pytest.raises(BadInput, match="save it without its attachments"):
        read(b"x" * (MOST_BYTES + 1))
    with pytest.raises(BadInput, match="save the part with the account alone"):
        read(b"SIP password: x\n" * 60_000)


def test_parts_within_parts_without_end_are_refused_with_a_sentence() -> None:
    nested = b"From: a@b.example\n" + b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (depth, depth) for depth in range(3000))
    with pytest.raises(BadInput, match="cannot be read as a message"):
        read(nested)


def readable(raw: bytes) -> None:
    """Read a mail; it has a result, or a sentence says why not."""
    try:
        mail = read(raw)
    except BadInput as why:
        assert str(why)
        return
    for account in mail.accounts:
        assert set(account.ask) <= {*NAMES, "registrar"} and set(account.facts) <= set(NAMES)
        assert all(fact.confidence in ("sure", "likely", "unsure") for fact in account.facts.values())
        assert all(fact.confidence != "unsure" or name in account.ask for name, fact in account.facts.items())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_a_result_or_a_sentence(raw: bytes) -> None:
    readable(raw)
    readable(b"From: a@b.example\nContent-Type: text/html\n\n" + raw)


WORDS = st.sampled_from(
    [": ", "=", " is ", "\n", "\n\n", "\t", " | ", "> ", ", ", "e.g. ", "(", ")", "<b>", "</b>", "<td>", "</td><td>", "<tr>", "Password", "Senha", "Username", "SIP address", "Domain", "Outbound proxy"]
    + ["Port", "Transport", "XCAP root", "anna@sip.example.com", "sip.example.com", "proxy.example.com:5061", "212", "s3cret", "https://x.example/", "*97", "[email protected]", "-- ", "Line 2 ", "portal "]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(WORDS, max_size=60).map("".join))
def test_any_text_of_labels_and_values_gives_a_result(text: str) -> None:
    readable(text.encode())
    readable(b"From: a@b.example\nContent-Type: text/html; charset=utf-8\n\n" + text.encode())


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(MAILS), st.integers(0, 3000), st.binary(max_size=20))
def test_a_damaged_mail_gives_a_result_or_a_sentence(name: str, place: int, noise: bytes) -> None:
    raw = (FOLDER / f"{name}.eml").read_bytes()
    readable(raw[:place] + noise + raw[place + len(noise) :])


def test_every_label_of_the_table_is_understood_by_itself() -> None:
    for kind, phrases in labels.table().items():
        for phrase in phrases:
            label = labels.classify(phrase)
            assert kind.startswith("@") or label and not label.loose, f"{kind}: {phrase}"


def test_a_realm_is_no_domain_and_is_told_beside_the_facts() -> None:
    account = one(f"{SIP}SIP password: s3cret9\nRealm: asterisk\n")
    assert account.facts["domain"].value == "sip.example.com" and account.also["realm"].value == "asterisk" and not account.ask


def test_a_port_under_another_server_is_not_the_proxys() -> None:
    account = one(f"{SIP}SIP password: s3cret9\nOutbound proxy: proxy.example.com\nSTUN server: stun.example.com\nPort: 3478\n")
    assert "outbound_proxy_port" not in account.facts and "registrar" not in account.also


def test_an_address_under_somebody_elses_name_is_not_the_accounts() -> None:
    assert "email" not in one(f"{SIP}SIP password: s3cret9\n\nYour advisor\nEmail: joe@example.com\n").facts


RUN_TOGETHER = (
    "Endereço SIP, por ex. rui@tom.exampleSenha{}Nome de usuário: por exemplo ruiDomínio / domínio: por exemplo tom.example"
    "Proxy de saída: por ex. px.tom.exampleRaiz XCAP: https://x.tom.example/r"
)


@pytest.mark.parametrize("written", ["Kd83nZ", "ab3kz", "aB3$k!", "x_", "aPortY9", "MyPassword9", "Senha1", "user:x", "Ab9@x.y", "9Nome", "1="])
def test_a_password_between_labels_that_run_into_it_is_cut_out_exactly(written: str) -> None:
    account = one(RUN_TOGETHER.format(written))
    assert {name: account.facts[name].value for name in ("sip_address", "username", "domain", "outbound_proxy")} == {
        "sip_address": "rui@tom.example", "username": "rui", "domain": "tom.example", "outbound_proxy": "px.tom.example",
    }  # fmt: skip
    assert account.facts["password"].value == written and not account.ask


@pytest.mark.parametrize("written", ["abc.", "sab9", "Ab 9", "********"])
def test_a_password_that_runs_into_a_label_in_two_ways_is_asked(written: str) -> None:
    account = one(RUN_TOGETHER.format(written))
    assert list(account.ask) == ["password"] and account.facts["sip_address"].value == "rui@tom.example"


def test_an_address_into_which_another_word_may_have_run_is_asked() -> None:
    assert "sip_address" in one("SIP address: rui@tom.exampleabc\nDomain: tom.example\nPassword: s3cret9\n").ask
