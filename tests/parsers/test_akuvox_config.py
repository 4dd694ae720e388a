"""The readers of Akuvox' files, tried on lines as public projects write them, and on what a phone could not read."""

from __future__ import annotations

import pytest

from tests.parsers.akuvox_config import parse
from tests.parsers.akuvox_directory import parse as parse_book


def test_values_run_to_the_end_of_the_line_and_may_be_empty() -> None:
    body = (
        b"#!version:1.0.0.1\n\n# Account1 Configuration\n;Config.TR069.Reboot.CmdKey = x\nConfig.Account1.GENERAL.Pwd = a=b # c & <d>\n"
        b"Config.Settings.SNTP.Name = Portugal(Lisboa,Porto,Funchal)  \r\nConfig.Certificate.01.Url=\nConfig.Firmware.Url = http://192.0.2.1/x.rom\n"
    )

    assert parse(body) == {
        "Config.Account1.GENERAL.Pwd": "a=b # c & <d>", "Config.Settings.SNTP.Name": "Portugal(Lisboa,Porto,Funchal)", "Config.Certificate.01.Url": "",
        "Config.Firmware.Url": "http://192.0.2.1/x.rom",
    }  # fmt: skip


def test_the_last_of_several_lines_counts() -> None:
    assert parse(b"Config.A.B.C = 1\nConfig.A.B.C = 2\n") == {"Config.A.B.C": "2"}


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\n",
        b"Config.A.B.C = \x00\n",
        b"Config.A.B.C = 1\rx\n",
        b"hello\n",
        b"account.1.enable = 1\n",
        b"Config.A.B C = 1\n",
        b"Config = 1\n",
    ],
)
def test_what_no_phone_reads_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)


def test_a_phone_book_is_flat() -> None:
    body = b'<?xml version="1.0" encoding="utf-8" ?>\n<Directory Name="House">\n  <Contact Id="1" Name="A &amp; B" Office="212"/>\n</Directory>\n'

    assert parse_book(body) == {"Directory.Name": "House", "Contact[1].Id": "1", "Contact[1].Name": "A & B", "Contact[1].Office": "212"}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<Directory", b"<Book/>", b'<!DOCTYPE x><Directory Name=""/>', b'<Directory><Contact Id="1" Name="A"/></Directory>', b"<Directory><Group/></Directory>",
        b'<Directory><Contact Id="1" Name="A" Office="1"/><Contact Id="1" Name="B" Office="2"/></Directory>',
    ],
)  # fmt: skip
def test_what_is_no_phone_book_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse_book(body)
