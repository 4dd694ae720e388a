"""Rendered bytes to bytes on the wire, by the name in a file rule."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from urllib.parse import unquote_to_bytes


def plain(body: bytes) -> bytes:
    """Return the bytes as they are."""
    return body


def crlf(body: bytes) -> bytes:
    """Return the bytes with every line ended by CR and LF, for phones that read no other end."""
    return body.replace(b"\n", b"\r\n")


def summed_pairs(body: bytes) -> bytes:
    """Return lines of name=value, the first of them the MAC alone, as pairs behind a header that counts and sums them.

    The header's 16 bytes, the most significant first: the whole file's length in words of two bytes (4 bytes), a sum
    with which all words make 0 (2), the MAC (6), and two line ends (4). Of an odd text a zero byte makes an even one.

    Raises ValueError where the first line is no MAC of twelve hex digits.
    Source: shared facts grandstream.md section 3, "Binary layout" (peer2+: sipXecs, Issabel and Gemeinschaft write it so).
    """
    mac, *pairs = body.split()
    if not re.fullmatch(b"[0-9a-f]{12}", mac):
        raise ValueError("summed-pairs wants the phone's MAC alone in the first line")
    text = b"&".join(pairs)
    text += b"\0" * (len(text) % 2)
    length, end = struct.pack(">I", 8 + len(text) // 2), bytes.fromhex(mac.decode()) + b"\r\n\r\n"
    words = length + end + text
    sum_of = sum(struct.unpack(f">{len(words) // 2}H", words))
    return length + struct.pack(">H", -sum_of & 0xFFFF) + end + text


def legible(body: bytes, encoder: str) -> bytes:
    """Return bytes of the wire as lines that people can read; what is text stays as it is."""
    if encoder != "summed-pairs":
        return body
    return b"\n".join(map(unquote_to_bytes, body[16:].rstrip(b"\0").split(b"&"))) + b"\n"


ENCODERS: Mapping[str, Callable[[bytes], bytes]] = {"plain": plain, "crlf": crlf, "summed-pairs": summed_pairs}
