"""The reader of `<<VOIP CONFIG FILE>>` text, on lines of published files."""

from __future__ import annotations

import pytest

from tests.parsers.voip_config_text import parse

SAMPLE = b"""<<VOIP CONFIG FILE>>Version:2.0002

<GLOBAL CONFIG MODULE>
Time Zone          :56

<TELE CONFIG MODULE>
Dial End With #    :1

<SIP CONFIG MODULE>
SIP  Port          :5060
--SIP Line List--  :
#SIP1 Enable Reg         :0
SIP1 Phone Number  :1002
SIP1 Hotline Number:
SIP1 Mixer Uri     :sip:mix@192.0.2.1:5060

<DSSKEY CONFIG MODULE>
--Dsskey Config1--:
Fkey1 Type               :2
--Dsskey Config2--:
Fkey1 Type               :0
<<END OF FILE>>
"""


def test_modules_and_names_are_read() -> None:
    assert parse(SAMPLE) == {
        "version": "2.0002", "GLOBAL/Time Zone": "56", "TELE/Dial End With #": "1", "SIP/SIP  Port": "5060", "SIP/SIP1 Phone Number": "1002", "SIP/SIP1 Hotline Number": "",
        "SIP/SIP1 Mixer Uri": "sip:mix@192.0.2.1:5060", "DSSKEY/Dsskey Config1/Fkey1 Type": "2", "DSSKEY/Dsskey Config2/Fkey1 Type": "0",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b">>Version:2.0002", b">>", "no version"),
        (b"Time Zone          :56", b"Time Zone:56", "no parameter"),
        (b"<GLOBAL CONFIG MODULE>\n", b"", "no parameter of a module"),
        (b"<<END OF FILE>>", b"", "has no end"),
        (b"<<END OF FILE>>", b"<<END OF FILE>>\nSIP1 Phone Number  :1", "more follows"),
        (b"SIP1 Hotline Number:", b"SIP1 Phone Number  :1003", "again"),
        (b":1002", b":10\x0702", "control character"),
    ],
)
def test_what_a_phone_would_not_take_is_told(old: bytes, new: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(SAMPLE.replace(old, new))
