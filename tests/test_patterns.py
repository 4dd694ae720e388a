"""The manifests' pattern language: one line recognises a request and writes the same request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner import families
from provisioner.patterns import Pattern, same

MACS = st.text("0123456789abcdef", min_size=12, max_size=12).filter(lambda mac: mac != "0" * 12)


@given(MACS)
@pytest.mark.parametrize("text", ["{mac}.cfg", "{MAC}.xml", "cfg{mac}.xml", "snomD785-{MAC}.htm", "{mac:-}.cfg", "{mac:_}.cfg", "x {mac::}"])
def test_what_a_pattern_writes_it_also_reads(text: str, mac: str) -> None:
    pattern = Pattern(text)

    assert pattern.match(pattern.fill({"mac": mac})) == {"mac": mac}


def test_case_never_counts_and_a_blank_is_one_or_more() -> None:
    caught = Pattern("Yealink SIP-{model} {firmware} {mac::}").match("yealink sip-T38G   38.70.0.125 00:15:65:AA:BB:CC")

    assert caught == {"model": "T38G", "firmware": "38.70.0.125", "mac": "001565aabbcc"}


def test_a_model_may_have_a_blank_and_a_firmware_a_letter_in_front() -> None:
    caught = Pattern("Fanvil {model} {firmware} {mac}").match("Fanvil X6U Pro V0.0.10 0c383e2cd782")

    assert caught == {"model": "X6U Pro", "firmware": "0.0.10", "mac": "0c383e2cd782"}


def test_a_model_may_stand_as_a_word() -> None:
    pattern = Pattern("{model=W52P} {firmware}")

    assert pattern.match("w52p 25.30.0.2") == {"model": "w52p", "firmware": "25.30.0.2"}
    assert pattern.match("W60B 25.30.0.2") is None
    assert pattern.fill({"firmware": "25.30"}) == "W52P 25.30"


def test_a_code_is_no_mac() -> None:
    pattern = Pattern("cfg{code}.xml")

    assert pattern.match("cfg0012.xml") == {"code": "0012"}
    assert pattern.match("cfg001fc110d3a9.xml") is None


def test_the_whole_text_must_match() -> None:
    assert Pattern("{mac}.cfg").match("805ec0d57d72.cfg.bak") is None


@pytest.mark.parametrize(("text", "word"), [("{mad}.cfg", "mad"), ("{mac", "{"), ("{firmware:-}", "firmware")])
def test_a_slip_in_a_pattern_is_named(text: str, word: str) -> None:
    with pytest.raises(ValueError, match=word.replace("{", r"\{")):
        Pattern(text)


def test_a_star_matches_and_cannot_generate() -> None:
    assert Pattern("y000000000*.cfg").match("y000000000108.cfg") == {}
    assert not Pattern("y000000000*.cfg").generates


@pytest.mark.parametrize(("one", "other"), [("VVX_450", "VVX450"), ("SPA-942", "spa942"), ("X6U Pro", "x6upro")])
def test_spellings_of_one_model_are_the_same(one: str, other: str) -> None:
    assert same(one) == same(other)


def test_a_code_holds_no_mac() -> None:
    assert Pattern("snom{code}.htm").match("snomD785.htm") == {"code": "D785"}
    assert Pattern("snom{code}.htm").match("snomD785-000413A11FA7.htm") is None
    assert Pattern("snom{code}-{MAC}.htm").match("snomD785-000413A11FA7.htm") == {"code": "D785", "mac": "000413a11fa7"}
    assert Pattern("VSP{code}.cfg").match("VSP735A_00122A010203.cfg") is None
    assert Pattern("VSP{code}_{MAC}.cfg").match("VSP735A_00122A010203.cfg") == {"code": "735A", "mac": "00122a010203"}


@pytest.mark.parametrize("family", families.load().families.values(), ids=lambda family: family.slug)
def test_no_text_makes_a_shipped_pattern_think_for_long(family: families.Family) -> None:
    # A pattern whose work doubles with each piece never comes back from these; one that does needs no clock here.
    patterns = [*family.user_agents, *(pattern for rule in family.files for pattern in rule.patterns), *(rule.pattern for rule in family.uploads)]
    for pattern in patterns:
        head = pattern.text.partition("{firmware}")[0].replace("{model}", "T1").replace("{mac}", "805ec0000001").replace("*", "x")
        for piece in ("_a", "-1", ".1", "1 a", "1-", "(a)", "0_"):
            for start in (head, "", "1"):
                assert pattern.match(f"{start}1{piece * 100}!") in (None, {}) or "*" in pattern.text
