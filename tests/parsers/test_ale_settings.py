"""The reader of Alcatel-Lucent Enterprise's files, tried on lines of Wazo's templates and on what a phone refuses."""

from __future__ import annotations

import pytest

from tests.parsers.ale_settings import parse


def test_lines_of_the_templates_are_read() -> None:
    body = (
        b'<?xml version="1.0" encoding="UTF-8" ?>\n<settings>\n    <!-- Account1 Setting -->\n    <setting id="Account1Enable" value="true" />\n'
        b'    <setting id="DeviceBackupUrl" value="" override="" />\n    <setting id="SipAppRunMode" value="0" override="true"/>\n</settings>\n'
    )
    assert parse(body) == {"Account1Enable": "true", "DeviceBackupUrl": "", "DeviceBackupUrl@override": "", "SipAppRunMode": "0", "SipAppRunMode@override": "true"}


@pytest.mark.parametrize(
    "inside",
    ["<setting id='a'/>", "<setting value='1'/>", "<set id='a' value='1'/>", "<setting id='a' value='1'>x</setting>", "<setting id='a' value='1' what='2'/>", "<setting id='a' value='1'/>" * 2],
)
def test_what_is_no_setting_is_refused(inside: str) -> None:
    with pytest.raises(ValueError):
        parse(f"<settings>{inside}</settings>".encode())


@pytest.mark.parametrize("body", [b"", b"<settings>", b"<x/>", b"<!DOCTYPE a><settings/>"])
def test_what_is_no_file_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
