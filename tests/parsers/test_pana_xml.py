"""The reader of a KX-UTG's XML, tried on lines of FusionPBX's file, and on what a phone refuses."""

from __future__ import annotations

import pytest

from tests.parsers.pana_xml import parse


def config(inside: str) -> bytes:
    return f"<PANASIPPhoneConfig><Device>{inside}</Device></PANASIPPhoneConfig>".encode()


def test_parameters_have_their_names_and_lines_their_number() -> None:
    body = config(
        '<System><LoginAcc><ADMIN_ID perm="!RW" access="A">admin</ADMIN_ID></LoginAcc></System><Lines><Codec>\n</Codec>'
        '<Line idx="2"><Sip><LINE_ENABLE perm="RW" access="A">Yes</LINE_ENABLE><SIP_PASS perm="!RW" access="A">a&amp;b</SIP_PASS></Sip></Line></Lines>'
    )

    assert parse(body) == {"ADMIN_ID": "admin", "LINE_ENABLE[2]": "Yes", "SIP_PASS[2]": "a&b"}


@pytest.mark.parametrize(
    "body",
    [
        b"<PANASIPPhoneConfig/>", b"<Device/>", config("<ADMIN_ID>admin</ADMIN_ID>"), config("<System>text</System>"), config("<Lines><Line/></Lines>"),
        config('<NTP_ADDR perm="RW" access="A">a</NTP_ADDR>' * 2), config('<NTP_ADDR perm="X" access="A">a</NTP_ADDR>'),
    ],
)  # fmt: skip
def test_what_the_phone_refuses_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
