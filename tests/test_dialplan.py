"""Dial plans and emergency numbers: what is written, and what the phones make of it (F9)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner import kinds
from provisioner.dialplan import NUMBERS, emergency_numbers, written
from tests import dialplan_players as players
from tests.dialplan_players import AFTER_WAIT, AT_ONCE, CUT_SHORT, REFUSED


def test_a_pattern_without_a_digit_map_of_its_own_is_an_rfc_3435_map() -> None:
    assert written(["112", "*xx", "[1-9]xx", "+x+", "x+"], {}) == ("112", "*xx", "[1-9]xx", "+x.", "x.")


def test_a_digit_map_says_how_each_piece_is_spelled() -> None:
    digitmap = {"any": "[0-9]", "some": "[0-9]+", "star": r"\*", "hash": r"\#", "plus": r"\+", "set_open": "(?:[", "set_close": "])"}
    assert written(["*[1-9]x#", "+x+"], digitmap) == (r"\*(?:[1-9])[0-9]\#", r"\+[0-9]+")


def test_only_patterns_of_known_length_are_dialled_at_once() -> None:
    assert written(["112", "*xx", "0x+"], {"any": "x", "some": "xx.", "at_once": "S0"}) == ("112S0", "*xxS0", "0xx.")


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
        (players.timed_list, "911\n[1-8]xxT3", "911", AT_ONCE),
        (players.timed_list, "911\n[1-8]xxT3", "201", AFTER_WAIT),
    ],
)
def test_the_players_read_the_makers_own_examples(play: object, plan: str, dialled: str, becomes: str) -> None:
    assert callable(play)
    assert play(plan, dialled) == becomes
