"""The readers of the older Yealink files, tried on lines that published files of that firmware hold, and on what a phone refuses."""

from __future__ import annotations

import pytest

from tests.parsers.dial_now import parse as parse_xml
from tests.parsers.yealink_sections import parse


def test_a_file_in_brackets_holds_groups_and_parameters() -> None:
    body = (
        b"# comment\n;;[ bin:/phone/config/ContactData.xml]\n[ cfg:/phone/config/voip/sipAccount0.cfg,account=0;reboot=1 ]\naccount.Enable = 1\naccount.Enable 100Rel = 0\n"
        b"[ cfg:/phone/config/system.ini,reboot=1]\nLocalTime.TimeZone = -3.5\n[ psw:/phone/config/.htpasswd ]\nadmin = a;b\n[ rom:Firmware ]\nurl = tftp://10.2.9.5/65.0.0.208.rom\n"
        b"[ cfg:/phone/config/vpPhone/Ext38_00000000000001.cfg ]\nKey0.DKtype = 0\n"
    )  # fmt: skip

    assert parse(body) == {
        "sipAccount[0]:account.Enable": "1", "sipAccount[0]:account.Enable 100Rel": "0", "system:LocalTime.TimeZone": "-3.5", "htpasswd:admin": "a;b",
        "Firmware:url": "tftp://10.2.9.5/65.0.0.208.rom", "Ext38_[1]:Key0.DKtype": "0",
    }  # fmt: skip


def test_a_section_names_its_file_with_path() -> None:
    body = b"[ account ]\r\npath= /config/voip/sipAccount1.cfg\r\nEnable = 0\r\nUserName = %NULL%\r\n\r\n[Time]\r\npath=/config/Setting/Setting.cfg\r\nTimeZone = 1\r\n"

    assert parse(body) == {"sipAccount[1]:account.Enable": "0", "sipAccount[1]:account.UserName": "%NULL%", "Setting:Time.TimeZone": "1"}


@pytest.mark.parametrize(
    "body", [b"Enable = 1\n", b"[ account ]\nEnable = 1\n", b"[ account ]\n[ Time ]\n", b"[ cfg:/x.cfg ]\nhello\n", b"[ cfg:/x.cfg ]\na = \x00\n", b"[ cfg:/x.cfg ]\n= 1\n"]
)  # fmt: skip
def test_what_the_phone_refuses_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)


def test_dial_now_rules_and_phone_books_are_told_apart() -> None:
    assert parse_xml(b'<DialNow>\n\t<Data DialNowRule="1xxx" LineID="" />\n</DialNow>\n') == {"DialNow[1]": "1xxx"}
    assert parse_xml(b"<TiptelIPPhoneDirectory><Title>Intern</Title></TiptelIPPhoneDirectory>") == {"root": "TiptelIPPhoneDirectory"}


@pytest.mark.parametrize("body", [b"<DialNow><Data/></DialNow>", b'<DialNow><Rule DialNowRule="1" LineID=""/></DialNow>', b"<DialNow>", b"<x/>"])
def test_a_broken_file_of_rules_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse_xml(body)
