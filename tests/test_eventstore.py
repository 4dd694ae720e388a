"""What became of requests: one row each for phones we know, counted for those we do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from provisioner.errors import ProvisionerError, StoreTrouble
from provisioner.eventstore import WAITING, EventStore
from provisioner.things import Event

SERVED = Event(0, "2026-01-02T03:04:05.000+00:00", "80aabb000001", "acme", "A100", "http", "192.0.2.7", "80aabb000001.acme", "{mac}.acme", "served", "", 200, 10, 1.5, "ab")
UNKNOWN = replace(SERVED, mac="80aabb000002", outcome="unknown", sentence="nobody added it", status=404, bytes=0, sha256="", known=False, held=("acme",))


@pytest.fixture
def log(tmp_path: Path) -> EventStore:
    """Return an empty event store."""
    return EventStore.open(tmp_path / "state")


def test_a_known_phone_leaves_a_row_for_every_request(log: EventStore) -> None:
    log.log([SERVED, replace(SERVED, outcome="refused", status=404)])

    assert [(event.outcome, event.times) for event in log.events("80aabb000001")] == [("served", 1), ("refused", 1)]


def test_unknown_phones_of_one_network_family_and_minute_are_one_row_with_a_count(log: EventStore) -> None:
    macs = [f"80aabb0001{number:02x}" for number in range(50)]
    log.log([replace(UNKNOWN, mac=mac, address=f"192.0.2.{number}") for number, mac in enumerate(macs)])
    log.log([replace(UNKNOWN, address="198.51.100.1"), replace(UNKNOWN, at="2026-01-02T03:05:00.000+00:00"), replace(UNKNOWN, address="")])

    assert sorted(event.times for event in log.events()) == [1, 1, 1, 50]
    assert len(log.waiting()) == 51


def test_the_waiting_list_tells_who_waits_since_when_and_how_often(log: EventStore) -> None:
    log.log([UNKNOWN, replace(UNKNOWN, at="2026-01-02T03:09:00.000+00:00", model="", address="192.0.2.8")])

    [waiting] = log.waiting()
    assert (waiting.mac, waiting.model, waiting.address, waiting.first_at, waiting.last_at[:16], waiting.times) == (
        "80aabb000002", "A100", "192.0.2.8", UNKNOWN.at, "2026-01-02T03:09", 2,
    )  # fmt: skip


def test_a_phone_that_is_served_waits_no_longer(log: EventStore) -> None:
    log.log([UNKNOWN, replace(SERVED, mac=UNKNOWN.mac)])

    assert log.waiting() == []


def test_the_oldest_leave_a_full_waiting_list(log: EventStore) -> None:
    log.log([replace(UNKNOWN, mac=f"80aabb{number:06x}", at=f"2026-01-02T03:04:05.{number % 1000:03}+00:00", times=number) for number in range(WAITING + 5)])

    assert len(log.waiting()) == WAITING


def test_events_are_followed_by_their_ids_and_old_ones_are_forgotten(log: EventStore) -> None:
    log.log([SERVED])
    [first] = log.events()
    log.log([replace(SERVED, at="2026-02-01T00:00:00.000+00:00")])

    assert [event.at[:10] for event in log.events(after=first.id)] == ["2026-02-01"]
    assert log.prune("2026-01-15") == 1
    assert [event.at[:10] for event in log.events()] == ["2026-02-01"]


def test_a_batch_is_kept_whole_or_not_at_all(log: EventStore) -> None:
    with pytest.raises(ProvisionerError):
        log.log([SERVED, replace(SERVED, status="not a number")])  # type: ignore[arg-type]

    assert log.events() == []


def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "events.db").write_bytes(b"this is no database, " * 100)

    with pytest.raises(StoreTrouble, match="damaged"):
        EventStore.open(tmp_path)
    assert (tmp_path / "events.db").read_bytes() == b"this is no database, " * 100
