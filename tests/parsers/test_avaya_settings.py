"""The reader of Avaya's scripts and directory, tried on lines of guides and public projects, and on what a phone refuses."""

from __future__ import annotations

import pytest

from tests.parsers.avaya_directory import parse as parse_directory
from tests.parsers.avaya_settings import parse


def test_lines_of_public_projects_are_read() -> None:
    body = (
        b"## Phone firmware\n"
        b"IF $MODEL4 SEQ J189 GOTO J189_SW\n"
        b"# J189_SW\n"
        b"SET LANGUAGE_IN_USE Parisian French\n"
        b'SET DIALPLAN "XXX|XXXX,*XX"\r\n'
        b"SET SIP_CONTROLLER_LIST 192.0.2.10:5060;transport=udp\n"
        b'SET OVERRIDE_USER_SELECTION ""\n'
        b'SET PHONEKEY "Key=4;Type=feature;Name=blf;Label=Anna B;attr1=213;attr2=213;Forced"\n'
        b"GET $MACADDR.txt\n"
    )
    assert parse(body) == {
        "LANGUAGE_IN_USE": "Parisian French", "DIALPLAN": "XXX|XXXX,*XX", "SIP_CONTROLLER_LIST": "192.0.2.10:5060;transport=udp",
        "OVERRIDE_USER_SELECTION": "", "PHONEKEY[4].Type": "feature", "PHONEKEY[4].Name": "blf", "PHONEKEY[4].Label": "Anna B",
        "PHONEKEY[4].attr1": "213", "PHONEKEY[4].attr2": "213", "PHONEKEY[4].Forced": "", "GET": "$MACADDR.txt",
    }  # fmt: skip


def test_the_last_line_counts_and_keys_stand_beside_each_other() -> None:
    body = b'SET A 1\nSET A 2\nSET PHONEKEY "Key=4;Type=line;Name=primary"\nSET PHONEKEY "Key=5;Type=line;Name=primary"\n'
    assert parse(body) == {"A": "2", "PHONEKEY[4].Type": "line", "PHONEKEY[4].Name": "primary", "PHONEKEY[5].Type": "line", "PHONEKEY[5].Name": "primary"}


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\n", b"SET A\n", b'SET A "x\n', b'SET A x"y\n', b'SET A "x" y\n', b"A 1\n", b"SET A 1\x00\n", b"SET A 1\rSET B 2\n", b"<html>\n",
        b'SET PHONEKEY "Type=line;Name=primary"\n', b'SET PHONEKEY "Key=4;Type=line;what"\n',
    ],
)  # fmt: skip
def test_what_the_phone_refuses_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)


def test_a_directory_is_read_by_its_entries() -> None:
    body = (
        b"<IPPhoneDirectory><DirectoryEntry><LastName>R&amp;D</LastName><FirstName>Anna</FirstName>"
        b"<PhoneNumbers><Phone><Number>213</Number><Type>Work</Type></Phone></PhoneNumbers></DirectoryEntry></IPPhoneDirectory>"
    )
    assert parse_directory(body) == {
        "root": "IPPhoneDirectory", "DirectoryEntry[1].LastName": "R&D", "DirectoryEntry[1].FirstName": "Anna",
        "DirectoryEntry[1].Phone[1].Number": "213", "DirectoryEntry[1].Phone[1].Type": "Work",
    }  # fmt: skip


@pytest.mark.parametrize("body", [b"<x/>", b"<IPPhoneDirectory><DirectoryEntry/></IPPhoneDirectory>", b"<IPPhoneDirectory><Entry/></IPPhoneDirectory>"])
def test_a_broken_directory_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse_directory(body)
