"""The players of clocks, on the examples that the makers' guides print, or that public files for their phones hold."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tests.clocks import READERS, place, posix

POLY = "tcpIpApp.sntp.daylightSavings."


@pytest.mark.parametrize(("family", "said", "zone"), [
    ("avaya", {"GMTOFFSET": "-5:00", "DAYLIGHT_SAVING_SETTING_MODE": "2", "DSTOFFSET": "1", "DSTSTART": "2SunMar2L", "DSTSTOP": "1SunNov2L"}, "America/New_York"),
    ("cisco-mpp", {"Time_Zone": "GMT+01:00", "Daylight_Saving_Time_Enable": "Yes", "Daylight_Saving_Time_Rule": "start=3/-1/7/2:0:0;end=10/-1/7/3:0:0;save=1:0:0"}, "Europe/Berlin"),
    ("cisco-mpp", {"Time_Zone": "GMT+10:00", "Daylight_Saving_Time_Enable": "Yes", "Daylight_Saving_Time_Rule": "start=10/1/7/2:0:0;end=4/1/7/3:0:0;save=1:0:0"}, "Australia/Sydney"),
    ("cisco-spa", {"Time_Zone": "GMT", "Daylight_Saving_Time_Enable": "No"}, "Etc/UTC"),
    ("snom", {"timezone": "", "utc_offset": "3600", "dst": "3600 03.05.07 02:00:00 10.05.07 03:00:00"}, "Europe/Berlin"),
    ("snom", {"timezone": "USA-5"}, "America/New_York"),
    ("grandstream", {"P64": "CET-1CEST-2,M3.5.0/02:00:00,M10.5.0/03:00:00"}, "Europe/Rome"),
    ("grandstream", {"P64": "EST5EDT"}, "America/New_York"),
    ("panasonic", {"LOCAL_TIME_ZONE_POSIX": "GMT0BST,M3.5.0/1,M10.5.0"}, "Europe/London"),
    ("vtech", {"time_date.selected_timezone": "Europe/London", "time_date.daylight_saving_auto_adjust": "0", "time_date.daylight_saving_user_defined": "0"}, "Etc/UTC"),
    ("poly", {
        "tcpIpApp.sntp.gmtOffset": "-18000", f"{POLY}enable": "1", f"{POLY}fixedDayEnable": "0",
        **{f"{POLY}start.{name}": value for name, value in (("month", "3"), ("date", "8"), ("time", "2"), ("dayOfWeek", "1"), ("dayOfWeek.lastInMonth", "0"))},
        **{f"{POLY}stop.{name}": value for name, value in (("month", "11"), ("date", "1"), ("time", "2"), ("dayOfWeek", "1"), ("dayOfWeek.lastInMonth", "0"))},
    }, "America/New_York"),
    ("mitel", {
        "time zone name": "Custom", "time zone minutes": "-600", "dst config": "3", "dst minutes": "60", "dst [start|end] relative date": "1",
        "dst start month": "10", "dst start week": "1", "dst start day": "1", "dst start hour": "2", "dst end month": "4", "dst end week": "1", "dst end day": "1", "dst end hour": "3",
    }, "Australia/Sydney"),
    ("yealink", {
        "local_time.time_zone": "+1", "local_time.summer_time": "1", "local_time.dst_time_type": "1", "local_time.offset_time": "60",
        "local_time.start_time": "3/5/7/2", "local_time.end_time": "10/5/7/3",
    }, "Europe/Berlin"),
])  # fmt: skip
def test_a_makers_example_runs_as_its_place_does(family: str, said: Mapping[str, str], zone: str) -> None:
    clock = READERS[family](said)
    assert clock and [clock(year) for year in (2027, 2028, 2029)] == [place(zone)(year) for year in (2027, 2028, 2029)]


@pytest.mark.parametrize("text", ["CET-1CEST,M3.5.0,M10.5.0/26", "CET", "<+01-1"])
def test_what_phones_do_not_read_as_posix_is_no_clock(text: str) -> None:
    with pytest.raises(AssertionError):
        posix(text)


def test_a_year_with_a_leap_day_moves_no_date_that_is_counted_without_it() -> None:
    clock = posix("IST-2IDT,J85,J304")
    assert [moment.strftime("%m-%d") for year in (2027, 2028) for moment, _ in clock(year)[1]] == ["03-26", "10-30", "03-26", "10-30"]
