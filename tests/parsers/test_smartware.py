"""The reader of SmartWare scripts, tried on the shape of public scripts, and on what a gateway refuses."""

from __future__ import annotations

import pytest

from tests.parsers.smartware import parse


def test_a_mode_that_is_entered_again_goes_on() -> None:
    body = b"""cli version 3.20
# a comment
timer T now + 2 minutes every 10 minutes "provisioning execute CONFIG"
port ethernet 0 0
  encapsulation ip
  bind interface eth0 router
port ethernet 0 0
  no shutdown
authentication-service AUTH
  username 201 password "a # b"
  username 202 password ""
location-service L
  domain sip.example.com
  identity 201
    registration outbound
      register auto
      registrar 192.0.2.1 5060
"""

    assert parse(body) == {
        "cli version": "3.20", "timer[1]": "T", "timer[1] now +": "2", "timer[1] minutes every": "10", "timer[1] minutes": "provisioning execute CONFIG",
        "port ethernet 0[1]": "0", "port ethernet 0[1]/encapsulation ip": "yes", "port ethernet 0[1]/bind interface": "eth0", "port ethernet 0[1]/shutdown": "no",
        "authentication-service[1]": "AUTH", "authentication-service[1]/username[1]": "201", "authentication-service[1]/username[1] password": "a # b",
        "authentication-service[1]/username[2]": "202", "authentication-service[1]/username[2] password": "", "location-service[1]": "L",
        "location-service[1]/domain[1]": "sip.example.com", "location-service[1]/identity[1]": "201", "location-service[1]/identity[1]/registration outbound": "yes",
        "location-service[1]/identity[1]/registration outbound/register auto": "yes", "location-service[1]/identity[1]/registration outbound/registrar": "192.0.2.1",
        "location-service[1]/identity[1]/registration outbound/registrar 2": "5060",
    }  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        b"\xff", b"hello\n", b"domain x\n", b"location-service L\ndomain x\n", b"authentication-service A\n  username a password b c\n", b'administrator a password "b\n',
        b'administrator a password "b"c\n', b"cli version\t3.20\n", b"location-service L\n  identity 1\n    registrar x 5060\n",
    ],
)  # fmt: skip
def test_what_the_gateway_refuses_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        parse(body)
