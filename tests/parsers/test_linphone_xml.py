"""The reader of Linphone's XML, on lines as projects publish them."""

from __future__ import annotations

import pytest

from tests.parsers.linphone_xml import parse

SAMPLE = b"""<?xml version="1.0" encoding="UTF-8"?>
<config xmlns="http://www.linphone.org/xsds/lpconfig.xsd" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.linphone.org/xsds/lpconfig.xsd lpconfig.xsd">
  <section name="sip">
    <entry name="default_proxy" overwrite="true">0</entry>
  </section>
  <section name="proxy_0">
    <entry name="reg_identity" overwrite="true">"O\\"A \\\\" &lt;sip:6%20001@pbx.example.com&gt;</entry>
    <entry name="reg_proxy" overwrite="true">&lt;sip:[2001:db8::1]:5061;transport=tls&gt;</entry>
    <entry name="voicemail_uri"></entry>
  </section>
</config>"""


def test_entries_are_read_with_their_section_and_addresses_in_their_parts() -> None:
    assert parse(SAMPLE) == {
        "sip/default_proxy": "0", "proxy_0/reg_identity.name": 'O"A \\', "proxy_0/reg_identity.user": "6 001", "proxy_0/reg_identity.host": "pbx.example.com",
        "proxy_0/reg_proxy.host": "[2001:db8::1]:5061;transport=tls", "proxy_0/voicemail_uri": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"lpconfig.xsd\" xmlns:xsi", b"other.xsd\" xmlns:xsi"), (b'"default_proxy"', b'"x" at="1"'), (b'"reg_proxy"', b'"reg_identity"'), (b"6%20001", b"6 001"),
        (b"6%20001", b"6\"001"), (b"&gt;", b""), (b"</config>", b""),
    ],
)  # fmt: skip
def test_what_the_app_would_not_take_is_told(old: bytes, new: bytes) -> None:
    with pytest.raises(ValueError, match=r"root|no place|twice|no SIP|no user|well-formed"):
        parse(SAMPLE.replace(old, new))
