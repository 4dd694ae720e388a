"""The door for proxies that pass connections on as they are, and say in a PROXY header whose each one is.

granian cannot read that header. So this process does, and passes what follows on, byte for byte, to
granian's masters behind it, over local sockets. Whose connection it is goes with it as the name of our end of
that socket, which granian tells as REMOTE_ADDR: `192.0.2.7`, or `192.0.2.7,https` where the proxy says that
TLS ended with it. The sockets lie in a folder that our own user alone can enter, so nobody else can say such a name.

Plain HTTP and TLS may both come in: the first byte behind the header tells which it is.

Source: HAProxy, The PROXY protocol, versions 1 and 2 (2020-03-05).
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import os
import signal
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from provisioner.things import address
from provisioner.web.asked import Address, Network

log = logging.getLogger("provisioner.proxy")

HTTP_SOCKET, HTTPS_SOCKET = "http.sock", "https.sock"
NOWHERE = "nowhere"  # a connection whose owner the proxy does not know
CONNECTIONS = 4096
_WITHIN = 10.0  # seconds for the header and the first byte behind it
_LINGERS = 2.0  # seconds for the phone to hang up after us
_GONE_AFTER = 60_000  # milliseconds in which a phone takes nothing of what it is sent
_PIECE = 65536
_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_LONGEST_V1, _LONGEST_V2 = 107, 4096  # bytes; of version 2 without its first 16
_TLS = 0x16  # the first byte of a TLS handshake (RFC 8446, 5.1)
_TELLS_OF = 100  # peers that are refused and told of, each once


class BadHeader(ValueError):
    """Not a PROXY header."""


async def read_header(reader: asyncio.StreamReader, peer: str) -> str:
    """Return the name of a connection, from its PROXY header; raises BadHeader, or IncompleteReadError.

    peer: the proxy's own address, which counts for a connection of its own (LOCAL).
    """
    start = await reader.readexactly(len(_SIGNATURE))
    if start == _SIGNATURE:
        return await _version_2(reader, peer)
    if not start.startswith(b"PROXY "):
        raise BadHeader("it begins with no PROXY header")
    line = start
    while not line.endswith(b"\r\n"):
        if len(line) >= _LONGEST_V1:
            raise BadHeader("its PROXY line does not end")
        line += await reader.readexactly(1)
    return _version_1(line[:-2])


def _version_1(line: bytes) -> str:
    try:
        words = line.decode("ascii").split(" ")
    except UnicodeDecodeError:
        raise BadHeader("its PROXY line is not ASCII") from None
    if words[1] == "UNKNOWN":
        return NOWHERE
    if len(words) != 6 or words[1] not in ("TCP4", "TCP6"):
        raise BadHeader("its PROXY line is not of TCP4, TCP6 or UNKNOWN, with two addresses and two ports")
    try:
        source, target = ipaddress.ip_address(words[2]), ipaddress.ip_address(words[3])
    except ValueError:
        raise BadHeader("its PROXY line has no address where one belongs") from None
    if {source.version, target.version} != {int(words[1][3])} or not all(port.isdigit() and len(port) <= 5 and int(port) < 65536 for port in words[4:]):
        raise BadHeader("its PROXY line has an address of the other kind, or no port where one belongs")
    return str(source)


async def _version_2(reader: asyncio.StreamReader, peer: str) -> str:
    version_command, family_protocol, length = struct.unpack("!BBH", await reader.readexactly(4))
    if version_command >> 4 != 2 or version_command & 15 > 1 or length > _LONGEST_V2:
        raise BadHeader("its PROXY header is of another version, of no known command, or too long")
    rest = await reader.readexactly(length)
    if version_command & 15 == 0:  # LOCAL: the proxy looks whether we are well
        return peer
    family = family_protocol >> 4
    size = {1: 4, 2: 16}.get(family)
    if size is None or family_protocol & 15 != 1:  # not TCP over IP
        return NOWHERE
    if length < 2 * size + 4:
        raise BadHeader("its PROXY header is too short for its addresses")
    source = ipaddress.ip_address(rest[:size])
    return f"{source},https" if _over_tls(rest[2 * size + 4 :]) else str(source)


def _over_tls(values: bytes) -> bool:
    """Return True where a header's values say that the client spoke TLS with the proxy (PP2_TYPE_SSL with PP2_CLIENT_SSL)."""
    while len(values) >= 3:
        kind, length = struct.unpack_from("!BH", values)
        if len(values) < 3 + length:
            break
        if kind == 0x20 and length >= 5:
            return bool(values[3] & 1)
        values = values[3 + length :]
    if values:
        raise BadHeader("a value in its PROXY header is cut off")
    return False


class Relay:
    """Takes connections of trusted proxies and passes them on."""

    def __init__(self, listening: socket.socket, folder: Path, trusted: Sequence[Network]) -> None:
        """listening: bound and listening; folder: ours alone, with the sockets of those behind us; trusted: the proxies."""
        self._listening, self._folder, self._trusted = listening, folder, trusted
        self._told: set[str] = set()
        self._open: set[asyncio.Task[None]] = set()

    def run(self, drain: float) -> None:
        """Serve until SIGTERM, and then at most `drain` seconds for what is under way."""
        os.chdir(self._folder)  # names of sockets are short, paths of folders may not be
        asyncio.run(self._serve(drain))

    async def _serve(self, drain: float) -> None:
        told = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
        server = await asyncio.start_server(self._taken, sock=self._listening, backlog=CONNECTIONS)
        await told.wait()
        server.close()
        if self._open:
            await asyncio.wait(self._open, timeout=drain)
        for task in self._open:
            task.cancel()

    async def _taken(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._open.add(task)
        try:
            await self._pass_on(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):  # it went away, or was too slow
            pass
        finally:
            self._open.discard(task)
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = ipaddress.ip_address(address(writer.get_extra_info("peername")[0]))
        if not any(peer in network for network in self._trusted):
            self._tell(peer, "is not one of trusted_proxies")
            return
        if len(self._open) > CONNECTIONS:
            return
        connection = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _GONE_AFTER)
        async with asyncio.timeout(_WITHIN):
            try:
                name = await read_header(reader, str(peer))
            except BadHeader as why:
                self._tell(peer, f"has sent a connection that cannot be used: {why}")
                return
            first = await reader.read(_PIECE)
        if not first:
            return
        behind = await self._behind(name, HTTPS_SOCKET if first[0] == _TLS else HTTP_SOCKET)
        if behind is None:
            self._tell(peer, "passes TLS on, and there is no certificate; name one as tls_certificate")
            return
        their_reader, their_writer = behind
        their_writer.write(first)
        asking = asyncio.create_task(_pump(reader, their_writer))
        try:
            await _pump(their_reader, writer)  # who has answered for the last time takes nothing more
        finally:
            asking.cancel()
            their_writer.close()
            with suppress(asyncio.CancelledError, OSError):
                await asking
        async with asyncio.timeout(_LINGERS):  # what the phone still sends must not cost it the end of its answer
            while await reader.read(_PIECE):
                pass

    async def _behind(self, name: str, door: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """Return a connection to a master behind us, our end of it named; None where there is no such master."""
        async with asyncio.timeout(_WITHIN):
            while True:
                sock = socket.socket(socket.AF_UNIX)
                try:
                    sock.setblocking(False)
                    with suppress(FileNotFoundError):
                        os.unlink(name)
                    sock.bind(name)
                    sock.connect(door)
                    return await asyncio.open_unix_connection(sock=sock)
                except OSError as why:
                    sock.close()
                    if why.errno == errno.ENOENT:
                        return None
                    if why.errno != errno.EAGAIN:  # that is: too many wait there already
                        raise
                finally:
                    with suppress(FileNotFoundError):
                        os.unlink(name)
                await asyncio.sleep(0.01)

    def _tell(self, peer: Address, what: str) -> None:
        if f"{peer} {what}" not in self._told and len(self._told) < _TELLS_OF:
            self._told.add(f"{peer} {what}")
            log.warning("%s %s; its connections are closed", peer, what)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass bytes on until there are no more, and say so."""
    while piece := await reader.read(_PIECE):
        writer.write(piece)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
