"""What became of requests: one row each for phones we know, counted for those we do not."""

from __future__ import annotations

import multiprocessing
import resource
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from provisioner.errors import StoreTrouble
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


def test_the_waiting_list_tells_which_families_could_be_asking_and_with_which_firmware(log: EventStore) -> None:
    log.log([replace(UNKNOWN, family="", held=("acme", "other"), firmware="1.2"), replace(UNKNOWN, family="", firmware="", held=())])

    [waiting] = log.waiting()
    assert (waiting.candidates, waiting.firmware, waiting.family) == (("acme", "other"), "1.2", "")


def test_a_phone_that_is_refused_for_being_unknown_does_not_wait(log: EventStore) -> None:
    log.log([replace(UNKNOWN, held=None)])

    assert log.waiting() == []


def test_an_unknown_phone_that_gets_a_common_file_waits_on_and_is_counted(log: EventStore) -> None:
    common = replace(SERVED, mac=UNKNOWN.mac, known=False)
    log.log([UNKNOWN, common, common, common])

    assert [waiting.mac for waiting in log.waiting()] == [UNKNOWN.mac]
    assert [(event.outcome, event.times) for event in log.events()] == [("unknown", 1), ("served", 3)]


def test_a_sweep_of_every_mac_of_a_maker_leaves_one_row_a_minute(log: EventStore) -> None:
    log.log([replace(UNKNOWN, mac=f"80aabb{number:06x}", address=f"2001:db8::{number:x}", outcome=outcome, held=None) for number in range(2000) for outcome in ("unknown", "missing")])

    assert [(event.outcome, event.times) for event in log.events()] == [("unknown", 2000), ("missing", 2000)]


@pytest.mark.parametrize("path", ["a\x1b[31m\nb", "\udcff", "\x00", "\u202ex", "x" * 5000])
def test_whatever_a_phone_asks_for_is_kept_as_text_that_harms_nobody(log: EventStore, path: str) -> None:
    log.log([replace(SERVED, path=path, firmware=path), replace(UNKNOWN, model=path, sentence=path)])

    kept = [text for event in log.events() for text in (event.path, event.firmware, event.model, event.sentence)]
    assert all(text.isprintable() and len(text) <= 1000 for text in (*kept, log.waiting()[0].model, log.waiting()[0].sentence))


def test_the_last_events_come_without_an_id_and_the_next_ones_with_one(log: EventStore) -> None:
    log.log([replace(SERVED, path=f"{number}") for number in range(10)])
    third = log.events()[2]

    assert [event.path for event in log.events(limit=2)] == ["8", "9"]
    assert [event.path for event in log.events(after=third.id, limit=2)] == ["3", "4"]
    assert [event.path for event in log.events(SERVED.mac, limit=1)] == ["9"] and log.events("80aabb0000ff") == []


def test_an_event_comes_back_as_it_was(log: EventStore) -> None:
    log.log([replace(SERVED, firmware="1.2", known=True)])

    assert log.events() == [replace(SERVED, id=1, firmware="1.2")]


def test_of_too_many_events_the_oldest_are_forgotten(log: EventStore) -> None:
    log.log([replace(SERVED, path=f"{number}") for number in range(5000)])

    assert log.prune("2020-01-01", most=100) == 4900
    assert [event.path for event in log.events(limit=1000)] == [f"{number}" for number in range(4900, 5000)]


def test_events_are_followed_by_their_ids_and_old_ones_are_forgotten(log: EventStore) -> None:
    log.log([SERVED])
    [first] = log.events()
    log.log([replace(SERVED, at="2026-02-01T00:00:00.000+00:00")])

    assert [event.at[:10] for event in log.events(after=first.id)] == ["2026-02-01"]
    assert log.prune("2026-01-15") == 1
    assert [event.at[:10] for event in log.events()] == ["2026-02-01"]


def test_a_batch_is_kept_whole_or_not_at_all(log: EventStore) -> None:
    with pytest.raises(StoreTrouble):
        log.log([SERVED, replace(SERVED, status="not a number")])  # type: ignore[arg-type]

    assert log.events() == []


def test_a_file_that_is_no_database_is_told_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "events.db").write_bytes(b"this is no database, " * 100)

    with pytest.raises(StoreTrouble, match="damaged"):
        EventStore.open(tmp_path)
    assert (tmp_path / "events.db").read_bytes() == b"this is no database, " * 100


def test_keeping_an_event_and_asking_for_a_phones_own_scan_no_table(log: EventStore) -> None:
    asked: list[str] = []
    log._db.set_trace_callback(asked.append)
    log.log([SERVED, UNKNOWN])
    log.events(SERVED.mac)
    log._db.set_trace_callback(None)
    plans = [row["detail"] for sql in asked if sql.startswith(("SELECT", "UPDATE")) and not sql.endswith("LIMIT 1") for row in log._db.execute(f"EXPLAIN QUERY PLAN {sql}")]

    assert len(plans) == 2
    assert all("USING INDEX" in plan for plan in plans), plans


def _fill(state: Path, most: int, result: Any) -> None:
    log = EventStore.open(state)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))
    batches = 0
    try:
        while True:
            log.log([replace(SERVED, sentence="x" * 1000) for _ in range(20)])
            batches += 1
    except StoreTrouble as why:
        kept = len(log.events(limit=100_000))
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        log.log([SERVED])
        result.send((batches * 20, kept, len(log.events(limit=100_000)), str(why)))


def test_a_full_disk_is_told_loses_no_batch_that_was_kept_and_ends_with_the_disk_s_room(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    reading, writing = context.Pipe(duplex=False)
    process = context.Process(target=_fill, args=(tmp_path, 500_000, writing))
    process.start()
    written, kept, after, sentence = reading.recv()
    process.join()

    assert (kept, after) == (written, written + 1)
    assert written and "Nothing was half-written" in sentence


def test_a_file_of_a_later_release_is_refused(log: EventStore, tmp_path: Path) -> None:
    log._db.execute("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('events', 'm999', 'later')")
    log.close()

    with pytest.raises(StoreTrouble, match="later release"):
        EventStore.open(tmp_path / "state")


def test_the_file_is_its_owners_alone(log: EventStore, tmp_path: Path) -> None:
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "state").iterdir()} == {0o600}


def test_who_got_a_file_is_known_however_long_ago(log: EventStore) -> None:
    log.log([SERVED, replace(SERVED, mac="805ec0000001", outcome="refused"), UNKNOWN])
    log.log([replace(SERVED, mac="805ec0000002", outcome="not-modified")] * 50)

    assert log.fetched() == {SERVED.mac, "805ec0000002"}
