"""Accounts are asked for by themselves: spread over their time, one at a time, no refused one again, and no server that is silent or refuses asked on."""

from __future__ import annotations

import fcntl
import json
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from provisioner.admin import Admin, accounts, duties, proofs
from provisioner.admin import events as log
from provisioner.eventstore import EventStore
from provisioner.outgoing import Allowed
from provisioner.rounds import Duty, Rounds
from provisioner.sip.link import Means, trusting
from provisioner.sip.locate import resolver
from provisioner.things import Account, Check
from provisioner.xcap.link import Means as XCAPMeans
from tests import authority, kamailio, xcap_server
from tests.kamailio import DOMAIN, Registrar, answering
from tests.test_server import serving, until
from tests.test_xcap import book, entry
from tests.xcap_server import Server

MEANS = Means(resolver(), patience=20.0, first=0.1)


@pytest.fixture(scope="module")
def registrar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registrar]:
    with kamailio.running(tmp_path_factory.mktemp("kamailio")) as here:
        yield here


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with xcap_server.running(tmp_path_factory.mktemp("xcap")) as here:
        yield here


class Clock:
    """A clock that is set by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def _turns(duty: Duty, number: int) -> None:
    """Go so many turns, each as long after the one before as the rounds say."""
    clock = Clock()
    here = Rounds([duty], clock)
    for _ in range(number):
        clock.now += here.step()
        here.step()


def _aged(admin: Admin, hours: int) -> None:
    """Make all that was asked so much older."""
    with admin.store.writing() as db:
        for table in ("account_checks", "account_fetches"):
            db.execute(f"UPDATE {table} SET at = strftime('%Y-%m-%dT%H:%M:%S+00:00', at, '-{hours} hours')")


def _told(admin: Admin, wire: str) -> list[tuple[str, str]]:
    return [(row["path"], row["outcome"]) for row in log.latest(admin, limit=100) if row["wire"] == wire]


# The order in which accounts are asked for.


@dataclass
class Asked:
    """A duty that notes whom it was done for, with verdicts by account."""

    accounts: list[Account]
    verdicts: dict[str, str]
    done: list[str]
    hours: int = 24

    def count(self) -> int:
        return len(self.accounts)

    def waiting(self) -> Iterator[Account]:
        return (one for one in self.accounts if one.username not in self.done)

    def server(self, account: Account) -> str:
        return account.domain

    def do(self, account: Account) -> str:
        self.done.append(account.username)
        return self.verdicts.get(account.username, "right")


def _some(number: int, domain: str = "a.example") -> list[Account]:
    return [Account(f"{domain[0]}{n}@{domain}") for n in range(number)]


def test_accounts_are_spread_over_their_time_one_in_each_gap() -> None:
    clock, many = Clock(), Asked(_some(24 * 60), {}, [])
    here = Rounds([many], clock)
    assert here.step() == 60 and many.done == []  # not all at once when the server starts
    clock.now += 59.9
    here.step()
    assert many.done == []
    clock.now += 0.1
    assert here.step() == 60 and many.done == ["a0"]
    few = Rounds([Asked(_some(1), {}, [])], clock)
    assert few.step() == 300  # and one that is due does not wait for a day


def test_a_server_that_refused_three_accounts_or_is_silent_is_left_alone_and_the_others_are_not() -> None:
    refused = Asked([*_some(6), *_some(2, "b.example")], {f"a{n}": "refused" for n in range(6)}, [])
    _turns(refused, 8)
    assert refused.done == ["a0", "a1", "a2", "b0", "b1"]
    mixed = Asked(_some(6), {f"a{n}": "refused" for n in (0, 1, 3, 4)}, [])
    _turns(mixed, 6)
    assert mixed.done == [f"a{n}" for n in range(6)]  # one that fits between them shows that this is no guesser
    silent = Asked([*_some(3), *_some(2, "b.example")], {f"a{n}": "unreachable" for n in range(3)}, [])
    _turns(silent, 4)
    assert silent.done == ["a0", "b0", "b1"]
    _turns(silent, 1)
    assert silent.done == ["a0", "b0", "b1", "a1"]  # which another start asks again, and so does an hour


# Checks.


def test_what_is_asked_by_itself_is_kept_with_the_account_and_as_an_event(admin: Admin, registrar: Registrar) -> None:
    proxy = {"outbound_proxy": f"127.0.0.1:{registrar.port}"}
    accounts.add(admin, f"212@{DOMAIN}", {"password": "s3cret", **proxy})
    accounts.add(admin, f"213@{DOMAIN}", {"password": "wr0ng-canary", **proxy})
    accounts.add(admin, f"214@{DOMAIN}", proxy)  # without a password there is nothing to prove
    duty = duties.Checks(admin, 24, MEANS)

    _turns(duty, 4)

    assert _told(admin, "sip") == [(f"212@{DOMAIN}", "right"), (f"213@{DOMAIN}", "refused")]
    shown = {row["sip_address"]: row["check"] for row in accounts.listed(admin)}
    assert (shown[f"212@{DOMAIN}"]["verdict"], shown[f"213@{DOMAIN}"]["verdict"], shown[f"214@{DOMAIN}"]) == ("right", "refused", None)
    assert accounts.listed(admin) == [accounts.shown(admin, one) for one in admin.store.accounts()]
    assert "canary" not in json.dumps(log.latest(admin))

    _aged(admin, 25)
    _turns(duty, 4)
    assert _told(admin, "sip")[2:] == [(f"212@{DOMAIN}", "right")]  # the refused one stays so, however long ago (F27)
    accounts.change(admin, f"213@{DOMAIN}", {"password": 'he said "no": \\o/'})
    _turns(duty, 4)
    assert _told(admin, "sip")[3:] == [(f"213@{DOMAIN}", "right")]


def test_a_server_that_takes_no_such_question_is_no_refusal(admin: Admin) -> None:
    with answering("400 Missing Contact", "400 Missing Contact") as (port, asked):
        accounts.add(admin, f"212@{DOMAIN}", {"password": "s3cret", "outbound_proxy": f"127.0.0.1:{port}"})
        duty = duties.Checks(admin, 24, MEANS)
        _turns(duty, 2)
        _aged(admin, 25)
        _turns(duty, 2)
        assert _told(admin, "sip") == [(f"212@{DOMAIN}", "cannot-tell")] * 2 and len(asked) == 2
        assert all("Contact:" not in question for question in asked)


def test_no_registrar_is_asked_by_two_at_once(admin: Admin, registrar: Registrar) -> None:
    accounts.add(admin, f"212@{DOMAIN}", {"password": "s3cret", "outbound_proxy": f"127.0.0.1:{registrar.port}"})
    with (admin.config.state / "asking.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        asks = threading.Thread(target=lambda: list(proofs.prove(admin, admin.store.accounts(), MEANS)))
        asks.start()
        asks.join(0.5)
        assert asks.is_alive() and _told(admin, "sip") == []
    asks.join(20)
    assert _told(admin, "sip") == [(f"212@{DOMAIN}", "right")]


# Contacts.


def test_contacts_are_fetched_by_themselves_and_failures_are_events_that_do_not_repeat(admin: Admin, server: Server, tmp_path: Path) -> None:
    root = authority.put(tmp_path / "root.pem", authority.root().pem)
    ways = XCAPMeans(Allowed.of(["127.0.0.0/8"]), 5.0, trusting(root))
    accounts.add(admin, f"212@{DOMAIN}", {"password": xcap_server.PASSWORD, "xcap_root": server.root()})
    accounts.add(admin, f"213@{DOMAIN}", {"password": "wr0ng", "xcap_root": server.root()})
    accounts.add(admin, f"214@{DOMAIN}", {"password": "s3cret"})
    server.other_client("PUT", "212", book(entry("sip:213@sip.example.com", "Anna")))
    duty = duties.Contacts(admin, 1, ways)
    assert duty.count() == 2

    _turns(duty, 4)
    assert _told(admin, "xcap") == [(f"212@{DOMAIN}", "right"), (f"213@{DOMAIN}", "refused")]
    assert [one.name for one in admin.store.book(f"212@{DOMAIN}").contacts] == ["Anna"]  # type: ignore[union-attr]
    assert accounts.shown(admin, accounts.one(admin, f"213@{DOMAIN}"))["contacts"]["verdict"] == "refused"

    _aged(admin, 2)
    _turns(duty, 4)
    assert len(_told(admin, "xcap")) == 2  # the same ETag is no news, and the refused one was not asked again
    server.other_client("PUT", "212", book(entry("sip:217@sip.example.com", "Gil")))
    _aged(admin, 2)
    _turns(duty, 4)
    assert [one.name for one in admin.store.book(f"212@{DOMAIN}").contacts] == ["Gil"]  # type: ignore[union-attr]
    accounts.change(admin, f"213@{DOMAIN}", {"password": xcap_server.PASSWORD})
    assert accounts.shown(admin, accounts.one(admin, f"213@{DOMAIN}"))["contacts"] is None
    _turns(duty, 2)
    assert accounts.shown(admin, accounts.one(admin, f"213@{DOMAIN}"))["contacts"]["verdict"] == "right"


def test_where_nobody_may_ask_nobody_does(admin: Admin, server: Server) -> None:
    accounts.add(admin, f"212@{DOMAIN}", {"password": "s3cret", "xcap_root": server.root()})
    (duty,) = duties.wanted(replace(admin, config=replace(admin.config, contacts_hours=1)))
    _turns(duty, 2)
    assert _told(admin, "xcap") == [(f"212@{DOMAIN}", "wrong")]
    assert "it is a private address, and the option `outgoing` does not name it" in accounts.shown(admin, accounts.one(admin, f"212@{DOMAIN}"))["contacts"]["sentence"]


def test_what_was_asked_is_an_event_for_each_account_though_no_phone_asked(admin: Admin) -> None:
    for number in range(3):
        log.tell(admin, Account(f"{number}@sip.example.com"), "sip", Check("right", "fits"))
    assert [event.path for event in EventStore.open(admin.config.state).events()] == [f"{number}@sip.example.com" for number in range(3)]


# The process.


def test_the_server_goes_round_where_an_option_says_so_and_ends_it_where_none_does(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("account_check_hours = 24\n")
    with serving(tmp_path / "state", PROVISIONER_CONFIG=str(file)) as here:
        old = here.child("accounts")
        file.write_text("contacts_hours = 12\n")
        here.process.send_signal(signal.SIGHUP)
        until(lambda: not Path(f"/proc/{old}").exists())
        new = here.child("accounts")
        assert new != old
        file.write_text("account_check_hours = 0\n")
        here.process.send_signal(signal.SIGHUP)
        until(lambda: not Path(f"/proc/{new}").exists())
        assert "accounts" not in {child["name"] for child in here.word["children"]}
        file.write_text("account_check_hours = 24\n")
        here.process.send_signal(signal.SIGHUP)
        until(lambda: "accounts" in {child["name"] for child in here.word["children"]})
        assert here.stop() == 0  # with it, and not after it
