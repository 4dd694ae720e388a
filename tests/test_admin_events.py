"""What became of requests, as operators see it."""

from __future__ import annotations

from provisioner.admin import Admin, events
from provisioner.things import Event
from tests.acme import MAC, OTHER


def _event(mac: str, second: int) -> Event:
    return Event(0, f"2026-01-02T03:04:{second:02}.000", mac, "acme", "Two", "http", "127.0.0.1", f"{mac}.acme", "{mac}.acme", "served", "", 200, 9, 0.1, "")


def test_the_last_events_come_the_latest_last_and_of_one_phone_where_asked(admin: Admin) -> None:
    admin.eventstore.log([_event(MAC, 1), _event(OTHER, 2), _event(MAC, 3)])
    assert [event["at"][-6:] for event in events.latest(admin)] == ["01.000", "02.000", "03.000"]
    assert [event["at"][-6:] for event in events.latest(admin, limit=2)] == ["02.000", "03.000"]
    assert {event["mac"] for event in events.latest(admin, "02:AC:0E:00:00:01")} == {MAC}


def test_following_gives_what_was_there_and_then_what_comes(admin: Admin) -> None:
    admin.eventstore.log([_event(MAC, 1), _event(OTHER, 2)])
    following = events.follow(admin, MAC)
    assert next(following)["at"].endswith("01.000")
    admin.eventstore.log([_event(OTHER, 3), _event(MAC, 4)])
    assert next(following)["at"].endswith("04.000")
