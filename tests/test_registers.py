"""What a family's file says of an account is enough to register: a softphone that is told nothing else does, and is called."""

from __future__ import annotations

import time
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dns.resolver
import pytest

from bench.fleet import fleet
from provisioner import families
from provisioner.boot import Booter
from provisioner.families import Catalog
from provisioner.kinds import Endpoint
from provisioner.simulator import Phone
from provisioner.sip.link import Means
from provisioner.sip.register import check
from provisioner.things import Account, Device, Line
from provisioner.wire import PhoneRequest
from tests import recorded
from tests.kamailio import DOMAIN, baresip, running

TABLE: Mapping[str, Mapping[str, Any]] = tomllib.loads((recorded.FOLDER / "accounts.toml").read_text("utf-8"))
OVER = [(family, transport) for family in sorted(TABLE) for transport in ("udp", "tcp") if transport == "udp" or "transport" in TABLE[family]]
PATIENCE = 60.0  # seconds, for softphones on a busy machine


@dataclass(frozen=True)
class Said:
    """What a file says of its first line's account."""

    user: str
    domain: str
    auth_user: str
    password: str
    server: str
    transport: str

    @property
    def aor(self) -> str:
        """The address under which the phone registers."""
        return f"{self.user}@{self.domain}"

    @property
    def account(self) -> str:
        """It as baresip writes it."""
        return f'<sip:{self.aor}>;auth_user={self.auth_user};auth_pass={self.password};outbound="sip:{self.server};transport={self.transport}";regint=600;answermode=auto'


def read(family: str, said: Mapping[str, str]) -> Said:
    """Return what the parameters of a family's file say of its first line, by the table alone; what is not said is empty."""
    where, said = TABLE[family], defaultdict(str, said)
    user = said[where["user"]].removeprefix("sip:").partition("@")[0]
    server = "proxy" if "proxy" in where else "registrar"
    address, _, transport = said[where[server]].partition(";transport=")
    port = where.get(f"{server}_port")
    words = {word: name for name, word in where.get("words", {"udp": "udp", "tcp": "tcp"}).items()}
    transport = transport or (words.get(said[where["transport"]], "") if "transport" in where else "udp")
    return Said(
        user, said[where["domain"]].rpartition("@")[2].partition(":")[0], said[where["auth_user"]] if "auth_user" in where else user, said[where["password"]],
        f"{address}:{said[port]}" if port else address, transport,
    )  # fmt: skip


def account_of(family: str, transport: str, number: int, port: int) -> Account:
    """Return an account that a phone of this family can have at the registrar; each has its own user and password."""
    here = Endpoint("127.0.0.1", port)
    place = {"outbound_proxy": here} if "proxy" in TABLE[family] else {"registrar": here}
    user = str(2000 + number)
    made = Account(f"{user}@{DOMAIN if 'outbound_proxy' in place else '127.0.0.1'}", password=f"Pa55w0rd{number}", transport=transport, display_name=f"Desk {number}", **place)  # type: ignore[arg-type]
    return replace(made, auth_username=f"sign{number}") if "auth_user" in TABLE[family] else made


def booted(state: Path, catalog: Catalog, phone: Phone, account: Account) -> dict[str, str]:
    """Return the parameters of all files that a phone with this account gets of its own, but its contacts."""
    store = recorded.open_store(state)
    with store.change("test", "test") as tx:
        site = store.site("default")
        assert site
        tx.put_site(replace(site, public_url="http://192.0.2.1:8080", tftp_public_url="tftp://192.0.2.1:6969"))
        tx.put_device(Device(phone.mac, phone.family.slug, phone.model, firmware=phone.firmware, serial=phone.serial))
        tx.put_account(account)
        tx.put_line(Line(phone.mac, 1, account.sip_address))
    booter = Booter(store, catalog, lambda event: None)
    said: dict[str, str] = {}
    for name, rule in booter.files_of(phone.mac):
        if rule.scope == "phone" and not rule.seeds:
            reply = booter.answer(PhoneRequest(name, "127.0.0.1", "http", phone.user_agent))
            assert reply.outcome == "served", f"{name}: {reply.sentence}"
            said.update(recorded.parse_as(phone.family.slug, reply.body))
    store.close()
    return said


@dataclass(frozen=True)
class Desk:
    """Phones of all families, registered: their accounts, what their files say, in all and of the account, and what the softphones say."""

    accounts: Mapping[tuple[str, str], Account]
    files: Mapping[tuple[str, str], Mapping[str, str]]
    said: Mapping[tuple[str, str], Said]
    log: Path


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder, catalog = tmp_path_factory.mktemp("registers"), families.load()
    phones = {phone.family.slug: phone for phone in fleet(catalog, len(catalog.families))}
    known = [account_of(*place, number, 0) for number, place in enumerate(OVER)]
    with running(folder, passwords={account.auth_username: account.password for account in known}) as here:
        accounts = {place: account_of(*place, number, here.port) for number, place in enumerate(OVER)}
        files = {place: booted(folder / "-".join(place), catalog, phones[place[0]], account) for place, account in accounts.items()}
        said = {place: read(place[0], parameters) for place, parameters in files.items()}
        whole = [one.account for one in said.values() if all(vars(one).values())]  # baresip reads nothing behind an account that is none
        with baresip(folder / "baresip", *whole) as log:
            _wait(log, "200 OK", len(whole))
            yield Desk(accounts, files, said, log)


def _wait(log: Path, words: str, times: int = 1) -> str:
    """Return a log once it says something so often, or what it says after the patience."""
    until = time.monotonic() + PATIENCE
    while (text := log.read_text("utf-8", "replace")).count(words) < times and time.monotonic() < until:
        time.sleep(0.1)
    return text


def test_every_family_is_in_the_table(catalog: Catalog) -> None:
    assert set(TABLE) == set(catalog.families)


@pytest.mark.parametrize("place", OVER, ids=lambda place: f"{place[0]} over {place[1]}")
def test_a_softphone_registers_by_what_a_phones_file_says(desk: Desk, place: tuple[str, str]) -> None:
    account, said = desk.accounts[place], desk.said[place]
    on = TABLE[place[0]].get("on", {})
    assert {name: desk.files[place].get(name) for name in on} == on
    assert (said.user, said.auth_user, said.password) == (account.username, account.auth_username, account.password)
    assert f"{said.aor}: {{0/{said.transport.upper()}/v4}} 200 OK" in desk.log.read_text("utf-8", "replace")

    found = check(replace(account, transport="udp"), Means(dns.resolver.Resolver(configure=False), PATIENCE))

    assert found.verdict == "right" and len(found.bindings) == 1, found.sentence


@pytest.mark.parametrize(("caller", "called"), [(("yealink", "udp"), ("snom", "tcp")), (("zultys", "udp"), ("linphone", "udp")), (("poly", "tcp"), ("zenitel", "udp"))])
def test_a_call_between_two_of_them_connects(desk: Desk, tmp_path: Path, caller: tuple[str, str], called: tuple[str, str]) -> None:
    one, other = desk.said[caller], desk.said[called]
    with baresip(tmp_path / "caller", one.account, command=f"/dial sip:{other.user}@{DOMAIN}") as log:
        assert f"{one.aor}: Call established: sip:{other.user}@{DOMAIN}" in _wait(log, "Call established")
        assert f"{other.aor}: Call established: sip:{one.aor}" in _wait(desk.log, f"{other.aor}: Call established")
