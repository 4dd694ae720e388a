"""New DST dates for phones that take no rule: a revision of its own, spread over January (F8)."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from provisioner import dates, families
from provisioner.families import Catalog
from provisioner.store import Store
from provisioner.things import Device
from tests import recorded
from tests.test_boot import MANIFEST, TEMPLATES
from tests.test_server import serving, until

MACS = [f"80aabb0000{number:02x}" for number in range(60)]


def catalog_with_dates(tmp_path: Path) -> Catalog:
    """Return a catalog whose family acme takes DST by dates alone."""
    folder = tmp_path / "phones" / "acme"
    folder.mkdir(parents=True)
    (folder / "family.toml").write_text(MANIFEST + '[time]\nforms = ["dates"]\n')
    for name, text in TEMPLATES.items():
        (folder / name).write_text(text)
    return families.load([tmp_path / "phones"])


def fill(store: Store, zone: str) -> None:
    """Put sixty phones into one zone."""
    with store.change("test", "test") as tx:
        for mac in MACS:
            tx.put_device(Device(mac, "acme", "A100"))
        tx.say("defaults", {"timezone": zone})


def test_no_phone_is_due_in_the_year_of_its_revision(store: Store, tmp_path: Path) -> None:
    fill(store, "Europe/Lisbon")

    assert dates.due(store, catalog_with_dates(tmp_path), datetime(recorded.AT.year, 12, 31, tzinfo=UTC)) == []


def test_in_january_a_share_is_due_each_day_and_by_its_end_all(store: Store, tmp_path: Path) -> None:
    fill(store, "Europe/Lisbon")
    catalog, year = catalog_with_dates(tmp_path), recorded.AT.year + 1

    counts = [len(dates.due(store, catalog, datetime(year, 1, day, tzinfo=UTC))) for day in range(1, 29)]

    assert counts == sorted(counts) and counts[0] < 12 and counts[-1] == len(MACS)


def test_a_zone_without_dst_changes_nobody(store: Store, tmp_path: Path) -> None:
    fill(store, "Asia/Tokyo")

    assert dates.due(store, catalog_with_dates(tmp_path), datetime(recorded.AT.year + 1, 6, 1, tzinfo=UTC)) == []


def test_the_new_dates_are_a_revision_and_are_due_once(store: Store, tmp_path: Path) -> None:
    fill(store, "Europe/Lisbon")
    catalog, later = catalog_with_dates(tmp_path), datetime(recorded.AT.year + 1, 2, 1, tzinfo=UTC)
    store._now = lambda: later
    before = store.revision(MACS[0])

    assert dates.redate(store, catalog, later) == len(MACS)
    assert (store.revision(MACS[0]) or 0) > (before or 0)
    assert dates.redate(store, catalog, later) == 0


def test_a_server_gives_them_by_itself(tmp_path: Path) -> None:
    catalog_with_dates(tmp_path)
    store = Store.open(tmp_path / "state")
    fill(store, "Europe/Lisbon")
    before = store.revision(MACS[0]) or 0
    (turned,) = Path("/usr/lib").glob("*/faketime/libfaketime.so.1")
    february = {"LD_PRELOAD": str(turned), "FAKETIME": f"@{datetime.now(UTC).year + 1}-02-01 12:00:00", "DONT_FAKE_MONOTONIC": "1"}

    with serving(tmp_path / "state", PROVISIONER_PHONES_PATH=str(tmp_path / "phones"), **february):
        until(lambda: (store.revision(MACS[0]) or 0) > before, 60)
    store.close()
