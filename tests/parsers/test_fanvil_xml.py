"""The reader of Fanvil's XML, tried on the shapes of exports, and on what a phone refuses."""

from __future__ import annotations

import pytest

from tests.parsers.fanvil_xml import parse


def test_sysconf_is_read_by_paths_and_indices() -> None:
    body = (
        b'<?xml version="1.0" encoding="UTF-8"?><!-- optimised for 2.2.10 --><sysConf><Version>2.0000000000</Version>'
        b'<sip><SIPPort>5060</SIPPort><line index="1"><PhoneNumber>212</PhoneNumber><ProxyAddr></ProxyAddr></line></sip>'
        b'<dsskey><dssSide index="1"><Fkey index="2"><Type>1</Type><Value>201@1/bc**201</Value></Fkey></dssSide></dsskey></sysConf>'
    )

    assert parse(body) == {
        "Version": "2.0000000000", "sip/SIPPort": "5060", "sip/line[1]/PhoneNumber": "212", "sip/line[1]/ProxyAddr": "",
        "dsskey/dssSide[1]/Fkey[2]/Type": "1", "dsskey/dssSide[1]/Fkey[2]/Value": "201@1/bc**201",
    }  # fmt: skip


def test_the_older_dialect_counts_its_entries_in_their_ids() -> None:
    body = (
        b"<VOIP_CONFIG_FILE><version>2.0002</version><SIP_CONFIG_MODULE><SIP__Port>5060</SIP__Port><SIP_Line_List><SIP_Line_List_Entry><ID>SIP2</ID>"
        b"<Phone_Number>212</Phone_Number><S.Timer_Expire>0</S.Timer_Expire></SIP_Line_List_Entry></SIP_Line_List></SIP_CONFIG_MODULE></VOIP_CONFIG_FILE>"
    )

    assert parse(body) == {
        "version": "2.0002", "SIP_CONFIG_MODULE/SIP__Port": "5060", "SIP_CONFIG_MODULE/SIP_Line_List[2]/Phone_Number": "212",
        "SIP_CONFIG_MODULE/SIP_Line_List[2]/S.Timer_Expire": "0",
    }  # fmt: skip


def test_values_come_back_with_their_characters() -> None:
    body = "<sysConf><Version>2.1</Version><phone><display><LCDTitle>R&amp;D &lt;Zoë&gt; &quot;1&apos;</LCDTitle></display></phone></sysConf>".encode()

    assert parse(body)["phone/display/LCDTitle"] == "R&D <Zoë> \"1'"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff\xfe", b"<sysConf>", b"<sysConf/>", b"<sysConf><sip/></sysConf>", b"<sysConf><Version>x</Version></sysConf>", b"<config/>",
        b"<sysConf><Version>2.1</Version><sip><SIPPort>1</SIPPort><SIPPort>2</SIPPort></sip></sysConf>",
        b'<sysConf><Version>2.1</Version><sip><line index="0"><A>1</A></line></sip></sysConf>',
        b"<VOIP_CONFIG_FILE><version>2.1</version><A><A_Entry><B>1</B></A_Entry></A></VOIP_CONFIG_FILE>",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><sysConf><Version>2.1</Version><a>&a;</a></sysConf>",
        b"<sysConf><Version>2.1</Version><!-- a -- b --></sysConf>", b"<sysConf><Version>2.1</Version><a>\x01</a></sysConf>",
    ],
)  # fmt: skip
def test_what_the_phone_refuses_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)


def test_a_phone_book_is_read_by_its_entries() -> None:
    body = b"<FanvilIPPhoneDirectory><DirectoryEntry><Name>Ada</Name><Telephone>201</Telephone></DirectoryEntry></FanvilIPPhoneDirectory>"

    assert parse(body)["DirectoryEntry[1].Telephone[1]"] == "201"
