"""Dial plans and emergency numbers: what is written, and what the phones make of it (F9)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner import families, kinds
from provisioner.dialplan import NUMBERS, emergency_numbers, written
from provisioner.families import Catalog
from provisioner.store import Store
from tests import dialplan_players as players
from tests.dialplan_players import AFTER_WAIT, AT_ONCE, CUT_SHORT, REFUSED
from tests.test_fixed_points import bench_for, dialects, parameters


def test_a_pattern_without_a_digit_map_of_its_own_is_an_rfc_3435_map() -> None:
    assert written(["112", "*xx", "[1-9]xx", "+x+", "x+"], {}) == ("112", "*xx", "[1-9]xx", "+x.", "x.")


def test_a_digit_map_says_how_each_piece_is_spelled() -> None:
    digitmap = {"any": "[0-9]", "some": "[0-9]+", "star": r"\*", "hash": r"\#", "plus": r"\+", "set_open": "(?:[", "set_close": "])"}
    assert written(["*[1-9]x#", "+x+"], digitmap) == (r"\*(?:[1-9])[0-9]\#", r"\+[0-9]+")


def test_only_patterns_of_known_length_are_dialled_at_once() -> None:
    assert written(["112", "*xx", "0x+"], {"any": "x", "some": "xx.", "at_once": "S0"}) == ("112S0", "*xxS0", "0xx.")


def test_brackets_are_written_out_where_a_digit_map_has_none() -> None:
    assert written(["[24-6]x", "0[1-2][89]x+", "[0-9]x"], {"any": ".", "some": ".*", "sets": "apart"}) == (
        "2.", "4.", "5.", "6.", "018.*", "019.*", "028.*", "029.*", "..",
    )  # fmt: skip


@given(st.from_regex(r"\+?([0-9*#x]|\[[1-9]-9\]){1,8}(x\+)?", fullmatch=True))
def test_every_pattern_that_may_be_said_is_written_whole(pattern: str) -> None:
    said = kinds.Dial().read(pattern)
    assert written([said], {"any": "x", "some": "x+"}) == (pattern,)


def test_the_numbers_of_the_country_follow_those_that_were_said() -> None:
    assert emergency_numbers("FR", ("112", "911")) == ("112", "911", "15", "17", "18")
    assert emergency_numbers("", ("112",)) == ("112",)
    assert emergency_numbers("ZZ", ()) == ()


def test_the_table_of_countries_holds_numbers_that_can_be_dialled() -> None:
    assert len(NUMBERS) >= 60
    for country, numbers in NUMBERS.items():
        assert re.fullmatch("[A-Z]{2}", country)
        assert len(set(numbers)) == len(numbers) > 0
        assert all(re.fullmatch(r"[0-9]{2,5}", number) for number in numbers)


# The players, on examples that the makers' guides print


@pytest.mark.parametrize(
    ("play", "plan", "dialled", "becomes"),
    [
        (players.digit_map, "[2-9]11|0T|011xxx.T|[0-1][2-9]xxxxxxxxx|[2-9]xxxxxxxxx|[2-9]xxxT", "911", AT_ONCE),
        (players.digit_map, "[2-9]11|0T|011xxx.T|[0-1][2-9]xxxxxxxxx|[2-9]xxxxxxxxx|[2-9]xxxT", "0", AFTER_WAIT),
        (players.digit_map, "[2-9]11|0T|011xxx.T|[0-1][2-9]xxxxxxxxx|[2-9]xxxxxxxxx|[2-9]xxxT", "2345", AFTER_WAIT),
        (players.digit_map, "[2-9]11|0T|011xxx.T|[0-1][2-9]xxxxxxxxx|[2-9]xxxxxxxxx|[2-9]xxxT", "00351213456789", REFUSED),
        (players.digit_map, "911xxx.T", "911123", AFTER_WAIT),
        (players.digit_map, "911|x.T", "91134", CUT_SHORT),
        (players.braces, "{[369]11 | 1617xxxxxxx}", "911", AT_ONCE),
        (players.braces, "{[369]11 | 1617xxxxxxx}", "16171234567", AT_ONCE),
        (players.braces, "{[369]11 | 1617xxxxxxx}", "12", REFUSED),
        (players.braces, "{^1900x+ | x+}", "19001", REFUSED),
        (players.braces, r"{ x+ | \+x+ | *x+ | *xx*x+ }", "+351213456789", AFTER_WAIT),
        (players.braces, "{ 1xxT }", "123", AFTER_WAIT),
        (players.parentheses, "( 0 | [49]11 | 1 [2-9]xx [2-9]xxxxxx )", "911", AT_ONCE),
        (players.parentheses, "( 1 947 xxxxxxx ! | 1 xxx xxxxxxx )", "19471234567", REFUSED),
        (players.parentheses, "(112|x.)", "112", AFTER_WAIT),
        (players.parentheses, "(112S0|x.)", "112", AT_ONCE),
        (players.parentheses, "L:8,S:4,([x*#].)", "*97", AFTER_WAIT),
        (players.dial_now, "1xxx", "1234", AT_ONCE),
        (players.dial_now, "12.\n91[5-7]1234", "123", AT_ONCE),
        (players.dial_now, "91[5-7]1234", "9171234", AT_ONCE),
        (players.dial_now, "[2,5,8]", "201", CUT_SHORT),
        (players.dial_now, "112", "201", AFTER_WAIT),
        (players.expressions, r"|^([0-9]{5})$|sip:\1@\d|d", "12345", AT_ONCE),
        (players.expressions, r"|^([0-9]{5})$|sip:\1@\d|d", "123", AFTER_WAIT),
        (players.expressions, r"!([^#]+)#!sip:\1@\d!d", "123#", AT_ONCE),
        (players.templates, "1 3..\n0 911\n2 ...\n3 *", "911", AT_ONCE),
        (players.templates, "1 3..\n0 911\n2 ...\n3 *", "300", AFTER_WAIT),
        (players.templates, "1 3..\n2 ...\n0 \\*9\n3 *", "*9", AT_ONCE),
        (players.templates, "0 91\n3 *", "911", CUT_SHORT),
        (players.timed_list, "911\n[1-8]xxT3", "911", AT_ONCE),
        (players.timed_list, "911\n[1-8]xxT3", "201", AFTER_WAIT),
        (players.exact_match, "[01]xxx|[2-8]xxxx|91xxxxxxxxxx", "1234", AT_ONCE),
        (players.exact_match, "[01]xxx|[2-8]xxxx|91xxxxxxxxxx", "23456", AT_ONCE),
        (players.exact_match, "[01]xxx|[2-8]xxxx|91xxxxxxxxxx", "9", AFTER_WAIT),
        (players.exact_match, "[01]xxx|[2-8]xxxx|91xxxxxxxxxx", "99", REFUSED),
        (players.exact_match, "x+#|xx+*", "201#", AT_ONCE),
        (players.exact_match, "x+#|xx+*", "201", AFTER_WAIT),
        (players.exact_match, "112|x+", "201", CUT_SHORT),
        (players.routing_tables, "5..\n001T", "512", AT_ONCE),
        (players.routing_tables, "5..\n001T", "00144", AFTER_WAIT),
        (players.routing_tables, "5..\n001T", "61", REFUSED),
        (players.routing_tables, "1\n12\n11\n111T", "12", AT_ONCE),
        (players.routing_tables, "1\n12\n11\n111T", "11", REFUSED),
        (players.routing_tables, "1\n12\n11\n111T", "1111", AFTER_WAIT),
        (players.routing_tables, "911\ndefault\n\n[2-9]...\n.T", "911", AT_ONCE),
        (players.routing_tables, "911\ndefault\n\n[2-9]...\n.T", "9145", AT_ONCE),
    ],
)
def test_the_players_read_the_makers_own_examples(play: object, plan: str, dialled: str, becomes: str) -> None:
    assert callable(play)
    assert play(plan, dialled) == becomes


# Every family's rendered plan, played (F9)

Parameters = Mapping[str, str]
PLANS: Mapping[str, tuple[Callable[[str, str], str], Callable[[Parameters], str]]] = {
    "2n": (players.nothing, lambda said: ""),  # an intercom dials what its directory says
    "akuvox": (players.nothing, lambda said: ""),  # no dial rules are known
    "algo": (players.nothing, lambda said: ""),  # a loudspeaker dials nothing
    "cisco-enterprise": (players.templates, lambda said: "\n".join(f"{said[f'TEMPLATE[{n}].timeout']} {said[f'TEMPLATE[{n}].match']}" for n in range(1, 1000) if f"TEMPLATE[{n}].match" in said)),
    "cisco-mpp": (players.parentheses, lambda said: said["Dial_Plan_1_"]),
    "cisco-spa": (players.parentheses, lambda said: said["Dial_Plan_1_"]),
    "digium": (players.digit_map, lambda said: re.sub(r"T\d+", "T", said["account[0].dial_plan"])),
    "escene": (players.nothing, lambda said: ""),  # whether a row of its routing table dials at once is not told
    "fanvil": (players.nothing, lambda said: ""),  # no element for dial rules is known
    "flyingvoice": (players.nothing, lambda said: ""),  # no dial rules in the maker's templates
    "gigaset": (players.nothing, lambda said: ""),  # nor here
    "gigaset-dect": (players.nothing, lambda said: ""),  # nor here: a handset dials with its key
    "gigaset-n510": (players.nothing, lambda said: ""),  # nor here
    "gigaset-n720": (players.nothing, lambda said: ""),  # nor here
    "groundwire": (players.nothing, lambda said: ""),  # nor here: an app dials with its call key
    "grandstream": (players.braces, lambda said: next(said[name] for name in ("P290", "P4200", "account.1.call.dialplan") if name in said)),
    "grandstream-old": (players.nothing, lambda said: ""),  # a prefix, no rules
    "htek": (players.braces, lambda said: said["P4200"]),
    "alcatel-ip-touch": (players.nothing, lambda said: ""),  # no parameter for dial rules is known
    "alcatel": (players.digit_map, lambda said: re.sub(r"T\d+", "T", said["Account1DigitMap"]).replace(";", "|")),
    "audiocodes": (players.nothing, lambda said: ""),  # no parameter for dial rules is known
    "atcom": (players.nothing, lambda said: ""),  # nor here: a list of rules is known by its heading alone
    "unidata": (players.nothing, lambda said: ""),  # nor here
    "norphonic": (players.nothing, lambda said: ""),  # how a number of any length stands is not told
    "cloudtc": (players.nothing, lambda said: ""),  # nor here
    "damall": (players.nothing, lambda said: ""),  # nor here
    "zultys": (players.nothing, lambda said: ""),  # nor here
    "lg-ericsson": (players.nothing, lambda said: ""),  # nor here
    "swissvoice": (players.nothing, lambda said: ""),  # nor here
    "technicolor": (players.nothing, lambda said: ""),  # how patterns are parted is not told; emergency numbers stand apart
    "avaya": (players.timed_list, lambda said: said["DIALPLAN"].replace("|", "\n")),
    "mitel": (players.exact_match, lambda said: said["sip dial plan"]),
    "panasonic": (players.timed_list, lambda said: said["DIAL_PLAN_1"].replace("|", "\n")),
    "panasonic-utg": (players.digit_map, lambda said: said["DIAL_PLAN[1]"]),
    "obihai": (players.parentheses, lambda said: said["VoiceService.1.VoiceProfile.1.DigitMap"]),
    "patton": (players.routing_tables, lambda said: "\n\n".join("\n".join(said[name] for name in said if re.fullmatch(rf"context cs switch/routing-table called-e164\[{table}\]/route\[\d+\]", name)) for table in (1, 2))),
    "poly": (players.digit_map, lambda said: said["dialplan.digitmap"]),
    "snom": (players.expressions, lambda said: said["user_dp_str[1]"]),
    "snom-dect": (players.nothing, lambda said: ""),  # nor here: a handset dials with its key
    "vtech": (players.nothing, lambda said: ""),  # no dial plan but "anything, then wait" is known
    "yealink": (players.dial_now, lambda said: "\n".join(rule for name, rule in said.items() if name.startswith("dialplan.dialnow.rule.") and rule != "%NULL%")),
    "yealink-oem": (players.dial_now, lambda said: "\n".join(rule for name, rule in said.items() if name.startswith("DialNow["))),
    "yeastar": (players.nothing, lambda said: ""),  # how its patterns are written is not known
    "linphone": (players.nothing, lambda said: ""),  # an app dials with its call key
    "zoiper": (players.nothing, lambda said: ""),  # nor here: an app dials with its call key
    "zenitel": (players.nothing, lambda said: ""),  # no parameter for dial rules is known
}
# Their guides know no + in a plan, but the keys of a telephone alone: a number abroad begins with 00 there.
KEYS_ALONE = ("cisco-mpp", "cisco-spa", "digium", "htek", "mitel", "obihai", "panasonic-utg", "patton")
DIALECTS = [(slug, *dialect) for slug, family in sorted(families.load().families.items()) for dialect in dialects(family)]


def played(catalog: Catalog, store: Store, slug: str, model: str, firmware: str, country: str, plan: tuple[str, ...] | None, numbers: tuple[str, ...]) -> list[str]:
    """Return what becomes of each number on a phone of this model, at a site in this country, with this dial plan."""
    bench = bench_for(catalog, store, slug, model, firmware)
    bench.change_site(country=country)
    if plan:
        with store.change("test", "test") as tx:
            tx.say(f"device:{bench.phone.mac}", {"dial_plan": plan})
    play, text_of = PLANS[slug] if urgent(catalog, slug, model) == AT_ONCE else (players.nothing, lambda said: "")
    mac = bench.phone.mac
    text = text_of(parameters(slug, [bench.booter.preview(mac, name, reveal=True) for name, rule in bench.booter.files_of(mac) if rule.scope == "phone"]))
    return [play(text, number) for number in numbers]


def urgent(catalog: Catalog, slug: str, model: str) -> str:
    """Return what becomes of an emergency number: dialled at once wherever these phones can be told a dial plan."""
    return AFTER_WAIT if any(row.name == "dial_plan" for row in catalog.families[slug].lacks(model)) else AT_ONCE


@pytest.mark.parametrize(("slug", "model", "firmware"), DIALECTS)
def test_emergency_numbers_are_dialled_at_once_and_everything_else_whole(catalog: Catalog, store: Store, slug: str, model: str, firmware: str) -> None:
    numbers = ("112", "911", "999", "*97", "201", "00351213456789", "+351213456789")
    at_once, plus = urgent(catalog, slug, model), REFUSED if slug in KEYS_ALONE else AFTER_WAIT
    assert played(catalog, store, slug, model, firmware, "PT", None, numbers) == [at_once, at_once, at_once, at_once, AFTER_WAIT, AFTER_WAIT, plus]


@pytest.mark.parametrize(("slug", "model", "firmware"), DIALECTS)
def test_the_countrys_own_emergency_numbers_are_dialled_at_once_with_any_dial_plan(catalog: Catalog, store: Store, slug: str, model: str, firmware: str) -> None:
    numbers = ("112", "110", "119", "0312345678", "2345")
    at_once = urgent(catalog, slug, model)
    assert played(catalog, store, slug, model, firmware, "JP", ("[2-9]xxx", "0x+"), numbers) == [at_once, at_once, at_once, AFTER_WAIT, at_once]


def test_every_family_with_a_digit_map_is_played_and_every_other_says_why_it_has_none(catalog: Catalog) -> None:
    assert set(PLANS) == set(catalog.families)
    for slug, family in catalog.families.items():
        [row] = [row for row in family.cannot if row.name == "dial_plan" and row.guard == families.Guard()] or [None]
        assert bool(row and row.source) is not (PLANS[slug][0] is not players.nothing), slug
