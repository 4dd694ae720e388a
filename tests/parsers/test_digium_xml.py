"""The reader of Digium's XML, tried on the shapes that the wiki prints, and on what a phone refuses."""

from __future__ import annotations

import pytest

from tests.parsers.digium_xml import parse


def test_settings_and_accounts_are_read_by_their_names() -> None:
    body = (
        b'<?xml version="1.0" ?><config><setting id="login_password" value="789" /><setting id="time_zone" value="America/Los_Angeles" />'
        b'<accounts><account index="0" status="1" username="100" line_label="R&amp;D"><host_primary server="10.0.0.1" port="5060" transport="udp">'
        b'<outbound_proxy server="p" /></host_primary></account></accounts><codecs><codec id="PCMU" priority="255" enabled="1" /></codecs>'
        b'<contacts url="http://x/c.xml" id="internal" /><smart_blf><blf_items url="http://x/b.xml" /></smart_blf></config>'
    )

    assert parse(body) == {
        "login_password": "789", "time_zone": "America/Los_Angeles", "account[0].index": "0", "account[0].status": "1", "account[0].username": "100",
        "account[0].line_label": "R&D", "account[0].host_primary.server": "10.0.0.1", "account[0].host_primary.port": "5060",
        "account[0].host_primary.transport": "udp", "account[0].host_primary.outbound_proxy.server": "p", "codec[PCMU].id": "PCMU",
        "codec[PCMU].priority": "255", "codec[PCMU].enabled": "1", "contacts[internal].url": "http://x/c.xml", "contacts[internal].id": "internal",
        "blf_items.url": "http://x/b.xml",
    }  # fmt: skip


def test_keys_and_contacts_are_read_by_their_places() -> None:
    keys = b'<config><smart_blf><blf_items><blf_item location="side" index="1" contact_id="a"><behaviors><behavior phone_state="idle" press_function="dial" /></behaviors></blf_item></blf_items></smart_blf></config>'
    contacts = b'<phonebooks><contacts id="k"><contact first_name="Ada"><numbers><number dial="201" /></numbers></contact></contacts></phonebooks>'

    assert parse(keys)["blf_item[side/1].contact_id"] == "a"
    assert parse(keys)["blf_item[side/1].behavior[idle].press_function"] == "dial"
    assert parse(contacts)["contacts[k].contact[1].number[1].dial"] == "201"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<config>", b"<sysConf/>", b'<config><setting id="a" value="1" /><setting id="a" value="2" /></config>', b'<config><setting value="1" /></config>',
        b'<config><setting id="a" /></config>', b"<config><evil>1</evil></config>", b"<!DOCTYPE x [<!ENTITY a 'b'>]><config/>",
        b'<config><accounts><account index="0" status="1" /><account index="0" status="0" /></accounts></config>',
    ],
)  # fmt: skip
def test_what_the_phone_refuses_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
