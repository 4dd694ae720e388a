"""Rendered bytes to bytes on the wire, by the name in a file rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping


def plain(body: bytes) -> bytes:
    """Return the bytes as they are."""
    return body


def crlf(body: bytes) -> bytes:
    """Return the bytes with every line ended by CR and LF, for phones that read no other end."""
    return body.replace(b"\n", b"\r\n")


ENCODERS: Mapping[str, Callable[[bytes], bytes]] = {"plain": plain, "crlf": crlf}
