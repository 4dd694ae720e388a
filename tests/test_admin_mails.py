"""Operators add accounts from a provider's e-mail."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioner.admin import Admin, accounts, mails
from provisioner.errors import BadValue, Conflict
from provisioner.kinds import Endpoint
from tests.acme import ADDRESS

FOLDER = Path(__file__).parent / "mails"
CLEAR = b"SIP address: 212@sip.example.com\nSIP password: s3cret-9\nOutbound proxy: proxy.example.com:5061\n"


def test_a_mail_without_doubt_is_added_and_host_and_port_of_its_proxy_are_one(admin: Admin) -> None:
    done = mails.add(admin, mails.read(CLEAR, None, {}))

    assert done.sentence == f"added {ADDRESS}"
    account = accounts.one(admin, ADDRESS)
    assert (account.password, account.outbound_proxy) == ("s3cret-9", Endpoint("proxy.example.com", 5061))
    assert mails.add(admin, mails.read(CLEAR, None, {})).changed is False


def test_what_is_said_beside_a_mail_overrules_it(admin: Admin) -> None:
    said = {"password": "other-1", "outbound_proxy": "edge.example.com", "provider": "Example", "transport": "tls"}
    mails.add(admin, mails.read(CLEAR, "213@sip.example.com", said))

    account = accounts.one(admin, "213@sip.example.com")
    assert (account.username, account.password, account.outbound_proxy, account.provider, account.transport) == ("213", "other-1", Endpoint("edge.example.com"), "Example", "tls")


def test_an_empty_fact_leaves_it_away(admin: Admin) -> None:
    mails.add(admin, mails.read(CLEAR, None, {"outbound_proxy": ""}))
    assert accounts.one(admin, ADDRESS).outbound_proxy == Endpoint("")


def test_what_is_unsure_is_asked_with_how_to_give_it_and_never_with_the_secret(admin: Admin) -> None:
    mail = mails.read((FOLDER / "en-06-full-stop.eml").read_bytes(), None, {})

    [question] = mails.questions(mail)
    assert question.startswith("30021@sip.talk.example: password is unsure: the mark at its end") and "with --password-stdin or --password-file" in question
    assert "gH7kk2p" not in question
    with pytest.raises(BadValue, match="nothing was added, since the mail leaves something to ask"):
        mails.add(admin, mail)
    assert not admin.store.accounts()


def test_a_hidden_address_is_given_beside_the_mail(admin: Admin) -> None:
    raw = (FOLDER / "en-10-obfuscated.eml").read_bytes()
    assert "give it as the SIP-ADDRESS before --from-mail" in mails.questions(mails.read(raw, None, {}))[0]

    mails.add(admin, mails.read(raw, "joe@sip.example", {}))
    assert accounts.one(admin, "joe@sip.example").password == "77aaBBcc"


def test_of_several_accounts_one_that_cannot_be_added_stops_all(admin: Admin) -> None:
    mail = mails.read((FOLDER / "en-08-several-blocks.eml").read_bytes(), None, {})
    accounts.add(admin, "502@pbx.firm.example", {"password": "other"})

    with pytest.raises(Conflict, match="502@pbx.firm.example is there already with other facts"):
        mails.add(admin, mail)
    assert [account.sip_address for account in admin.store.accounts()] == ["502@pbx.firm.example"]


def test_accounts_at_odds_with_each_other_are_not_half_written(admin: Admin) -> None:
    raw = b"SIP address: a@x.example\nUsername: 7\nPassword: p1-a\n\nSIP address: b@x.example\nUsername: 7\nPassword: p2-b\n"
    with pytest.raises(Conflict, match="is taken"):
        mails.add(admin, mails.read(raw, None, {}))
    assert not admin.store.accounts()


def test_several_accounts_are_added_together_or_the_one_that_is_named(admin: Admin) -> None:
    raw = (FOLDER / "en-08-several-blocks.eml").read_bytes()

    with pytest.raises(BadValue, match="have no password in common"):
        mails.read(raw, None, {"password": "x"})
    with pytest.raises(BadValue, match="and of no 999@pbx.firm.example"):
        mails.read(raw, "999@pbx.firm.example", {})
    assert mails.add(admin, mails.read(raw, "502@pbx.firm.example", {"provider": "Firm"})).sentence == "added 502@pbx.firm.example"
    assert mails.add(admin, mails.read(raw, "501@pbx.firm.example", {})).sentence == "added 501@pbx.firm.example"


def test_a_mail_without_an_account_says_so(admin: Admin) -> None:
    with pytest.raises(BadValue, match="tells of no SIP account"):
        mails.add(admin, mails.read(b"Hello\n", None, {}))


def test_passwords_are_masked_for_people_and_told_to_machines() -> None:
    mail = mails.read(CLEAR, None, {})

    assert "s3cret-9" not in str(mails.rows(mail.accounts[0], reveal=False)) and "s3cret-9" in str(mails.rows(mail.accounts[0], reveal=True))
    told = mails.as_json(mail)["accounts"][0]
    assert told["facts"]["password"] == {"value": "s3cret-9", "confidence": "sure", "words": "SIP password: s3cret-9"}
    assert told["ask"] == []
