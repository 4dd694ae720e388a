"""What there is at a glance, and what needs a decision."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from provisioner.admin import Admin, accounts, assets, devices, lines, overview, sites
from provisioner.rights import Rights
from provisioner.things import Check, Event
from tests.acme import MAC, NEAR
from tests.authority import issue


def event(admin: Admin, mac: str, outcome: str, hours: int = 0) -> Event:
    at = (admin.store.now() - timedelta(hours=hours)).isoformat(timespec="milliseconds")
    return Event(0, at, mac, "acme", "Two", "http", "192.0.2.7", f"{mac}.acme", "", outcome, "why", 200, 10, 1.0, "", known=True)


def test_a_phone_that_fetches_many_files_in_an_hour_is_one_boot(admin: Admin) -> None:
    for mac in (MAC, NEAR):
        devices.add(admin, mac, "acme/Two", {})
    admin.eventstore.log([event(admin, MAC, "served"), event(admin, MAC, "not-modified"), event(admin, NEAR, "served"), event(admin, NEAR, "failed"), event(admin, MAC, "served", 5)])
    hours = overview.shown(admin)["hours"]
    assert len(hours) == 24 and [good for _, good, _ in hours if good] == [1, 2] and hours[-1][2] == 1


def test_accounts_that_do_not_register_are_told_to_who_sees_them(admin: Admin) -> None:
    sites.add(admin, "north", {})
    devices.add(admin, MAC, "acme/Two", {"site": "north"})
    for name, verdict in (("301", "refused"), ("302", "right"), ("303", "wrong")):
        accounts.add(admin, f"{name}@sip.example.com", {"password": "s3cret"})
        admin.store.put_check(accounts.one(admin, f"{name}@sip.example.com"), Check(verdict, "its server says so"))
    lines.assign(admin, MAC, "301@sip.example.com")
    assert {row["sip_address"] for row in overview.shown(admin)["accounts"]["first"]} == {"301@sip.example.com", "303@sip.example.com"}
    sites.add(admin, "south", {})
    bound = admin.acting("sam", "console", Rights("admin", ("south",), "sam"))
    assert [row["sip_address"] for row in overview.shown(bound)["accounts"]["first"]] == ["303@sip.example.com"]  # which nobody has yet


def test_a_certificate_that_is_over_is_told(admin: Admin, tmp_path: Path) -> None:
    assert overview.shown(admin)["certificate"] == []
    certificate, key = issue(tmp_path, days=(-4000, -3990))
    over = replace(admin, config=replace(admin.config, tls_certificate=certificate, tls_key=key))
    over.__dict__["eventstore"] = admin.eventstore
    assert "has expired on" in overview.shown(over)["certificate"][0]


def test_accounts_are_found_by_part_of_what_they_say_a_page_at_a_time(admin: Admin) -> None:
    for number in range(5):
        accounts.add(admin, f"40{number}@sip.example.com", {"password": "s3cret", "display_name": "Anna Ünal" if number % 2 else "Bert"})
    assert [row["sip_address"][:3] for row in accounts.some(admin, "ANNA")] == ["401", "403"]
    first = accounts.some(admin, most=2)
    assert [row["sip_address"][:3] for row in (*first, *accounts.some(admin, most=9, after=first[-1]["sip_address"]))] == ["400", "401", "402", "403", "404"]
    assert not accounts.some(admin, "s3cret")


def test_files_lie_in_the_folders_that_families_ask_in(admin: Admin) -> None:
    row = assets.listed(admin)[0]
    assert row["families"] and row["files"] == []
    folder = admin.config.assets_folder / row["folder"]
    folder.mkdir(parents=True)
    (folder / "new.rom").write_bytes(b"12345")
    assert assets.listed(admin)[0]["files"] == [{"name": "new.rom", "bytes": 5}]
