"""Phones are asked by NOTIFY to read their files, or to restart, and never the one for the other."""

from __future__ import annotations

import re
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from provisioner.admin import Admin, accounts, devices, lines, notices, proofs
from provisioner.cli.root import cli
from provisioner.errors import NotHere, Unreached
from provisioner.families import Catalog
from provisioner.sip.link import Means
from provisioner.sip.locate import resolver
from provisioner.things import Check, Event
from tests import acme
from tests.acme import ADDRESS, MAC
from tests.kamailio import DOMAIN, answering, baresip, running
from tests.test_sip import CHALLENGE

MEANS = Means(resolver(), patience=20.0, first=0.1)


@pytest.fixture
def phone(admin: Admin) -> Admin:
    """Return an admin whose phone has an account and was seen on loopback."""
    accounts.add(admin, ADDRESS, {"password": "s3cret"})
    devices.add(admin, MAC, "acme/Two", {})
    lines.assign(admin, MAC, ADDRESS)
    admin.store.seen(MAC, "127.0.0.1", "1.0")
    return admin


def test_a_phone_is_asked_at_its_last_address_and_at_the_port_that_its_registrar_has_it_at(phone: Admin) -> None:
    with answering("200 OK") as (port, asked):
        bindings = ("sip:212@192.0.2.7:5099", f"sip:212@127.0.0.1:{port};ob")
        phone.store.put_check(accounts.one(phone, ADDRESS), Check("right", "fits", bindings=bindings))

        done = notices.ask(phone, MAC, "resync", MEANS)

    assert done.sentence == f"{MAC} (Acme Two) at 127.0.0.1:{port} will read its files; `provisioner events --mac {MAC}` shows when it asks"
    assert asked[0].startswith(f"NOTIFY sip:212@127.0.0.1:{port};ob SIP/2.0\r\n")
    assert "\r\nEvent: check-sync;reboot=false\r\n" in asked[0] and "\r\nSubscription-State: terminated\r\n" in asked[0] and asked[0].endswith("\r\nContent-Length: 0\r\n\r\n")
    assert re.search(r"\r\nFrom: <sip:212@sip\.example\.com>;tag=\w+\r\n", asked[0])


def test_a_phone_is_asked_where_it_fetched_last_though_its_firmware_is_the_same(phone: Admin) -> None:
    def fetched(at: str, address: str, outcome: str = "served") -> Event:
        return Event(0, at, MAC, "acme", "Two", "tftp", address, f"{MAC}.acme", "{mac}.acme", outcome, "", 200, 9, 0.1, "")

    phone.eventstore.log([fetched("2999-01-02T03:04:05.000+00:00", "127.0.0.9"), fetched("2999-01-02T03:04:06.000+00:00", "192.0.2.66", "refused")])

    with pytest.raises(Unreached, match=f"{MAC} \\(Acme Two\\) at 127.0.0.9:9 was asked to read its files"):
        notices.ask(phone, MAC, "resync", MEANS, 9)
    shown = devices.shown(phone, phone.device(MAC))
    assert (shown["last_seen_at"], shown["last_address"]) == ("2999-01-02T03:04:05.000+00:00", "127.0.0.9")
    assert [(row["last_seen_at"], row["last_address"]) for row in devices.listed(phone)] == [("2999-01-02T03:04:05.000+00:00", "127.0.0.9")]


def test_a_challenge_is_answered_with_the_accounts_password(phone: Admin) -> None:
    with answering(CHALLENGE, "202 Accepted") as (port, asked):
        notices.ask(phone, MAC, "resync", MEANS, port)
    assert '\r\nAuthorization: Digest username="212"' in asked[1] and "s3cret" not in asked[1]
    with answering(CHALLENGE, CHALLENGE) as (port, _), pytest.raises(Unreached, match="does not take the password of 212@sip.example.com as it is here") as refusal:
        notices.ask(phone, MAC, "resync", MEANS, port)
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize(("answer", "sentence"), [
    ("489 Bad Event", r"does not read its files: it knows no such event \(489 Bad Event\)"),
    ("403 Forbidden", r"it says 403 Forbidden; some phones take this from their registrar's address alone"),
    ("401 Unauthorized", r"asks for a password in a way that is not known here"),
])  # fmt: skip
def test_what_a_phone_says_against_it_is_told(phone: Admin, answer: str, sentence: str) -> None:
    with answering(answer) as (port, _), pytest.raises(Unreached, match=sentence):
        notices.ask(phone, MAC, "resync", MEANS, port)


def test_a_silent_phone_is_told_with_what_may_be_the_cause(phone: Admin) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        with pytest.raises(Unreached, match="does not answer within 1 seconds. It may have another address or port by now"):
            notices.ask(phone, MAC, "resync", replace(MEANS, patience=1.0), silent.getsockname()[1])


def test_a_real_phone_is_found_where_it_is_registered_and_says_itself_that_it_knows_no_such_event(admin: Admin, tmp_path: Path) -> None:
    (tmp_path / "kamailio").mkdir()
    with running(tmp_path / "kamailio") as registrar, baresip(tmp_path, f"<sip:212@{DOMAIN}>;auth_pass=s3cret;outbound=\"sip:127.0.0.1:{registrar.port}\";regint=600"):
        accounts.add(admin, f"212@{DOMAIN}", {"password": "s3cret", "outbound_proxy": f"127.0.0.1:{registrar.port}"})
        devices.add(admin, MAC, "acme/Two", {})
        lines.assign(admin, MAC, f"212@{DOMAIN}")
        admin.store.seen(MAC, "127.0.0.1", "1.0")
        assert any(next(proofs.prove(admin, admin.store.accounts(), MEANS)).found.bindings or time.sleep(0.1) for _ in range(300))
        with pytest.raises(Unreached, match=r"it knows no such event \(481 Subscription Does Not Exist\)"):
            notices.ask(admin, MAC, "resync", MEANS)


def test_one_verb_is_never_taken_for_the_other(phone: Admin) -> None:
    with answering("200 OK") as (port, asked), pytest.raises(NotHere, match=f"no NOTIFY is known that makes a phone such as {MAC} .Acme Two. restart; `provisioner device resync {MAC}`"):
        notices.ask(phone, MAC, "reboot", MEANS, port)
    assert asked == []
    devices.add(phone, "02ac0d000001", "acme-door/Door", {})
    with pytest.raises(NotHere, match="restart it by hand, and it reads its files"):
        notices.ask(phone, "02ac0d000001", "resync", MEANS)
    devices.add(phone, acme.OTHER, "acme/Two", {})
    with pytest.raises(NotHere, match="has not been seen yet"):
        notices.ask(phone, acme.OTHER, "resync", MEANS)


def test_no_family_restarts_by_the_event_that_only_resyncs(catalog: Catalog) -> None:
    known = {family.slug: family.notify for family in catalog.families.values() if family.notify.resync or family.notify.reboot}
    assert {"yealink", "snom", "grandstream", "cisco-mpp", "poly"} <= set(known)
    assert [slug for slug, notify in known.items() if notify.resync == notify.reboot or "reboot" in notify.resync.replace("reboot=false", "")] == []


def test_the_commands_ask_a_phone_that_runs(tmp_path: Path) -> None:
    state = acme.admin(tmp_path)
    accounts.add(state, ADDRESS, {"password": "s3cret"})
    devices.add(state, MAC, "acme/Two", {})
    lines.assign(state, MAC, ADDRESS)
    state.store.seen(MAC, "127.0.0.1", "1.0")
    state.close()
    (tmp_path / "config.toml").write_text(f'state = "{tmp_path}/state"\nphones_path = ["{tmp_path}/phones"]\n')
    with answering("200 OK") as (port, _):
        asked = CliRunner().invoke(cli, ["--config", str(tmp_path / "config.toml"), "device", "resync", MAC, "--port", str(port)])
    assert asked.exit_code == 0 and asked.stdout.startswith(f"{MAC} (Acme Two) at 127.0.0.1:{port} will read its files")
    assert CliRunner().invoke(cli, ["--config", str(tmp_path / "config.toml"), "device", "reboot", MAC]).exit_code == 1
