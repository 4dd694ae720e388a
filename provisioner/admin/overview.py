"""What there is at a glance: phones by state and family, who waits, whose boots fail, and how many booted when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from provisioner.admin import Admin, events

HOURS = 24
_MOST = 10  # rows of what needs a decision


def shown(admin: Admin) -> dict[str, Any]:
    """Return what the overview says, of the sites that one sees.

    hours: (begin of the hour in UTC, files given, asks that failed) of the last day, the oldest first.
    failing: phones that were refused, or whose file could not be made, in the last day and got no file since.
    """
    now = admin.whole.now()
    since = (now - timedelta(hours=HOURS)).isoformat(timespec="milliseconds")
    phones = admin.store.devices()
    macs = list(phones.macs()) if admin.rights.sites else None
    waits = events.waiting(admin)
    return {
        "phones": len(phones),
        "states": {state: count for (state,), count in sorted(phones.tally("state").items())},
        "families": {family: count for (family,), count in phones.tally("family").most_common()},
        "unseen": len(admin.store.devices(unseen=True)),
        "waiting": {"count": len(waits), "first": waits[:_MOST]},
        "failing": [{"mac": mac, "times": times, "at": at, "sentence": sentence} for mac, times, at, sentence in admin.eventstore.failing(since, _MOST, macs)],
        "hours": _every_hour(now, {hour: (good, bad) for hour, good, bad in admin.eventstore.by_hour(since, macs)}),
    }


def _every_hour(now: datetime, known: dict[str, tuple[int, int]]) -> list[tuple[str, int, int]]:
    hours = [(now - timedelta(hours=ago)).strftime("%Y-%m-%dT%H") for ago in reversed(range(HOURS))]
    return [(f"{hour}:00:00+00:00", *known.get(hour, (0, 0))) for hour in hours]
