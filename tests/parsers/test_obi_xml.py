"""The reader of OBi's XML, tried on the two forms of the guide, and on what a device refuses."""

from __future__ import annotations

import pytest

from tests.parsers.obi_xml import FACTORY, parse

START, END = b'<?xml version="1.0" encoding="UTF-8"?><ParameterList>', b"</ParameterList>"


def test_the_long_form() -> None:
    body = (
        START + b"<Object><Name>VoiceService.1.VoiceProfile.1.Line.2.SIP.</Name><ParameterValueStruct><Name>AuthUserName</Name><Value>a&amp;b</Value></ParameterValueStruct>"
        b'<ParameterValueStruct><Name>URI</Name><Value X_UseDefault="Yes"/></ParameterValueStruct></Object>'
        b"<Object><Name>DeviceInfo.WAN.</Name><ParameterValueStruct><Name>LLDP-MED</Name><Value></Value></ParameterValueStruct></Object>" + END
    )

    assert parse(body) == {"VoiceService.1.VoiceProfile.1.Line.2.SIP.AuthUserName": "a&b", "VoiceService.1.VoiceProfile.1.Line.2.SIP.URI": FACTORY, "DeviceInfo.WAN.LLDP-MED": ""}


def test_the_short_form() -> None:
    body = START + b'<O><N>X_DeviceManagement.WebServer.</N><P><N>Port</N><V>80</V></P><P><N>UserPassword</N><V X_UD="Y"/></P></O>' + END

    assert parse(body) == {"X_DeviceManagement.WebServer.Port": "80", "X_DeviceManagement.WebServer.UserPassword": FACTORY}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff", START, b"<Parameters/>", START + b"<P><N>a</N><V>b</V></P>" + END, START + b"<O><N>SystemInfo</N></O>" + END,
        START + b"<O><P><N>a</N><V>b</V></P></O>" + END, START + b"<O><N>SystemInfo.</N><P><V>b</V><N>a</N></P></O>" + END,
        START + b"<O><N>SystemInfo.</N><P><N>a</N><V>b</V></P><P><N>a</N><V>c</V></P></O>" + END, START + b"<O><N>SystemInfo.</N><P><N>a b</N><V/></P></O>" + END,
        b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + START[START.index(b"<Par") :] + END,
    ],
)  # fmt: skip
def test_what_the_device_refuses_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
