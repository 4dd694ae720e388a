"""The reader of Gigaset's ProviderFrame, tried on lines of public files, and on what a base refuses."""

from __future__ import annotations

import pytest

from tests.parsers.provider_frame import parse

HEAD = '<?xml version="1.0" encoding="ISO-8859-1"?><ProviderFrame><Provider><MAC_ADDRESS value="7C2F80B93640"/><PROFILE_NAME class="string" value="c430test"/>'
TAIL = "</Provider></ProviderFrame>"


def frame(inside: str) -> bytes:
    return (HEAD + inside + TAIL).encode("iso-8859-1")


def item(name: str, value: str) -> str:
    return f"<SYMB_ITEM ID='{name}' class='symb_item' value='{value}'/>"


def test_text_loses_its_quotes_and_numbers_stand_as_they_are() -> None:
    body = frame(
        item("BS_IP_Data1.aucS_SIP_DISPLAYNAME", '"Zoë"') + item("BS_IP_Data1.uiI_SIP_SERVER_PORT_2", "0x13c4") + item("BS_CUSTOM.aucKdsPin[0]", "0x89,0x89")
        + item("BS_VOIP_Data.astVoipAccounts[%].ucVoipProviderIndex", "0") + "<S_CONFIGFILE_URL class='string' value='\"prov.example/7C2F80B93640.xml\"'/>"
    )  # fmt: skip

    assert parse(body) == {
        "MAC_ADDRESS": "7C2F80B93640",
        "PROFILE_NAME": "c430test",
        "BS_IP_Data1.aucS_SIP_DISPLAYNAME": "Zoë",
        "BS_IP_Data1.uiI_SIP_SERVER_PORT_2": "0x13c4",
        "BS_CUSTOM.aucKdsPin[0]": "0x89,0x89",
        "BS_VOIP_Data.astVoipAccounts[%].ucVoipProviderIndex": "0",
        "S_CONFIGFILE_URL": "prov.example/7C2F80B93640.xml",
    }


@pytest.mark.parametrize(
    "body",
    [
        b"<ProviderFrame/>", b"<ProviderFrame><Provider/></ProviderFrame>", frame("<x/>"), frame(item("uiI_SIP_SERVER_PORT", "1")), frame(item("BS_A.aucB", "text")),
        frame(item("BS_A.aucB", '"a"b"')), frame(item("BS_A.ucB", "on")), frame(item("BS_A.ucB", "1") * 2), frame("<SYMB_ITEM ID='BS_A.ucB' value='1'/>"),
        frame("").replace(b"7C2F80B93640", b"7c2f80b93640"),
    ],
)  # fmt: skip
def test_what_the_base_refuses_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
