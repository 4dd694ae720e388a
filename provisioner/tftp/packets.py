"""TFTP's packets as bytes: what came is read without trust, what goes is cut ahead.

Source: RFC 1350 (packets), 2347 (options), 2348 (blksize), 2349 (timeout, tsize), 7440 (windowsize).
tftpy gives the constants and writes OACK and ERROR; its readers are not used, since a name that is
not ASCII, a blksize that is no number or a short ACK ends the loop of whoever calls them.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from tftpy.TftpPacketTypes import TftpPacketERR, TftpPacketOACK
from tftpy.TftpShared import DEF_BLKSIZE, MIN_BLKSIZE, TftpErrors

RRQ, WRQ, DATA, ACK, ERROR, OACK = 1, 2, 3, 4, 5, 6
MOST_NAME = 512  # bytes; a token, a prefix and a file's name fit well
MOST_OPTIONS = 16
MOST_ASK = 8192  # bytes of a request, which is kept as long as its transfer; RFC 2347 allows 512
_HEAD = struct.Struct("!HH")
_CUT_AHEAD = 64  # blocks; longer bodies are cut when they are sent


@dataclass(frozen=True)
class Ask:
    """A read or write request. The name is bytes of no known charset, read as Latin-1."""

    write: bool
    name: str
    mode: str
    options: Mapping[str, str]


@dataclass(frozen=True)
class Terms:
    """What was agreed for one transfer, and the options to say so with (RFC 2347); none = no OACK."""

    block: int = DEF_BLKSIZE
    timeout: int = 0
    window: int = 1
    tsize: int | None = None
    said: Mapping[str, str] | None = None


@lru_cache(maxsize=4096)  # phones ask the same each time
def read_ask(packet: bytes) -> Ask | None:
    """Return the request of an RRQ or WRQ packet, or None where it cannot be read or is larger than any phone's.

    A final option without its end is left out, as are those beyond a sane number; of an option
    that comes twice the first counts (RFC 2347 says that none may).
    """
    parts = packet[2:].split(b"\0") if len(packet) <= MOST_ASK else []
    if len(parts) < 3:
        return None
    words = [part.decode("latin-1") for part in parts[1:-1]]
    options: dict[str, str] = {}
    for name, value in list(zip(words[1::2], words[2::2], strict=False))[:MOST_OPTIONS]:
        options.setdefault(name.lower(), value)
    return Ask(packet[1] == WRQ, parts[0].decode("latin-1"), words[0].lower(), options)


def agree(ask: Ask, *, most_block: int, most_window: int, size: int | None) -> Terms:
    """Return the terms of a transfer: only what was asked for, never more than we allow.

    size: of the file that is read, None where it is unknown. An option that is junk or out of
    its bounds is as if it had not been asked.
    """
    said: dict[str, str] = {}
    block, timeout, window, tsize = DEF_BLKSIZE, 0, 1, None
    for name, value in ask.options.items():
        number = _number(value)
        if number is None:
            continue
        if name == "blksize" and number >= MIN_BLKSIZE:
            block = min(number, most_block)
            said[name] = str(block)
        elif name == "timeout" and 1 <= number <= 255:
            timeout = number
            said[name] = str(number)
        elif name == "windowsize" and 1 <= number <= 65535 and not ask.write:
            window = min(number, most_window)
            said[name] = str(window)
        elif name == "tsize" and ask.write:
            tsize = number
            said[name] = str(number)
        elif name == "tsize" and size is not None:
            said[name] = str(size)
    return Terms(block, timeout, window, tsize, said or None)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


def oack(options: Mapping[str, str]) -> bytes:
    """Return the packet that acknowledges options."""
    packet = TftpPacketOACK()
    packet.options = dict(options)
    return bytes(packet.encode().buffer)


def error(code: int, message: str = "") -> bytes:
    """Return an ERROR packet, with our own words or with those of the RFC."""
    packet = TftpPacketERR()
    packet.errorcode = code
    if message:
        packet.errmsgs = {code: message.encode("ascii")}
    return bytes(packet.encode().buffer)


def ack(number: int) -> bytes:
    """Return the ACK of a block, counted from 0 without end; the wire has 16 bits and wraps to 0."""
    return _HEAD.pack(ACK, number & 0xFFFF)


def number_of(packet: bytes) -> int:
    """Return the block number of a DATA or ACK packet of at least four bytes."""
    return int.from_bytes(packet[2:4], "big")


ACKS = [ack(number) for number in range(_CUT_AHEAD + 1)]  # of short bodies
NOT_FOUND = error(TftpErrors.FileNotFound)  # the one answer to unknown, refused and missing (D12)
TOO_LARGE = error(TftpErrors.DiskFull)
STRANGER = error(TftpErrors.UnknownTID)
ENDED = error(TftpErrors.NotDefined, "The file changed while it was sent; ask again")
NO_MAIL = error(TftpErrors.IllegalTftpOp, "This mode is not served; ask in mode octet")


def to_netascii(body: bytes) -> bytes:
    r"""Return the body in netascii: LF becomes CR LF, and CR becomes CR NUL (RFC 764).

    >>> to_netascii(b"a\n\r")
    b'a\r\n\r\x00'
    """
    return body.replace(b"\r", b"\r\0").replace(b"\n", b"\r\n")


def from_netascii(body: bytes) -> bytes:
    """Return what a netascii body means here."""
    return body.replace(b"\r\n", b"\n").replace(b"\r\0", b"\r")


class Blocks(Protocol):
    """The DATA packets of one answer: `count` of them, the last one short, perhaps empty."""

    count: int

    def packets(self, first: int, last: int) -> list[bytes] | None:
        """Return the DATA packets of blocks, counted from 1; None where they can no longer be had."""

    def close(self) -> None:
        """Let go of what is held open."""


class BodyBlocks:
    """The packets of bytes in memory: short bodies are cut once and shared by all who get the same bytes."""

    def __init__(self, body: bytes, size: int) -> None:
        """size: bytes of one block."""
        self.body, self.size = body, size
        self.count = len(body) // size + 1
        self.ready = [self._cut(number) for number in range(1, self.count + 1)] if self.count <= _CUT_AHEAD else []

    def packets(self, first: int, last: int) -> list[bytes] | None:
        """Return the DATA packets of blocks."""
        return self.ready[first - 1 : last] or [self._cut(number) for number in range(first, last + 1)]

    def _cut(self, number: int) -> bytes:
        return _HEAD.pack(DATA, number & 0xFFFF) + self.body[(number - 1) * self.size : number * self.size]

    def close(self) -> None:
        """Nothing is held open."""


class FileBlocks:
    """The packets of a file: blocks are read when they are sent, so memory does not grow with the file."""

    def __init__(self, file: Path, size: int) -> None:
        """size: bytes of one block; raises OSError where the file cannot be opened."""
        self._fd = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
        self.length = os.fstat(self._fd).st_size
        self.size = size
        self.count = self.length // size + 1

    def packets(self, first: int, last: int) -> list[bytes] | None:
        """Return the DATA packets of blocks; None where the file shrank, since a short block would mean its end."""
        start, size = (first - 1) * self.size, self.size
        wanted = min((last - first + 1) * size, self.length - start)
        try:
            body = os.pread(self._fd, wanted, start)
        except OSError:
            return None
        if len(body) < wanted:
            return None
        return [_HEAD.pack(DATA, first + place & 0xFFFF) + body[place * size : (place + 1) * size] for place in range(last - first + 1)]

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
