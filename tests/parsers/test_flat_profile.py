"""The reader of flat-profile files, on what the guides print and on what would break a phone."""

from __future__ import annotations

import pytest

from tests.parsers.flat_profile import parse


def test_parameters_of_a_profile_with_and_without_a_device_around_it() -> None:
    inner = "<flat-profile><Resync_On_Reset>Yes</Resync_On_Reset><User_ID_1_> 212 </User_ID_1_><Password_2_></Password_2_></flat-profile>"

    assert parse(inner.encode()) == parse(f"<device>{inner}</device>".encode()) == {"Resync_On_Reset": "Yes", "User_ID_1_": "212", "Password_2_": ""}


def test_the_last_duplicate_wins_and_attributes_and_comments_are_nothing() -> None:
    assert parse(b'<flat-profile><A ua="na">1</A><!-- x --><A group="g">2</A></flat-profile>') == {"A": "2"}


def test_references_are_characters() -> None:
    assert parse(b"<flat-profile><A>&lt;&amp;&#228;&quot;</A></flat-profile>") == {"A": '<&ä"'}


def test_a_directory_is_numbered() -> None:
    body = b"<CiscoIPPhoneDirectory><Title>T</Title><DirectoryEntry><Name>Bob</Name><Telephone>1</Telephone></DirectoryEntry></CiscoIPPhoneDirectory>"

    assert parse(body) == {"Title": "T", "Name/1": "Bob", "Telephone/1": "1"}


@pytest.mark.parametrize(
    "body",
    [b"<flat-profile><A>1</flat-profile>", b"<other/>", b"<flat-profile><A><B/></A></flat-profile>", b"<!DOCTYPE a [<!ENTITY x 'y'>]><flat-profile><A>&x;</A></flat-profile>", b""],
)
def test_what_a_phone_would_not_take_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
