"""The reader of Cisco's enterprise XML, tried on the shapes of usecallmanager.nz's pages, and on what a phone refuses."""

from __future__ import annotations

import pytest

from tests.parsers.sep_xml import parse


def test_lines_are_named_by_their_button_and_members_by_their_priority() -> None:
    body = (
        b'<device><fullConfig>true</fullConfig><devicePool><callManagerGroup><members><member priority="0"><callManager><processNodeName>192.0.2.1</processNodeName>'
        b"</callManager></member></members></callManagerGroup></devicePool><sipProfile><sipLines>"
        b'<line button="1" lineIndex="1"><featureID>9</featureID><authPassword>a&amp;b</authPassword></line>'
        b'<line button="2"><featureID>2</featureID><speedDialNumber>1,,2</speedDialNumber></line></sipLines></sipProfile></device>'
    )

    assert parse(body) == {
        "fullConfig": "true", "devicePool/callManagerGroup/members/member[0]/callManager/processNodeName": "192.0.2.1",
        "sipProfile/sipLines/line[1]/lineIndex": "1", "sipProfile/sipLines/line[1]/featureID": "9", "sipProfile/sipLines/line[1]/authPassword": "a&b",
        "sipProfile/sipLines/line[2]/featureID": "2", "sipProfile/sipLines/line[2]/speedDialNumber": "1,,2",
    }  # fmt: skip


def test_a_dial_template_is_counted() -> None:
    body = b'<dialTemplate><versionStamp>e68d54c1</versionStamp><TEMPLATE match="3.." timeout="1" /><TEMPLATE match="" timeout="0" rewrite="300" /></dialTemplate>'

    assert parse(body) == {
        "versionStamp": "e68d54c1", "TEMPLATE[1].match": "3..", "TEMPLATE[1].timeout": "1", "TEMPLATE[2].match": "", "TEMPLATE[2].timeout": "0", "TEMPLATE[2].rewrite": "300",
    }  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b"<Device/>", b"<device><a></device>", b"<!DOCTYPE device><device/>", b"<device><sipProfile/><sipProfile/></device>",
        b'<device><sipLines><line><featureID>9</featureID></line></sipLines></device>', b'<device><sipLines><line button="1"></line></sipLines></device>',
        b'<device><l><line button="1"><featureID>9</featureID></line><line button="1"><featureID>2</featureID></line></l></device>',
        b'<dialTemplate><template match="1" timeout="0"/></dialTemplate>', b'<dialTemplate><TEMPLATE match="1"/></dialTemplate>',
    ],
)  # fmt: skip
def test_what_a_phone_would_not_take_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
