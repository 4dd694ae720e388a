"""Reads the binary file of old Grandstream phones and adapters: a header that counts and sums the file, then pairs of P-values.

Written from the layout in shared facts grandstream.md section 3, apart from the product. A file of another length than its
header says, whose 16-bit words do not make 0 in sum, or that has no key at its end, is refused whole.
"""

from __future__ import annotations

import re


def parse(body: bytes) -> dict[str, str]:
    """Return parameter = value. Raises ValueError where the phone would take nothing of the file."""
    if len(body) % 2:
        raise ValueError("half a word at the end")
    words = [256 * body[place] + body[place + 1] for place in range(0, len(body), 2)]
    if 65536 * words[0] + words[1] != len(words):
        raise ValueError(f"the header says {words[1]} words, there are {len(words)}")
    if sum(words) % 65536:
        raise ValueError("the sum is wrong")
    if words[6:8] != [0x0D0A, 0x0D0A]:
        raise ValueError("no end of the header")
    pairs = body[16:].removesuffix(b"\0").decode("ascii").split("&")
    if pairs.pop() != "gnkey=0b82":
        raise ValueError("the key is missing at the end")
    said: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not re.fullmatch(r"P[0-9]+", name) or not equals or not re.fullmatch(r"(?:[A-Za-z0-9._~/:-]|%[0-9A-F]{2})*", value):
            raise ValueError(f"{pair!r} is no pair")
        if name in said:
            raise ValueError(f"{name} stands twice; which one counts is not documented")
        said[name] = re.sub("%(..)", lambda found: chr(int(found[1], 16)), value).encode("latin-1").decode()
    return said


def phone_of(body: bytes) -> str:
    """Return the MAC in the header."""
    return body[6:12].hex()
