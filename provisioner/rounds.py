"""Goes round the accounts by itself and asks their servers, in a process of its own, so that a silent server holds up nobody.

What is asked is a duty; `admin/duties.py` has them.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from provisioner.admin.proofs import REFUSALS
from provisioner.errors import StoreTrouble
from provisioner.things import Account

log = logging.getLogger("provisioner.rounds")

_SHORTEST_GAP, _LONGEST_GAP = 1.0, 300.0  # seconds between two accounts of a round


class Duty(Protocol):
    """One thing that is done for each account again and again; admin.duties has them."""

    @property
    def hours(self) -> int:
        """How often, for each account; 0 never."""

    def count(self) -> int:
        """Return for how many accounts it is done."""

    def waiting(self) -> Iterator[Account]:
        """Yield the accounts whose turn it is, those that waited longest first."""

    def server(self, account: Account) -> str:
        """Return the host that is asked."""

    def do(self, account: Account) -> str:
        """Do it, and return the verdict (things.VERDICTS)."""


class Rounds:
    """Goes round the accounts, one at a time, spread over the hours of each duty.

    A server that refused three accounts is left alone for a whole round, and one that does not answer for an hour: no question is
    asked on that may lock this machine out, or that waits for nothing.
    """

    def __init__(self, duties: Sequence[Duty], clock: Callable[[], float] = time.monotonic) -> None:
        """clock: in seconds."""
        self._duties, self._clock = duties, clock
        self._next = [clock() + _gap(duty) for duty in duties]
        self._rests: list[dict[str, float]] = [{} for _ in duties]
        self._refused: list[Counter[str]] = [Counter() for _ in duties]

    def step(self) -> float:
        """Do what is due, for one account of each duty; return the seconds until the next."""
        for number, duty in enumerate(self._duties):
            if self._clock() >= self._next[number]:
                self._one(number, duty)
                self._next[number] = self._clock() + _gap(duty)
        return max(0.0, min(self._next, default=_LONGEST_GAP) - self._clock())

    def _one(self, number: int, duty: Duty) -> None:
        rests, refused = self._rests[number], self._refused[number]
        account = next((one for one in duty.waiting() if rests.get(duty.server(one), 0.0) <= self._clock()), None)
        if account is None:
            return
        server, verdict = duty.server(account), duty.do(account)
        if verdict == "refused":
            refused[server] += 1
        elif verdict == "right":
            del refused[server]  # whoever has right passwords is no guesser
        if refused[server] == REFUSALS:
            rests[server] = self._clock() + duty.hours * 3600
            del refused[server]
        elif verdict == "unreachable":
            rests[server] = self._clock() + min(duty.hours, 1) * 3600


def _gap(duty: Duty) -> float:
    """Return the seconds between two accounts of a duty."""
    return min(max(duty.hours * 3600 / max(duty.count(), 1), _SHORTEST_GAP), _LONGEST_GAP)


def go(duties: Sequence[Duty]) -> None:
    """Go round the accounts for ever; runs in a process of its own, which any signal may end at any moment: what it writes is written whole."""
    goes: Rounds | None = None
    while True:
        try:
            goes = goes or Rounds(duties)
            wait = goes.step()
        except StoreTrouble as why:
            log.error("accounts are not asked for: %s", why)
            wait = _LONGEST_GAP
        time.sleep(wait)
