"""The same answer once more: what `boot` decided holds for the very same request while nothing it depends on has changed.

Phones ask again and again, and mostly nothing has changed. A door keeps a reply that has a `repeat` under all
that the request said, and asks here before it gives it again. Nothing is decided here: the device's
revision, token, state and site, and what the sites admit, are compared with what they were, in one row; and
that only where anything at all was written since they were looked at. The event is the same as the first one's,
with its own time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from provisioner.store import Store
from provisioner.wire import Repeat


class Repeats:
    """Says whether a reply may be given again, and leaves its event; safe to share between threads."""

    def __init__(self, store: Store, log: Callable[[str], None]) -> None:
        """log: takes an event's row as JSON and returns at once."""
        self._store, self._stamp, self._log = store, store.stamp, log

    def allow(self, repeat: Repeat) -> bool:
        """Return True where all that the reply depended on is as it was; raises StoreTrouble."""
        at = self._stamp.read()
        if not at or repeat.at != at:
            if self._store.standing(repeat.mac) != repeat.standing:
                return False
            repeat.at = at
        return True

    def leave_event(self, repeat: Repeat, seconds: float) -> None:
        """Say that the reply was given again, after so many seconds."""
        self._log(f'["{datetime.now(UTC).isoformat(timespec="milliseconds")}",{seconds * 1000:.2f},{repeat.event}')
