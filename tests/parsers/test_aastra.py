"""The reader of Aastra's and Mitel's files, tried on lines that guides and public projects print, and on what a phone refuses."""

from __future__ import annotations

import pytest

from tests.parsers.aastra import parse


def test_lines_of_the_guides_are_read() -> None:
    body = (
        b"# General\n"
        b"time zone name: US-Eastern\n"
        b"dst [start|end] relative date: 1 #relative\n"
        b'sip dial plan: "X+#|XXX+*"\n'
        b'softkey4 value: "*32#"\n'
        b"topsoftkey1 type:services\n"
        b"sip line1 user name:\n"
        b"sip customized codec: payload=9;ptime=20;silsupp=on,payload=0;ptime=20;silsupp=off\r\n"
        b"expmod1 key1 type: blf\n"
    )
    assert parse(body) == {
        "time zone name": "US-Eastern", "dst [start|end] relative date": "1", "sip dial plan": "X+#|XXX+*", "softkey4 value": "*32#",
        "topsoftkey1 type": "services", "sip line1 user name": "", "sip customized codec": "payload=9;ptime=20;silsupp=on,payload=0;ptime=20;silsupp=off",
        "expmod1 key1 type": "blf",
    }  # fmt: skip


def test_a_bare_hash_ends_a_value_and_a_quoted_one_does_not() -> None:
    assert parse(b'a b: 1 # two\nc d: "x # y: z"  # e\n') == {"a b": "1", "c d": "x # y: z"}


def test_marks_are_told_and_the_last_line_counts() -> None:
    assert parse(b"^tone set: UK\n!tos sip: 24\n!tos sip: 26\n^lldp: 1\nlldp: 0\n") == {
        "tone set": "UK", "tone set@mark": "^", "tos sip": "26", "tos sip@mark": "!", "lldp": "0",
    }  # fmt: skip


def test_a_directory_is_rows_of_name_and_number() -> None:
    assert parse(b"# names\nDavid Jones, 07975433306\nZo\xc3\xab: R&D,213\n") == {
        "directory[1].name": "David Jones", "directory[1].number": " 07975433306", "directory[2].name": "Zoë: R&D", "directory[2].number": "213",
    }  # fmt: skip
    assert parse(b"# nobody\n") == {}


@pytest.mark.parametrize("body", [b"\xff: 1\n", b"a: 1\x00\n", b"a: 1\rb: 2\n", b"hello\n", b": 1\n", b'a: "x" y\n', b'a: "x\n', b'a: x"y"\n', b"a: 1\nAnna,213\n"])
def test_what_the_phone_refuses_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
