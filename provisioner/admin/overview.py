"""What there is at a glance: phones by state and family, who waits, whose boots fail, and how many booted when."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from provisioner import certificates
from provisioner.admin import Admin, events
from provisioner.errors import BadConfig

HOURS = 24
_MOST = 10  # rows of what needs a decision


def shown(admin: Admin) -> dict[str, Any]:
    """Return what the overview says, of the sites that one sees.

    hours: (begin of the hour in UTC, phones that got their files, asks that failed) of the last day, the oldest first.
    failing: phones that were refused, or whose file could not be made, in the last day and got no file since.
    accounts: those whose servers said last that they are refused or wrong, with how many there are.
    certificate: sentences on one that is over or soon will be.
    """
    now = admin.whole.now()
    since = (now - timedelta(hours=HOURS)).isoformat(timespec="milliseconds")
    phones = admin.store.devices()
    macs = list(phones.macs()) if admin.rights.sites else None
    waits, bad = events.waiting(admin), _bad_accounts(admin)
    return {
        "phones": len(phones),
        "states": {state: count for (state,), count in sorted(phones.tally("state").items())},
        "families": {family: count for (family,), count in phones.tally("family").most_common()},
        "unseen": len(admin.store.devices(unseen=True)),
        "waiting": {"count": len(waits), "first": waits[:_MOST]},
        "failing": [{"mac": mac, "times": times, "at": at, "sentence": sentence} for mac, times, at, sentence in admin.eventstore.failing(since, _MOST, macs)],
        "accounts": {"count": len(bad), "first": bad[:_MOST]},
        "certificate": _certificate(admin, now),
        "hours": _every_hour(now, {hour: (good, bad) for hour, good, bad in admin.eventstore.by_hour(since, macs)}),
    }


def _bad_accounts(admin: Admin) -> list[dict[str, Any]]:
    """Return the accounts that their servers do not take, as far as one sees them, the last asked first."""
    found = [(address, check) for address, check in admin.store.checks().items() if check.verdict in ("refused", "wrong")]
    seen = [(address, check) for address, check in found if not admin.rights.sites or admin.store.account(address)]
    return [{"sip_address": address, "verdict": check.verdict, "sentence": check.sentence, "at": check.at} for address, check in sorted(seen, key=lambda one: one[1].at, reverse=True)]


def _certificate(admin: Admin, now: datetime) -> list[str]:
    """Return what should be known of the phones' certificate; one that cannot be read is the server's to tell."""
    if admin.config.tls_certificate == Path():
        return []
    with suppress(BadConfig):
        return list(certificates.dates(admin.config.tls_files[0], now))
    return []


def _every_hour(now: datetime, known: dict[str, tuple[int, int]]) -> list[tuple[str, int, int]]:
    hours = [(now - timedelta(hours=ago)).strftime("%Y-%m-%dT%H") for ago in reversed(range(HOURS))]
    return [(f"{hour}:00:00+00:00", *known.get(hour, (0, 0))) for hour in hours]
