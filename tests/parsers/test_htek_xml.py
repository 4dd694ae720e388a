"""The reader of Htek's XML, tried on the shapes of exports, and on what a phone refuses."""

from __future__ import annotations

import pytest

from tests.parsers.htek_xml import parse

START, END = b'<?xml version="1.0" encoding="UTF-8" ?><hl_provision version="1"><config version="1">', b"</config></hl_provision>"


def test_numbers_count_and_words_beside_them_do_not() -> None:
    body = START + b'<!--Account1/Basic--><P271 para="Account1.Active">1</P271><P3 para="Account1_DispalyName">R&amp;D</P3><P48 para="Account1.OutboundProxy" />' + END

    assert parse(body) == {"P271": "1", "P3": "R&D", "P48": ""}


def test_a_phone_book_is_read_by_its_entries() -> None:
    body = b"<PhoneDirectory><DirectoryEntry><Name>Ada</Name><Telephone>201</Telephone><Telephone>+351</Telephone></DirectoryEntry></PhoneDirectory>"

    assert parse(body) == {"DirectoryEntry[1].Name": "Ada", "DirectoryEntry[1].Telephone[1]": "201", "DirectoryEntry[1].Telephone[2]": "+351"}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff", START, START + b"<P1>1</P1>", b"<gs_provision version='1'><config version='1'/></gs_provision>", b"<hl_provision version='1'/>",
        b"<hl_provision version='1'><config version='2'/></hl_provision>", START + b"<P2>a</P2><P2>b</P2>" + END, START + b"<Q2>a</Q2>" + END,
        START + b"<P2><x/></P2>" + END, START + b"<P2 name='x'>a</P2>" + END, b"<PhoneDirectory><DirectoryEntry/></PhoneDirectory>",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + START[START.index(b"<hl") :] + END,
    ],
)  # fmt: skip
def test_what_the_phone_refuses_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
