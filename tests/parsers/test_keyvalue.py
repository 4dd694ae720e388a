"""The reader of Yealink's files, tried on lines that the guides print, and on what a phone refuses."""

from __future__ import annotations

import pytest

from tests.parsers.ip_phone_directory import parse as parse_book
from tests.parsers.keyvalue import parse

HEAD = b"#!version:1.0.0.1\n"


def test_parameters_are_read_to_the_end_of_the_line() -> None:
    body = HEAD + b"## a comment\naccount.1.enable = 1\naccount.1.password=a=b # c & <d>\nlocal_time.time_zone_name = Portugal(Lisboa,Porto,Funchal)  \n"

    assert parse(body) == {
        "account.1.enable": "1", "account.1.password": "a=b # c & <d>", "local_time.time_zone_name": "Portugal(Lisboa,Porto,Funchal)",
    }  # fmt: skip


def test_the_last_of_several_lines_counts_and_an_empty_value_changes_nothing() -> None:
    assert parse(HEAD + b"a.b = 1\r\na.b = 2\r\na.c =\r\na.d = %NULL%\r\n") == {"a.b": "2", "a.d": "%NULL%"}


def test_the_old_header_is_a_header_too() -> None:
    assert parse(b"#!version:1.0.0.0\nsyslog.mode = 1\n") == {"syslog.mode": "1"}


def test_passwords_of_several_users_stand_beside_each_other() -> None:
    body = HEAD + b"static.security.user_name.admin = admin\nstatic.security.user_password = admin:one\nstatic.security.user_password = var:two\n"

    assert parse(body)["static.security.user_password[admin]"] == "one"
    assert parse(body)["static.security.user_password[var]"] == "two"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"a.b = 1\n", b"\n#!version:1.0.0.1\n", b"#!version:1.0.0.1 \n", b"\xef\xbb\xbf#!version:1.0.0.1\n", HEAD + b"\xff\n", HEAD + b"a.b = \x00\n",
        HEAD + b"a.b = 1\rc.d = 2\n", HEAD + b"hello\n", HEAD + b"= 1\n", HEAD + b"a b.c = 1\n", HEAD + b'include:config "x.cfg"\n', HEAD + b" # a = b\n",
        HEAD + b"security.user_password = admin\n",
    ],
)  # fmt: skip
def test_what_the_phone_refuses_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)


def test_a_phone_book_is_read_by_its_entries() -> None:
    body = b"<YealinkIPPhoneDirectory><DirectoryEntry><Name>R&amp;D</Name><Telephone>201</Telephone><Telephone>+351</Telephone></DirectoryEntry></YealinkIPPhoneDirectory>"

    assert parse_book(body) == {
        "root": "YealinkIPPhoneDirectory", "DirectoryEntry[1].Name": "R&D", "DirectoryEntry[1].Telephone[1]": "201", "DirectoryEntry[1].Telephone[2]": "+351",
    }  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<x/>", b"<YealinkIPPhoneDirectory>", b"<YealinkIPPhoneDirectory><DirectoryEntry/></YealinkIPPhoneDirectory>",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><YealinkIPPhoneDirectory/>",
    ],
)  # fmt: skip
def test_a_broken_phone_book_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse_book(body)
