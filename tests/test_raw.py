"""Parameters by the phone's own names: each takes the place of the template's line, or is added, and nothing else in the file changes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from provisioner import coverage, vocabulary
from provisioner.boot import Booter
from provisioner.errors import ProvisionerError, Unsayable
from provisioner.families import Catalog, Family, FileRule, Model
from provisioner.store import Store
from provisioner.things import Account, Device, Line
from tests import recorded
from tests.samples import HOSTILE, another
from tests.test_known import FAMILIES

OFFERING = {slug: family for slug, family in FAMILIES.items() if any(rule.raw for rule in family.files)}
TEMPLATES = [(slug, template) for slug, family in OFFERING.items() for template in dict.fromkeys(rule.template for rule in family.files if rule.raw)]


class Phone:
    """A phone whose settings file comes from one template."""

    def __init__(self, store: Store, catalog: Catalog, slug: str, template: str) -> None:
        """Add it, with an account and every setting said."""
        self.store, self.family, self.booter = store, catalog.families[slug], Booter(store, catalog, lambda event: None)
        model, firmware, self.rule = next(_made_by(self.family, template))
        self.mac = f"{next(iter(self.family.ouis), '02ac0e')}000001"
        with store.change("test", "test") as tx:
            tx.put_site(another(store.site("default"), public_url="http://192.0.2.1:8080", tftp_public_url="tftp://192.0.2.1"))
            tx.put_device(Device(self.mac, slug, model.name, firmware=firmware))
            tx.put_account(Account("212@sip.example.com", password="pw"))
            tx.put_line(Line(self.mac, 1, "212@sip.example.com"))
            tx.say("defaults", coverage.everything(self.family))

    def say(self, name: str, value: str) -> None:
        """Say one parameter."""
        with self.store.change("test", "test") as tx:
            tx.say(f"device:{self.mac}", {f"raw.{self.family.slug}.{name}": value})

    def unsay(self, name: str) -> None:
        """Take one parameter back."""
        with self.store.change("test", "test") as tx:
            tx.unsay(f"device:{self.mac}", [f"raw.{self.family.slug}.{name}"])

    def body(self, reveal: bool = True) -> bytes:
        """Return its file."""
        family, model, facts = self.booter.facts(self.mac)
        names = {"mac": self.mac, "model": model.name, "code": model.code or "x", "firmware": facts.device.firmware, "serial": "1"}
        return self.booter.preview(self.mac, self.rule.name(names), reveal=reveal)

    def read(self) -> dict[str, str]:
        """Return the parameters of its file, as the phone reads them."""
        return recorded.parse_as(self.family.slug, self.body())


def _made_by(family: Family, template: str) -> Iterator[tuple[Model, str, FileRule]]:
    """Yield (model, firmware, rule) for what gets its file from a template."""
    for model in family.models.values():
        for firmware in ("99.99.99.99", "1.0.0.1", ""):
            for rule in family.rules(model.name, firmware):
                if rule.template != template or not rule.patterns[0].generates:
                    continue
                name = rule.name({"mac": "02ac0e000001", "model": model.name, "code": model.code or "x", "firmware": "1", "serial": "1"})
                found = family.file_for(name, model.name, firmware)
                if found and found[0] is rule:
                    yield model, firmware, rule


@pytest.fixture
def phone(request: pytest.FixtureRequest, store: Store, catalog: Catalog) -> Phone:
    """Return a phone of the family and template of the test."""
    return Phone(store, catalog, *request.param)


def _some(names: list[str], most: int) -> list[str]:
    return names[:: max(1, len(names) // most)][:most]


HEADS = ("mac", "version", "Version", "productID", "oper/DeleteNotProvisionedHS")  # what makes the file this phone's


def _is_one(phone: Phone, name: str) -> bool:
    """Return True for a name that a file says, and not only its reader here."""
    bracketed = "[" in name and not (phone.rule.raw and (phone.rule.raw.indexed or phone.rule.raw.tree))
    return vocabulary.find(f"raw.{phone.family.slug}.{name}") is not None and name not in HEADS and "@" not in name and not bracketed


@pytest.mark.parametrize("phone", TEMPLATES, ids=lambda one: "/".join(one), indirect=True)
def test_a_raw_value_takes_the_place_of_the_templates_and_nothing_else_changes(phone: Phone) -> None:
    before, wrong, carried = phone.read(), {}, 0
    for name in _some([name for name in before if _is_one(phone, name) and "codec_priority" not in name], 40):
        value = "1" if before[name] != "1" else "0"
        phone.say(name, value)
        try:
            after = phone.read()
        except (Unsayable, ValueError) as why:
            if "has no such element to put it into" not in str(why):
                wrong[name] = str(why)
        else:
            carried += 1
            if after != {**before, name: value}:
                wrong[name] = str({key: after.get(key) for key in {*after, *before} if after.get(key) != {**before, name: value}.get(key)})
        phone.unsay(name)
        assert phone.read() == before
    assert wrong == {}
    assert carried


@pytest.mark.parametrize("phone", TEMPLATES, ids=lambda one: "/".join(one), indirect=True)
def test_what_no_template_says_is_added_where_the_phone_reads_it(phone: Phone) -> None:
    before = phone.read()
    name = next((f"{name}8" for name in before if _is_one(phone, name) and not re.search("enable|[0-9]$", name)), "P99998")

    phone.say(name, "1")

    assert {key: value for key, value in phone.read().items() if key not in (f"{name}@perm", f"{name}@override")} == {**before, name: "1"}


@pytest.mark.parametrize("phone", TEMPLATES, ids=lambda one: "/".join(one), indirect=True)
def test_a_hostile_value_is_carried_or_refused_and_never_repeated(phone: Phone) -> None:
    before, carried = phone.read(), 0
    there = [name for name in before if _is_one(phone, name) and ("[" not in name or (phone.rule.raw and (phone.rule.raw.index or phone.rule.raw.indexed)))]
    name = min(there, key=lambda name: before[name] != "212")
    for text in HOSTILE:
        phone.say(name, text)
        try:
            after = phone.read()
        except Unsayable as why:
            assert text not in str(why) or len(text) == 1 or text.lower() == "%null%"
            continue
        carried += 1
        assert after == {**before, name: text}
    assert carried
    assert "</x><evil>" not in repr(phone.store.changes())


@pytest.mark.parametrize("name", ["", "=", "a=b", "a\nb", "<x>", "a b ", ".x", '"', "x" * 129, "é"])
def test_what_could_be_no_name_is_refused(store: Store, name: str) -> None:
    with pytest.raises(ProvisionerError, match="raw"), store.change("test", "test") as tx:
        tx.say("defaults", {f"raw.yealink.{name}": "1"})


def test_a_raw_value_is_masked_where_nobody_asks_for_secrets(store: Store, catalog: Catalog) -> None:
    phone = Phone(store, catalog, "yealink", "phone.cfg.j2")
    phone.say("account.1.password", "zq8secretzq")
    assert b"account.1.password = ********" in phone.body(reveal=False)
    assert "zq8secretzq" not in repr(store.changes())


def test_a_phone_that_is_taken_away_gets_no_raw_value(store: Store, catalog: Catalog) -> None:
    phone = Phone(store, catalog, "yealink", "phone.cfg.j2")
    phone.say("account.1.password", "zq8secretzq")
    assert b"zq8secretzq" in phone.body()

    with store.change("test", "test") as tx:
        tx.put_device(replace(store.device(phone.mac), state="retiring"))  # type: ignore[type-var]

    assert b"zq8secretzq" not in phone.body()


def test_a_raw_value_taken_back_is_the_phones_default_again_where_the_phone_has_a_word_for_it(store: Store, catalog: Catalog) -> None:
    phone = Phone(store, catalog, "yealink", "phone.cfg.j2")
    phone.say("account.1.sip_trust_ctrl", "1")
    assert phone.body().endswith(b"account.1.sip_trust_ctrl = 1\n")

    phone.unsay("account.1.sip_trust_ctrl")

    assert phone.body().endswith(b"account.1.sip_trust_ctrl = %NULL%\n")


def test_a_raw_value_of_another_family_is_not_written(store: Store, catalog: Catalog) -> None:
    phone = Phone(store, catalog, "yealink", "phone.cfg.j2")
    before = phone.body()
    with store.change("test", "test") as tx:
        tx.say("defaults", {"raw.snom.user_moh1": "x"})
    assert phone.body() == before
