"""An IANA zone -> what a template sees as `time`: offset, POSIX text, daylight rule in parts (F8).

The rule is read from the POSIX footer of the zone's TZif file (RFC 9636, 3.3), in the pinned
`tzdata` package first and in the system's files where that lacks the zone. It is normalised:
standard time is the smaller offset (Dublin's footer says it the other way round), and a turn at
an hour outside 0..23 is moved to the neighbouring day, exactly: Jerusalem's M3.4.4/26 is the
Friday on or after the 23rd, at 02:00.

Nothing here asks for the current time: a year is an argument (F1).
"""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import re
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import IO

from provisioner.errors import BadValue

FORMS = ("posix", "week", "weekday-after", "dates")


@dataclass(frozen=True)
class Limits:
    """What of a clock some phones cannot be told, whatever the form.

    offsets:   those that they know, as `hours` or `hm` of a Time; None is every one.
    saves:     minutes that the clocks may go forward; empty is any number.
    last_hour: the latest hour at which they may turn.
    full_hours: whether they turn at full hours alone (Chatham does at 02:45).
    """

    offsets: frozenset[str] | None = None
    saves: frozenset[int] = frozenset()
    last_hour: int = 23
    full_hours: bool = False


NO_LIMITS = Limits()


@dataclass(frozen=True)
class Turn:
    """The moment at which the clocks move, by the wall clock that runs until then.

    month:   1..12.
    week:    1..5, 5 the last; 0 where no week says it.
    weekday: 0 Sunday .. 6 Saturday.
    day:     the first day of the month that counts; the day itself where form is `dates`.
    hour, minute: 0..23, 0..59; the hour may be 24 where form is `posix`.
    """

    month: int
    week: int
    weekday: int
    day: int
    hour: int
    minute: int

    @property
    def week_from_end(self) -> int:
        """-1 for the last week, else 1..4."""
        return -1 if self.week == 5 else self.week

    @property
    def weekday_mon1(self) -> int:
        """Monday 1 .. Sunday 7."""
        return self.weekday or 7

    @property
    def weekday_sun1(self) -> int:
        """Sunday 1 .. Saturday 7."""
        return self.weekday + 1

    @property
    def hh(self) -> str:
        """The hour in two digits."""
        return f"{self.hour:02}"

    @property
    def mm(self) -> str:
        """The minute in two digits."""
        return f"{self.minute:02}"

    @property
    def month2(self) -> str:
        """The month in two digits."""
        return f"{self.month:02}"

    @property
    def day2(self) -> str:
        """The day in two digits."""
        return f"{self.day:02}"

    @property
    def week2(self) -> str:
        """The week in two digits."""
        return f"{self.week:02}"

    @property
    def weekday2(self) -> str:
        """The weekday, 0 Sunday .. 6, in two digits."""
        return f"{self.weekday:02}"


_NEVER = Turn(1, 1, 0, 1, 0, 0)


@dataclass(frozen=True)
class Time:
    """A zone as a template sees it.

    offset: seconds east of Greenwich in standard time.
    posix:  POSIX TZ text with names of letters only; west is positive there.
    word:   the vendor's own word for the zone, or None.
    dst:    whether `start` and `end` hold; False where form is `none`.
    form:   how they are said: posix, week, weekday-after, dates, word (the zone's name says it) or none.
    save:   seconds that the clocks go forward.
    start, end: into daylight time by the standard clock, and back by the daylight clock.
    dated:  the rule holds for one year only, and has to be said anew for the next.
    warning: a sentence where the phone's clock will not follow the zone; else empty.
    """

    zone: str
    offset: int
    posix: str
    word: str | None = None
    dst: bool = False
    form: str = "none"
    save: int = 0
    start: Turn = _NEVER
    end: Turn = _NEVER
    dated: bool = False
    warning: str = ""

    @property
    def hours(self) -> str:
        """The offset as +1, +5:30, -3:30, and 0 for Greenwich."""
        return f"+{self.hours_signless}" if self.offset > 0 else self.hours_signless

    @property
    def hours_signless(self) -> str:
        """The offset as 1, 5:30, -3:30, 0: no plus."""
        minutes = abs(self.minutes)
        return f"{'-' if self.offset < 0 else ''}{minutes // 60}" + (f":{minutes % 60:02}" if minutes % 60 else "")

    @property
    def hm(self) -> str:
        """The offset as +05:30, always with sign and two digits."""
        return f"{'-' if self.offset < 0 else '+'}{abs(self.minutes) // 60:02}:{abs(self.minutes) % 60:02}"

    @property
    def minutes(self) -> int:
        """The offset in minutes, east positive."""
        return self.offset // 60

    @property
    def minutes_west(self) -> int:
        """The offset in minutes, west positive."""
        return -self.minutes

    @property
    def save_minutes(self) -> int:
        """What the clocks go forward, in minutes."""
        return self.save // 60

    @property
    def save_hm(self) -> str:
        """What the clocks go forward, as 1:00."""
        return f"{self.save_minutes // 60}:{self.save_minutes % 60:02}"


@dataclass(frozen=True)
class _Day:
    """The day of one turn as the footer gives it: kind M (month, week, weekday), J or 0 (day of year)."""

    kind: str
    month: int
    week: int
    weekday: int
    at: int  # seconds after midnight, may lie outside the day


@dataclass(frozen=True)
class _Rule:
    """A footer, normalised; `days` is None where the clocks never move."""

    standard: str
    offset: int
    daylight: str = ""
    save: int = 0
    days: tuple[_Day, _Day] | None = None


def version() -> str:
    """Return the version of the zone data that is used, such as 2026.2."""
    return importlib.metadata.version("tzdata")


@lru_cache(maxsize=4096)
def _time_of(zone: str, forms: tuple[str, ...], year: int, word: str | None) -> Time:
    rule = _footer(zone)
    dated = _in_year(zone, rule, year) if year else None
    moves = rule.days is not None or dated is not None
    if forms[:1] == ("name",) or (word is not None and forms[:1] == ("word",)):
        return Time(zone, rule.offset, _posix(zone, rule, None), word, moves, "word" if moves else "none", rule.save)
    if forms == ("word",):
        why = f"these phones have no word for {zone}, so their clock stays in the zone that it has; say a zone of the same clock, or set it by hand"
        return Time(zone, rule.offset, _posix(zone, rule, None), warning=why)
    if not moves:
        return Time(zone, rule.offset, _posix(zone, rule, None), word, warning=_by_calendar(zone) if _moves_on(zone) else "")
    in_dates = next((form for form in ("dates", "posix") if form in forms), "") if dated else ""
    if rule.days and not (dated and in_dates and dated.off_rule):
        strict = all(0 <= day.at <= 86400 for day in rule.days)
        for form in forms:
            turns = _said(form, rule.days, strict)
            if turns:
                why = f"in {year} the clocks of {zone} do not follow the rule that holds afterwards, and these phones are told the rule" if year and not _follows(zone, rule, year) else ""
                return Time(zone, rule.offset, _posix(zone, rule, None), word, True, form, rule.save, *turns, warning=why)
    if dated and in_dates:
        text = _posix(zone, dated.rule, dated.turns)
        return Time(zone, dated.rule.offset, text, word, True, in_dates, dated.rule.save, *dated.turns, dated=True)
    if rule.days and "posix" in forms:
        why = f"{zone} turns its clocks at an hour outside 0 to 24, which some phones do not read; give the device a year to get fixed dates"
        turns = _loose(rule.days)
        return Time(zone, rule.offset, _posix(zone, rule, None), word, True, "posix", rule.save, *turns, warning=why)
    cure = "set the phone's clock by hand twice a year" if year else "give the device a year to get fixed dates"
    why = f"these phones cannot say when {zone} turns its clocks, so they stay on standard time; {cure}"
    return Time(zone, rule.offset, _posix(zone, rule, None), word, warning=why)


def _limited(told: Time, limits: Limits) -> Time:
    """Return the same where it lies within the limits, else the standard time of the zone and a warning."""
    if told.word is None and limits.offsets is not None and not {told.hours, told.hm} & limits.offsets:
        why = f"these phones have no clock of {told.hm}, in which {told.zone} is, so theirs stays in the zone that it has; set it by hand"
        return replace(told, dst=False, form="none", save=0, start=_NEVER, end=_NEVER, dated=False, warning=why)
    if not told.dst or told.form in ("word", "posix"):
        return told
    if limits.saves and told.save_minutes not in limits.saves:
        why = f"these phones cannot move their clocks by {told.save_minutes} minutes, as {told.zone} does"
    elif max(told.start.hour, told.end.hour) > limits.last_hour:
        why = f"these phones cannot turn their clocks after {limits.last_hour} o'clock, as {told.zone} does"
    elif limits.full_hours and (told.start.minute or told.end.minute):
        why = f"these phones turn their clocks at full hours alone, which {told.zone} does not"
    else:
        return told
    why += ", so they stay on standard time; set the phone's clock by hand twice a year"
    return replace(told, dst=False, form="none", save=0, start=_NEVER, end=_NEVER, dated=False, warning=why)


def time_of(zone: str, forms: Sequence[str] = FORMS, year: int = 0, word: str | None = None, limits: Limits = NO_LIMITS) -> Time:
    """Return what a template sees of a zone.

    forms: the DST forms that the family can say, the best first; the first that says the zone's
           rule exactly, for every year, is taken. `word` in the first place is for phones that
           know the rules of the zones in their own list, `name` for those that know them by their IANA names.
    year:  where none does, the turns of this year are given as fixed dates (`dated`); 0 is none.
    word:  the vendor's own word for the zone.
    limits: beyond them phones stay on standard time, and `warning` says so.

    Raises BadValue where there is no such zone.
    """
    return _limited(_time_of(zone, tuple(forms), year, word), limits)


def _by_calendar(zone: str) -> str:
    return f"{zone} moves its clocks by a calendar that no rule says; give the device a year to get fixed dates"


@lru_cache(maxsize=4096)
def with_the_clock_of(zone: str, others: tuple[str, ...], year: int = 0) -> str:
    """Return the first of other zones that has the same rule and moves its clocks at the same moments in a year, or empty.

    Raises BadValue where there is no such zone.
    """

    def clock(name: str) -> tuple[object, ...]:
        rule = _footer(name)
        return rule.offset, rule.save, rule.days, _moves(name, year or 2040)  # where no year is said, one beyond all tables

    return next((other for other in others if clock(other) == clock(zone)), "")


# Reading a zone


def _file(zone: str) -> Traversable | Path:
    """Return the TZif file of a zone: the pinned package's, else the system's; raises BadValue."""
    parts = zone.split("/")
    if all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_+-]*", part) for part in parts):
        pinned = importlib.resources.files("tzdata").joinpath("zoneinfo", *parts)
        if pinned.is_file():
            return pinned
        for folder in zoneinfo.TZPATH:
            if Path(folder, *parts).is_file():
                return Path(folder, *parts)
    raise BadValue(f"{zone!r} is not a time zone; write it as Europe/Lisbon")


def _open(zone: str) -> IO[bytes]:
    return _file(zone).open("rb")


@lru_cache(maxsize=1024)
def zone_info(zone: str) -> zoneinfo.ZoneInfo:
    """Return the zone from the pinned data, whatever the system has; raises BadValue."""
    with _open(zone) as file:
        return zoneinfo.ZoneInfo.from_file(file, key=zone)


_NAME = r"([A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)"
_OFFSET = r"([+-]?\d{1,3}(?::\d{2}){0,2})"
_DATE = rf"(J\d{{1,3}}|\d{{1,3}}|M\d{{1,2}}\.\d\.\d)(?:/{_OFFSET})?"
_FOOTER = re.compile(rf"{_NAME}{_OFFSET}(?:{_NAME}{_OFFSET}?,{_DATE},{_DATE})?")


@lru_cache(maxsize=1024)
def _footer(zone: str) -> _Rule:
    with _open(zone) as file:
        text = file.read().rstrip(b"\n").rpartition(b"\n")[2].decode("ascii")
    found = _FOOTER.fullmatch(text)
    if not found:
        raise BadValue(f"the data of the time zone {zone!r} ends in {text[:40]!r}, which is no POSIX rule; install the package tzdata anew")
    standard, west, daylight, dst_west, first, first_at, second, second_at = found.groups()
    offset = -_seconds(west)
    if not daylight:
        return _Rule(standard, offset)
    summer = -_seconds(dst_west) if dst_west else offset + 3600
    start, end = _day(first, first_at), _day(second, second_at)
    if summer < offset:  # negative daylight time: what the footer calls standard is the summer
        standard, daylight, offset, summer, start, end = daylight, standard, summer, offset, end, start
    return _Rule(standard, offset, daylight, summer - offset, (start, end))


def _seconds(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    parts = [int(part) for part in text.lstrip("+-").split(":")]
    return sign * sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))


def _day(text: str, at: str | None) -> _Day:
    seconds = _seconds(at) if at else 7200
    if text.startswith("M"):
        month, week, weekday = (int(part) for part in text[1:].split("."))
        return _Day("M", month, week, weekday, seconds)
    return _Day("J" if text.startswith("J") else "0", 0, int(text.lstrip("J")), 0, seconds)


# Saying a rule

_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _said(form: str, days: tuple[_Day, _Day], strict: bool) -> tuple[Turn, Turn] | None:
    """Return both turns in a form that says them exactly for every year, or None."""
    if form == "posix":
        return _loose(days) if strict else None
    makers = {"week": _week, "weekday-after": _weekday_after, "dates": _fixed}
    if form not in makers:
        return None
    start, end = (makers[form](day) for day in days)
    return (start, end) if start and end else None


def _loose(days: tuple[_Day, _Day]) -> tuple[Turn, Turn]:
    """Return the turns in the first form that each has, for templates that look at parts beside the POSIX text."""
    start, end = (_week(day) or _weekday_after(day) or _fixed(day) or _as_written(day) for day in days)
    return start, end


def _as_written(day: _Day) -> Turn:
    """Return the turn with the hour that the footer has, 24 and more included (Cairo: last Thursday of October, 24:00)."""
    return Turn(day.month, day.week, day.weekday, _first_of_week(day) if day.kind == "M" else 0, day.at // 3600, day.at % 3600 // 60)


def _clock(at: int) -> tuple[int, int, int]:
    """Return (days moved, hour, minute) of seconds after a midnight."""
    return at // 86400, at % 86400 // 3600, at % 3600 // 60


def _week(day: _Day) -> Turn | None:
    moved, hour, minute = _clock(day.at)
    if day.kind != "M" or moved:
        return None
    return Turn(day.month, day.week, day.weekday, _first_of_week(day), hour, minute)


def _first_of_week(day: _Day) -> int:
    """Return the first day of the month that can be the one meant; in February the last week is taken to start on the 22nd."""
    return day.week * 7 - 6 if day.week < 5 else _LENGTHS[day.month - 1] - 6


def _weekday_after(day: _Day) -> Turn | None:
    """Return the turn as `weekday on or after a day`; None where its seven days do not lie in one month every year."""
    moved, hour, minute = _clock(day.at)
    if day.kind != "M" or (day.month == 2 and day.week == 5):
        return None
    month, first = day.month, _first_of_week(day) + moved
    if first + 6 < 1 and month != 3:  # wholly in the month before, whose length is the same every year
        month = (month - 2) % 12 + 1
        first += _LENGTHS[month - 1]
    elif first > _LENGTHS[month - 1] and month != 2:
        first -= _LENGTHS[month - 1]
        month = month % 12 + 1
    if first < 1 or first + 6 > _LENGTHS[month - 1]:
        return None
    week = (first + 6) // 7 if first % 7 == 1 else 5 if first + 6 == _LENGTHS[month - 1] and month != 2 else 0
    return Turn(month, week, (day.weekday + moved) % 7, first, hour, minute)


def _fixed(day: _Day) -> Turn | None:
    """Return the turn where the footer names a day of the year that leap years do not move (RFC 9636: Jn)."""
    moved, hour, minute = _clock(day.at)
    if day.kind != "J" or not 1 <= day.week + moved <= 365:
        return None
    when = date(2023, 1, 1) + timedelta(days=day.week + moved - 1)
    return Turn(when.month, 0, 0, when.day, hour, minute)


# One year's dates


@dataclass(frozen=True)
class _Dated:
    rule: _Rule
    turns: tuple[Turn, Turn]
    off_rule: bool  # the footer's rule gives other moments in this year


def _in_year(zone: str, rule: _Rule, year: int) -> _Dated | None:
    """Return the two turns of one year as dates, or None where the clocks do not move there and back."""
    moves = _moves(zone, year)
    if len(moves) != 2 or moves[0][1] != moves[1][2] or moves[0][2] != moves[1][1]:
        return None
    start, end = moves if moves[0][2] > moves[0][1] else moves[::-1]
    turns = (_on(start[0] + timedelta(seconds=start[1])), _on(end[0] + timedelta(seconds=end[1])))
    offset, save = start[1], start[2] - start[1]
    off_rule = rule.days is not None and ((offset, save) != (rule.offset, rule.save) or not _follows(zone, rule, year))
    return _Dated(_Rule(rule.standard, offset, rule.daylight or rule.standard, save), turns, off_rule)


def _follows(zone: str, rule: _Rule, year: int) -> bool:
    """Return True where the clocks move in a year at the moments that the footer's rule gives, and at no others."""
    told = [_utc(day, year, rule.offset + extra) for day, extra in zip(rule.days or (), (0, rule.save), strict=False)]
    return sorted(told) == [moved for moved, _, _ in _moves(zone, year)]


@lru_cache(maxsize=1024)
def _moves(zone: str, year: int) -> tuple[tuple[datetime, int, int], ...]:
    """Return (moment in UTC, seconds before, seconds after) of each move of the clocks in a year."""
    info, moves = zone_info(zone), []

    def offset(moment: datetime) -> int:
        shift = moment.replace(tzinfo=UTC).astimezone(info).utcoffset()
        assert shift is not None
        return int(shift.total_seconds())

    day, before = datetime(year, 1, 1), offset(datetime(year, 1, 1))
    while day.year == year:
        low, high = day, min(day + timedelta(days=7), datetime(year + 1, 1, 1))  # nowhere do clocks move twice in a week
        after = offset(high)
        if before != after:
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
                low, high = (middle, high) if offset(middle) == before else (low, middle)
            moves.append((high, before, after))
        day, before = day + timedelta(days=7), after
    return tuple(moves)


def _moves_on(zone: str) -> bool:
    """Return True where the data lists moves beyond 2037, although the footer has no rule (Casablanca)."""
    return bool(_moves(zone, 2040))


def _utc(day: _Day, year: int, offset: int) -> datetime:
    """Return the moment of a footer's day in a year, in UTC, where the clock before it runs at this offset."""
    if day.kind == "M":
        first = date(year, day.month, 1)
        when = first + timedelta(days=(day.weekday - first.isoweekday()) % 7 + 7 * (day.week - 1))
        if when.month != day.month:
            when -= timedelta(days=7)
    else:
        leap = day.kind == "J" and day.week >= 60 and (date(year, 3, 1) - date(year, 2, 28)).days == 2
        when = date(year, 1, 1) + timedelta(days=day.week - (day.kind == "J") + leap)
    return datetime(when.year, when.month, when.day) + timedelta(seconds=day.at - offset)


def _on(when: datetime) -> Turn:
    week = (when.day + 6) // 7
    return Turn(when.month, 5 if (when + timedelta(days=7)).month != when.month else week, when.isoweekday() % 7, when.day, when.hour, when.minute)


# POSIX text


def _posix(zone: str, rule: _Rule, turns: tuple[Turn, Turn] | None) -> str:
    """Return the rule as POSIX TZ text (POSIX.1, 8.3); `turns` are said as fixed days of the year.

    Names are letters: phones show them, and some refuse <+03>. Where the data has a number for a
    name, standard time takes the first three letters of the place (SAO for America/Sao_Paulo),
    daylight time the first two and S, or D where that would be the same.
    """
    standard, daylight = _letters(zone, rule.standard, rule.daylight if rule.daylight != rule.standard else "<>")
    text = standard + _west(rule.offset)
    if turns:
        days = [_day_of_year(turn) + _at(turn.hour * 3600 + turn.minute * 60) for turn in turns]
    elif rule.days:
        days = [f"M{day.month}.{day.week}.{day.weekday}{_at(day.at)}" if day.kind == "M" else f"{day.kind.strip('0')}{day.week}{_at(day.at)}" for day in rule.days]
    else:
        return text
    return f"{text}{daylight}{'' if rule.save == 3600 else _west(rule.offset + rule.save)},{','.join(days)}"


def _day_of_year(turn: Turn) -> str:
    """Return a date as POSIX counts it: Jn from 1 without leap days; 29 February has a form of its own, from 0."""
    if (turn.month, turn.day) == (2, 29):
        return "59"
    return f"J{(date(2023, turn.month, turn.day) - date(2022, 12, 31)).days}"


def _letters(zone: str, standard: str, daylight: str) -> tuple[str, str]:
    place = "UTC" if zone.startswith("Etc/") else re.sub(r"[^A-Z]", "", zone.rpartition("/")[2].upper()).ljust(3, "X")
    first = place[:3] if standard.startswith("<") else standard
    second = daylight
    if daylight.startswith("<"):
        second = place[:2] + ("S" if first != place[:2] + "S" else "D")
    return first, second


def _west(offset: int) -> str:
    """Return an offset as POSIX writes it, west positive: -5:30 for India."""
    hours, rest = divmod(abs(offset), 3600)
    text = f"{hours}" + (f":{rest // 60:02}" if rest else "") + (f":{rest % 60:02}" if rest % 60 else "")
    return f"-{text}" if offset > 0 else text


def _at(seconds: int) -> str:
    """Return the time of a rule with its slash; nothing for 02:00, which POSIX takes where none is said."""
    if seconds == 7200:
        return ""
    hours, rest = divmod(abs(seconds), 3600)
    return f"/{'-' if seconds < 0 else ''}{hours}" + (f":{rest // 60:02}" if rest else "")
