"""Rendered bytes to bytes on the wire, by the name in a file rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping


def plain(body: bytes) -> bytes:
    """Return the bytes as they are."""
    return body


ENCODERS: Mapping[str, Callable[[bytes], bytes]] = {"plain": plain}
