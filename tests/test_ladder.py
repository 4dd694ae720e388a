"""Firmware in steps, where a maker wants some version before a later one: nothing is skipped, and no phone goes in circles."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner import families
from provisioner.admin import Admin, devices, files, settings
from provisioner.boot import Booter
from provisioner.families import Guard, Rung, height
from provisioner.wire import PhoneRequest

FAMILIES = families.load().families
SPA = "000e08aabbcc"
VERSIONS = st.from_regex(r"[0-9]{1,2}(\.[0-9]{1,2}){1,3}[a-c]?", fullmatch=True)


@given(rungs=st.lists(VERSIONS, max_size=6), has=VERSIONS, wanted=VERSIONS)
def test_a_ladder_is_climbed_rung_by_rung_and_ends_at_what_is_wanted(rungs: list[str], has: str, wanted: str) -> None:
    family = replace(FAMILIES["yealink"], ladder=tuple(Rung(version, "made up") for version in rungs))
    climbed, at = [], has
    while height(at) != height(wanted) and len(climbed) <= len(rungs) + 1:
        at = family.next_firmware("T46U", at, wanted)
        climbed.append(height(at))

    between = sorted({height(version) for version in rungs if height(has) < height(version) < height(wanted)})
    assert climbed == [*between, *([height(wanted)] if height(has) != height(wanted) else [])]


@pytest.mark.parametrize(("model", "has", "wanted", "next_"), [
    ("SPA504G", "7.4.9c", "7.5.5", "7.5.2b"), ("SPA504G", "7.5.2", "7.5.5", "7.5.2b"), ("SPA504G", "7.5.2b", "7.5.5", "7.5.5"), ("SPA504G", "7.5.5", "7.5.5", "7.5.5"),
    ("SPA504G", "7.4.9c", "7.5.1", "7.5.1"), ("SPA504G", "7.5.5", "7.5.1", "7.5.1"), ("SPA504G", "", "7.5.5", ""), ("SPA514G", "7.4.9c", "7.5.5", "7.5.5"), ("SPA504G", "7.4.9c", "", ""),
])  # fmt: skip
def test_a_rung_is_for_its_models_and_for_who_comes_from_below(model: str, has: str, wanted: str, next_: str) -> None:
    assert FAMILIES["cisco-spa"].next_firmware(model, has, wanted) == next_


@pytest.mark.parametrize("family", FAMILIES.values(), ids=lambda one: one.slug)
def test_every_rung_has_a_source_and_models_that_there_are(family: families.Family) -> None:
    for rung in family.ladder:
        assert rung.source and rung.guard != Guard()
        assert [name for name in rung.guard.models if not family.model(name)] == []
        assert all(not any(row.name == "firmware" for row in family.lacks(name)) for name in rung.guard.models)


@pytest.fixture
def phone(admin: Admin) -> Admin:
    """Return the verbs, with an old phone that shall have a new firmware."""
    devices.add(admin, SPA, "cisco-spa/SPA504G", {})
    settings.say(admin, f"device:{SPA}", {"firmware": "7.5.5"})
    return admin


def ask(admin: Admin, firmware: str) -> tuple[str, str]:
    """Return the rule of the phone's file, as it says which firmware it has, and the event's sentence."""
    reply = admin.booter.answer(PhoneRequest(f"{SPA}.xml", "127.0.0.1", "http", user_agent=f"Cisco/SPA504G-{firmware} ({SPA.upper()})(CCQ1)"))
    rule = reply.body.decode().partition("<Upgrade_Rule>")[2].partition("</Upgrade_Rule>")[0]
    return rule.rpartition("/")[2], reply.sentence


def test_a_phone_below_a_rung_gets_it_first_and_the_wanted_one_once_it_says_so(phone: Admin) -> None:
    assert ask(phone, "7.4.9c") == ("spa50x-30x-7-5-2b.bin", "first firmware 7.5.2b, then 7.5.5, as the maker requires")
    assert ask(phone, "7.4.9c") == ("spa50x-30x-7-5-2b.bin", "first firmware 7.5.2b, then 7.5.5, as the maker requires")
    assert ask(phone, "7.5.2b") == ("spa50x-30x-7-5-5.bin", "")
    assert ask(phone, "7.5.5") == ("spa50x-30x-7-5-5.bin", "")


def test_a_phone_whose_firmware_nobody_knows_gets_none(phone: Admin) -> None:
    reply = phone.booter.answer(PhoneRequest(f"{SPA}.xml", "127.0.0.1", "tftp"))
    assert b"Upgrade_Rule" not in reply.body
    assert reply.sentence == "no firmware until the phone has said which it has: its maker requires steps before 7.5.5"


def test_explain_tells_the_steps_and_what_is_missing(phone: Admin) -> None:
    ask(phone, "7.4.9c")
    folder = phone.config.assets_folder / "cisco-spa"

    found = files.explain(phone, SPA, "firmware")
    assert found.said.value == "7.5.5"
    assert found.steps == f"first firmware 7.5.2b, then 7.5.5, as the maker requires; no file in {folder} has 7.5.2b in its name: copy the maker's there"

    folder.mkdir(parents=True)
    (folder / "spa50x-30x-7-5-2b.bin").write_bytes(b"firmware")
    assert files.explain(phone, SPA, "firmware").steps == "first firmware 7.5.2b, then 7.5.5, as the maker requires"
    booter = Booter(phone.store, phone.catalog, lambda event: None, assets=phone.config.assets_folder)
    reply = booter.answer(PhoneRequest("spa50x-30x-7-5-2b.bin", "127.0.0.1", "http", user_agent=f"Cisco/SPA504G-7.4.9c ({SPA.upper()})(CCQ1)"))
    assert reply.outcome == "served"
