"""How long somebody waits who said wrong passwords: by where he is and whom he says to be, so that nobody can lock out another."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

FREE_OF_NAME, FREE_OF_ADDRESS = 3, 30  # wrong passwords that cost no wait: of one name from one address, of all names from one address
_LONGEST = 900  # seconds of one wait; so long is a wrong password remembered, too
_FIRST = 8  # seconds; each wait is twice the one before, which makes ten tries in a quarter of an hour
_MOST = 20_000  # that are remembered; the oldest is forgotten first


class Patience:
    """Counts wrong passwords in this process's memory; safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: in seconds, which nobody turns."""
        self._clock, self._lock = clock, threading.Lock()
        self._wrong: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()  # how many, and when the last one was

    def wait(self, address: str, name: str) -> int:
        """Return for how many seconds nothing that is said from there for this name counts; 0 where it does."""
        now = self._clock()
        with self._lock:
            return max(self._left((_network(address), name.casefold()), FREE_OF_NAME, now), self._left((_network(address), ""), FREE_OF_ADDRESS, now))

    def wrong(self, address: str, name: str) -> bool:
        """Count a wrong password; True where from now on there is a wait for this name from there."""
        now = self._clock()
        with self._lock:
            for key in ((_network(address), name.casefold()), (_network(address), "")):
                count, at = self._wrong.pop(key, (0, now))
                self._wrong[key] = (count + 1 if now - at < _LONGEST else 1, now)
            while len(self._wrong) > _MOST:
                self._wrong.popitem(last=False)
            return self._wrong[_network(address), name.casefold()][0] == FREE_OF_NAME

    def right(self, address: str, name: str) -> None:
        """Forget what was wrong before, since the right password came; what other names said from there stays."""
        with self._lock:
            self._wrong.pop((_network(address), name.casefold()), None)

    def _left(self, key: tuple[str, str], free: int, now: float) -> int:
        count, at = self._wrong.get(key, (0, now))
        if count < free:
            return 0
        wait = min(_FIRST * 2 ** min(count - free, 10), _LONGEST)
        return max(0, int(at + wait - now + 0.999))


def _network(address: str) -> str:
    """Return the address, of IPv6 its /64, which is one customer's."""
    try:
        here = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network(f"{here}/64", strict=False)) if here.version == 6 else str(here)
