"""A value is read back unchanged by the format's own parser, or refused without being repeated."""

from __future__ import annotations

import json
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.encode import ENCODERS, legible
from provisioner.errors import Unsayable
from provisioner.formats import PLACES, Word, Writer

TEXT = st.text(max_size=64)
HOSTILE = ["& < > \" ' # = ; % { }", " edge", "edge ", "</x><evil>", "{{7*7}}", "äöüß€😀", "a" * 64, "%NULL%", "x\naccount.1.enable = 0", "tab\there", "\ufffe"]
VALUES = TEXT | st.sampled_from(HOSTILE)


@given(VALUES, st.sampled_from(["utf-8", "ascii", "iso-8859-1"]))
def test_xml_comes_back_intact_or_is_refused(value: str, charset: str) -> None:
    writer = Writer("xml", charset)
    try:
        written = writer.write(Word(value, "label"))
    except Unsayable:
        return
    root = ElementTree.fromstring(f'<?xml version="1.0" encoding="{charset}"?><a b="{written}">{written}</a>'.encode(charset))
    assert (root.text or "", root.get("b"), len(root)) == (value, value, 0)


@given(VALUES)
def test_a_line_comes_back_intact_or_is_refused(value: str) -> None:
    writer = Writer("keyvalue", trims=True, empty="%NULL%")
    try:
        line = f"name = {writer.write(Word(value, 'label'))}"
    except Unsayable:
        return
    assert line.splitlines() == [line]
    read = line.partition("=")[2].strip(" \t")
    assert read == (value or "%NULL%")


@given(VALUES)
def test_a_quoted_value_comes_back_intact_or_is_refused(value: str) -> None:
    try:
        line = f'name: "{Writer("quoted").write(Word(value, "label"))}"'
    except Unsayable:
        return
    assert line.splitlines() == [line] and line.count('"') == 2
    assert line.removeprefix('name: "').removesuffix('"') == value


@given(VALUES)
def test_json_comes_back_intact_or_is_refused(value: str) -> None:
    writer = Writer("json")
    try:
        written = writer.write(Word(value, "label"))
    except Unsayable:
        return
    assert json.loads(f'"{written}"') == value


@pytest.mark.parametrize("value", ["x\ny", "x\ry", "x\u2028y", "\x00"])
@pytest.mark.parametrize("format", ["keyvalue", "ini", "quoted", "xml", "json", "plain"])
def test_nothing_starts_a_new_line(format: str, value: str) -> None:
    with pytest.raises(Unsayable):
        Writer(format).write(value)


def test_a_refusal_names_the_setting_and_not_the_value() -> None:
    with pytest.raises(Unsayable) as refusal:
        Writer("keyvalue", empty="%NULL%").write(Word("%NULL%", "the password of line 1"))

    assert "the password of line 1" in str(refusal.value)
    with pytest.raises(Unsayable) as refusal:
        Writer("plain").write(Word("s3cr&t", "the password of line 1"))
    assert "s3cr" not in str(refusal.value)


@pytest.mark.parametrize(
    ("place", "value", "written"),
    [("rule", "a$b", "a$$b"), ("user", "*97;a b@é", "*97;a%20b%40%C3%A9"), ("quotes", "O\\A", "O\\\\A"), ("digits", "0042", "0042"), ("value", True, "Yes"), ("value", 7, "7")],
)
def test_places_and_types(place: str, value: object, written: str) -> None:
    assert Writer("xml", booleans=("No", "Yes")).write(value, place) == written


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("pair", "a:b"), ("list", "a;b"), ("place", "30@1/b"), ("macro", "a$b"), ("macro", "it's"), ("login", "a@b"), ("cell", "a,b"), ("pattern", "a.b"), ("word", "a b"), ("word", "a;b"), ("digits", "12a"),
        ("digits", "\u0661"), ("value", None), ("value", ("a",)),
    ],
)  # fmt: skip
def test_what_a_place_cannot_hold_is_refused(place: str, value: object) -> None:
    with pytest.raises(Unsayable):
        Writer("keyvalue").write(value, place)


def test_every_place_has_a_test() -> None:
    assert set(PLACES) == {"value", "user", "quotes", "pair", "rule", "list", "macro", "place", "login", "cell", "pattern", "word", "digits"}


def test_quotes_inside_xml_hold_no_quote_and_xml_outside_its_charset() -> None:
    writer = Writer("quoted-xml", "iso-8859-1")

    assert writer.write("R&D <1> Zoë 😀") == "R&amp;D &lt;1&gt; Zoë &#128512;"
    with pytest.raises(Unsayable):
        writer.write('a"b')


def test_an_encoder_ends_every_line_as_the_phone_reads_it() -> None:
    body = b'# Format File\nNTP_ADDR="ntp.example.com"\n'

    assert ENCODERS["plain"](body) == body
    assert ENCODERS["crlf"](body) == b'# Format File\r\nNTP_ADDR="ntp.example.com"\r\n'


@given(VALUES)
def test_a_percent_value_is_of_ascii_and_comes_back_intact_or_is_refused(value: str) -> None:
    try:
        written = Writer("percent").write(Word(value, "label"))
    except Unsayable:
        return
    assert written.isascii() and not set(written) & set("&= \r\n\0")
    assert unquote(written, errors="strict") == value


def test_summed_pairs_are_those_of_the_published_example() -> None:
    # shared facts grandstream.md section 3: 0x1c words, the sum 0xc7a8
    body = b"000b82123456\nP30=time.nist.gov\nP63=1\nP31=1\ngnkey=0b82\n"
    encoded = ENCODERS["summed-pairs"](body)

    assert encoded[:16].hex(" ", 2) == "0000 001c c7a8 000b 8212 3456 0d0a 0d0a"
    assert encoded[16:] == b"P30=time.nist.gov&P63=1&P31=1&gnkey=0b82"
    assert legible(encoded, "summed-pairs") == body.removeprefix(b"000b82123456\n")
    assert len(ENCODERS["summed-pairs"](body.replace(b"P31=1", b"P31="))) == len(encoded)  # an odd text is filled up


def test_summed_pairs_without_a_mac_are_refused() -> None:
    with pytest.raises(ValueError, match="MAC alone in the first line"):
        ENCODERS["summed-pairs"](b"P30=time.nist.gov\n")
