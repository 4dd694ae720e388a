"""The reader of Zoiper's XML, on lines as its documentation and FusionPBX print them."""

from __future__ import annotations

import pytest

from tests.parsers.zoiper_xml import parse

SAMPLE = b"""<?xml version="1.0"?>
<options>
  <general><reject_anonymous_calls>false</reject_anonymous_calls></general>
  <accounts>
    <account><ident></ident><username>101</username><codecs><codec><codec_id>6</codec_id></codec><codec><codec_id>0</codec_id></codec></codecs></account>
    <account><username>102</username><SIP_domain>pbx.example.com:5080</SIP_domain></account>
  </accounts>
</options>"""
BOOK = b"""<Contacts><Contact id="1"><Name><First>Anna</First></Name><Phone><Type>Work</Type><Type>Cell</Type><Phone>213</Phone></Phone></Contact></Contacts>"""


def test_options_are_read_with_their_section_and_their_place_in_a_list() -> None:
    assert parse(SAMPLE) == {
        "general/reject_anonymous_calls": "false", "accounts/account[1]/ident": "", "accounts/account[1]/username": "101",
        "accounts/account[1]/codecs/codec[1]/codec_id": "6", "accounts/account[1]/codecs/codec[2]/codec_id": "0",
        "accounts/account[2]/username": "102", "accounts/account[2]/SIP_domain": "pbx.example.com:5080",
    }  # fmt: skip


def test_a_book_has_two_types_for_each_number() -> None:
    assert parse(BOOK) == {"Contact[1]/Name/First": "Anna", "Contact[1]/Phone[1]/Type[1]": "Work", "Contact[1]/Phone[1]/Type[2]": "Cell", "Contact[1]/Phone[1]/Phone": "213"}
    assert parse(b"<Contacts></Contacts>") == {}


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"options", b"config"), (b"<general>", b"<general x='1'>"), (b"<SIP_domain>", b"<username>"), (b"<general>", b"<general>text"), (b"</options>", b"")],
)
def test_what_zoiper_would_not_take_is_told(old: bytes, new: bytes) -> None:
    text = SAMPLE.replace(b"</SIP_domain>", b"</username>") if new == b"<username>" else SAMPLE
    with pytest.raises(ValueError, match=r"root|attribute|twice|beside|well-formed"):
        parse(text.replace(old, new))
