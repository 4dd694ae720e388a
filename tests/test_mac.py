"""One spelling of a MAC, and clear words for what is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner import mac
from provisioner.errors import BadMAC

HEX = st.text("0123456789abcdef", min_size=10, max_size=10).map(lambda rest: "80" + rest)


@given(HEX, st.sampled_from([":", "-", " ", ".", ""]), st.booleans())
def test_every_usual_spelling_is_the_same_mac(digits: str, separator: str, upper: bool) -> None:
    width = 4 if separator == "." else 2
    text = separator.join(digits[i : i + width] for i in range(0, 12, width))

    assert mac.parse(text.upper() if upper else text) == digits


@pytest.mark.parametrize("text", ["", "805ec0d57d7", "805ec0d57d722", "80:5e:c0:d5:7d:7", "80:5e:c0-d5:7d:72x", "80:5e:c0:d5:7d:7g", "８05ec0d57d72"])
def test_anything_but_twelve_hex_digits_is_refused(text: str) -> None:
    with pytest.raises(BadMAC, match="write it as 80:5e:c0:d5:7d:72"):
        mac.parse(text)


@pytest.mark.parametrize(("text", "why"), [("00:00:00:00:00:00", "all zeros"), ("000000abcdef", "begins with them"), ("01:00:5e:00:00:01", "multicast"), ("ff:ff:ff:ff:ff:ff", "multicast")])
def test_an_address_that_no_phone_has_is_refused(text: str, why: str) -> None:
    with pytest.raises(BadMAC, match=why):
        mac.parse(text)
