"""Every parameter that we write is one that the family's phones know."""

from __future__ import annotations

import pytest

from provisioner import coverage, families
from provisioner.boot import Booter
from provisioner.errors import ProvisionerError
from provisioner.families import Catalog
from provisioner.store import Store
from provisioner.things import Account, Contact, Device, Key, Line
from provisioner.vocabulary import SETTINGS
from tests import known, recorded
from tests.samples import another

FAMILIES = families.load().families


@pytest.mark.parametrize("family", FAMILIES)
def test_every_row_has_a_source_and_stands_once(family: str) -> None:
    rows = known.rows(family)

    assert [name for name, source in rows if not source] == []
    assert sorted({name for name, _ in rows if [one for one, _ in rows].count(name) > 1}) == []


@pytest.mark.parametrize("case", [case for case in recorded.cases() if case.expected.exists()], ids=lambda case: case.name)
def test_a_recorded_boot_holds_known_parameters_alone(case: recorded.Case) -> None:
    assert known.unknown(case.family, recorded.parse(case, case.expected.read_bytes())) == []


@pytest.mark.parametrize("firmware", ["", "1.0.0.1", "99.99.99.99"])
@pytest.mark.parametrize("slug", FAMILIES)
def test_every_model_with_everything_said_holds_known_parameters_alone(slug: str, firmware: str, store: Store, catalog: Catalog) -> None:
    family, booter = catalog.families[slug], Booter(store, catalog, lambda event: None)
    wrong: dict[str, object] = {}
    with store.change("test", "test") as tx:
        tx.put_site(another(store.site("default"), public_url="http://192.0.2.1:8080", tftp_public_url="tftp://192.0.2.1"))
        tx.put_contact(Contact("default", "Anna", (("work", "1"), ("mobile", "2"), ("home", "3"), ("other", "4"))))
        tx.say("defaults", coverage.everything(family))
        for n in (1, 2, 3):
            tx.put_account(Account(f"{n}@sip.example.com", password="pw", voicemail="*97", xcap_root="https://xcap.example.com/root", outbound_proxy="proxy.example.com"))
    for number, model in enumerate(family.models.values()):
        mac = f"{(family.ouis or ('0a1b2c',))[0]}{number:06x}"
        with store.change("test", "test") as tx:
            tx.put_device(Device(mac, slug, model.name, firmware=firmware, modules=model.modules))
            for n in range(1, min(model.lines or 1, 3) + 1):
                tx.put_line(Line(mac, n, f"{n}@sip.example.com"))
            for position, kind in enumerate([kind for kind in family.maps.get("key", {}) if kind != "none"][: model.keys or 0], 1):
                tx.put_key(Key(f"device:{mac}", position, kind, value=VALUES.get(kind, "213"), line=1))
        for name, rule in booter.files_of(mac):
            try:
                body = booter.preview(mac, name, reveal=True)
                if rule.scope == "phone" and (odd := known.unknown(slug, recorded.parse_as(slug, body))):
                    wrong[f"{model.name} {name}"] = odd
            except ProvisionerError as why:
                wrong[f"{model.name} {name}"] = str(why)

    assert wrong == {}


VALUES = {"url": "http://x.example/", "xml": "http://x.example/", "paging": "239.0.0.1:10000"}


def test_the_samples_say_every_setting() -> None:
    assert set(coverage.everything(next(iter(FAMILIES.values())))) >= {row.name for row in SETTINGS} - {"dns_mode", "registration", "polling", "firmware"}
