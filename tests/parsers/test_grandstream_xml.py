"""The reader of Grandstream's XML, tried on the shapes that the maker's guides print."""

from __future__ import annotations

import pytest

from tests.parsers.grandstream_xml import parse

HEAD = b'<?xml version="1.0" encoding="UTF-8" ?><gs_provision version="1">'


def test_p_values_are_read_by_their_number() -> None:
    # Source: XML provisioning guide (2011): gs_provision, mac, config version 1
    body = HEAD + b'<mac>000b82123456</mac><config version="1"><!-- # SIP Server --><P47>sip.example.com:5060</P47><P33>*97</P33><P48></P48></config></gs_provision>'

    assert parse(body) == {"mac": "000b82123456", "P47": "sip.example.com:5060", "P33": "*97", "P48": ""}


def test_aliases_are_read_alone_and_grouped() -> None:
    body = HEAD + b'<config version="2"><item name="account.1.enable">Yes</item><item name="a.b"><part name="c">x</part></item></config></gs_provision>'

    assert parse(body) == {"account.1.enable": "Yes", "a.b.c": "x"}


def test_values_come_back_with_their_characters() -> None:
    body = HEAD + '<config version="1"><P270>Zoë &lt;R&amp;D&gt; &quot;1&apos;</P270></config></gs_provision>'.encode()

    assert parse(body)["P270"] == "Zoë <R&D> \"1'"


def test_a_file_for_another_phone_is_refused() -> None:
    with pytest.raises(ValueError, match="c074ad000000"):
        parse(HEAD + b'<mac>c074ad000000</mac><config version="1"></config></gs_provision>', mac="000b82123456")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe",
        b"<gs_provision>",
        HEAD + b'<config version="1"><P47>a</P48></config></gs_provision>',
        HEAD + b'<config version="1"><P47>a</P47><P47>b</P47></config></gs_provision>',
        HEAD + b'<config version="1"><X1>a</X1></config></gs_provision>',
        HEAD + b'<config version="3"></config></gs_provision>',
        HEAD + b"<!-- two -- dashes --></gs_provision>",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><gs_provision version='1'><config version='1'><P2>&a;</P2></config></gs_provision>",
        b"<other version='1'/>",
    ],
)
def test_what_the_phone_refuses_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)


def test_a_phone_book_is_read_by_its_contacts() -> None:
    body = (
        b"<AddressBook><Contact><FirstName>Ada</FirstName><LastName>Lovelace</LastName>"
        b'<Phone type="Work"><phonenumber>201</phonenumber><accountindex>0</accountindex></Phone>'
        b'<Phone type="Cell"><phonenumber>+351900000000</phonenumber></Phone></Contact></AddressBook>'
    )

    said = parse(body)

    assert (said["Contact[1].LastName"], said["Contact[1].Phone[1]"], said["Contact[1].Phone[2]"]) == ("Lovelace", "201", "+351900000000")
    assert (said["Contact[1].Phone[1].type"], said["Contact[1].Phone[2].type"]) == ("Work", "Cell")
