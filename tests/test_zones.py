"""Every zone on every family's phones: what the rendered file says runs as the zone does, or the zone is warned of and listed (F8).

`python -m tests.test_zones` rewrites the lists tests/phones/<family>/zones-not-told.tsv.
"""

from __future__ import annotations

import sys
import tempfile
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from provisioner import families
from provisioner.boot import Booter
from provisioner.context import context_for
from provisioner.families import Catalog, Family, FileRule, Model
from provisioner.formats import Word
from provisioner.store import Store
from provisioner.things import Device
from tests import recorded
from tests.clocks import READERS, Clock, place, reader
from tests.samples import another

ZONES = sorted(zone for zone in zoneinfo.available_timezones() if not zone.startswith(("posix", "right")) and zone not in ("Factory", "localtime"))
YEARS = (2027, 2028, 2029)
FIRMWARES = ("", "0.0.0.1", "99.99.99.99")


@dataclass(frozen=True)
class Dialect:
    """A template of a family as one of its models gets it, and what that model's other file values are."""

    family: Family
    model: Model
    firmware: str
    rule: FileRule
    context: dict[str, Any]
    booter: Booter

    @property
    def name(self) -> str:
        """The model, and its firmware where that makes the difference."""
        return f"{self.model.name} {self.firmware}".strip()

    def told(self, zone: str, year: int) -> Any:
        """Return what a template sees of the zone."""
        return self.family.time_of(zone, self.model.name, self.firmware, year)

    def said(self, zone: str, year: int) -> dict[str, str]:
        """Return the parameters of the file with this zone."""
        settings = SimpleNamespace(**{**vars(self.context["set"]), "timezone": Word(zone, "timezone")})
        body = self.booter.renderer.render(self.family, self.rule, {**self.context, "set": settings, "time": self.told(zone, year)})
        return recorded.parse_as(self.family.slug, body)


def dialects(family: Family, store: Store, catalog: Catalog) -> Iterator[Dialect]:
    """Yield each template of a family that says its clock, on the smallest model that gets it; one for each way of telling a clock."""
    booter, seen = Booter(store, catalog, lambda event: None), set()
    for firmware in FIRMWARES:
        for model in sorted(family.models.values(), key=lambda model: (model.lines or 1) + (model.keys or 0)):
            clock = next(clock for clock in family.clocks if clock.guard.fits(model.name, firmware))
            if all((rule.template, id(clock)) in seen for rule in family.rules(model.name, firmware)):
                continue
            mac = f"{(family.ouis or ('0a1b2c',))[0]}{len(seen):06x}"
            with store.change("test", "test") as tx:
                tx.put_site(another(store.site("default"), public_url="http://192.0.2.1:8080", tftp_public_url="tftp://192.0.2.1"))
                tx.put_device(Device(mac, family.slug, model.name, firmware=firmware, serial="1"))
            facts = store.facts_for(mac)
            assert facts
            for _, rule in booter.files_of(mac):
                if (rule.template, id(clock)) not in seen:
                    seen.add((rule.template, id(clock)))
                    if rule.scope == "phone" and booter.renderer.words(family, rule) & {"time", "timezone"}:
                        yield Dialect(family, model, firmware, rule, context_for(family, model, facts, booter.secrets, firmware), booter)


def examined(family: Family, store: Store, catalog: Catalog) -> tuple[list[str], list[str]]:
    """Return (faults, zones that are warned of): each "model: zone"."""
    wrong, warned = [], []
    for dialect in dialects(family, store, catalog):
        if not any(dialect.said(zone, YEARS[0]) != dialect.said("UTC", YEARS[0]) for zone in ("Asia/Kolkata", "America/New_York", "Europe/Berlin")):
            continue
        for zone in ZONES:
            told, clock, why = None, None, ""
            for year in YEARS:
                if dialect.told(zone, year) != told:
                    told = dialect.told(zone, year)
                    if told.warning:
                        warned.append(f"{dialect.name}\t{zone}")
                        break
                    clock, why = read(dialect, dialect.said(zone, year))
                if clock is None or clock(year) != place(zone)(year):
                    wrong.append(f"{dialect.name} {zone} {year}: {clock(year) if clock else why}, not {place(zone)(year)}")
                    break
    return wrong, warned


def read(dialect: Dialect, said: dict[str, str]) -> tuple[Clock | None, str]:
    """Return the clock that a family's phone has, or None and why it has none."""
    try:
        return reader(dialect.family.slug, dialect.model.name)(said), "nothing"
    except (AssertionError, KeyError) as why:
        return None, repr(why)


def no_clock(family: Family) -> bool:
    """Return True where the manifest says that no model can be told a zone."""
    return any(row.name == "timezone" and row.guard == families.Guard() for row in family.cannot)


def listed(slug: str) -> Path:
    """Return the file with the zones that some of a family's phones cannot be told."""
    return recorded.FOLDER / slug / "zones-not-told.tsv"


@pytest.mark.parametrize("slug", sorted(families.load().families))
def test_every_zone_runs_on_the_phone_as_it_does_or_is_warned_of(slug: str, store: Store, catalog: Catalog) -> None:
    family = catalog.families[slug]

    wrong, warned = examined(family, store, catalog)

    assert wrong == []
    assert (slug in READERS) is not no_clock(family)
    assert warned == (listed(slug).read_text("utf-8").splitlines() if listed(slug).exists() else [])


def test_there_are_zones_with_links_and_most_are_told_by_most_families(catalog: Catalog) -> None:
    assert len(ZONES) > 590 and {"Asia/Calcutta", "US/Eastern", "Europe/Kiev"} <= set(ZONES)
    easy = [slug for slug, family in catalog.families.items() if not no_clock(family) and not (listed(slug).exists() and len(listed(slug).read_text("utf-8").splitlines()) > 150)]
    assert len(easy) >= 20


def main() -> int:
    """Rewrite the lists of the families named, or of all."""
    catalog, bad = families.load(), 0
    for slug in sys.argv[1:] or sorted(catalog.families):
        with tempfile.TemporaryDirectory() as state:
            wrong, warned = examined(catalog.families[slug], recorded.open_store(Path(state)), catalog)
        bad += len(wrong)
        print(f"{slug}: {len(warned)} warned of, {len(wrong)} wrong", *wrong[:5], sep="\n  ")
        if warned:
            listed(slug).write_text("".join(f"{line}\n" for line in warned), "utf-8")
        else:
            listed(slug).unlink(missing_ok=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
