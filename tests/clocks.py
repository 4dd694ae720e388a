"""Clocks as phones run them: each vendor's own form of offset and daylight rule, played without the code that wrote it.

A `Clock` says of a year: the offset on 1 January (UTC), and each move of the clocks as (moment in UTC, offset from then on),
offsets in seconds east. `READERS` makes a family's clock of the parameters of its file; None is a file that says nothing of it.
"""

from __future__ import annotations

import csv
import re
from calendar import monthrange
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from provisioner.timezones import zone_info
from tests import recorded

Moves = tuple[tuple[datetime, int], ...]
Clock = Callable[[int], tuple[int, Moves]]
Day = Callable[[int], datetime]  # a year -> the wall clock at which clocks move
Said = Mapping[str, str]


# The clock of a place, by the zone data


@lru_cache(maxsize=4096)
def place(zone: str) -> Clock:
    """Return the clock of a place, by the pinned zone data."""
    info = zone_info(zone)

    def offset(moment: datetime) -> int:
        shift = moment.replace(tzinfo=UTC).astimezone(info).utcoffset()
        assert shift is not None
        return int(shift.total_seconds())

    @lru_cache
    def clock(year: int) -> tuple[int, Moves]:
        moves, day, first = [], datetime(year, 1, 1), offset(datetime(year, 1, 1))
        before = first
        while day.year == year:
            after = offset(day + timedelta(days=4))
            if after != before:
                low, high = day, day + timedelta(days=4)
                while high - low > timedelta(minutes=1):
                    middle = low + (high - low) // timedelta(minutes=2) * timedelta(minutes=1)
                    low, high = (middle, high) if offset(middle) == before else (low, middle)
                moves.append((high, after))
            day, before = day + timedelta(days=4), after
        return first, tuple(move for move in moves if move[0].year == year)

    return clock


# A clock by offset and rule


def steady(offset: int) -> Clock:
    """Return a clock that never moves."""
    return lambda year: (offset, ())


def standard(clock: Clock) -> int:
    """Return the offset of a clock in standard time."""
    first, moves = clock(2027)
    return min(first, *(after for _, after in moves), first)


def moving(offset: int, save: int, start: Day, end: Day) -> Clock:
    """Return a clock that goes forward at `start`, told by standard time, and back at `end`, told by daylight time."""

    def clock(year: int) -> tuple[int, Moves]:
        forward = (start(year) - timedelta(seconds=offset), offset + save)
        back = (end(year) - timedelta(seconds=offset + save), offset)
        moves = tuple(sorted((forward, back)))
        return (offset if moves[0] == forward else offset + save), moves

    return clock


def week(month: int, number: int, weekday: int, hour: int, minute: int = 0) -> Day:
    """Return a weekday of a month: number 1..4 from its beginning, 5 or -1 the last; weekday 0 Sunday."""

    def day(year: int) -> datetime:
        days = [n for n in range(1, monthrange(year, month)[1] + 1) if date(year, month, n).isoweekday() % 7 == weekday % 7]
        return datetime(year, month, days[-1 if number in (5, -1) else number - 1]) + timedelta(hours=hour, minutes=minute)

    assert number in (-1, 1, 2, 3, 4, 5) and 0 <= weekday <= 7
    return day


def weekday_from(month: int, first: int, weekday: int, hour: int, minute: int = 0) -> Day:
    """Return the first such weekday (0 Sunday) on or after a day of a month."""

    def day(year: int) -> datetime:
        return datetime(year, month, first) + timedelta(days=(weekday - date(year, month, first).isoweekday()) % 7, hours=hour, minutes=minute)

    return day


def on(month: int, number: int, hour: int, minute: int = 0) -> Day:
    """Return a date."""
    return lambda year: datetime(year, month, number) + timedelta(hours=hour, minutes=minute)


def hours(text: str) -> int:
    """Return the seconds of +5:30, -3:30, 1, -05:00 or +5.5."""
    sign, whole, minutes, part = re.fullmatch(r"([+-]?)(\d{1,2})(?::(\d{2}))?(\.\d+)?", text).groups()  # type: ignore[union-attr]
    return (-1 if sign == "-" else 1) * round(3600 * (int(whole) + int(minutes or 0) / 60 + float(part or 0)))


# POSIX.1, 8.3: std offset[dst[offset][,date[/time],date[/time]]], west positive; without dates the rule of the United States

_POSIX = re.compile(r"([A-Za-z]{3,}|<[^>]{3,}>)([+-]?[\d:]+)(?:([A-Za-z]{3,}|<[^>]{3,}>)([+-]?[\d:]+)?(?:,([^,]+),([^,]+))?)?")


def posix(text: str) -> Clock:
    """Return the clock of a POSIX TZ text."""
    found = _POSIX.fullmatch(text)
    assert found, f"{text!r} is no POSIX time zone"
    _, west, daylight, other, start, end = found.groups()
    offset = -_clock(west)
    if not daylight:
        return steady(offset)
    summer = -_clock(other) if other else offset + 3600
    return moving(offset, summer - offset, _posix_day(start or "M3.2.0"), _posix_day(end or "M11.1.0"))


def _clock(text: str) -> int:
    parts = [int(part) for part in text.lstrip("+-").split(":")]
    assert parts[0] <= 24, f"{text} is no time of POSIX.1"
    return (-1 if text.startswith("-") else 1) * sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))


def _posix_day(text: str) -> Day:
    day, _, at = text.partition("/")
    seconds = timedelta(seconds=_clock(at) if at else 7200)
    if day[0] == "M":
        month, number, weekday = (int(part) for part in day[1:].split("."))
        found = week(month, number, weekday, 0)
        return lambda year: found(year) + seconds
    if day[0] == "J":  # 29 February is never counted
        return lambda year: datetime(year, 1, 1) + timedelta(days=int(day[1:]) - 1 + (monthrange(year, 2)[1] == 29 and int(day[1:]) > 59)) + seconds
    return lambda year: datetime(year, 1, 1) + timedelta(days=int(day)) + seconds


# Words of a vendor's own list


@lru_cache
def words(family: str) -> Mapping[str, Clock]:
    """Return the clocks of a family's words, from its zones.tsv: word, the place that it stands for or a POSIX text, source."""
    rows = csv.DictReader((recorded.FOLDER / family / "zones.tsv").read_text("utf-8").splitlines(), delimiter="\t")
    return {row["word"]: place(row["clock"]) if "/" in row["clock"].partition(",")[0] else posix(row["clock"]) for row in rows if row["source"]}


def word(family: str, name: str) -> Callable[[Said], Clock | None]:
    """Return a reader of a parameter that holds a word of the family's list."""
    return lambda said: words(family)[said[name]] if name in said else None


def named(name: str) -> Callable[[Said], Clock]:
    """Return a reader of a parameter that holds an IANA name."""
    return lambda said: place(said[name])


# The vendors' forms


def _slashes(text: str) -> Day:
    """Return Yealink's month/week/weekday/hour (5 the last, 1 Monday .. 7 Sunday) or month/day/hour."""
    parts = [int(part) for part in text.split("/")]
    return week(*parts) if len(parts) == 4 else on(*parts)


def slashes(zone: str, enabled: str, start: str, end: str, save: str, kind: str = "", forms: Mapping[str, int] | None = None) -> Callable[[Said], Clock]:
    """Return a reader of Yealink's form; kind and forms: the parameter that says how many parts the days have."""

    def read(said: Said) -> Clock:
        if said[enabled] == "0":
            return steady(hours(said[zone]))
        if kind:
            assert {said[start].count("/"), said[end].count("/")} == {(forms or {})[said[kind]]}
        return moving(hours(said[zone]), 60 * int(said[save]), _slashes(said[start]), _slashes(said[end]))

    return read


def fanvil(prefix: str, glue: str, zone: Callable[[Said], int | None]) -> Callable[[Said], Clock | None]:
    """Return a reader of Fanvil's numbers: week 5 the last, weekday 0 Sunday; by date the day stands in the weekday's place."""

    def read(said: Said) -> Clock | None:
        def value(*parts: str) -> int:
            return int(said[prefix + glue.join(parts)])

        def turn(which: str) -> Day:
            month, day, hour = value("DST", which, "Mon"), value("DST", which, "Wday"), value("DST", which, "Hour")
            return week(month, value("DST", which, "Week"), day, hour) if by_week else on(month, day, hour)

        offset = zone(said)
        if offset is None or not value("Enable", "DST"):
            return None if offset is None else steady(offset)
        by_week = value("DST", "Fixed", "Type") == 2
        return moving(offset, 60 * value("DST", "Min", "Offset"), turn("Start"), turn("End"))

    return read


def _fanvil(said: Said) -> Clock | None:
    if "phone/date/TimeZone" in said:
        return fanvil("phone/date/", "", lambda said: 900 * int(said["phone/date/TimeZone"]))(said)

    def old(said: Said) -> int | None:
        number = said.get("GLOBAL_CONFIG_MODULE/Time_Zone")
        return None if number is None else 900 * int(number)

    return fanvil("GLOBAL_CONFIG_MODULE/", "_", old)(said)


def _fanvil_c(said: Said) -> Clock | None:
    """Models that count their zones."""

    def listed(said: Said) -> int | None:
        number = said.get("GLOBAL_CONFIG_MODULE/Time_Zone")
        return None if number is None else standard(words("atcom")[number])

    return fanvil("GLOBAL_CONFIG_MODULE/", "_", listed)(said)


def _swissvoice(said: Said) -> Clock:
    section = "PHONE FEATURE/"
    offset = 900 * int(said[section + "Time Zone"])
    if said[section + "DST Type"] == "0":
        return steady(offset)
    days = [week(*(int(said[f"{section}DST {which} {part}"]) for part in ("Mon", "Week", "Wday", "Hour"))) for which in ("Start", "End")]
    return moving(offset, 60 * int(said[section + "DST Min Offset"]), *days)


def _atcom(said: Said) -> Clock | None:
    section = next(name.partition("/")[0] for name in said if name.startswith("GLOBAL"))
    if f"{section}/Time Zone" not in said:
        return None
    offset = standard(words("atcom")[said[f"{section}/Time Zone"]])
    if said.get(f"{section}/Enable Daylight", "0") == "0":
        return steady(offset)
    days = [week(*(int(said[f"{section}/DayLight {which} {part}"]) for part in ("Mon", "Week", "Wday", "Hour", "Min"))) for which in ("Start", "End")]
    return moving(offset, 60 * int(said[f"{section}/DayLight Shift Min"]), *days)


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")


def _avaya(said: Said) -> Clock:
    def turn(text: str) -> Day:
        by_week = re.fullmatch(r"([1-4L])(\w{3})(\w{3})(\d)L", text)
        if by_week:
            number, day, month, hour = by_week.groups()
            weekday = [name[:3] for name in _DAYS].index(day.lower())
            return week(_MONTHS.index(month.lower()) + 1, -1 if number == "L" else int(number), weekday, int(hour))
        day, month, hour = re.fullmatch(r"(\d{1,2})(\w{3})(\d)L", text).groups()  # type: ignore[union-attr]
        return on(_MONTHS.index(month.lower()) + 1, int(day), int(hour))

    offset = hours(said["GMTOFFSET"])
    if said["DAYLIGHT_SAVING_SETTING_MODE"] == "0":
        return steady(offset)
    return moving(offset, 3600 * int(said["DSTOFFSET"]), turn(said["DSTSTART"]), turn(said["DSTSTOP"]))


def _audiocodes(said: Said) -> Clock:
    offset = hours(said["system/ntp/gmt_offset"])
    if said["system/daylight_saving/activate"] == "DISABLE":
        return steady(offset)
    assert said["system/daylight_saving/mode"] == "FIXED"
    days = [on(*(int(said[f"system/daylight_saving/{which}/{part}"]) for part in ("month", "day", "hour", "minute"))) for which in ("start_date", "end_date")]
    return moving(offset, 60 * int(said["system/daylight_saving/offset"]), *days)


def _cisco_text(said: Said) -> Clock | None:
    def turn(which: str) -> Day:
        month, hour = _MONTHS.index(said[f"dst_{which}_month"].lower()) + 1, int(said[f"dst_{which}_time"].partition("/")[0])
        if said[f"dst_{which}_day"] != "0":
            return on(month, int(said[f"dst_{which}_day"]), hour)
        number = int(said[f"dst_{which}_week_of_month"])  # 8 is the last
        return week(month, -1 if number == 8 else number, int(said[f"dst_{which}_day_of_week"]) - 1, hour)

    if "time_zone" not in said:
        return None
    offset = {"GMT": 0, "EST": -18000}[said["time_zone"]]
    return moving(offset, 3600 * int(said["dst_offset"]), turn("start"), turn("stop")) if said["dst_auto_adjust"] == "1" else steady(offset)


def _cisco_enterprise(said: Said) -> Clock | None:
    if "dst_auto_adjust" in said:
        return _cisco_text(said)
    zone = "devicePool/dateTimeSetting/"
    clock = place(said[f"{zone}olsonTimeZone"])
    if f"{zone}timeZone" in said:  # the older firmware's word says the same
        old = words("cisco-enterprise")[said[f"{zone}timeZone"]]
        assert [old(year) for year in (2027, 2028, 2029)] == [clock(year) for year in (2027, 2028, 2029)], said[f"{zone}timeZone"]
    return clock


def _flat_profile(said: Said) -> Clock | None:
    def turn(text: str) -> Day:
        month, day, weekday, time = text.split("/")
        hour, minute, _ = (int(part) for part in time.split(":"))
        if weekday == "0":
            return on(int(month), int(day), hour, minute)
        if int(day) < 0:
            return week(int(month), int(day), int(weekday), hour, minute)
        return weekday_from(int(month), int(day), int(weekday) % 7, hour, minute)

    if "Time_Zone" not in said:
        return None
    offset = 0 if said["Time_Zone"] == "GMT" else hours(said["Time_Zone"].removeprefix("GMT"))
    if said["Daylight_Saving_Time_Enable"] == "No":
        return steady(offset)
    start, end, save = re.fullmatch(r"start=([^;]+);end=([^;]+);save=([^;]+)", said["Daylight_Saving_Time_Rule"]).groups()  # type: ignore[union-attr]
    forward = [int(part) for part in save.split(":")]
    return moving(offset, forward[0] * 3600 + forward[1] * 60 + forward[2], turn(start), turn(end))


def _grandstream(said: Said) -> Clock:
    zone = said.get("P64", said.get("dateTime.timezone", "customize"))
    return posix(said.get("P246", said.get("dateTime.timezone.custom", "")) if zone == "customize" else zone)


def _grandstream_old(said: Said) -> Clock:
    def turn(text: str) -> Day:
        month, day, weekday, hour, minute = (int(part) for part in text.split(","))
        return week(month, day, weekday, hour, minute) if weekday else on(month, day, hour, minute)

    offset = 60 * (int(said["P64"]) - 720)
    if said["P75"] == "0":
        return steady(offset)
    start, end, save = said["P246"].split(";")
    return moving(offset, 60 * int(save), turn(start), turn(end))


def _htek(said: Said) -> Clock | None:
    if "P64" not in said:
        return None
    listed = words("htek")[said["P64"]]
    if said["P75"] == "0":
        return steady(standard(listed))
    assert said["P23117"] == "0"
    ruled = moving(standard(listed), 3600, *(week(*(int(said[f"P{first + part}"]) for part in range(4))) for first in (23118, 23122)))
    if said["P75"] == "2":  # the phone's own rule, beside which ours stands
        assert [ruled(year) for year in (2027, 2028)] == [listed(year) for year in (2027, 2028)]
    return ruled


def _mitel(said: Said) -> Clock:
    def turn(which: str) -> Day:
        month, day, hour = (int(said[f"dst {which} {part}"]) for part in ("month", "day", "hour"))
        return week(month, int(said[f"dst {which} week"]), day - 1, hour) if said["dst [start|end] relative date"] == "1" else on(month, day, hour)

    assert said["time zone name"] == "Custom"
    offset = -60 * int(said["time zone minutes"])
    if said["dst config"] == "0":
        return steady(offset)
    assert said["dst config"] == "3" and 0 <= int(said["dst minutes"]) <= 60
    return moving(offset, 60 * int(said["dst minutes"]), turn("start"), turn("end"))


def _panasonic(said: Said) -> Clock:
    if "LOCAL_TIME_ZONE_POSIX" in said:
        return posix(said["LOCAL_TIME_ZONE_POSIX"])
    offset = 60 * int(said["TIME_ZONE"])
    if said["DST_ENABLE"] == "N":
        return steady(offset)
    days = [week(*(int(said[f"DST_{which}_{part}"]) for part in ("MONTH", "ORDINAL_DAY", "DAY_OF_WEEK")), 0, int(said[f"DST_{which}_TIME"])) for which in ("START", "STOP")]
    return moving(offset, 60 * int(said.get("DST_OFFSET", "60")), *days)


def _patton(said: Said) -> Clock:
    name = "clock local dst-rule"
    offset = hours(said["clock local default-offset"])
    if name not in said:
        return steady(offset)
    numbers = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": 5}

    def turn(at: str, month: int) -> Day:
        hour, minute = (int(part) for part in said[f"{name} {at}"].split(":"))
        return week(_MONTHS.index(said[f"{name} {month}"]) + 1, numbers[said[f"{name} {month + 1}"]], _DAYS.index(said[f"{name} {month + 2}"]), hour, minute)

    return moving(offset, hours(said[f"{name} 2"]) - offset, turn("from", 4), turn("until", 8))


def _poly(said: Said) -> Clock:
    def turn(which: str) -> Day:
        month, day, hour = (int(said[f"{dst}{which}.{part}"]) for part in ("month", "date", "time"))
        if said[f"{dst}fixedDayEnable"] == "1":
            return on(month, day, hour)
        weekday = int(said[f"{dst}{which}.dayOfWeek"]) - 1
        return week(month, -1, weekday, hour) if said[f"{dst}{which}.dayOfWeek.lastInMonth"] == "1" else weekday_from(month, day, weekday, hour)

    dst = "tcpIpApp.sntp.daylightSavings."
    offset = int(said["tcpIpApp.sntp.gmtOffset"])
    return moving(offset, 3600, turn("start"), turn("stop")) if said[f"{dst}enable"] == "1" else steady(offset)


def _snom_word(said: Said) -> Clock | None:
    if "timezone" not in said:
        return None
    listed = words("snom")[said["timezone"]]
    assert hours(re.sub(r"^[A-Z]{3}\d?(?=[+-])", "", said["timezone"])) == standard(listed)
    return listed


def _snom(said: Said) -> Clock | None:
    def turn(day: str, time: str) -> Day:
        parts, hour, minute = [int(part) for part in day.split(".")], int(time[:2]), int(time[3:5])
        return week(*parts, hour, minute) if len(parts) == 3 else on(parts[1], parts[0], hour, minute)

    if said["timezone"]:
        return _snom_word(said)
    rule = said["dst"].split()
    return moving(int(said["utc_offset"]), int(rule[0]), turn(*rule[1:3]), turn(*rule[3:5])) if rule else steady(int(said["utc_offset"]))


def _vtech(said: Said) -> Clock:
    zone = place(said["time_date.selected_timezone"])
    assert said["time_date.daylight_saving_user_defined"] == "0"
    return zone if said["time_date.daylight_saving_auto_adjust"] == "1" else steady(standard(zone))


def _alcatel(said: Said) -> Clock:
    if "DmAdmcfgTimeZone" in said:
        return steady(hours(said["DmAdmcfgTimeZone"]))
    zone = place(said["SettingTimeZoneLocation"])
    assert hours(said["SettingTimeZone"]) == standard(zone)
    return zone


def _ip_touch(said: Said) -> Clock:
    """UT, then minutes east and the turns of the year, month, day and hour, for an hour's daylight time (Wazo's common.py)."""
    *_, minutes, start, end = said["sntp/timezone"].split(":")
    start_day, end_day = (on(int(turn[:2]), int(turn[2:4]), int(turn[4:])) for turn in (start, end)) if start != end else (None, None)
    return moving(60 * int(minutes), 3600, start_day, end_day) if start_day and end_day else steady(60 * int(minutes))


def _technicolor(said: Said) -> Clock | None:
    if "ntp/NtpZoneNum" not in said:
        return None
    listed = words("technicolor")[said["ntp/NtpZoneNum"]]
    return listed if said["ntp/NtpDaylight"] == "1" else steady(standard(listed))


def _gigaset_base(name: str) -> Callable[[Said], Clock | None]:
    def read(said: Said) -> Clock | None:
        if f"{name}.uiI_TIME_TIMEZONE" not in said:
            return None
        listed = words("gigaset-n510")[said[f"{name}.uiI_TIME_TIMEZONE"]]
        return listed if said[f"{name}.ucB_TIME_USE_AUTOMATIC_DST"] == "1" else steady(standard(listed))

    return read


def _gigaset(said: Said) -> Clock | None:
    if "System.DateAndTime.TimeZone" not in said:
        return None
    greenwich, _, zone = said["System.DateAndTime.TimeZone"].partition(".")
    assert standard(place(zone)) == hours(greenwich.removeprefix("GMT") or "0")
    return place(zone) if said["System.DateAndTime.AutoAdjustClockForDST"] == "AutomatedDaylightSavingEnabled" else steady(standard(place(zone)))


def _gigaset_dect(said: Said) -> Clock | None:
    name = said.get("DmGlobal.0.TimeZone")
    return None if name is None else place(name)


def _flat_or_path(said: Said) -> Clock:
    if "Setting:Time.TimeZone" in said:
        at = "Setting:Time."
        return slashes(f"{at}TimeZone", f"{at}SummerTime", f"{at}StartTime", f"{at}EndTime", f"{at}OffSetTime", f"{at}DSTTimeType", {"0": 2})(said)
    at = "system:LocalTime."
    return slashes(f"{at}TimeZone", f"{at}bDSTEnable", f"{at}StartTime", f"{at}EndTime", f"{at}OffSetTime")(said)


def reader(family: str, model: str) -> Callable[[Said], Clock | None]:
    """Return the reader of a model's files: one for its first letter, or its family's."""
    return READERS.get(f"{family}/{model[0]}*") or READERS[family]


_LOCAL, _SNTP = "local_time.", "Config.Settings.SNTP."
READERS: Mapping[str, Callable[[Said], Clock | None]] = {
    "akuvox": slashes(f"{_SNTP}TimeZone", f"{_SNTP}DTS", f"{_SNTP}StartTime", f"{_SNTP}EndTime", "Config.Settings.DATETIME.Offset"),
    "alcatel": _alcatel,
    "alcatel-ip-touch": _ip_touch,
    "algo": named("admin.timezone"),
    "atcom": _atcom,
    "audiocodes": _audiocodes,
    "avaya": _avaya,
    "cisco-enterprise": _cisco_enterprise,
    "cisco-mpp": _flat_profile,
    "cisco-spa": _flat_profile,
    "cloudtc": named("general/timeZone"),
    "digium": named("time_zone"),
    "escene": word("escene", "systime.TimeZoneType"),
    "fanvil": _fanvil,
    "fanvil/C*": _fanvil_c,
    "flyingvoice": word("flyingvoice", "local_time.time_zone_name"),
    "gigaset": _gigaset,
    "gigaset-dect": _gigaset_dect,
    "gigaset-n510": _gigaset_base("BS_IP_Data1"),
    "gigaset-n720": _gigaset_base("BS_IP_Data"),
    "grandstream": _grandstream,
    "grandstream-old": _grandstream_old,
    "htek": _htek,
    "mitel": _mitel,
    "panasonic": _panasonic,
    "panasonic-utg": _panasonic,
    "patton": _patton,
    "poly": _poly,
    "snom": _snom,
    "snom-dect": _snom_word,
    "swissvoice": _swissvoice,
    "technicolor": _technicolor,
    "vtech": _vtech,
    "yealink": slashes(f"{_LOCAL}time_zone", f"{_LOCAL}summer_time", f"{_LOCAL}start_time", f"{_LOCAL}end_time", f"{_LOCAL}offset_time", f"{_LOCAL}dst_time_type", {"1": 3, "0": 2}),
    "yealink-oem": _flat_or_path,
    "zultys": lambda said: steady(60 * int(said["GENERAL_INFO/timezone"])),
}
