"""The reader of sections with `name=value`, on lines of published files."""

from __future__ import annotations

import pytest

from tests.parsers.ini_sections import parse

SAMPLE = b"""
[ipp]
LanguageType=0
[sip]
sip_portMP1=5060
Suppress-DomainName-Flag=1
regpwd1=a=b;c
[sys]
FeatureKeyExt01=L/<sip:>
[ VLAN_CONFIG ]
# VLAN settings
mode = 0
"""


def test_sections_and_names_are_read() -> None:
    assert parse(SAMPLE) == {
        "ipp/LanguageType": "0", "sip/sip_portMP1": "5060", "sip/Suppress-DomainName-Flag": "1", "sip/regpwd1": "a=b;c", "sys/FeatureKeyExt01": "L/<sip:>", "VLAN_CONFIG/mode": "0",
    }  # fmt: skip
    assert parse("[sip]\nDisplayName1=Zoë".encode("iso-8859-1")) == {"sip/DisplayName1": "Zoë"}


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"[ipp]\n", b"", "no parameter of a section"),
        (b"LanguageType=0", b"LanguageType", "no parameter"),
        (b"regpwd1=", b"sip_portMP1=", "again"),
        (b"a=b", b"a\x07b", "control character"),
    ],
)
def test_what_a_phone_would_not_take_is_told(old: bytes, new: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse(SAMPLE.replace(old, new))
