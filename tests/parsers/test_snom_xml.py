"""The reader of Snom's XML, tried on the shapes that Snom's pages print."""

from __future__ import annotations

import pytest

from tests.parsers.snom_xml import parse

HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'


def test_settings_are_read_with_index_and_permission() -> None:
    # Source: service.snom.com, Desk Phone Configuration Files
    body = HEAD + (
        '<settings><phone-settings e="2"><language perm="">English</language>'
        '<user_name idx="1" perm="R">401</user_name><setting_server perm="RW">https://my.pbx.com/{mac}</setting_server>'
        "</phone-settings></settings>"
    )

    assert parse(body.encode()) == {
        "language": "English", "user_name[1]": "401", "user_name[1]@perm": "R",
        "setting_server": "https://my.pbx.com/{mac}", "setting_server@perm": "RW",
    }  # fmt: skip


def test_keys_are_read_from_nought() -> None:
    body = HEAD + '<functionKeys e="2"><fkey idx="0" context="1" label="Line 1" perm="">line</fkey><fkey idx="19" context="active">speed 117</fkey></functionKeys>'

    said = parse(body.encode())

    assert (said["fkey[0]"], said["fkey[0].context"], said["fkey[0].label"]) == ("line", "1", "Line 1")
    assert (said["fkey[19]"], said["fkey[19].context"]) == ("speed 117", "active")


def test_a_dial_plan_a_book_and_a_container_are_read() -> None:
    plan = '<settings><dialplan e="2"><TEMPLATE MATCH="911" Timeout="0" User="Phone"/></dialplan></settings>'
    book = '<settings><tbook e="2" complete="true"><item context="active" type="none"><name>Adrian</name><number>42965</number></item></tbook></settings>'
    files = '<setting-files><file url="http://192.0.2.1/a.xml"/></setting-files>'

    assert parse(plan.encode()) == {"dialplan[1].match": "911", "dialplan[1].timeout": "0", "dialplan[1].user": "Phone"}
    assert parse(book.encode())["tbook[1].number"] == "42965"
    assert parse(files.encode()) == {"file[1]": "http://192.0.2.1/a.xml"}


def test_firmware_is_read() -> None:
    assert parse(b"<firmware-settings><firmware>http://192.0.2.1/x.bin</firmware></firmware-settings>") == {"firmware": "http://192.0.2.1/x.bin"}


def test_characters_above_255_come_back() -> None:
    body = '<settings><phone-settings e="2"><user_realname idx="1">Žofie &lt;R&amp;D&gt; &#269;</user_realname></phone-settings></settings>'

    assert parse(body.encode())["user_realname[1]"] == "Žofie <R&D> č"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>404</body></html>",
        b"<settings><phone-settings><context_key idx='3'>url x</gui_fkey1></phone-settings></settings>",
        b"<settings><phone-settings><user_name idx='x'>1</user_name></phone-settings></settings>",
        b"<settings><phone-settings><user_name perm='X'>1</user_name></phone-settings></settings>",
        b"<settings><phone-settings><a>1</a><a>2</a></phone-settings></settings>",
        b"<settings><functionKeys><fkey idx='0' context='all'>line</fkey></functionKeys></settings>",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><settings><phone-settings><a>&a;</a></phone-settings></settings>",
        b"\xff\xfe\x00",
    ],
)
def test_what_the_phone_drops_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
