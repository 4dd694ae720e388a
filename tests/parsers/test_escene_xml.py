"""The reader of Escene's files, tried on pieces as public projects write them, and on what a phone could not read."""

from __future__ import annotations

import pytest

from tests.parsers.escene_xml import parse


def test_everything_is_in_attributes_and_elements_of_one_kind_have_their_id() -> None:
    body = (
        b'<all>\n<lcds>\n<!-- DateFormat 4 - YYYY-MM-DD -->\n<lcd Language="1"\n DateFormat="4"/>\n</lcds>\n<BlackTabs />\n<sipUsers>\n'
        b'<sipUser id="0" UserName="A &amp; &quot;B&quot;" EnableAccount="1" />\n<sipUser id="1" UserName="" EnableAccount="0" />\n</sipUsers>\n</all>\n'
    )

    assert parse(body) == {
        "lcd.Language": "1",
        "lcd.DateFormat": "4",
        "sipUser[0].UserName": 'A & "B"',
        "sipUser[0].EnableAccount": "1",
        "sipUser[1].UserName": "",
        "sipUser[1].EnableAccount": "0",
    }


def test_memory_keys_are_read_alike() -> None:
    body = b'<all><hotlines><hotline ExternID="0" id="0" SipAccounts="127" ID="0" Type="1" HotlineNum="213" Name="Ana"/></hotlines></all>'

    assert parse(body)["hotline[0].HotlineNum"] == "213"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<all>",
        b"<config/>",
        b"<!DOCTYPE all><all/>",
        b'<all><lcd Language="1"/></all>',
        b"<all><lcds><lcd>1</lcd></lcds></all>",
        b'<all><lcds><lcd A="1" A="2"/></lcds></all>',
        b'<all><lcds><lcd A="1"/><lcd A="2"/></lcds></all>',
        b'<all><lcds><lcd A="1"><x/></lcd></lcds></all>',
    ],
)
def test_what_no_phone_reads_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
