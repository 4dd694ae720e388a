"""Every recorded boot: the phone gets these bytes, they say what was meant, over both wires alike."""

from __future__ import annotations

import csv

import pytest

from provisioner.families import Catalog
from provisioner.identify import identify
from provisioner.wire import PhoneRequest
from tests import recorded

CASES = recorded.cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_recorded_boot(case: recorded.Case, catalog: Catalog) -> None:
    reply = recorded.play(case, catalog)

    assert reply.outcome == case.table.get("outcome", "served"), reply.sentence
    if reply.outcome == "served":
        assert recorded.wrong(case, reply.body) == []
        assert reply.body.decode("utf-8", "replace") == case.expected.read_bytes().decode("utf-8", "replace")
        assert reply.body == case.expected.read_bytes()


@pytest.mark.parametrize("case", [case for case in CASES if not case.table["request"].get("user_agent")], ids=lambda case: case.name)
def test_a_boot_without_user_agent_gets_the_same_bytes_over_tftp(case: recorded.Case, catalog: Catalog) -> None:
    assert recorded.play(case, catalog, "tftp").body == recorded.play(case, catalog, "http").body


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_promise_has_a_source(case: recorded.Case) -> None:
    sources = case.table.get("source", {})
    assert [name for name in case.table.get("says", {}) if not (sources.get(name) or sources.get("*"))] == []


@pytest.mark.parametrize("family", sorted(path.parent.name for path in recorded.FOLDER.glob("*/identify.tsv")))
def test_real_phones_are_recognised(family: str, catalog: Catalog) -> None:
    rows = csv.DictReader((recorded.FOLDER / family / "identify.tsv").read_text("utf-8").splitlines(), delimiter="\t")
    wrong = []
    for row in rows:
        seen = identify(catalog, PhoneRequest(path=row["path"] or "", address="127.0.0.1", wire="http", user_agent=row["user_agent"] or ""))
        for name in ("family", "model", "firmware", "mac"):
            if (row[name] or "") != getattr(seen, name):
                wrong.append(f"{row['user_agent']!r} {row['path']!r}: {name} {getattr(seen, name)!r}, not {row[name]!r} ({seen.candidates})")
    assert wrong == []


def test_every_family_has_a_recorded_boot(catalog: Catalog) -> None:
    assert {case.family for case in CASES} == set(catalog.families)


def test_every_rule_that_answers_has_a_recorded_boot_so_every_firmwares_dialect_too(catalog: Catalog) -> None:
    bare = {(slug, rule.match, rule.guard.firmware, rule.guard.models) for slug, family in catalog.families.items() for rule in family.files if rule.template}
    for case in CASES:
        family, model = catalog.model(case.table["device"]["model"])
        seen = identify(catalog, recorded.request(case))
        firmware = (seen.firmware if seen.family == family.slug else "") or case.table["device"].get("firmware", "")
        found = family.file_for(case.table["request"]["path"], model.name, firmware)
        if found:
            bare.discard((family.slug, found[0].match, found[0].guard.firmware, found[0].guard.models))
    assert sorted(bare) == []


def test_no_family_is_broken(catalog: Catalog) -> None:
    assert [str(fault) for fault in catalog.faults] == []
