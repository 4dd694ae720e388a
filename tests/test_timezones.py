"""Zones as phones are told them, compared with the zone data itself and with the C library (F8)."""

from __future__ import annotations

import calendar
import importlib.resources
import random
import struct
import subprocess
import sys
import time
import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from provisioner import timezones
from provisioner.errors import BadValue
from provisioner.timezones import Time, Turn, time_of, zone_info

ZONES = [zone for zone in importlib.resources.files("tzdata").joinpath("zones").read_text().split() if zone != "Factory"]
FIRST, LAST = datetime(2025, 1, 1), datetime(2041, 1, 1)


def footer_applies(zone: str) -> datetime:
    """Return the moment in UTC after which the footer's rule alone counts: the last one that the file lists."""
    data = importlib.resources.files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes()
    second = data.index(b"TZif", 4)
    count = struct.unpack(">6l", data[second + 20 : second + 44])[3]
    if not count:
        return FIRST
    last = struct.unpack(f">{count}q", data[second + 44 : second + 44 + 8 * count])[-1]
    return max(FIRST, datetime(1970, 1, 1) + timedelta(seconds=last))


def offset_by_parts(told: Time, moment: datetime) -> int:
    """Return the offset in seconds that a phone has at a moment in UTC, from the parts of a Time alone."""
    if not told.dst:
        return told.offset
    year = (moment + timedelta(seconds=told.offset)).year
    start = when(told.form, told.start, year) - timedelta(seconds=told.offset)
    end = when(told.form, told.end, year) - timedelta(seconds=told.offset + told.save)
    summer = start <= moment < end if start < end else not end <= moment < start
    return told.offset + (told.save if summer else 0)


def when(form: str, turn: Turn, year: int) -> datetime:
    clock = timedelta(hours=turn.hour, minutes=turn.minute)
    days = calendar.monthrange(year, turn.month)[1]
    if form == "week":
        fitting = [day for day in range(1, days + 1) if datetime(year, turn.month, day).isoweekday() % 7 == turn.weekday]
        return datetime(year, turn.month, fitting[turn.week_from_end - 1 if turn.week_from_end > 0 else -1]) + clock
    if form == "weekday-after":
        first = datetime(year, turn.month, turn.day)
        return first + timedelta(days=(turn.weekday - first.isoweekday()) % 7) + clock
    return datetime(year, turn.month, turn.day) + clock


def true_offset(zone: str, moment: datetime) -> int:
    shift = moment.replace(tzinfo=UTC).astimezone(zone_info(zone)).utcoffset()
    assert shift is not None
    return int(shift.total_seconds())


def moments(zone: str, first: datetime, last: datetime) -> list[datetime]:
    """Return random moments, and those around each move of the clocks."""
    chosen = random.Random(zone)
    span = int((last - first).total_seconds())
    some = [first + timedelta(seconds=chosen.randrange(span)) for _ in range(12)] if span > 0 else []
    for year in range(first.year, last.year):
        for moved, _, _ in timezones._moves(zone, year):
            some += [moved - timedelta(seconds=1), moved, moved + timedelta(hours=1)]
    return [moment for moment in some if first <= moment < last]


@pytest.mark.parametrize("form", ["week", "weekday-after"])
def test_every_zone_is_said_exactly_from_where_its_rule_applies(form: str) -> None:
    said = 0
    for zone in ZONES:
        told = time_of(zone, (form,))
        if told.warning:
            continue
        said += told.dst
        for moment in moments(zone, footer_applies(zone), LAST):
            assert offset_by_parts(told, moment) == true_offset(zone, moment), (zone, moment, told)
    assert said > 100


def test_the_dates_of_a_year_are_right_in_that_year_in_every_zone_that_moves_there_and_back() -> None:
    checked = 0
    for zone in ZONES:
        for year in (2025, 2026, 2028, 2033, 2040):
            told = time_of(zone, ("dates",), year)
            if not told.dated:
                assert len(timezones._moves(zone, year)) != 2, (zone, year)
                continue
            for moment in moments(zone, datetime(year, 1, 2), datetime(year, 12, 30)):
                checked += 1
                assert offset_by_parts(told, moment) == true_offset(zone, moment), (zone, moment, told)
    assert checked > 1000


LIBC = """
import os, sys, time
for line in sys.stdin:
    text, *seconds = line.split()
    os.environ["TZ"] = text
    time.tzset()
    print(*(time.localtime(int(one)).tm_gmtoff for one in seconds))
"""


def offsets_by_libc(asked: list[tuple[str, list[int]]]) -> list[list[int]]:
    """Return the offsets that the C library has under each POSIX text, in a process of its own."""
    lines = "".join(f"{text} {' '.join(str(one) for one in seconds)}\n" for text, seconds in asked)
    done = subprocess.run([sys.executable, "-c", LIBC], input=lines, capture_output=True, text=True, check=True)
    return [[int(one) for one in line.split()] for line in done.stdout.splitlines()]


def test_the_posix_text_of_every_zone_is_what_the_c_library_makes_of_it() -> None:
    asked, expected = [], []
    for zone in ZONES:
        some = moments(zone, footer_applies(zone), LAST)
        if some:
            asked.append((time_of(zone).posix, [calendar.timegm(moment.timetuple()) for moment in some]))
            expected.append([true_offset(zone, moment) for moment in some])
    assert offsets_by_libc(asked) == expected


def test_the_dated_posix_text_is_what_the_c_library_makes_of_it() -> None:
    for zone in ("Asia/Jerusalem", "Asia/Gaza", "America/Nuuk"):
        told = time_of(zone, ("posix",), 2026)
        assert told.dated and told.form == "posix" and not told.warning
        some = moments(zone, datetime(2026, 1, 2), datetime(2026, 12, 30))
        seconds = [calendar.timegm(moment.timetuple()) for moment in some]
        assert offsets_by_libc([(told.posix, seconds)]) == [[true_offset(zone, moment) for moment in some]]


def test_posix_text_has_names_of_letters_only() -> None:
    for zone in ZONES:
        for year in (0, 2026):
            assert "<" not in time_of(zone, year=year).posix


@pytest.mark.parametrize(
    ("zone", "posix"),
    [  # those of the table that was checked hour by hour, and the odd ones
        ("UTC", "UTC0"),
        ("Europe/London", "GMT0BST,M3.5.0/1,M10.5.0"),
        ("Europe/Lisbon", "WET0WEST,M3.5.0/1,M10.5.0"),
        ("Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"),
        ("America/New_York", "EST5EDT,M3.2.0,M11.1.0"),
        ("America/Los_Angeles", "PST8PDT,M3.2.0,M11.1.0"),
        ("Asia/Tokyo", "JST-9"),
        ("Asia/Kolkata", "IST-5:30"),
        ("Australia/Sydney", "AEST-10AEDT,M10.1.0,M4.1.0/3"),
        ("America/Sao_Paulo", "SAO3"),
        ("Europe/Dublin", "GMT0IST,M3.5.0/1,M10.5.0"),  # the data has winter as negative daylight time
        ("Pacific/Easter", "EAS6EAD,M9.1.6/22,M4.1.6/22"),
        ("Australia/Lord_Howe", "LOR-10:30LOS-11,M10.1.0,M4.1.0"),
        ("Etc/GMT+3", "UTC3"),
    ],
)
def test_posix_text(zone: str, posix: str) -> None:
    assert time_of(zone).posix == posix


def test_standard_time_is_the_smaller_offset_even_in_dublin() -> None:
    told = time_of("Europe/Dublin", ("week",))
    assert (told.offset, told.save) == (0, 3600)
    assert (told.start, told.end) == (Turn(3, 5, 0, 25, 1, 0), Turn(10, 5, 0, 25, 2, 0))


def test_an_hour_outside_the_day_is_moved_to_the_neighbouring_day_exactly() -> None:
    jerusalem = time_of("Asia/Jerusalem", ("week", "weekday-after", "dates"))
    assert jerusalem.form == "weekday-after"
    assert (jerusalem.start.month, jerusalem.start.weekday, jerusalem.start.day, jerusalem.start.hour) == (3, 5, 23, 2)
    gaza = time_of("Asia/Gaza", ("weekday-after",)).start
    assert (gaza.month, gaza.weekday, gaza.day, gaza.hour) == (3, 6, 24, 2)
    nuuk = time_of("America/Nuuk", ("weekday-after",)).start
    assert (nuuk.month, nuuk.weekday, nuuk.day, nuuk.hour) == (3, 6, 24, 23)
    santiago = time_of("America/Santiago", ("week", "weekday-after"))
    assert (santiago.start.month, santiago.start.weekday, santiago.start.day, santiago.start.hour) == (9, 0, 2, 0)


def test_cairo_moves_back_on_a_friday_that_may_lie_in_november() -> None:
    assert time_of("Africa/Cairo", ("week", "weekday-after")).form == "none"
    told = time_of("Africa/Cairo", ("week", "dates"), 2026)
    assert (told.form, told.dated) == ("dates", True)
    assert (told.end.month, told.end.day, told.end.hour) == (10, 30, 0)


def test_where_no_form_says_the_rule_there_is_no_daylight_time_but_a_warning() -> None:
    told = time_of("Asia/Jerusalem", ("week", "dates"))
    assert (told.form, told.dst) == ("none", False)
    assert told.warning == (
        "these phones cannot say when Asia/Jerusalem turns its clocks, so they stay on standard time; give the device a year to get fixed dates"
    )
    assert "by hand" in time_of("Asia/Jerusalem", ("week",), 2026).warning


def test_the_first_form_that_fits_is_taken() -> None:
    assert time_of("Europe/Lisbon", ("dates", "week"), 2026).form == "week"
    assert time_of("Europe/Lisbon", ("posix", "week")).form == "posix"
    assert time_of("Europe/Lisbon", ("weekday-after",)).form == "weekday-after"
    assert not time_of("Europe/Lisbon", ("week",), 2026).dated


@pytest.mark.parametrize(
    ("zone", "hours", "signless", "hm", "minutes", "west"),
    [
        ("UTC", "0", "0", "+00:00", 0, 0),
        ("Europe/Rome", "+1", "1", "+01:00", 60, -60),
        ("Asia/Kolkata", "+5:30", "5:30", "+05:30", 330, -330),
        ("America/St_Johns", "-3:30", "-3:30", "-03:30", -210, 210),
        ("Pacific/Marquesas", "-9:30", "-9:30", "-09:30", -570, 570),
        ("America/New_York", "-5", "-5", "-05:00", -300, 300),
    ],
)
def test_the_offset_in_each_spelling(zone: str, hours: str, signless: str, hm: str, minutes: int, west: int) -> None:
    told = time_of(zone)
    assert (told.hours, told.hours_signless, told.hm, told.minutes, told.minutes_west) == (hours, signless, hm, minutes, west)


def test_what_the_clocks_go_forward_in_each_spelling() -> None:
    lord_howe, troll = time_of("Australia/Lord_Howe"), time_of("Antarctica/Troll")
    assert (lord_howe.save, lord_howe.save_minutes, lord_howe.save_hm) == (1800, 30, "0:30")
    assert (troll.save, troll.save_minutes, troll.save_hm) == (7200, 120, "2:00")


def test_a_turn_in_each_spelling() -> None:
    end = time_of("America/New_York", ("week",)).start
    assert (end.month2, end.week2, end.week_from_end, end.weekday_mon1, end.weekday_sun1, end.weekday2) == ("03", "02", 2, 7, 1, "00")
    assert (end.day, end.day2, end.hh, end.mm) == (8, "08", "02", "00")
    assert time_of("Europe/Rome", ("week",)).end.week_from_end == -1


def test_the_vendors_word_is_handed_on() -> None:
    assert time_of("Europe/Rome", word="Italy(Rome)").word == "Italy(Rome)"
    assert time_of("Europe/Rome").word is None


@pytest.mark.parametrize("zone", ["", "Europe/Nowhere", "../../etc/passwd", "/etc/localtime", "Europe", "__init__.py", "zone.tab"])
def test_what_is_no_zone_is_refused_with_a_sentence(zone: str) -> None:
    with pytest.raises(BadValue, match="is not a time zone; write it as Europe/Lisbon"):
        time_of(zone)


def test_the_version_of_the_data_is_known() -> None:
    assert timezones.version()[:4].isdigit()


# A zone whose clocks follow the moon: a file as older data had for Casablanca, in which no rule stands at the end


def tzif(moves: list[tuple[int, int]], footer: str) -> bytes:
    """Return a TZif file (RFC 9636) with offsets 0 and 3600; moves: (seconds, type)."""
    head = b"TZif2" + bytes(15)
    types = struct.pack(">lBB", 0, 0, 0) + struct.pack(">lBB", 3600, 1, 4)
    times = b"".join(struct.pack(">q", at) for at, _ in moves) + bytes(kind for _, kind in moves)
    counts = struct.pack(">6l", 0, 0, 0, len(moves), 2, 8)
    empty = head + struct.pack(">6l", 0, 0, 0, 0, 1, 4) + struct.pack(">lBB", 0, 0, 0) + b"+00\0"
    return empty + head + counts + times + types + b"+00\0+01\0" + b"\n" + footer.encode() + b"\n"


@pytest.fixture
def moon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a zone that has dates up to 2040 and then none."""

    def at(year: int, month: int, day: int, hour: int) -> int:
        return calendar.timegm((year, month, day, hour, 0, 0))

    moves = [(at(2025, 1, 1, 0), 1)]
    for year in (2026, 2040):
        moves += [(at(year, 2, 15, 2), 0), (at(year, 3, 22, 2), 1)]
    (tmp_path / "Test").mkdir()
    (tmp_path / "Test" / "Moon").write_bytes(tzif(moves, "<+01>-1"))
    monkeypatch.setattr(zoneinfo, "TZPATH", (str(tmp_path),))
    return "Test/Moon"


def test_a_zone_that_follows_a_calendar_gets_the_dates_of_the_year(moon: str) -> None:
    told = time_of(moon, ("week", "dates"), 2026)
    assert (told.form, told.offset, told.save, told.dated) == ("dates", 0, 3600, True)
    assert (told.start, told.end) == (Turn(3, 4, 0, 22, 2, 0), Turn(2, 3, 0, 15, 3, 0))
    assert told.posix == "MOO0MOS,J81,J46/3"


def test_a_zone_that_follows_a_calendar_stays_on_what_it_has_most_and_says_so_without_a_year(moon: str) -> None:
    told = time_of(moon, ("week", "dates"))
    assert (told.dst, told.offset, told.form) == (False, 3600, "none")
    assert told.warning == f"{moon} moves its clocks by a calendar that no rule says; give the device a year to get fixed dates"


def test_the_clock_of_the_machine_and_its_own_zone_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    before = time_of("Asia/Jerusalem", ("dates",), 2026)
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        timezones._time_of.cache_clear()
        timezones._moves.cache_clear()
        monkeypatch.setattr(time, "time", lambda: 0.0)
        assert time_of("Asia/Jerusalem", ("dates",), 2026) == before
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_year_in_which_the_rule_did_not_hold_yet_gets_its_own_dates_where_the_phone_can_say_them() -> None:
    told = time_of("Asia/Gaza", ("week", "weekday-after", "dates"), 2025)
    assert (told.form, told.dated, told.start.month, told.start.day) == ("dates", True, 4, 12)
    assert time_of("Asia/Gaza", ("week", "weekday-after"), 2025).warning == (
        "in 2025 the clocks of Asia/Gaza do not follow the rule that holds afterwards, and these phones are told the rule"
    )


def test_a_phone_that_knows_the_rules_of_its_own_list_is_told_a_word() -> None:
    told = time_of("Europe/Rome", ("word",), 2026, "GMT+1.Europe/Amsterdam")
    assert (told.form, told.dst, told.word, told.warning) == ("word", True, "GMT+1.Europe/Amsterdam", "")
    assert time_of("Asia/Tokyo", ("word",), 0, "Asia/Tokyo").form == "none"
    assert time_of("Asia/Gaza", ("word", "week", "weekday-after")).form == "weekday-after"
    assert time_of("Asia/Tokyo", ("word",)).warning == (
        "these phones have no word for Asia/Tokyo, so their clock stays in the zone that it has; say a zone of the same clock, or set it by hand"
    )
