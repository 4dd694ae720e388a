"""The reader of Gigaset's provisioning XML, tried on the maker's samples, and on what a phone refuses."""

from __future__ import annotations

import pytest

from tests.parsers.gigaset_xml import parse


def test_a_desk_phones_file_is_read_by_names() -> None:
    body = (
        b'<?xml version="1.0" encoding="UTF-8"?><provisioning version="1.1" productID="mx3b">'
        b'<firmware><file version="2.22.4" url="http://x.example/a.bin" flags="FORCE_ACCEPT"/></firmware>'
        b'<nvm><param name="SIP.Account.0.AccountName" value="1012" /><param name="SIP.Account.0.ProxyServer.Port" value="5060" /></nvm>'
        b'<custom><step type="Redirect" url="%MACD.xml" /></custom></provisioning>'
    )

    assert parse(body) == {
        "productID": "mx3b", "firmware.version": "2.22.4", "firmware.url": "http://x.example/a.bin", "SIP.Account.0.AccountName": "1012",
        "SIP.Account.0.ProxyServer.Port": "5060", "step[Redirect]": "%MACD.xml",
    }  # fmt: skip


def test_a_bases_operations_stand_under_their_names() -> None:
    body = (
        b'<provisioning version="1.1" productID="e2"><nvm><oper name="DeleteNotProvisionedHS"/>'
        b'<oper value="00001" name="add_hs"><param name="hs.RegStatus" value="ToReg"/></oper>'
        b'<param name="SipAccount.00001.AuthName" value="R&amp;D"/></nvm></provisioning>'
    )

    assert parse(body) == {
        "productID": "e2", "oper/DeleteNotProvisionedHS": "", "oper/add_hs[00001]": "", "oper/add_hs[00001]/hs.RegStatus": "ToReg",
        "SipAccount.00001.AuthName": "R&D",
    }  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<provisioning/>", b'<provisioning version="1.0"/>', b'<settings version="1.1"/>', b'<provisioning version="1.1"><x/></provisioning>',
        b'<provisioning version="1.1"><nvm><param name="A.B" value=""/></nvm></provisioning>',
        b'<provisioning version="1.1"><nvm><param name="A" value="1"/></nvm></provisioning>',
        b'<provisioning version="1.1"><nvm><param name="A.B" value="1"/><param name="A.B" value="2"/></nvm></provisioning>',
        b'<!DOCTYPE x [<!ENTITY a "b">]><provisioning version="1.1"/>',
    ],
)  # fmt: skip
def test_what_the_phone_refuses_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
