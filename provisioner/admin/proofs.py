"""Whether accounts are right: their servers are asked before a phone is (F27)."""

from __future__ import annotations

import fcntl
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from provisioner.admin import Admin, accounts, events
from provisioner.rights import OPERATE
from provisioner.sip.link import Means, trusting
from provisioner.sip.locate import resolver
from provisioner.sip.register import check
from provisioner.things import Account, Check

BAD = ("refused", "wrong", "unreachable")
_AT_ONCE = 8  # servers; each is asked for one account after the other
REFUSALS = 3  # of one server, then it is left alone: who guesses on is locked out
_LOCK = "asking.lock"


@dataclass(frozen=True)
class Proof:
    """What became of the check of one account; asked: False where it was left out, and `found.sentence` says why."""

    account: Account
    found: Check
    asked: bool = True

    def shown(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {"sip_address": self.account.sip_address, "asked": self.asked, **shown(self.found)}


def shown(found: Check) -> dict[str, Any]:
    """Return a check as JSON has it."""
    return {**asdict(found), "bindings": list(found.bindings)}


def means(patience: float, trust: Path | None) -> Means:
    """Return what servers are asked with; trust: a file of PEM with more roots to believe. Raises BadValue."""
    known = Means(resolver(), patience)
    return Means(known.names, patience, trust=trusting(trust)) if trust else known


def named(admin: Admin, addresses: Iterable[str]) -> list[Account]:
    """Return the accounts of these addresses; raises NotHere before any server is asked."""
    return [accounts.one(admin, address) for address in addresses]


def prove(admin: Admin, many: Iterable[Account], ways: Means, subscribe: bool = False, again: bool = True) -> Iterator[Proof]:
    """Yield the proof of each account, in their order, and keep what their servers said.

    subscribe: where a server takes no question for bindings, ask by SUBSCRIBE.
    again:     ask also for accounts that were refused and whose facts are the same since. Without, nobody is locked out
               by a check that is repeated every night.
    """
    admin.rights.need(OPERATE)
    by_server: dict[str, list[Account]] = defaultdict(list)
    for account in many:
        by_server[server_of(account)].append(account)
    with _alone(admin), ThreadPoolExecutor(_AT_ONCE) as pool:
        proofs = {proof.account.sip_address: proof for some in pool.map(lambda some: list(_of_server(admin, some, ways, subscribe, again)), by_server.values()) for proof in some}
    yield from (proofs[address] for address in sorted(proofs))


def server_of(account: Account) -> str:
    """Return the host that an account's requests go to."""
    return (account.outbound_proxy if account.outbound_proxy.host else account.registrar_endpoint).host


@contextmanager
def _alone(admin: Admin) -> Iterator[None]:
    """Wait until no other process of this server asks, so that no registrar is asked twice at once; where the state takes no file, go on all the same."""
    try:
        lock = (admin.config.state / _LOCK).open("w")
    except OSError:
        yield
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _of_server(admin: Admin, some: list[Account], ways: Means, subscribe: bool, again: bool) -> Iterator[Proof]:
    refusals = 0
    for account in some:
        before = admin.store.check_of(account.sip_address)
        if before and before.verdict == "refused" and not again:
            yield Proof(account, before, asked=False)
            continue
        if refusals == REFUSALS:
            yield Proof(account, Check("cannot-tell", f"not asked: its server refused {refusals} accounts, and one that is asked on may lock this machine out"), asked=False)
            continue
        found = check(account, ways, subscribe)
        refusals += found.verdict == "refused"
        kept = admin.store.put_check(account, found)
        events.tell(admin, account, "sip", found)
        yield Proof(account, (admin.store.check_of(account.sip_address) if kept else None) or found)
